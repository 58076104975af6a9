"""Methods that write messages."""

from __future__ import annotations

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.records import Channel, Message
from apps.ops.sandbox.slack.shapes import Json


def post(call: Call) -> Json:
    """Answer `chat.postMessage`."""
    call.need("chat:write")
    channel = call.channel()
    is_in = call.token.user_id in channel.member_ids
    if not is_in and not (channel.is_public and "chat:write.public" in call.token.scopes):
        raise MethodError("not_in_channel")
    thread_ts, text = call.text("thread_ts"), call.text("text")
    if not text:
        raise MethodError("no_text")
    if thread_ts and thread_ts not in channel.messages:
        raise MethodError("thread_not_found")
    message = call.workspace.post(
        channel.id,
        call.token.user_id,
        text,
        thread_ts=thread_ts,
        broadcast=call.flag("reply_broadcast"),
    )
    return _answer(call, channel, message) | {"message": _shown(call, channel, message)}


def update(call: Call) -> Json:
    """Answer `chat.update`."""
    channel, message = _own(call, "cant_update_message")
    message = call.workspace.edit(channel.id, message.ts, call.required("text"))
    shown = {"text": message.text, "message": _shown(call, channel, message)}
    return _answer(call, channel, message) | shown


def delete(call: Call) -> Json:
    """Answer `chat.delete`."""
    channel, message = _own(call, "cant_delete_message")
    call.workspace.delete(channel.id, message.ts)
    return _answer(call, channel, message)


def permalink(call: Call) -> Json:
    """Answer `chat.getPermalink`."""
    channel = call.channel()
    message = call.message(channel, call.required("message_ts"))
    link = f"{call.workspace.address}archives/{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""
    return {"channel": channel.id, "permalink": link + thread}


def _own(call: Call, refusal: str) -> tuple[Channel, Message]:
    call.need("chat:write")
    channel = call.channel()
    message = call.message(channel, call.required("ts"))
    if message.user_id != call.token.user_id or message.subtype == "tombstone":
        raise MethodError(refusal)
    return channel, message


def _answer(call: Call, channel: Channel, message: Message) -> Json:
    return {"channel": channel.id, "ts": message.ts}


def _shown(call: Call, channel: Channel, message: Message) -> Json:
    return shapes.message(call.workspace, channel, message, call.may_see)
