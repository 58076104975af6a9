"""What a workspace consists of: people, channels, messages, files, user groups, tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Guest(StrEnum):
    """What kind of account a person has; Slack calls them single- and multi-channel guests."""

    NO = ""
    MULTI_CHANNEL = "multi"
    SINGLE_CHANNEL = "single"


class Kind(StrEnum):
    """The four kinds of conversations, by the names that `types` arguments take."""

    PUBLIC = "public_channel"
    PRIVATE = "private_channel"
    GROUP_DM = "mpim"
    DM = "im"


@dataclass
class Person:
    """One account that the workspace knows: a member, a guest, a bot or a stranger.

    Attributes:
        team_id: of the workspace whose account it is; another one than ours for strangers, who
            are met in Slack Connect channels.
        updated_at: seconds since 1970.
    """

    id: str
    name: str
    email: str
    team_id: str
    guest: Guest = Guest.NO
    is_admin: bool = False
    is_bot: bool = False
    is_deleted: bool = False
    updated_at: int = 0

    @property
    def handle(self) -> str:
        """The short name: what stands before the @ of the address, or the name in lower case."""
        return self.email.partition("@")[0] or self.name.lower().replace(" ", "-")


@dataclass
class Message:
    """One message, or what is left of it.

    Attributes:
        ts: seconds with six digits behind the point; it is the message's id in its channel.
        thread_ts: the ts of the parent, for replies and for parents alike; empty outside threads.
        subtype: as Slack writes it: empty, `thread_broadcast`, `tombstone`, `channel_name` …
        edited: who edited it last and when, as (person id, ts).
    """

    ts: str
    user_id: str
    text: str
    thread_ts: str = ""
    subtype: str = ""
    edited: tuple[str, str] | None = None
    file_ids: list[str] = field(default_factory=list)
    bot_id: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Whether it hangs below another message."""
        return bool(self.thread_ts) and self.thread_ts != self.ts

    @property
    def stands_in_history(self) -> bool:
        """Whether it is listed in the channel itself: replies are not, unless broadcast."""
        return not self.is_reply or self.subtype == "thread_broadcast"


@dataclass
class Channel:
    """One conversation with its members and messages.

    Attributes:
        member_ids: who is in it, in the order of joining.
        messages: by ts; replies as well.
        replies: the ts of the replies, by the ts of their parent.
        connected_team_ids: other workspaces that share it through Slack Connect.
    """

    id: str
    name: str
    kind: Kind
    creator_id: str
    created_at: int
    is_general: bool = False
    is_archived: bool = False
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = field(default_factory=list)
    member_ids: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    replies: dict[str, set[str]] = field(default_factory=dict)
    connected_team_ids: list[str] = field(default_factory=list)
    updated_at: int = 0

    @property
    def is_public(self) -> bool:
        """Whether every full member may look into it."""
        return self.kind is Kind.PUBLIC

    def replies_to(self, parent: Message) -> list[Message]:
        """Return the replies below a message, oldest first."""
        return [self.messages[ts] for ts in sorted(self.replies.get(parent.ts, ()))]


@dataclass
class SharedFile:
    """A file that somebody uploaded. Where it is shared follows from the messages that hold it."""

    id: str
    name: str
    mimetype: str
    content: bytes
    user_id: str
    created_at: int
    updated_at: int
    title: str = ""


@dataclass
class UserGroup:
    """A group that can be mentioned. It gives nobody access to anything."""

    id: str
    handle: str
    name: str
    member_ids: list[str] = field(default_factory=list)
    created_at: int = 0
    updated_at: int = 0
    creator_id: str = "USLACKBOT"
    is_disabled: bool = False


@dataclass
class Token:
    """One access token.

    Attributes:
        user_id: whose eyes it sees with: the bot's, or a person's.
        expires_at: seconds since 1970; 0 for one that lives until it is revoked.
        refresh_token: single use; empty without token rotation.
        ended: what a call with it is answered once it is dead: `token_revoked` or
            `account_inactive`; empty while it lives.
    """

    value: str
    user_id: str
    is_bot: bool
    scopes: frozenset[str]
    expires_at: int = 0
    refresh_token: str = ""
    ended: str = ""


@dataclass(frozen=True)
class Code:
    """An authorization code that waits to be exchanged, once."""

    value: str
    person_id: str
    bot_scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]
    redirect_uri: str
    expires_at: float


@dataclass
class AppSettings:
    """The app as it would be registered at Slack. Every secret in it is for show only.

    Attributes:
        is_distributed: sold to many outside the Marketplace; then `limits.py` applies.
        rotates_tokens: access tokens last 12 hours and come with a refresh token.
        redirect_uris: what an authorization may come back to: these, or anything below them.
    """

    client_id: str = "7209441537.4316090281"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - guards nothing but the sandbox
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - guards nothing but the sandbox
    verification_token: str = "sandbox-verification-token"  # noqa: S105 - Slack's legacy field
    app_id: str = "A0SANDBOX01"
    bot_id: str = "B0SANDBOX01"
    name: str = "Kenward"
    is_distributed: bool = False
    rotates_tokens: bool = False
    redirect_uris: list[str] = field(
        default_factory=lambda: ["http://127.0.0.1", "http://localhost"]
    )
