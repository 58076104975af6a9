"""The fields of a form that somebody sent, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl


class NotSaid(ValueError):
    """A field that must be filled in is empty."""


@dataclass(frozen=True)
class Done:
    """What an act has brought about.

    Attributes:
        said: one sentence for the person who did it.
        to: where to go from here, a path of this page; empty to stay.
    """

    said: str
    to: str = ""


class Form:
    """The fields of one form."""

    def __init__(self, body: bytes) -> None:
        self._fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

    def __getitem__(self, name: str) -> str:
        """Return a field that must be filled in.

        Raises:
            NotSaid: it is empty or left out.
        """
        value = self.text(name)
        if not value:
            raise NotSaid(f"“{name}” is missing.")
        return value

    def text(self, name: str) -> str:
        """Return a field; lines end as they do in files."""
        return self._fields.get(name, "").replace("\r\n", "\n").strip()

    def number(self, name: str, default: int) -> int:
        """Return a whole number of at least 0.

        Raises:
            NotSaid: it is something else.
        """
        text = self.text(name)
        if text and not text.isdecimal():
            raise NotSaid(f"“{name}” is no number.")
        return int(text) if text else default

    def back(self) -> str:
        """Return the path that the form stood on; only ever a path of this page."""
        path = self.text("back")
        is_own = path.startswith("/") and not path.startswith(("//", "/\\"))
        return path if is_own else "/"
