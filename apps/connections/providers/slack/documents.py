"""The documents of a channel, from its newest day back, in small steps that can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apps.connections.errors import ItemGone
from apps.connections.protocol import RemoteItem
from apps.connections.providers.slack import names, threads
from apps.connections.providers.slack.history import END, Day
from apps.connections.providers.slack.records import Channel, Message
from apps.connections.providers.slack.workspace import Workspace

# So many threads and files are asked for, or documents gathered, before a step is stored.
ASKED_PER_STEP = 20
ITEMS_PER_STEP = 100
_DELETED = "tombstone"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading of a channel goes on; it goes back in time.

    Attributes:
        day: the day whose documents come next; empty: today.
        before: of that day, only threads that began earlier; empty: the day as a whole.
    """

    day: str = ""
    before: str = ""


@dataclass(slots=True)
class Step:
    """What a part of a channel's history holds.

    Attributes:
        observed_at: from before Slack was asked for any of it.
        gone: external ids of documents that are not there (any more).
        file_ids: files in messages, with the newest timestamp of these.
        latest: the newest timestamp that was seen.
        next: where the reading goes on; None at its end.
    """

    observed_at: datetime
    items: list[RemoteItem] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    file_ids: dict[str, str] = field(default_factory=dict)
    latest: str = ""
    next: Place | None = None
    threads_read: int = 0

    def is_full(self, *, opens_files: bool) -> bool:
        """Return whether it is time to store what there is, by what it takes to ask for it."""
        asked = self.threads_read + (len(self.file_ids) if opens_files else 0)
        return asked >= ASKED_PER_STEP or len(self.items) >= ITEMS_PER_STEP

    def note(self, message: Message) -> None:
        """Keep what a message says beside its text."""
        self.latest = max(self.latest, message.ts, message.latest_reply)
        for file in message.files:
            if file.mode == _DELETED:
                self.gone.append(file.id)
            else:
                self.file_ids[file.id] = max(self.file_ids.get(file.id, ""), message.ts)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading of one channel.

    Args:
        workspace: whose.
        channel: as it is now.
        oldest: the timestamp from which on; the start of a day.
        answered_after: threads in which nothing was written since are left out; empty: none.
        leaves_old: whether threads are told unread that have not been answered for long.
        tells_gone: whether documents are named that could have been there and are not.
        opens_files: whether the files in messages will be asked for.
    """

    workspace: Workspace
    channel: Channel
    oldest: str
    answered_after: str = ""
    leaves_old: bool = False
    tells_gone: bool = False
    opens_files: bool = False

    def steps(self, place: Place) -> Iterator[Step]:
        """Yield what is written, from a place on; at least one step, the last with `next` None.

        Raises:
            ItemGone: there is no such channel any more, or Slack hides it.
            ItemForbidden: the account is not in it.
        """
        step = Step(datetime.now(UTC))
        latest = names.end_of(place.day) if place.day else ""
        upper = latest or names.end_of(names.day_of(names.ts_at(datetime.now(UTC))))
        for day in self.workspace.history.days(self.channel.id, oldest=self.oldest, latest=latest):
            self._tell_gap(step, names.end_of(day.day), upper)
            upper = names.start_of(day.day)
            for unit in self._units(day, place):
                self._add(step, day, unit)
                if step.is_full(opens_files=self.opens_files):
                    step.next = Place(day.day, unit.ts if unit else END)
                    yield step
                    step = Step(datetime.now(UTC))
        self._tell_gap(step, self.oldest, upper)
        yield step

    def _units(self, day: Day, place: Place) -> Iterator[Message | None]:
        """Yield what of a day is to be told: the day itself (None), then its threads."""
        is_begun = day.day == place.day and bool(place.before)
        if not is_begun:
            yield None
        for first in threads.beginnings(day.messages):
            if not is_begun or first.ts < place.before:
                yield first

    def _add(self, step: Step, day: Day, first: Message | None) -> None:
        step.observed_at = min(step.observed_at, day.observed_at)
        if first is None:
            self._add_day(step, day)
        elif max(first.ts, first.latest_reply) > self.answered_after:
            self._add_thread(step, first)

    def _add_day(self, step: Step, day: Day) -> None:
        for message in day.messages:
            step.note(message)
        item = threads.day_item(self._setting, day.day, day.messages)
        if item is not None:
            step.items.append(item)
        elif self.tells_gone:
            step.gone.append(names.day_id(self.channel.id, day.day))
        if self.tells_gone:
            alone = (each for each in day.messages if not each.is_reply and not each.begins_thread)
            step.gone += [names.thread_id(self.channel.id, each.ts) for each in alone]

    def _add_thread(self, step: Step, first: Message) -> None:
        name = names.thread_id(self.channel.id, first.ts)
        now = self.workspace.slack.now()
        settings = self.workspace.settings
        if self.leaves_old and not settings.is_worth_reading(first.latest_reply, now):
            item = threads.thread_item(self._setting, first, None)
        else:
            step.threads_read += 1
            item = self._read_thread(step, first)
        if item is None:
            step.gone.append(name)
        else:
            step.items.append(item)

    def _read_thread(self, step: Step, first: Message) -> RemoteItem | None:
        try:
            told = self.workspace.history.thread(self.channel.id, first.ts)
        except ItemGone:
            return None
        for message in told:
            step.note(message)
        return threads.thread_item(self._setting, told[0], told[1:])

    def _tell_gap(self, step: Step, start: str, end: str) -> None:
        """Name the days between two times, on which nothing was written."""
        if not self.tells_gone:
            return
        day = names.moment(start).date()
        while day < names.moment(end).date():
            step.gone.append(names.day_id(self.channel.id, day.isoformat()))
            day += timedelta(days=1)

    @property
    def _setting(self) -> threads.Setting:
        return self.workspace.setting(self.channel)
