"""Lists everything: places and groups first, then the channels one by one, then the files.

Each page says where the next one starts, so that a sweep goes on after a restart where it was:

* `{"part": "places", "after": channel}` the places behind a channel
* `{"part": "messages", "after": channel}` the documents of the channels behind one
* `{"part": "messages", "channel": …, "day": …, "before": …}` see `documents.Place`
* `{"part": "files", "until": seconds, "page": number}` files from a time back
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from apps.connections.errors import CursorExpired, ItemError
from apps.connections.protocol import Cursor, Page, Problem
from apps.connections.providers.slack import names, records
from apps.connections.providers.slack.client import PAGE, items
from apps.connections.providers.slack.documents import Place, Reading
from apps.connections.providers.slack.records import Channel, File
from apps.connections.providers.slack.workspace import Workspace

PLACES_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Sweep:
    """One comparison with everything that there is.

    Args:
        workspace: whose.
    """

    workspace: Workspace

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages from where a cursor points; the last one's is None.

        Raises:
            CursorExpired: the cursor is none of this connector's.
        """
        told = cursor or {"part": "places", "after": ""}
        part = told.get("part")
        channels = self.workspace.channels()
        if part == "places":
            yield from self.places(channels, _text(told, "after"), then={"part": "messages"})
        if part in {"places", "messages"}:
            yield from self._messages(channels, told if part == "messages" else {})
        elif part != "files":
            raise CursorExpired("The stored position of the sweep is not one of this connector's.")
        yield from self._files(channels, told if part == "files" else {})

    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        """Yield the groups and places alone, from where a cursor points."""
        after = _text(cursor or {}, "after")
        return self.places(self.workspace.channels(), after)

    def places(
        self, channels: Mapping[str, Channel], after: str, *, then: Cursor | None = None
    ) -> Iterator[Page]:
        """Yield the groups and the places of conversations, with who reads them now.

        Args:
            channels: the synced ones, by id and in its order.
            after: the channel that was told last; empty: none.
            then: the cursor of the last page.
        """
        observed_at = datetime.now(UTC)
        people = self.workspace.people.everybody()
        left = iter([each for name, each in channels.items() if name > after])
        groups = () if after else self.workspace.audience.groups(people.values())
        while True:
            some = list(islice(left, PLACES_PER_PAGE))
            acls = tuple(self.workspace.place(each, people) for each in some)
            is_last = len(some) < PLACES_PER_PAGE
            cursor = then if is_last else {"part": "places", "after": some[-1].id}
            yield Page(observed_at, groups=groups, acls=acls, cursor=cursor)
            if is_last:
                return
            groups, observed_at = (), datetime.now(UTC)

    def _messages(self, channels: Mapping[str, Channel], told: Cursor) -> Iterator[Page]:
        begun, after = _text(told, "channel"), _text(told, "after")
        for name, channel in channels.items():
            if name <= after or name < begun:
                continue
            is_begun = name == begun
            place = Place(_text(told, "day"), _text(told, "before")) if is_begun else Place()
            done = {"part": "messages", "after": name}
            try:
                if self.workspace.reads(channel):
                    yield from self._channel(channel, place, done)
                else:
                    yield Page(datetime.now(UTC), problems=(unread(channel),), cursor=done)
            except ItemError:  # since it was listed, it was deleted, or the app was taken out
                yield Page(datetime.now(UTC), problems=(unread(channel),), cursor=done)

    def _channel(self, channel: Channel, place: Place, done: Cursor) -> Iterator[Page]:
        oldest = self.workspace.settings.oldest
        for step in Reading(self.workspace, channel, oldest, leaves_old=True).steps(place):
            cursor = done
            if step.next is not None:
                where = {"day": step.next.day, "before": step.next.before}
                cursor = {"part": "messages", "channel": channel.id, **where}
            yield Page(step.observed_at, items=tuple(step.items), cursor=cursor)

    def _files(self, channels: Mapping[str, Channel], told: Cursor) -> Iterator[Page]:
        """Yield the files, by when they were made: a page by number moves when one is deleted.

        Source: https://docs.slack.dev/reference/methods/files.list
        """
        until, number = told.get("until"), told.get("page", 1)
        if not isinstance(until, int | None) or not isinstance(number, int):
            raise CursorExpired("The stored position of the sweep is not one of this connector's.")
        while True:
            observed_at = datetime.now(UTC)
            files, is_last = self._listed(until, number)
            found = [self.workspace.file_item(each, channels) for each in self._opened(files)]
            oldest = min((each.created_s for each in files), default=0)
            is_same = oldest == until
            until, number = oldest, number + 1 if is_same else 1
            cursor = None if is_last else {"part": "files", "until": until, "page": number}
            kept = {item.external_id: item for item in found if item is not None}
            yield Page(observed_at, items=tuple(kept.values()), cursor=cursor)
            if is_last:
                return

    def _listed(self, until: int | None, number: int) -> tuple[list[File], bool]:
        since = self.workspace.settings.since
        answer = self.workspace.slack.ask(
            "files.list",
            ts_from=int(names.moment(self.workspace.settings.oldest).timestamp())
            if since
            else None,
            ts_to=until,
            count=PAGE,
            page=number,
        )
        files = [records.file(each) for each in items(answer, "files")]
        paging = answer.get("paging")
        pages = paging.get("pages") if isinstance(paging, Mapping) else None
        return files, not files or not isinstance(pages, int) or number >= pages

    def _opened(self, files: Sequence[File]) -> Iterator[File]:
        """Ask again for what a list does not tell whole: files of Slack Connect channels."""
        for file in files:
            if file.access != "check_file_info":
                yield file
                continue
            try:
                yield self.workspace.file(file.id)
            except ItemError:
                continue


def unread(channel: Channel) -> Problem:
    """Return what an admin should know of a channel that the account may not read."""
    return Problem(
        channel.id,
        "not_in_channel",
        f"{channel.label} is not synced: the app is not in it.",
        hint="Invite it at Slack: /invite @Kenward",
        is_error=False,
    )


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if isinstance(value, str):
        return value
    raise CursorExpired("The stored position of the sweep is not one of this connector's.")
