"""Documents out of messages. Pure functions.

A thread is one document; whatever else was written in a channel on one day (UTC) is one. A message
that is answered moves out of its day into a document of its own, and comes back when the last
answer is deleted: which of the two it is, the channel's history says, for both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.connections.dialects import slack as dialect
from apps.connections.protocol import ItemKind, RemoteItem
from apps.connections.providers.slack import names, render
from apps.connections.providers.slack.mrkdwn import Names
from apps.connections.providers.slack.records import Channel, Message

MARKDOWN = "text/markdown"
FIELDS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "channel": {"type": "string", "description": "The conversation's id."},
        "day": {"type": "string", "description": "The day (UTC) of messages outside of threads."},
        "thread_ts": {
            "type": "string",
            "description": "The timestamp of a thread's first message.",
        },
        "reply_count": {"type": "integer", "minimum": 0},
        "message_count": {"type": "integer", "minimum": 1},
        "participant_count": {"type": "integer", "minimum": 0},
        "is_archived": {"type": "boolean", "description": "Whether the conversation is archived."},
        "channels": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The synced conversations in which a file stands.",
        },
        "type": {"type": "string", "description": "What Slack calls a file's type."},
    },
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What documents of one channel have in common.

    Attributes:
        url: of the workspace, with a slash at its end.
        people: what a person is called, by id.
    """

    channel: Channel
    url: str
    people: Names


def loose(messages: Iterable[Message]) -> list[Message]:
    """Return what of a channel's history belongs to its day, oldest first."""
    standing = {each.ts: each for each in messages if not each.is_reply and not each.begins_thread}
    return [each for _, each in sorted(standing.items()) if render.is_kept(each)]


def beginnings(messages: Iterable[Message]) -> list[Message]:
    """Return the first messages of threads in a channel's history, the newest first."""
    found = {each.ts: each for each in messages if not each.is_reply and each.begins_thread}
    return [each for _, each in sorted(found.items(), reverse=True)]


def conversation(messages: Iterable[Message]) -> list[Message]:
    """Return what of a thread is content, oldest first."""
    found = {each.ts: each for each in messages}
    return [each for _, each in sorted(found.items()) if render.is_kept(each)]


def day_item(setting: Setting, day: str, messages: Sequence[Message]) -> RemoteItem | None:
    """Return the document of a channel's day; None where nothing is left of it.

    Args:
        setting: of the channel.
        day: as YYYY-MM-DD, in UTC.
        messages: the channel's whole history of that day.
    """
    kept = loose(messages)
    if not kept:
        return None
    text = render.digest_text(kept)
    label = setting.channel.label
    told = date.fromisoformat(day)
    return RemoteItem(
        external_id=names.day_id(setting.channel.id, day),
        title=f"{label}, {told.day} {told:%B %Y}",
        path=f"{label}/{day}",
        version=_version(kept, text),
        policy=dialect.policy([setting.channel.id]),
        mime_type=MARKDOWN,
        size_bytes=len(text.encode()),
        url=permalink(setting, kept[0].ts),
        modified_at=_last_changed(kept),
        kind=ItemKind.MESSAGE,
        created_at=names.moment(kept[0].ts),
        fields=_fields(setting, kept, day=day),
    )


def thread_item(
    setting: Setting, first: Message, replies: Sequence[Message] | None
) -> RemoteItem | None:
    """Return the document of a thread; None where nothing is left of it.

    Args:
        setting: of the channel.
        first: the thread's first message, as the history or the thread itself tells it.
        replies: those that follow; None where they were not read, since nothing has happened in
            the thread for long. Then the version rests on what the history tells of them.
    """
    kept = conversation([first, *(replies or ())])
    if not kept and replies is not None:
        return None
    text = render.digest_text(kept)
    label = setting.channel.label
    words = render.first_words(kept, setting.people) or "Thread"
    when = names.moment(first.ts)
    author = next(iter(kept), first)
    answered_at = names.moment(first.latest_reply or first.ts)
    return RemoteItem(
        external_id=names.thread_id(setting.channel.id, first.ts),
        title=f"{label}: {words}",
        path=f"{label}/{when:%Y-%m-%d %H:%M}",
        version=_version(kept, text) if replies is not None else _outer_version(first, text),
        policy=dialect.policy([setting.channel.id]),
        mime_type=MARKDOWN,
        size_bytes=len(text.encode()),
        url=permalink(setting, first.ts),
        modified_at=max(_last_changed([first, *kept]), answered_at),
        author=render.writer(author, setting.people),
        kind=ItemKind.MESSAGE,
        created_at=when,
        fields=_fields(setting, kept, thread_ts=first.ts, reply_count=first.replies),
    )


def permalink(setting: Setting, ts: str) -> str:
    """Return the address of a message, as Slack's `chat.getPermalink` makes it."""
    return f"{setting.url}archives/{setting.channel.id}/p{ts.replace('.', '')}"


def _version(kept: Sequence[Message], text: str) -> str:
    """Return what changes with the content, and with nothing else."""
    last = max((max(each.ts, each.edited) for each in kept), default="")
    return f"{last}-{len(kept)}-{_digest(text)}"


def _outer_version(first: Message, text: str) -> str:
    return f"{first.latest_reply}-{first.replies}-{_digest(text)}-outer"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _last_changed(messages: Iterable[Message]) -> datetime:
    return names.moment(max(max(each.ts, each.edited) for each in messages))


def _fields(setting: Setting, kept: Sequence[Message], **more: Any) -> dict[str, Any]:
    return {
        "channel": setting.channel.id,
        "is_archived": setting.channel.is_archived,
        "message_count": max(1, len(kept)),
        "participant_count": len({each.user or each.writer for each in kept}),
        **more,
    }
