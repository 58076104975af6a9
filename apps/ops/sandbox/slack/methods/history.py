"""Methods that hand out messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.paging import page
from apps.ops.sandbox.slack.records import Channel, Message
from apps.ops.sandbox.slack.shapes import Json

_TS = re.compile(r"\d{1,10}(\.\d{1,6})?")


def history(call: Call) -> Json:
    """Answer `conversations.history`."""
    channel = call.readable_channel()
    standing = (each for each in channel.messages.values() if each.stands_in_history)
    wanted = _within(call, standing)
    wanted.sort(key=lambda each: each.ts, reverse=True)
    some, cursor = page(call, wanted, lambda each: each.ts, default=100, most=999)
    return {
        **_messages(call, channel, some, cursor),
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }


def replies(call: Call) -> Json:
    """Answer `conversations.replies`.

    The parent comes first, even where it is older than `oldest`; further pages hold replies only.
    """
    channel = call.readable_channel()
    first = channel.messages.get(call.required("ts"))
    if first is None:
        raise MethodError("thread_not_found")
    following = [] if first.is_reply else channel.replies_to(first)
    thread = [first, *_within(call, following)]
    some, cursor = page(call, thread, lambda each: each.ts, default=1000, most=1000)
    return _messages(call, channel, some, cursor)


def _messages(call: Call, channel: Channel, some: list[Message], cursor: str) -> Json:
    shown = [shapes.message(call.workspace, channel, each, call.may_see) for each in some]
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"messages": shown, "has_more": bool(cursor), **more}


def _within(call: Call, messages: Iterable[Message]) -> list[Message]:
    """Return the messages between `oldest` and `latest`; the two themselves only if inclusive."""
    oldest, latest = _bound(call, "oldest"), _bound(call, "latest")
    inclusive = call.flag("inclusive")
    return [
        each
        for each in messages
        if (not oldest or each.ts > oldest or (inclusive and each.ts == oldest))
        and (not latest or each.ts < latest or (inclusive and each.ts == latest))
    ]


def _bound(call: Call, name: str) -> str:
    """Return a time as messages' ts are written, so that the two can be compared as text."""
    text = call.text(name)
    if not text or text == "now":
        return ""
    if not _TS.fullmatch(text):
        raise MethodError(f"invalid_ts_{name}")
    seconds, _, micros = text.partition(".")
    return f"{seconds:0>10}.{micros:0<6}"
