"""Tells what has changed, by asking: Slack keeps no log of changes.

Each time the list of channels says which are new, gone, renamed, converted or of another size; each
channel's history since the start of the day that was read last says what is new. Edits, deletions
and answers to older messages show in neither, so now and then the last days of every channel are
read again as a whole; what is older than that, only Slack's events and the sweep tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from apps.connections.errors import ItemError
from apps.connections.protocol import Page
from apps.connections.providers.slack import changes, names, permissions, positions
from apps.connections.providers.slack.documents import Place, Reading
from apps.connections.providers.slack.positions import Mark, Scan
from apps.connections.providers.slack.records import Channel
from apps.connections.providers.slack.workspace import Workspace

# How often the last days of a channel are read again as a whole, and how many these are.
WINDOW_EVERY = timedelta(hours=6)
WINDOW = timedelta(days=7)
# A long reading of one channel leaves the others their turn after so many steps.
STEPS_PER_TURN = 3
# Slack's clock, as an answer tells it, is cut to seconds and is that of another machine.
_CLOCK_MARGIN = timedelta(minutes=2)
_TICK = timedelta(milliseconds=1)


def start(workspace: Workspace) -> dict[str, str]:
    """Return the positions from which everything that is to come will be told."""
    observed_at = datetime.now(UTC)
    look = Following(workspace, workspace.channels(), observed_at)
    found = {each.id: look.first(each, is_swept=True) for each in look.channels.values()}
    shapes = {name: positions.shape(each) for name, each in look.channels.items()}
    marks = {positions.name_of(name): mark.told() for name, mark in found.items()}
    return {positions.PLACES: positions.told_places(shapes), **marks}


def pages(workspace: Workspace, told: Mapping[str, str]) -> Iterator[Page]:
    """Yield what has changed since positions, the channel first that has waited longest.

    Args:
        workspace: whose.
        told: all positions, or those of them that are not read yet.

    Raises:
        CursorExpired: a position is none of this connector's.
    """
    observed_at = datetime.now(UTC)
    look = Following(workspace, workspace.channels(), observed_at)
    yield from look.pages(told)


@dataclass(frozen=True, slots=True)
class Following:
    """One look for changes.

    Args:
        workspace: whose.
        channels: the synced ones as they are now, by id.
        observed_at: from before Slack was asked for them.
    """

    workspace: Workspace
    channels: Mapping[str, Channel]
    observed_at: datetime

    def pages(self, told: Mapping[str, str]) -> Iterator[Page]:
        """Yield what has changed; see the function."""
        marks = positions.marks(told)
        if positions.PLACES in told:
            known = positions.places(told[positions.PLACES])
            for name in known.keys() - self.channels.keys():
                marks.pop(name, None)
            for page in self._places(known):
                added = {name: mark for name, mark in page.positions.items() if mark is not None}
                marks |= positions.marks(added)
                yield page
        for name, mark in marks.items():
            if name in self.channels:
                yield from self._channel(self.channels[name], mark)
            else:  # since its place was looked at: the next look tells that it is gone
                yield Page(self.observed_at, positions={positions.name_of(name): mark.told()})

    def first(self, channel: Channel, *, is_swept: bool) -> Mark:
        """Return where following a channel begins.

        Args:
            channel: as it is now.
            is_swept: whether a sweep comes that reads what was written before.
        """
        reads = is_swept and self.workspace.may_read(channel)
        return Mark(self._now(), self.observed_at, is_read=reads)

    def _places(self, known: dict[str, str]) -> Iterator[Page]:
        """Tell the places that are gone, new or changed, each with its own page."""
        for name in sorted(known.keys() - self.channels.keys()):
            del known[name]
            yield Page(
                self.observed_at,
                acls=(permissions.closed(name),),
                deleted_prefixes=(names.channel_prefix(name),),
                deleted_places=(name,),  # files that stand in no other
                positions={**self._told(known), positions.name_of(name): None},
            )
        for name, channel in self.channels.items():
            shape = positions.shape(channel)
            if known.get(name) == shape:
                continue
            is_new = name not in known
            known[name] = shape
            moved: dict[str, str | None] = {**self._told(known)}
            if is_new:
                moved[positions.name_of(name)] = self.first(channel, is_swept=False).told()
            asked_at = datetime.now(UTC)
            yield Page(asked_at, acls=(self.workspace.place(channel),), positions=moved)
        yield Page(self.observed_at, positions=self._told(known))

    def _told(self, known: Mapping[str, str]) -> dict[str, str]:
        return {positions.PLACES: positions.told_places(known)}

    def _channel(self, channel: Channel, mark: Mark) -> Iterator[Page]:
        """Tell a channel's news, then go on with a reading of more than these."""
        name = positions.name_of(channel.id)
        try:
            if self.workspace.reads(channel):
                for page, moved in self._read(channel, self._due(mark)):
                    mark = moved
                    yield replace(page, positions={name: mark.told()})
                return
        except ItemError:  # deleted or closed since it was listed: the next look says which
            pass
        yield Page(datetime.now(UTC), positions={name: replace(mark, is_read=False).told()})

    def _due(self, mark: Mark) -> Mark:
        """Begin a reading of the past where one is due."""
        now = datetime.now(UTC)
        if not mark.is_read:
            # What was written before it could be read is told now, all of it.
            scan = Scan(self.workspace.settings.oldest, now - _TICK)
            return replace(mark, scan=scan, is_read=True)
        if mark.scan is None and abs(now - mark.window_at) >= WINDOW_EVERY:
            return replace(mark, scan=Scan(self._window_start(), now - _TICK))
        return mark

    def _read(self, channel: Channel, mark: Mark) -> Iterator[tuple[Page, Mark]]:
        for page, moved in self._news(channel, mark):
            mark = moved
            yield page, mark
        if mark.scan is not None:
            yield from self._scan(channel, mark, mark.scan)

    def _news(self, channel: Channel, mark: Mark) -> Iterator[tuple[Page, Mark]]:
        """Tell what was written since, and the days on which it was."""
        settings, now, read_to = self.workspace.settings, self._now(), mark.read_to
        oldest = max(names.start_of(names.day_of(read_to)), settings.oldest)
        reading = Reading(
            self.workspace, channel, oldest,
            answered_after=read_to, tells_gone=True, opens_files=True,
        )  # fmt: skip
        latest = max(read_to, now)
        for step in reading.steps(Place()):
            latest = max(latest, step.latest)
            page = changes.page_of(self.workspace, step, self.channels, files_after=read_to)
            # Steps go back in time: only with the last one all is read.
            yield page, mark if step.next else replace(mark, read_to=latest)

    def _scan(self, channel: Channel, mark: Mark, scan: Scan) -> Iterator[tuple[Page, Mark]]:
        """Read a part of a span; what was there and was not told is gone at its end."""
        is_window = scan.oldest != self.workspace.settings.oldest
        reading = Reading(
            self.workspace, channel, scan.oldest, tells_gone=is_window, opens_files=True
        )
        for number, step in enumerate(reading.steps(scan.place), start=1):
            page = changes.page_of(self.workspace, step, self.channels)
            if step.next is None:
                yield page, mark
                done = replace(mark, scan=None, window_at=scan.started_at)
                yield self._rest(channel, scan), done
                return
            mark = replace(mark, scan=replace(scan, place=step.next))
            yield page, mark
            if number == STEPS_PER_TURN:
                return  # the others' turn; the next look goes on with it

    def _rest(self, channel: Channel, scan: Scan) -> Page:
        """Say that no other thread began in the span; what was told since it started stays."""
        if scan.oldest == self.workspace.settings.oldest:
            return Page(scan.started_at, deleted_prefixes=(names.channel_prefix(channel.id),))
        start_s = -(-int(scan.oldest.partition(".")[0]) // names.BLOCK_S) * names.BLOCK_S
        end_s = int(names.moment(self._now()).timestamp()) + names.BLOCK_S
        prefixes = names.block_prefixes(channel.id, start_s, end_s)
        return Page(scan.started_at, deleted_prefixes=tuple(prefixes))

    def _now(self) -> str:
        """Return a timestamp before which nothing can be written any more."""
        return names.ts_at(self.workspace.slack.now() - _CLOCK_MARGIN)

    def _window_start(self) -> str:
        """Return the start of the first day that is read again."""
        day = names.day_of(names.ts_at(self.workspace.slack.now() - WINDOW))
        return max(names.start_of(day), self.workspace.settings.oldest)
