"""Verbs about conversations: who is in them, what they are called, whether they are open."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.records import Channel, Kind, Message
from apps.ops.sandbox.slack.state import Refused, State, locked

_DM_SIZE = 2


class ChannelVerbs(State):
    """The conversations of the workspace."""

    @locked
    def create_channel(
        self,
        name: str,
        creator_id: str,
        *,
        private: bool = False,
        general: bool = False,
        member_ids: Iterable[str] = (),
    ) -> Channel:
        """Create a channel with its creator in it, and others if named.

        Raises:
            Refused: the name is taken.
        """
        self._check_name(name)
        kind = Kind.PRIVATE if private else Kind.PUBLIC
        channel = self._create(name, kind, creator_id)
        channel.is_general = general
        if kind is Kind.PUBLIC:
            created = {"id": channel.id, "name": name, "created": channel.created_at}
            self.outbox.put(
                {"type": "channel_created", "channel": {**created, "creator": creator_id}},
                channel=channel,
            )
        for person_id in (creator_id, *member_ids):
            self.invite(channel.id, person_id)
        return channel

    @locked
    def open_dm(self, person_ids: Iterable[str]) -> Channel:
        """Open the direct messages of two people or more; each set of people has one."""
        members = sorted({self.person(each).id for each in person_ids})
        kind = Kind.DM if len(members) == _DM_SIZE else Kind.GROUP_DM
        for channel in self.channels.values():
            if channel.kind is kind and sorted(channel.member_ids) == members:
                return channel
        handles = "--".join(self.person(each).handle for each in members)
        name = "" if kind is Kind.DM else f"mpdm-{handles}-1"
        channel = self._create(name, kind, members[0])
        channel.member_ids = members
        return channel

    @locked
    def rename_channel(self, channel_id: str, name: str) -> None:
        """Give a channel another name.

        Raises:
            Refused: the name is taken, or it is a direct message.
        """
        channel = self._channel_only(channel_id)
        self._check_name(name)
        channel.previous_names.append(channel.name)
        old, channel.name = channel.name, name
        described = {"id": channel.id, "name": name, "created": channel.created_at}
        self._tell(channel, "rename", channel=described)
        text = f"has renamed the channel from “{old}” to “{name}”"
        self._note(channel, "channel_name", text, {"old_name": old, "name": name})

    @locked
    def set_topic(self, channel_id: str, topic: str) -> None:
        """Set what stands below a channel's name."""
        channel = self.channel(channel_id)
        channel.topic = topic
        self._note(channel, "channel_topic", f"set the channel topic: {topic}", {"topic": topic})

    @locked
    def archive(self, channel_id: str) -> None:
        """Close a channel for writing. It stays readable for whoever could read it."""
        channel = self._channel_only(channel_id)
        if channel.is_archived or channel.is_general:
            raise Refused("already_archived" if channel.is_archived else "cant_archive_general")
        self._note(channel, "channel_archive", "archived the channel")
        channel.is_archived = True
        self._tell(channel, "archive", channel=channel.id, user=channel.creator_id)

    @locked
    def unarchive(self, channel_id: str) -> None:
        """Open an archived channel again."""
        channel = self._channel_only(channel_id)
        channel.is_archived = False
        self._tell(channel, "unarchive", channel=channel.id, user=channel.creator_id)

    @locked
    def delete_channel(self, channel_id: str) -> None:
        """Delete a channel with all its messages, for good."""
        channel = self._channel_only(channel_id)
        del self.channels[channel_id]
        self.forget_places()
        self._tell(channel, "deleted", channel=channel.id)

    @locked
    def make_private(self, channel_id: str) -> None:
        """Turn a public channel into a private one: from now on only members read it.

        It keeps its id. The only thing that the app is told is a message in the channel.
        Source: https://docs.slack.dev/reference/events/message/channel_convert_to_private/
        """
        self._convert(
            channel_id,
            Kind.PRIVATE,
            "made this channel *private*. Now, it can only be viewed or joined by invitation.",
        )

    @locked
    def make_public(self, channel_id: str) -> None:
        """Turn a private channel into a public one, with all that was written in it."""
        self._convert(
            channel_id,
            Kind.PUBLIC,
            "made this channel *public*. Any member in this workspace can see and join it.",
        )

    @locked
    def connect_team(self, channel_id: str, team_id: str) -> None:
        """Share a channel with another workspace through Slack Connect."""
        channel = self._channel_only(channel_id)
        if team_id not in channel.connected_team_ids:
            channel.connected_team_ids.append(team_id)
            shared = {"type": "channel_shared", "connected_team_id": team_id}
            self.outbox.put({**shared, "channel": channel.id}, channel=channel)

    @locked
    def invite(self, channel_id: str, person_id: str, *, inviter_id: str = "") -> None:
        """Let somebody into a channel; nothing happens if the person is in it."""
        channel = self._channel_only(channel_id)
        person = self.person(person_id)
        if channel.is_archived:
            raise Refused("is_archived")
        if person.team_id not in {self.team_id, *channel.connected_team_ids}:
            raise Refused("cant_invite")
        if person_id in channel.member_ids:
            return
        channel.member_ids.append(person_id)
        joined = {"type": "member_joined_channel", "user": person_id, "channel": channel.id}
        by = {"inviter": inviter_id} if inviter_id else {}
        kind = {"channel_type": "C", "team": person.team_id}
        self.outbox.put({**joined, **kind, **by}, channel=channel)

    @locked
    def remove_member(self, channel_id: str, person_id: str) -> None:
        """Let somebody leave a channel, or take somebody out of it."""
        channel = self._channel_only(channel_id)
        if person_id not in channel.member_ids:
            raise Refused("not_in_channel")
        left = {"type": "member_left_channel", "user": person_id, "channel": channel.id}
        # Told while the bot is still in it, so that it learns of its own removal too.
        self.outbox.put({**left, "channel_type": "C", "team": self.team_id}, channel=channel)
        if person_id == self.bot_user_id:
            self._tell(channel, "left", channel=channel.id, actor_id=channel.creator_id)
        channel.member_ids.remove(person_id)

    def _create(self, name: str, kind: Kind, creator_id: str) -> Channel:
        now = self.now_s()
        creator = self.person(creator_id)
        prefix = "D" if kind is Kind.DM else "C"
        channel = Channel(self.new_id(prefix), name, kind, creator.id, now, updated_at=now)
        self.channels[channel.id] = channel
        return channel

    def _channel_only(self, channel_id: str) -> Channel:
        channel = self.channel(channel_id)
        if channel.kind in {Kind.DM, Kind.GROUP_DM}:
            raise Refused("method_not_supported_for_channel_type")
        return channel

    def _check_name(self, name: str) -> None:
        if not name or any(channel.name == name for channel in self.channels.values()):
            raise Refused("name_taken" if name else "invalid_name_required")

    def _convert(self, channel_id: str, kind: Kind, text: str) -> None:
        channel = self._channel_only(channel_id)
        if channel.kind is kind or channel.is_general:
            raise Refused("could_not_convert_channel")
        channel.kind = kind
        word = "private" if kind is Kind.PRIVATE else "public"
        self._note(channel, f"channel_convert_to_{word}", text)

    def _tell(self, place: Channel, what: str, /, **fields: object) -> None:
        """Send a `channel_…` event, or its `group_…` twin where the channel is private."""
        place.updated_at = self.now_s()
        prefix = "channel" if place.is_public else "group"
        self.outbox.put({"type": f"{prefix}_{what}", **fields}, channel=place)

    def _note(
        self, channel: Channel, subtype: str, text: str, extra: dict[str, str] | None = None
    ) -> None:
        """Leave one of Slack's own messages in the channel."""
        who = channel.creator_id
        ts = self.new_ts()
        message = Message(ts, who, f"<@{who}> {text}", subtype=subtype, extra=extra or {})
        channel.messages[ts] = message
        self.outbox.put(shapes.message_event(self, channel, message), channel=channel)
