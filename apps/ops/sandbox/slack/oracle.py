"""Who may read what, and what there is, now: the truth that a connector is measured against.

Written from the rules alone, as one plain loop each; it shares no code with the web API's answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.ops.sandbox.slack.records import Guest, Kind
from apps.ops.sandbox.slack.state import State, locked

_WRITTEN_BY_PEOPLE = frozenset({"", "thread_broadcast", "bot_message"})


@dataclass(frozen=True)
class LiveMessage:
    """One message that people can read.

    Attributes:
        thread_ts: the ts of the thread's parent; empty outside threads.
    """

    channel_id: str
    ts: str
    text: str
    thread_ts: str


class Truth(State):
    """Answers about the whole workspace."""

    @locked
    def reader_ids(self, channel_id: str) -> set[str]:
        """Return the ids of the accounts that may read a conversation, bots included."""
        channel = self.channel(channel_id)
        readers = set()
        for person in self.people.values():
            is_own = person.team_id == self.team_id
            is_full_member = is_own and not person.is_bot and person.guest is Guest.NO
            may_look = channel.kind is Kind.PUBLIC and is_full_member
            if not person.is_deleted and (may_look or person.id in channel.member_ids):
                readers.add(person.id)
        return readers

    @locked
    def readers(self, channel_id: str) -> set[str]:
        """Return the addresses of the people who may read a conversation."""
        return self._addresses(self.reader_ids(channel_id))

    @locked
    def file_readers(self, file_id: str) -> set[str]:
        """Return the addresses of the readers of where a file is shared; unshared, of its owner."""
        file = self.file(file_id)
        ids: set[str] = set()
        is_shared = False
        for channel in self.channels.values():
            if any(file_id in message.file_ids for message in channel.messages.values()):
                is_shared = True
                ids |= self.reader_ids(channel.id)
        if not is_shared and not self.person(file.user_id).is_deleted:
            ids = {file.user_id}
        return self._addresses(ids)

    @locked
    def live_messages(self) -> dict[tuple[str, str], LiveMessage]:
        """Return what people have written and not deleted, by channel id and ts."""
        return {
            (channel.id, message.ts): LiveMessage(
                channel.id, message.ts, message.text, message.thread_ts
            )
            for channel in self.channels.values()
            for message in channel.messages.values()
            if message.subtype in _WRITTEN_BY_PEOPLE
        }

    @locked
    def live_files(self) -> dict[str, bytes]:
        """Return what is in each file, by id."""
        return {file.id: file.content for file in self.files.values()}

    def _addresses(self, person_ids: set[str]) -> set[str]:
        people = (self.people[each] for each in person_ids)
        return {person.email.lower() for person in people if person.email}
