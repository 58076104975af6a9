"""Pages of lists: what a page token stands for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from apps.ops.sandbox.drive.errors import invalid
from apps.ops.sandbox.drive.identifiers import Identifiers

KEPT = 500


class Listings:
    """Lists that were begun: each is fixed at its first page, as ids.

    Attributes:
        repeats: how many more pages shall begin with items of the page before.
    """

    def __init__(self, ids: Identifiers) -> None:
        self._ids = ids
        self._open: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()
        self.repeats = 0

    def expire(self) -> None:
        """Refuse every token given out until now."""
        self._open.clear()

    def page(
        self, question: str, token: str, size: int, find: Callable[[], list[str]]
    ) -> tuple[list[str], str]:
        """Return one page of ids and the token of the next, "" after the last.

        Args:
            question: who asks and what; a token counts only for the question it was given for.
            token: "" for the first page.
            size: how many ids at most.
            find: finds all ids; asked for first pages only.

        Raises:
            ApiError: 400, the token does not count.
        """
        if not token:
            found = find()
            if len(found) <= size:
                return found, ""
            name = self._ids.opaque("listing")
            self._open[name] = (question, found)
            if len(self._open) > KEPT:
                self._open.popitem(last=False)
            return found[:size], f"{name}!{size}"
        name, _, place = token.partition("!")
        asked, found = self._open.get(name, ("", []))
        if asked != question or not place.isdecimal():
            raise invalid("pageToken")
        start = int(place)
        if self.repeats:
            self.repeats -= 1
            start = max(0, start - max(1, size // 2))
        end = start + size
        return found[start:end], f"{name}!{end}" if end < len(found) else ""
