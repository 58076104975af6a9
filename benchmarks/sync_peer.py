"""The simulated Google Drive in a process of its own, which shares no interpreter with Kenward.

    python -m benchmarks.sync_peer SIZE

It serves a company (see sync_company) until its standard input ends, and changes it as it is asked.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.journal import Journal
from apps.ops.sandbox.serve import serving
from benchmarks.sync_company import Size, founded
from benchmarks.sync_talk import Talker, answer

# A path of its own beside Google's, for what costs the peer next to nothing.
TINY = "/tiny"
_TINY_BODY = b'{"ok": true}'
_KEPT = 1_000_000
# Verbs of the company that only change it.
_CHANGES = frozenset(
    {"share", "unshare", "edit", "add_doc", "add_folder", "add_member", "remove_member"}
)


class Peer(Talker):
    """The simulated Drive, seen from the benchmark.

    Args:
        size: of the company in it.
    """

    def __init__(self, size: Size) -> None:
        super().__init__("benchmarks.sync_peer", asdict(size))

    @cached_property
    def told(self) -> dict[str, Any]:
        """Where it is (`base`), and the service account's key file (`key`)."""
        found: dict[str, Any] = self.ask("told")
        return found

    @property
    def base(self) -> str:
        """The address, without a slash at its end."""
        return str(self.told["base"])

    @property
    def host(self) -> str:
        """The host with its port, as `KENWARD_SOURCE_HOSTS` takes it."""
        return urlsplit(self.base).netloc

    def requests(self, mark: int) -> dict[str, int]:
        """Return how often each method was asked since, by its path without ids."""
        found: dict[str, int] = self.ask("requests", mark)
        return found


class _Served:
    """What the process knows and does."""

    def __init__(self, company: DriveCompany, base: str) -> None:
        self._company, self._base = company, base
        self._service = company.add_service_account()

    def verb(self, name: str) -> Callable[..., Any]:
        """Return what answers to a verb."""
        found: Callable[..., Any] = getattr(self._company if name in _CHANGES else self, name)
        return found

    def told(self) -> dict[str, Any]:
        return {"base": self._base, "key": self._service.key_file(self._base)}

    def tokens(self, emails: Sequence[str]) -> dict[str, str]:
        return {email: self._company.sign_in(email) for email in emails}

    def places(self) -> dict[str, list[str]]:
        """Return whom to ask for what: owners of My Drives, and ids of shared drives."""
        users = self._company.people.users.values()
        return {"people": [user.email for user in users], "drives": list(self._company.drives)}

    def files(self) -> list[str]:
        return list(self._company.live_files())

    def readers(self, ids: Sequence[str]) -> dict[str, list[str]]:
        return {name: sorted(self._company.readers(name)) for name in ids}

    def mark(self) -> int:
        return self._company.journal.mark()

    def requests(self, mark: int) -> Mapping[str, int]:
        found = Counter(_method(each.path) for each in self._company.journal.since(mark))
        return dict(found.most_common())

    def silence(self) -> None:
        """Send no word of changes from now on, as if a wall stood between."""
        self._company.feed.listeners.remove(self._company.push.tell)


def _method(path: str) -> str:
    path = re.sub(r"/(files|drives|groups|users)/[^/]+", r"/\1/*", path)
    return re.sub(r"^/(drive/v3|admin/directory/v1)", "", path)


def _with_tiny(served: ASGIApp) -> ASGIApp:
    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != TINY:
            await served(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"12")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _TINY_BODY})

    return both


def main() -> None:
    """Serve until nobody asks any more."""
    company = founded(Size(**json.loads(sys.argv[1])))
    company.journal = Journal(_KEPT)
    with serving(_with_tiny(app(company))) as base:
        answer(_Served(company, base).verb)


if __name__ == "__main__":
    main()
