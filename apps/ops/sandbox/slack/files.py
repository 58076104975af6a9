"""Verbs about files: upload, share, take back, delete."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.slack.messages import MessageVerbs
from apps.ops.sandbox.slack.records import SharedFile
from apps.ops.sandbox.slack.shapes import Json
from apps.ops.sandbox.slack.state import locked


class FileVerbs(MessageVerbs):
    """The files of the workspace."""

    @locked
    def upload(
        self,
        person_id: str,
        name: str,
        content: bytes,
        mimetype: str,
        *,
        channel_ids: Iterable[str] = (),
        text: str = "",
    ) -> SharedFile:
        """Upload a file and share it in channels; shared nowhere, only its owner sees it."""
        now = self.now_s()
        owner = self.person(person_id)
        file = SharedFile(self.new_id("F"), name, mimetype, content, owner.id, now, now, title=name)
        self.files[file.id] = file
        created = {"type": "file_created", "file_id": file.id, "file": {"id": file.id}}
        self.outbox.put({**created, "user_id": owner.id})
        for channel_id in channel_ids:
            self.share_file(file.id, channel_id, person_id, text=text)
        return file

    @locked
    def share_file(
        self, file_id: str, channel_id: str, person_id: str, *, text: str = "", thread_ts: str = ""
    ) -> str:
        """Share a file in one more conversation.

        Returns:
            the ts of the message that holds it.
        """
        file = self.file(file_id)
        message = self._write(channel_id, person_id, text, [file.id], thread_ts)
        told = {"file_id": file.id, "file": {"id": file.id}, "user_id": person_id}
        event = {"type": "file_shared", "channel_id": channel_id, **told}
        self.outbox.put(event, channel=self.channel(channel_id))
        return message.ts

    @locked
    def unshare_file(self, file_id: str, channel_id: str) -> None:
        """Take a file out of a conversation; messages that held nothing else go with it."""
        channel = self.channel(channel_id)
        holding = [each for each in channel.messages.values() if file_id in each.file_ids]
        for message in holding:
            if message.text or message.file_ids != [file_id]:
                message.file_ids.remove(file_id)
                self.forget_places()
                self.edit(channel_id, message.ts, message.text)
                self._tell_unshared(channel, file_id)
            else:
                self.delete(channel_id, message.ts)

    @locked
    def edit_file(self, file_id: str, content: bytes, *, name: str = "") -> None:
        """Replace what is in a file, and its name if one is given."""
        file = self.file(file_id)
        file.content = content
        file.name = file.title = name or file.name
        file.updated_at = self.now_s()
        told: Json = {"type": "file_change", "file_id": file_id, "file": {"id": file_id}}
        self._tell_places(file_id, told)

    @locked
    def delete_file(self, file_id: str) -> None:
        """Delete a file everywhere. The messages that shared it stay without it."""
        file = self.file(file_id)
        self._tell_places(file_id, {"type": "file_deleted", "file_id": file_id})
        for channel in self.places_of(file_id):
            for message in channel.messages.values():
                if file_id in message.file_ids:
                    message.file_ids.remove(file_id)
        del self.files[file.id]
        self.forget_places()

    def _tell_places(self, file_id: str, event: Json) -> None:
        """Tell the app once, through any conversation of the file that it may look into."""
        places = self.places_of(file_id)
        inside = [channel for channel in places if self.bot_user_id in channel.member_ids]
        place = next(iter(inside or places), None)
        if place is not None:
            self.outbox.put({**event, "event_ts": self.new_ts()}, channel=place)
