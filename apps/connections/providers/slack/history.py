"""Reads what is written in channels: whole days, whole threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.connections.errors import ContractBroken, CursorExpired, ItemGone
from apps.connections.providers.slack import names, records
from apps.connections.providers.slack.client import PAGE, SlackClient, items, next_cursor
from apps.connections.providers.slack.records import Message

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
        self._slack.ask("conversations.join", channel=channel, item=channel)

    def _newest_first(
        self, channel: str, oldest: str, latest: str
    ) -> Iterator[tuple[Message, datetime]]:
        """Yield messages, each once, with the time before they were asked for.

        Where a cursor ends, it goes on from the time of the last message. Source:
        https://docs.slack.dev/reference/methods/conversations.history
        """
        until, after = latest or self._tomorrow(), names.just_before(oldest)
        last, cursor, seen = until, "", {""}
        while True:
            asked_at = datetime.now(UTC)
            try:
                answer = self._history(channel, after, until, cursor)
            except CursorExpired:
                if not cursor:
                    raise
                until, cursor = last, ""
                continue
            told = [records.message(each) for each in items(answer, "messages")]
            page = sorted((m for m in told if after < m.ts < last), key=_ts, reverse=True)
            yield from ((message, asked_at) for message in page)
            last = page[-1].ts if page else last
            cursor = next_cursor(answer)
            if not cursor and answer.get("has_more") is not True:
                return
            if cursor in seen and not page:
                raise ContractBroken("Slack says that there is more history, and tells none.")
            until = until if cursor else last
            seen.add(cursor)

    def _history(self, channel: str, after: str, until: str, cursor: str) -> Mapping[str, Any]:
        return self._slack.ask(
            "conversations.history",
            item=channel,
            channel=channel,
            oldest=after if after > names.EPOCH else None,
            latest=until,
            limit=PAGE,
            cursor=cursor or None,
        )

    def _tomorrow(self) -> str:
        """Return a time after now: Slack begins at `oldest` where no `latest` is told."""
        return names.ts_at(self._slack.now() + timedelta(days=1))


def _ts(message: Message) -> str:
    return message.ts
