"""Reads what is written in channels: whole days, whole threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.connections.errors import ContractBroken, ItemForbidden, ItemGone
from apps.connections.providers.slack import names, records
from apps.connections.providers.slack.client import PAGE, SlackClient, items
from apps.connections.providers.slack.records import Channel, Message

# Slack's end of time: later than any message, and still a number of ten digits.
END = "9999999999.000000"


@dataclass(frozen=True, slots=True)
class Day:
    """All that the history of a channel tells of one day.

    Attributes:
        observed_at: from before Slack was asked for any of it.
    """

    day: str
    messages: tuple[Message, ...]
    observed_at: datetime


class History:
    """Asks for messages.

    Args:
        slack: of the account.
    """

    def __init__(self, slack: SlackClient) -> None:
        self._slack = slack

    def days(self, channel: str, *, oldest: str, latest: str = "") -> Iterator[Day]:
        """Yield the days on which something was written in a channel, the newest first.

        Args:
            channel: by id.
            oldest: where to begin: the start of a day.
            latest: where to end, itself left out; empty: now.

        Raises:
            ItemGone: there is no such channel, or Slack hides it.
            ItemForbidden: the account is not in it.
        """
        gathered: dict[str, Message] = {}
        day, observed_at = "", datetime.now(UTC)
        for message, asked_at in self._newest_first(channel, oldest, latest):
            if (written := names.day_of(message.ts)) != day:
                if gathered:
                    yield Day(day, tuple(gathered.values()), observed_at)
                gathered, day, observed_at = {}, written, asked_at
            gathered[message.ts] = message
        if gathered:
            yield Day(day, tuple(gathered.values()), observed_at)

    def day(self, channel: str, day: str) -> Day:
        """Return one day of a channel, which may be empty; see `days` for the errors."""
        observed_at = datetime.now(UTC)
        found = self.days(channel, oldest=names.start_of(day), latest=names.end_of(day))
        return next(found, Day(day, (), observed_at))

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return a thread: its first message, then the replies; or a message without any.

        Source: https://docs.slack.dev/reference/methods/conversations.replies

        Args:
            channel: by id.
            ts: of the first message, or of one of the replies.

        Raises:
            ItemGone: there is no such message.
            ItemForbidden: the account is not in the channel.
        """
        item = names.thread_id(channel, ts)
        told = self._slack.listed(
            "conversations.replies", "messages", item=item, channel=channel, ts=ts, limit=PAGE
        )
        found = {each.ts: each for each in map(records.message, told)}
        if not found:
            raise ItemGone("There is no such message any more.", external_id=item)
        messages = [found[each] for each in sorted(found)]
        root = messages[0].thread_ts
        if messages[0].is_reply and ts != root:
            return self.thread(channel, root)
        return messages

    def join(self, channel: str) -> None:
        """Let the app join a public channel, which people see there.

        Source: https://docs.slack.dev/reference/methods/conversations.join
        """
        self._slack.tell("conversations.join", channel=channel, item=channel)

    def _newest_first(
        self, channel: str, oldest: str, latest: str
    ) -> Iterator[tuple[Message, datetime]]:
        """Yield messages with the time before they were asked for.

        It pages by time and not by cursor: a place in time never expires, and what is posted or
        deleted meanwhile moves no page. Source:
        https://docs.slack.dev/reference/methods/conversations.history, «Pagination by time»
        """
        until = latest or self._tomorrow()
        after = names.just_before(oldest)
        while True:
            asked_at = datetime.now(UTC)
            answer = self._slack.ask(
                "conversations.history",
                item=channel,
                channel=channel,
                oldest=after if after > names.EPOCH else None,
                latest=until,
                limit=PAGE,
            )
            page = [records.message(each) for each in items(answer, "messages")]
            page = sorted((m for m in page if after < m.ts < until), key=_ts, reverse=True)
            yield from ((message, asked_at) for message in page)
            if answer.get("has_more") is not True:
                return
            if not page:
                raise ContractBroken("Slack says that there is more history, and tells none.")
            until = page[-1].ts

    def _tomorrow(self) -> str:
        """Return a time after now: Slack begins at `oldest` where no `latest` is told."""
        return names.ts_at(self._slack.now() + timedelta(days=1))


def may_read(history: History, channel: Channel, *, is_bot: bool, joins: bool) -> bool:
    """Return whether the account reads a channel, after it has joined it where it may.

    People's own accounts read every public channel, an app only what it is in.
    """
    if channel.is_member or (channel.is_public and not is_bot):
        return True
    if not (joins and channel.is_public and not channel.is_archived):
        return False
    try:
        history.join(channel.id)
    except (ItemForbidden, ItemGone):
        return False
    return True


def _ts(message: Message) -> str:
    return message.ts
