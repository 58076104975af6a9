"""What the simulated Drive gives to plain httpx2: its listings and downloads, by one connection."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from apps.connections.providers.google_drive.client import _FILE
from apps.connections.providers.google_drive.items import EXPORTS
from apps.connections.providers.google_drive.listing import PAGE_ITEMS
from benchmarks.sync_company import ADMIN
from benchmarks.sync_peer import Peer


@dataclass(frozen=True)
class Listed:
    """A file, and what it is downloaded with.

    Attributes:
        reader: in whose name.
    """

    id: str
    mime_type: str
    reader: str


class Bare:
    """A client that knows whom to ask for what, and has all tokens.

    Args:
        peer: whose company is read.
    """

    def __init__(self, peer: Peer) -> None:
        self._base = f"{peer.base}/drive/v3"
        places = peer.ask("places")
        self._people: list[str] = places["people"]
        self._drives: list[str] = places["drives"]
        self._tokens: dict[str, str] = peer.ask("tokens", self._people)
        self._http = httpx2.Client(trust_env=False, limits=httpx2.Limits(max_connections=1))

    def list(self) -> tuple[float, list[Listed]]:
        """List all that the connector lists, in pages as large; return the seconds it took."""
        started = time.perf_counter()
        found = [
            Listed(file["id"], file["mimeType"], reader)
            for reader, corpus in self._corpora()
            for file in self._files(reader, corpus)
            if not file["mimeType"].endswith(".folder")
        ]
        return time.perf_counter() - started, found

    def download(self, files: Sequence[Listed]) -> float:
        """Read the content of files; return the seconds it took."""
        started = time.perf_counter()
        for file in files:
            formats = EXPORTS.get(file.mime_type)
            url = f"{self._base}/files/{file.id}{'/export' if formats else ''}"
            params = {"mimeType": formats[0]} if formats else {"alt": "media"}
            self._get(url, {**params, "supportsAllDrives": "true"}, file.reader)
        return time.perf_counter() - started

    def _corpora(self) -> Iterator[tuple[str, dict[str, str]]]:
        for drive in self._drives:
            yield (
                ADMIN,
                {
                    "corpora": "drive",
                    "driveId": drive,
                    "includeItemsFromAllDrives": "true",
                    "q": "trashed = false",
                },
            )
        for email in self._people:
            yield email, {"corpora": "user", "q": "'me' in owners and trashed = false"}

    def _files(self, reader: str, corpus: dict[str, str]) -> Iterator[Any]:
        page = ""
        while True:
            params = {
                **corpus,
                "supportsAllDrives": "true",
                "pageSize": str(PAGE_ITEMS),
                "fields": f"kind,nextPageToken,files({_FILE})",
                **({"pageToken": page} if page else {}),
            }
            told = self._get(f"{self._base}/files", params, reader).json()
            yield from told["files"]
            page = told.get("nextPageToken", "")
            if not page:
                return

    def _get(self, url: str, params: dict[str, str], reader: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self._tokens[reader]}"}
        return self._http.get(url, params=params, headers=headers).raise_for_status()
