"""What Slack's answers hold, typed. Only what the connector uses; the rest stays unread.

Source: the object types of Slack's description (slack-api-specs, 2021) and, for what has been added
since, https://docs.slack.dev/reference/objects/. An object without its own id breaks the contract;
whatever else is missing counts as what opens least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.connections.errors import ContractBroken

Json = Mapping[str, Any]


class ChannelKind(StrEnum):
    """The kinds of conversation, as `conversations.list` takes them in `types`."""

    PUBLIC = "public_channel"
    PRIVATE = "private_channel"
    GROUP_MESSAGE = "mpim"
    DIRECT_MESSAGE = "im"


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation of any kind.

    Attributes:
        is_member: whether the connected account is in it; always so where Slack does not say.
        is_shared: with another workspace or organisation.
        user: the other side of a direct message, by id.
        size: how many are in it; -1 where this answer does not say.
    """

    id: str
    kind: ChannelKind
    name: str = ""
    is_archived: bool = False
    is_member: bool = True
    is_shared: bool = False
    user: str = ""
    size: int = -1

    @property
    def is_public(self) -> bool:
        """Whether every full member may look into it."""
        return self.kind is ChannelKind.PUBLIC

    @property
    def label(self) -> str:
        """What people call it."""
        if self.kind is ChannelKind.DIRECT_MESSAGE:
            return "Direct message"
        if self.kind is ChannelKind.GROUP_MESSAGE:
            return "Group message"
        return f"#{self.name or self.id}"


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the workspace, or one that it knows.

    Attributes:
        is_guest: reads only the channels that they are in.
        is_stranger: of another workspace, met through Slack Connect.
    """

    id: str
    name: str
    email: str = ""
    is_active: bool = True
    is_bot: bool = False
    is_guest: bool = False
    is_stranger: bool = False

    @property
    def is_full_member(self) -> bool:
        """Whether they may look into every public channel."""
        return self.is_active and not (self.is_bot or self.is_guest or self.is_stranger)


@dataclass(frozen=True, slots=True)
class File:
    """A file, or what a message tells of it.

    Attributes:
        mode: `hosted`, `snippet`, `external`, `tombstone`, `hidden_by_limit` …
        access: `visible`, or why it is not.
        channels: conversations of every kind in which it stands, as far as the account sees.
        created_s, updated_s: seconds since 1970; 0 where it is not told.
    """

    id: str
    name: str = ""
    title: str = ""
    mime_type: str = ""
    type_label: str = ""
    mode: str = ""
    access: str = "visible"
    user: str = ""
    size_bytes: int = 0
    created_s: int = 0
    updated_s: int = 0
    channels: tuple[str, ...] = ()
    url: str = ""
    permalink: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a channel's history or a thread tells it.

    Attributes:
        thread_ts: of the first message of its thread; empty outside of threads.
        replies: how many follow it in its thread.
        latest_reply: timestamp of the last of them.
        edited: timestamp of the last edit; empty for none.
        writer: what Slack shows for a message that is no person's.
        body: the rest, to be rendered.
    """

    ts: str
    user: str = ""
    subtype: str = ""
    thread_ts: str = ""
    replies: int = 0
    latest_reply: str = ""
    edited: str = ""
    writer: str = ""
    files: tuple[File, ...] = ()
    body: Json = field(default_factory=dict, hash=False)

    @property
    def begins_thread(self) -> bool:
        """Whether others have answered it in a thread."""
        return self.replies > 0

    @property
    def is_reply(self) -> bool:
        """Whether it stands in the thread of another message."""
        return self.thread_ts not in {"", self.ts}


def channel(told: Any) -> Channel:
    """Read a conversation object; what is not clearly public is private."""
    body = _object(told, "conversation")
    return Channel(
        id=_required(body, "id"),
        kind=_channel_kind(body),
        name=_text(body, "name"),
        is_archived=body.get("is_archived") is True,
        is_member=body.get("is_member") is not False,
        is_shared=any(body.get(name) is True for name in _SHARED),
        user=_text(body, "user"),
        size=_number(body, "num_members", -1),
    )


