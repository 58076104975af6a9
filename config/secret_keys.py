"""The keys that sign sessions and encrypt secrets."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import env


def secret_keys(environment: str, data_dir: Path) -> list[str]:
    """Return the signing keys, newest first.

    In development a key is made once and kept in the data folder, readable by its owner only.

    Args:
        environment: value of KENWARD_ENV.
        data_dir: value of KENWARD_DATA_DIR.

    Raises:
        ImproperlyConfigured: staging or production without KENWARD_SECRET_KEYS.
    """
    keys = env.words("KENWARD_SECRET_KEYS")
    if keys:
        return keys
    if environment != "development":
        raise ImproperlyConfigured(
            "KENWARD_SECRET_KEYS is empty. Make a key with"
            " `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'` and set it."
        )
    return [_kept_in(data_dir / "secret_key")]


def _kept_in(path: Path) -> str:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        if path.exists():
            return _read(path)
        # The command that is about to run says better what is wrong with the folder.
        return secrets.token_urlsafe(50)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    return _read(path)


def _read(path: Path) -> str:
    key = path.read_text(encoding="ascii").strip()
    if len(key) < 50:
        raise ImproperlyConfigured(f"{path} is damaged: delete it (everybody signs in again).")
    return key
