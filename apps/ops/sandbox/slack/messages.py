"""Verbs about messages: post, edit, delete."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.records import Channel, Message
from apps.ops.sandbox.slack.state import Refused, State, Unknown, locked

_SLACKBOT = "USLACKBOT"
_BROADCAST = "thread_broadcast"


class MessageVerbs(State):
    """What is written in the workspace."""

    @locked
    def post(
        self,
        channel_id: str,
        person_id: str,
        text: str,
        *,
        thread_ts: str = "",
        broadcast: bool = False,
        at: float | None = None,
    ) -> Message:
        """Write a message, or with the parent's `thread_ts` an answer in its thread.

        A `broadcast` answer also stands in the channel itself. What is written into the past
        (`at`, seconds since 1970) is told to nobody.

        Raises:
            Refused: the channel is archived.
            Unknown: there is no such channel, person or parent.
        """
        return self._write(channel_id, person_id, text, [], thread_ts, broadcast, at)

    @locked
    def edit(self, channel_id: str, ts: str, text: str) -> Message:
        """Change the text of a message, as its author."""
        channel, message = self.channel(channel_id), self._written(channel_id, ts)
        before = shapes.message(self, channel, message)
        message.text = text
        message.edited = (message.user_id, self.new_ts())
        self._tell_edited(channel, message, before)
        return message

    @locked
    def delete(self, channel_id: str, ts: str) -> None:
        """Delete a message. A parent with replies leaves a tombstone, and the replies stay."""
        channel, message = self.channel(channel_id), self._written(channel_id, ts)
        before = shapes.message(self, channel, message)
        losing = list(message.file_ids)
        self.forget_places()
        if channel.replies_to(message):
            message.text, message.subtype = "This message was deleted.", "tombstone"
            message.user_id, message.edited, message.file_ids = _SLACKBOT, None, []
            self._tell_edited(channel, message, before)
        else:
            del channel.messages[ts]
            channel.replies.get(message.thread_ts, set()).discard(ts)
            self._tell_deleted(channel, ts, before)
            self._drop_empty_tombstone(channel, message)
        for file_id in losing:
            self._tell_unshared(channel, file_id)

    def _write(  # noqa: PLR0913 - the parts of one message
        self,
        channel_id: str,
        person_id: str,
        text: str,
        file_ids: Iterable[str],
        thread_ts: str = "",
        broadcast: bool = False,  # noqa: FBT001, FBT002 - a part of the message
        at: float | None = None,
    ) -> Message:
        channel, person = self.channel(channel_id), self.person(person_id)
        if channel.is_archived:
            raise Refused("is_archived")
        message = Message(self.new_ts(at), person.id, text, file_ids=list(file_ids))
        message.bot_id = self.app.bot_id if person.is_bot else ""
        if thread_ts:
            parent = self.message(channel_id, thread_ts)
            message.thread_ts = parent.thread_ts = parent.thread_ts or parent.ts
            message.subtype = _BROADCAST if broadcast else ""
            channel.replies.setdefault(message.thread_ts, set()).add(message.ts)
        channel.messages[message.ts] = message
        self.forget_places()
        if at is None:
            event = shapes.message_event(self, channel, message)
            self.outbox.put(event, channel=channel)
        return message

    def _written(self, channel_id: str, ts: str) -> Message:
        message = self.message(channel_id, ts)
        if message.subtype == "tombstone":
            raise Unknown(f"message {ts} is deleted")
        return message

    def _tell_edited(self, channel: Channel, message: Message, before: shapes.Json) -> None:
        changed: shapes.Json = {
            "message": shapes.message(self, channel, message),
            "previous_message": before,
        }
        self._tell_of_message(channel, "message_changed", changed)

    def _tell_deleted(self, channel: Channel, ts: str, before: shapes.Json) -> None:
        gone: shapes.Json = {"deleted_ts": ts, "previous_message": before}
        self._tell_of_message(channel, "message_deleted", gone)

    def _tell_of_message(self, channel: Channel, subtype: str, fields: shapes.Json) -> None:
        told = {"type": "message", "subtype": subtype, "hidden": True, "channel": channel.id}
        kind = {"channel_type": shapes.channel_type(channel), "ts": self.new_ts()}
        self.outbox.put({**told, **kind, **fields}, channel=channel)

    def _drop_empty_tombstone(self, channel: Channel, reply: Message) -> None:
        """Remove a deleted parent together with its last reply."""
        parent = channel.messages.get(reply.thread_ts)
        if parent is None or channel.replies_to(parent):
            return
        if parent.subtype == "tombstone":
            del channel.messages[parent.ts]
        else:
            parent.thread_ts = ""

    def _tell_unshared(self, channel: Channel, file_id: str) -> None:
        if channel in self.places_of(file_id):
            return
        told = {"file_id": file_id, "file": {"id": file_id}, "user_id": self.file(file_id).user_id}
        event = {"type": "file_unshared", "channel_id": channel.id, **told}
        self.outbox.put(event, channel=channel)