def person(told: Any, team_id: str) -> Person:
    """Read a user object, seen from a workspace."""
    body = _object(told, "user")
    profile = _object(body.get("profile") or {}, "profile")
    is_stranger = body.get("is_stranger") is True or not _belongs(body, team_id)
    names = (profile.get("real_name"), body.get("real_name"), profile.get("display_name"))
    is_told = body.get("is_email_confirmed") is not False and not is_stranger
    return Person(
        id=_required(body, "id"),
        name=next((str(name) for name in names if name), _text(body, "name")),
        email=_text(profile, "email") if is_told else "",
        is_active=body.get("deleted") is not True and body.get("is_invited_user") is not True,
        is_bot=body.get("is_bot") is True or body.get("id") == "USLACKBOT",
        is_guest=body.get("is_restricted") is True or body.get("is_ultra_restricted") is True,
        is_stranger=is_stranger,
    )


def file(told: Any) -> File:
    """Read a file object."""
    body = _object(told, "file")
    places = [place for name in ("channels", "groups", "ims") for place in body.get(name) or ()]
    return File(
        id=_required(body, "id"),
        name=_text(body, "name"),
        title=_text(body, "title"),
        mime_type=_text(body, "mimetype"),
        type_label=_text(body, "pretty_type"),
        mode=_text(body, "mode"),
        access=_text(body, "file_access") or "visible",
        user=_text(body, "user"),
        size_bytes=_number(body, "size"),
        created_s=_number(body, "created"),
        updated_s=_number(body, "updated") or _number(body, "timestamp"),
        channels=tuple(dict.fromkeys(map(str, places))),
        url=_text(body, "url_private_download") or _text(body, "url_private"),
        permalink=_text(body, "permalink"),
    )


def message(told: Any) -> Message:
    """Read a message object."""
    body = _object(told, "message")
    profile = body.get("bot_profile")
    bot = str(profile.get("name") or "") if isinstance(profile, Mapping) else ""
    edited = body.get("edited")
    return Message(
        ts=_required(body, "ts"),
        user=_text(body, "user"),
        subtype=_text(body, "subtype"),
        thread_ts=_text(body, "thread_ts"),
        replies=_number(body, "reply_count"),
        latest_reply=_text(body, "latest_reply"),
        edited=_text(edited, "ts") if isinstance(edited, Mapping) else "",
        writer=_text(body, "username") or bot,
        files=tuple(file(each) for each in body.get("files") or ()),
        body=body,
    )


# Any of them brings in people of elsewhere.
_SHARED = ("is_ext_shared", "is_pending_ext_shared", "is_org_shared", "is_shared")


def _channel_kind(body: Json) -> ChannelKind:
    if body.get("is_im") is True:
        return ChannelKind.DIRECT_MESSAGE
    if body.get("is_mpim") is True:
        return ChannelKind.GROUP_MESSAGE
    is_public = body.get("is_channel") is True and body.get("is_private") is False
    return ChannelKind.PUBLIC if is_public else ChannelKind.PRIVATE


def _belongs(body: Json, team_id: str) -> bool:
    """Return whether an account is of a workspace; in an organisation it may be of several."""
    enterprise = body.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, Mapping) else None
    named = body.get("team_id")
    return named in {None, "", team_id} or team_id in (teams or ())


def _object(told: Any, what: str) -> Json:
    if isinstance(told, Mapping):
        return told
    raise ContractBroken(f"Slack tells of a {what} in a form that Kenward does not know.")


def _required(body: Json, name: str) -> str:
    value = body.get(name)
    if isinstance(value, str) and value:
        return value
    raise ContractBroken(f"Slack leaves out “{name}”, which it always tells.")


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _number(body: Json, name: str, default: int = 0) -> int:
    value = body.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
