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
from apps.connections.providers.slack.positions import Scan
from apps.connections.providers.slack.records import Channel
from apps.connections.providers.slack.workspace import Workspace

# How often the last days of a channel are read again as a whole, and how many these are.
WINDOW_EVERY = timedelta(hours=6)
WINDOW = timedelta(days=7)
# Slack's clock, as an answer tells it, is cut to seconds and is that of another machine.
_CLOCK_MARGIN = timedelta(minutes=2)
_TICK = timedelta(milliseconds=1)


def start(workspace: Workspace) -> dict[str, str]:
    """Return the positions from which everything that is to come will be told."""
    observed_at = datetime.now(UTC)
    channels = workspace.channels()
    found: dict[str, str] = {}
    for channel in channels.values():
        found |= Following(workspace, channels, observed_at).first(channel)
    return found


def pages(workspace: Workspace, told: Mapping[str, str]) -> Iterator[Page]:
    """Yield what has changed since positions, the channel first that has waited longest.

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
        known = positions.channels_in(told)
        for name in known:
            if name not in self.channels:
                yield self._vanished(name)
        begun = dict(told)
        for page in self._places(told):
            begun |= {name: value for name, value in page.positions.items() if value is not None}
            yield page
        for name in positions.channels_in(begun):
            if name in self.channels:
                yield from self._channel(self.channels[name], begun)

    def first(self, channel: Channel) -> dict[str, str]:
        """Return where following a channel begins."""
        return {
            f"channel:{channel.id}": self._now(),
            f"place:{channel.id}": positions.shape(channel),
            f"window:{channel.id}": self.observed_at.isoformat(),
        }

    def _vanished(self, name: str) -> Page:
        """Close what is deleted, hidden or not to be synced any more, with all that is in it."""
        return Page(
            self.observed_at,
            acls=(permissions.closed(name),),
            deleted_prefixes=(names.channel_prefix(name),),
            positions=positions.dropped(name),
        )

    def _places(self, told: Mapping[str, str]) -> Iterator[Page]:
        """Tell the places that are new or have changed, each with its own page."""
        same = {}
        for name, channel in self.channels.items():
            before, shape = told.get(f"place:{name}", ""), positions.shape(channel)
            if before == shape:
                same[f"place:{name}"] = shape
                continue
            asked_at = datetime.now(UTC)
            acl = self.workspace.place(channel)
            moved = {f"place:{name}": shape}
            if f"channel:{name}" not in told:
                moved = self.first(channel)
            if not before or (channel.is_member and not positions.was_in(before)):
                # What was written before it could be read is told now, all of it.
                scan = Scan(self.workspace.settings.oldest, self.observed_at - _TICK)
                moved[f"scan:{name}"] = scan.told()
            yield Page(asked_at, acls=(acl,), positions=moved)
        if same:
            yield Page(self.observed_at, positions=same)

    def _channel(self, channel: Channel, told: Mapping[str, str]) -> Iterator[Page]:
        read_to = positions.read_to(told.get(f"channel:{channel.id}", self._now()))
        same = {f"channel:{channel.id}": read_to}
        begun, window = told.get(f"scan:{channel.id}"), told.get(f"window:{channel.id}")
        now = datetime.now(UTC)
        is_due = window is None or abs(now - positions.moment(window)) >= WINDOW_EVERY
        try:
            if not self.workspace.reads(channel):
                yield Page(now, positions=same)
                return
            yield from self._news(channel, read_to)
            if begun:
                yield from self._scan(channel, positions.scan(begun))
            elif is_due:
                yield from self._scan(channel, Scan(self._window_start(), now - _TICK))
        except ItemError:  # deleted or closed since it was listed: the next look says which
            yield Page(now, positions=same)

    def _news(self, channel: Channel, read_to: str) -> Iterator[Page]:
        """Tell what was written since, and the days on which it was."""
        settings, now = self.workspace.settings, self._now()
        oldest = max(names.start_of(names.day_of(read_to)), settings.oldest)
        reading = Reading(
            self.workspace, channel, oldest,
            answered_after=read_to, tells_gone=True, opens_files=True,
        )  # fmt: skip
        latest = max(read_to, now)
        for step in reading.steps(Place()):
            latest = max(latest, step.latest)
            # Steps go back in time: only with the last one all is read.
            done = {f"channel:{channel.id}": read_to if step.next else latest}
            page = changes.page_of(self.workspace, step, self.channels, files_after=read_to)
            yield replace(page, positions=done)

    def _scan(self, channel: Channel, scan: Scan) -> Iterator[Page]:
        """Read a span of days as a whole; what was there and is not told is gone at its end."""
        is_window = scan.oldest != self.workspace.settings.oldest
        reading = Reading(
            self.workspace, channel, scan.oldest, tells_gone=is_window, opens_files=True
        )
        for step in reading.steps(scan.place):
            page = changes.page_of(self.workspace, step, self.channels)
            if step.next is not None:
                begun = replace(scan, place=step.next).told()
                yield replace(page, positions={f"scan:{channel.id}": begun})
                continue
            yield page
            done = {f"window:{channel.id}": scan.started_at.isoformat()}
            rest = self._rest(channel, scan)
            yield replace(rest, positions={f"scan:{channel.id}": None, **done})

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
