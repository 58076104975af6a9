"""What an application needs to sign in to the sandbox's sources, written for `up --sandbox`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from apps.ops.sandbox.sample import Sandbox


def write(box: Sandbox, base_url: str, path: Path) -> None:
    """Write the keys to a file that only its owner reads, whole or not at all.

    Args:
        box: the sources.
        base_url: where the sandbox answers, without a trailing slash.
        path: of the file; what was there is replaced.
    """
    installed = box.slack.install()
    told = {
        "google": {
            "base": f"{base_url}/google",
            "client_id": box.google_client.id,
            "client_secret": box.google_client.secret,
            "key": box.google_service_account.key_file(f"{base_url}/google"),
        },
        "slack": {
            "base": f"{base_url}/slack",
            "client_id": box.slack.app.client_id,
            "client_secret": box.slack.app.client_secret,
            "signing_secret": box.slack.app.signing_secret,
            "bot_token": installed.bot.value if installed.bot else "",
        },
    }
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file)
    beside.replace(path)
