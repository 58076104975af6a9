"""What a token sees. The answers of the web API are cut to this; the oracle does not use it."""

from __future__ import annotations

from apps.ops.sandbox.slack.records import Channel, Guest, Kind, SharedFile, Token
from apps.ops.sandbox.slack.state import State

READ_SCOPES = {
    Kind.PUBLIC: "channels:read",
    Kind.PRIVATE: "groups:read",
    Kind.GROUP_DM: "mpim:read",
    Kind.DM: "im:read",
}
HISTORY_SCOPES = {
    Kind.PUBLIC: "channels:history",
    Kind.PRIVATE: "groups:history",
    Kind.GROUP_DM: "mpim:history",
    Kind.DM: "im:history",
}


def knows(state: State, token: Token, channel: Channel) -> bool:
    """Return whether a conversation exists for this token: in lists, in info, in members."""
    if token.user_id in channel.member_ids:
        return True
    return channel.is_public and state.person(token.user_id).guest is Guest.NO


def reads(state: State, token: Token, channel: Channel) -> bool:
    """Return whether a token gets a conversation's messages.

    A bot reads what it was added to; only a person's token reads public channels that the
    person is not in. Source: https://docs.slack.dev/reference/scopes/channels.history
    """
    if token.is_bot:
        return token.user_id in channel.member_ids
    return knows(state, token, channel)


def sees_file(state: State, token: Token, file: SharedFile) -> bool:
    """Return whether a token gets a file: it is the owner's, or reads where it is shared."""
    if token.user_id == file.user_id:
        return True
    return any(reads(state, token, channel) for channel in state.places_of(file.id))
