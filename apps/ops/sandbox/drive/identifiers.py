"""Ids that look like Google's and are the same for the same seed."""

from __future__ import annotations

import base64
import hashlib


class Identifiers:
    """Ids made from a seed and a counter.

    Args:
        seed: companies with the same seed and the same history have the same ids.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0

    def file(self) -> str:
        """Return the id of a new item: 33 characters."""
        return "1" + self._characters("file")[:32]

    def drive(self) -> str:
        """Return the id of a new shared drive, or of a My Drive's root: 19 characters."""
        return "0A" + self._characters("drive")[:17]

    def opaque(self, kind: str) -> str:
        """Return another id: 27 characters."""
        return self._characters(kind)[:27]

    def customer(self) -> str:
        """Return the id of the company."""
        return "C0" + self._digest("customer").hex()[:7]

    def number(self, kind: str, name: str) -> str:
        """Return the id that belongs to a name: 20 digits."""
        return str(10**19 + int.from_bytes(self._digest(f"{kind} {name.lower()}")[:7]))

    def _characters(self, kind: str) -> str:
        self._made += 1
        digest = self._digest(f"{kind} {self._made}")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _digest(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed} {name}".encode()).digest()
