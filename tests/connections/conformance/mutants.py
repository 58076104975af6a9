"""Broken connectors: each does one thing wrong that the suite has to notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from typing_extensions import override

from apps.connections.dialects.audiences import EVERYONE
from apps.connections.protocol import Cursor, Page, RemoteEntry
from tests.connections.conformance.worked_example import NotesFeed


class IgnoresRemovals(NotesFeed):
    """Never says that something is gone."""

    @override
    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        for page in super().follow(positions):
            yield replace(page, deleted_ids=())


class TellsReadersWider(NotesFeed):
    """Lets everyone in where a board is for few."""

    @override
    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        for page in super().permissions(cursor):
            wider = RemoteEntry(EVERYONE)
            acls = tuple(replace(acl, entries=(*acl.entries, wider)) for acl in page.acls)
            yield replace(page, acls=acls)


class ForgetsWhoLeft(NotesFeed):
    """Takes the members of a group for what they were when it first looked."""

    first: Page | None = None

    @override
    def _audience(self, cursor: Cursor | None = None) -> Page:
        page = super()._audience(cursor)
        ForgetsWhoLeft.first = ForgetsWhoLeft.first or page
        return replace(page, groups=ForgetsWhoLeft.first.groups)


class LosesItsCursor(NotesFeed):
    """Begins at the beginning wherever it is told to go on."""

    @override
    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        yield from super().sweep(None)


class DropsAPage(NotesFeed):
    """Leaves out the second page of what it lists."""

    @override
    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        for number, page in enumerate(super().sweep(cursor)):
            yield replace(page, items=()) if number == 2 else page


class SkipsTheRestOfItsLog(NotesFeed):
    """Reads one page of its log, and says that it has read all."""

    @override
    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        end = self.positions()
        told = list(super().follow(positions))
        yield told[0]
        yield replace(told[1], positions=end)


class TakesAnErrorForEmpty(NotesFeed):
    """Reads an answer that it does not know as one without any notes."""

    @override
    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        try:
            yield from super().sweep(cursor)
        except Exception:  # noqa: BLE001  this is what is wrong with it
            yield Page(self._audience().observed_at)
