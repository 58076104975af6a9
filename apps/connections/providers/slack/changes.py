"""Looks at single threads, days, files and channels again, and tells what they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apps.connections.errors import ItemError, ItemForbidden, ItemGone
from apps.connections.protocol import Page, RemoteItem
from apps.connections.providers.slack import names, permissions, threads
from apps.connections.providers.slack.documents import Place, Reading, Step
from apps.connections.providers.slack.names import Name
from apps.connections.providers.slack.records import Channel, File
from apps.connections.providers.slack.workspace import Workspace

# How far back a channel is read that is named as a whole.
RECENT = timedelta(days=1)


def page_of(
    workspace: Workspace, step: Step, channels: Mapping[str, Channel], *, files_after: str = ""
) -> Page:
    """Return a step of a channel's reading as a page, with the files in its messages.

    Args:
        workspace: whose.
        step: what was read.
        channels: the synced ones, by id.
        files_after: only files in messages that were written later.
    """
    items, gone = [*step.items], [*step.gone]
    for file_id, written in step.file_ids.items():
        if written > files_after:
            found = _file(workspace, file_id, channels)
            items += [found] if found else []
            gone += [] if found else [file_id]
    told = {item.external_id: item for item in items}
    return Page(
        step.observed_at,
        items=tuple(told.values()),
        deleted_ids=tuple(each for each in dict.fromkeys(gone) if each not in told),
    )


def _file(workspace: Workspace, file_id: str, channels: Mapping[str, Channel]) -> RemoteItem | None:
    try:
        return workspace.file_item(workspace.file(file_id), channels)
    except ItemError:
        return None


@dataclass(frozen=True, slots=True)
class Looking:
    """One look at named things.

    Args:
        workspace: whose.
    """

    workspace: Workspace
    _channels: dict[str, Channel | None] = field(default_factory=dict)

    def pages(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Yield what the named items and places are now; at least one page."""
        for external_id in dict.fromkeys(external_ids):
            name = names.parse(external_id)
            if name is None:
                yield Page(datetime.now(UTC), deleted_ids=(external_id,))
            elif name.file:
                yield self._file_page(name.file)
            elif name.ts or name.day:
                yield self._document_page(external_id, name)
            else:
                yield from self._channel_pages(name.channel)
        if not external_ids:
            yield Page(datetime.now(UTC))

    def item(self, external_id: str) -> RemoteItem | None:
        """Return an item as it is now; None where it is gone or not synced.

        Raises:
            ItemForbidden: Slack does not let the account read it.
        """
        name = names.parse(external_id)
        if name is None or not (name.file or name.ts or name.day):
            return None
        try:
            if name.file:
                return self._file_item(self.workspace.file(name.file))
            return self._document(name)
        except ItemGone:
            return None

    def _file_page(self, file_id: str) -> Page:
        observed_at = datetime.now(UTC)
        try:
            item = self.item(file_id)
        except ItemForbidden:
            item = None
        if item is None:
            return Page(observed_at, deleted_ids=(file_id,))
        return Page(observed_at, items=(item,))

    def _file_item(self, file: File) -> RemoteItem | None:
        found = {each: self._channel(each) for each in file.channels}
        synced = {name: channel for name, channel in found.items() if channel is not None}
        return self.workspace.file_item(file, synced)

    def _document_page(self, external_id: str, name: Name) -> Page:
        """Tell a thread or a day; a thread by one of its replies is told by its own name."""
        observed_at = datetime.now(UTC)
        try:
            item = self.item(external_id)
        except ItemForbidden:  # the account was taken out: hidden until it may read it again
            item = None
        items = (item,) if item is not None else ()
        is_told = item is not None and item.external_id == external_id
        return Page(observed_at, items=items, deleted_ids=() if is_told else (external_id,))

    def _document(self, name: Name) -> RemoteItem | None:
        channel = self._channel(name.channel)
        if channel is None:
            return None
        setting = self.workspace.setting(channel)
        oldest = self.workspace.settings.oldest
        if name.day:
            day = self.workspace.history.day(channel.id, name.day)
            is_old = names.start_of(name.day) < oldest
            return None if is_old else threads.day_item(setting, name.day, day.messages)
        told = self.workspace.history.thread(channel.id, name.ts)
        if not told[0].begins_thread or told[0].ts < oldest:
            return None
        return threads.thread_item(setting, told[0], told[1:])

    def _channel_pages(self, channel_id: str) -> Iterator[Page]:
        """Tell who is in a channel now, then what was written in it lately."""
        observed_at = datetime.now(UTC)
        channel = self._channel(channel_id)
        if channel is None:
            closed = permissions.closed(channel_id)
            prefix = names.channel_prefix(channel_id)
            yield Page(observed_at, acls=(closed,), deleted_prefixes=(prefix,))
            return
        yield Page(observed_at, acls=(self.workspace.place(channel),))
        day = names.day_of(names.ts_at(self.workspace.slack.now() - RECENT))
        oldest = max(names.start_of(day), self.workspace.settings.oldest)
        reading = Reading(self.workspace, channel, oldest, tells_gone=True)
        try:
            for step in reading.steps(Place()):
                gone = tuple(dict.fromkeys(step.gone))
                yield Page(step.observed_at, items=tuple(step.items), deleted_ids=gone)
        except ItemError:  # not readable: the place is told, and nothing in it
            return

    def _channel(self, channel_id: str) -> Channel | None:
        if channel_id not in self._channels:
            self._channels[channel_id] = self.workspace.channel(channel_id)
        return self._channels[channel_id]
