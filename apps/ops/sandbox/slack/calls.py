"""One call of the web API: who calls, with which arguments, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.ops.sandbox.slack import sight
from apps.ops.sandbox.slack.records import Channel, Message, Person, SharedFile, Token
from apps.ops.sandbox.slack.state import Unknown
from apps.ops.sandbox.slack.workspace import SlackWorkspace

_YES = frozenset({"1", "true", "True"})


class MethodError(Exception):
    """Slack says no: HTTP 200 with `ok` false and this error.

    Args:
        error: Slack's code.
        fields: what else stands in the answer.
    """

    def __init__(self, error: str, **fields: str) -> None:
        super().__init__(error)
        self.error = error
        self.fields = fields

    def answer(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"ok": False, "error": self.error, **self.fields}


@dataclass
class Call:
    """One authenticated call. Whatever it looks up, it finds only what its token may know of."""

    workspace: SlackWorkspace
    method: str
    arguments: dict[str, str]
    token: Token

    def text(self, name: str, default: str = "") -> str:
        """Return an argument; empty counts as left out."""
        return self.arguments.get(name) or default

    def required(self, name: str) -> str:
        """Return an argument that must be there.

        Raises:
            MethodError: `invalid_arguments`.
        """
        value = self.text(name)
        if not value:
            raise MethodError("invalid_arguments")
        return value

    def flag(self, name: str) -> bool:
        """Return whether an argument says yes."""
        return self.text(name) in _YES

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number between 1 and `most`.

        Raises:
            MethodError: `invalid_limit`.
        """
        text = self.text(name)
        if not text or text == "0":
            return default
        if not text.isdecimal() or int(text) > most:
            raise MethodError("invalid_limit")
        return int(text)

    def need(self, *scopes: str) -> None:
        """Refuse the call unless the token has one of these scopes.

        Raises:
            MethodError: `missing_scope`, naming what is needed and what there is.
        """
        if not self.token.scopes & set(scopes):
            provided = ",".join(sorted(self.token.scopes))
            raise MethodError("missing_scope", needed=scopes[0], provided=provided)

    def channel(self) -> Channel:
        """Return the conversation that the call names, if it exists for this token.

        Raises:
            MethodError: `channel_not_found`; the same whether it is secret or not there.
        """
        try:
            channel = self.workspace.channel(self.text("channel"))
        except Unknown:
            raise MethodError("channel_not_found") from None
        if not sight.knows(self.workspace, self.token, channel):
            raise MethodError("channel_not_found")
        return channel

    def readable_channel(self) -> Channel:
        """Return the conversation that the call names, if the token gets its messages.

        Raises:
            MethodError: `channel_not_found`, `missing_scope` or `not_in_channel`.
        """
        channel = self.channel()
        self.need(sight.HISTORY_SCOPES[channel.kind])
        if not sight.reads(self.workspace, self.token, channel):
            raise MethodError("not_in_channel")
        return channel

    def message(self, channel: Channel, ts: str) -> Message:
        """Return a message of a conversation.

        Raises:
            MethodError: `message_not_found`.
        """
        if ts not in channel.messages:
            raise MethodError("message_not_found")
        return channel.messages[ts]

    def person(self, person_id: str) -> Person:
        """Return somebody of the workspace.

        Raises:
            MethodError: `user_not_found`.
        """
        if person_id not in self.workspace.people:
            raise MethodError("user_not_found")
        return self.workspace.people[person_id]

    def file(self) -> SharedFile:
        """Return the file that the call names, if the token sees it.

        Raises:
            MethodError: `file_not_found`.
        """
        file = self.workspace.files.get(self.text("file"))
        if file is None or not sight.sees_file(self.workspace, self.token, file):
            raise MethodError("file_not_found")
        return file

    def may_see(self, channel: Channel) -> bool:
        """Return whether the token knows of a conversation."""
        return sight.knows(self.workspace, self.token, channel)


def token_of(workspace: SlackWorkspace, value: str) -> Token:
    """Return the live token with this value.

    Raises:
        MethodError: `not_authed`, `invalid_auth`, `token_revoked`, `token_expired` or
            `account_inactive`.
    """
    if not value:
        raise MethodError("not_authed")
    token = workspace.tokens.get(value)
    if token is None:
        raise MethodError("invalid_auth")
    if token.ended:
        raise MethodError(token.ended)
    if token.expires_at and token.expires_at <= workspace.clock.now():
        raise MethodError("token_expired")
    if workspace.person(token.user_id).is_deleted:
        raise MethodError("account_inactive")
    return token
