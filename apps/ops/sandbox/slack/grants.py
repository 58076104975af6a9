"""Installing the app, its tokens, and all the ways in which a token dies."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from apps.ops.sandbox.slack.records import Code, Person, Token
from apps.ops.sandbox.slack.state import Refused, State, locked

ACCESS_LIFE_S = 12 * 3600
CODE_LIFE_S = 600
BOT_SCOPES = (
    "channels:history",
    "channels:join",
    "channels:read",
    "files:read",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "mpim:history",
    "mpim:read",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)


@dataclass(frozen=True)
class Installation:
    """What an exchange of a code gives: the bot's token, a person's, or both."""

    installer: Person
    bot: Token | None
    user: Token | None


class GrantVerbs(State):
    """The app's standing in the workspace."""

    @locked
    def install(
        self,
        bot_scopes: Iterable[str] = BOT_SCOPES,
        user_scopes: Iterable[str] = (),
        *,
        installer_id: str = "",
    ) -> Installation:
        """Install the app without the detour through a browser.

        Where nobody is named, the first person of the workspace is who allows it.
        """
        installer = self.person(installer_id) if installer_id else next(iter(self.people.values()))
        bot = self._bot_token(frozenset(bot_scopes)) if bot_scopes else None
        scopes = frozenset(user_scopes)
        user = self._new_token(installer.id, scopes, is_bot=False) if scopes else None
        return Installation(installer, bot, user)

    @locked
    def allow(
        self,
        person_id: str,
        bot_scopes: tuple[str, ...],
        user_scopes: tuple[str, ...],
        redirect_uri: str,
    ) -> str:
        """Return the code that a person's consent gives.

        Raises:
            Refused: the app never named this redirect URI.
        """
        if not self.accepts_redirect(redirect_uri):
            raise Refused("bad_redirect_uri")
        value = self.new_secret("sandbox-code-")
        expires_at = self.clock.now() + CODE_LIFE_S
        person = self.person(person_id)
        self.codes[value] = Code(
            value, person.id, bot_scopes, user_scopes, redirect_uri, expires_at
        )
        return value

    @locked
    def exchange(self, code: str, redirect_uri: str) -> Installation:
        """Turn a code into tokens, once.

        Raises:
            Refused: `invalid_code`, `code_already_used`, `code_expired` or `bad_redirect_uri`.
        """
        known = self.codes.get(code)
        if known is None:
            raise Refused("invalid_code")
        if known.expires_at == 0:
            raise Refused("code_already_used")
        if known.expires_at < self.clock.now():
            raise Refused("code_expired")
        if known.redirect_uri != redirect_uri:
            raise Refused("bad_redirect_uri")
        self.codes[code] = Code(code, known.person_id, (), (), "", 0)
        return self.install(known.bot_scopes, known.user_scopes, installer_id=known.person_id)

    @locked
    def refresh(self, refresh_token: str) -> Token:
        """Turn a refresh token into a new pair. The old refresh token is dead from then on.

        Raises:
            Refused: `invalid_refresh_token`.
        """
        for token in self.tokens.values():
            known = token.refresh_token
            if known and hmac.compare_digest(known, refresh_token) and not token.ended:
                token.refresh_token = ""
                return self._new_token(token.user_id, token.scopes, is_bot=token.is_bot)
        raise Refused("invalid_refresh_token")

    @locked
    def expire_tokens(self) -> None:
        """Let every access token run out now; refresh tokens stay good."""
        for token in self.tokens.values():
            token.expires_at = self.now_s()

    @locked
    def revoke(self, value: str) -> None:
        """Make one token invalid, as `auth.revoke` and an administrator do."""
        token = self.tokens[value]
        whose = "bot" if token.is_bot else "oauth"
        self.outbox.put({"type": "tokens_revoked", "tokens": {whose: [token.user_id]}})
        token.ended, token.refresh_token = "token_revoked", ""

    @locked
    def revoke_all(self) -> None:
        """Revoke every token that lives."""
        for token in list(self.tokens.values()):
            if not token.ended:
                self.revoke(token.value)

    @locked
    def uninstall(self) -> None:
        """Remove the app: its tokens die and its bot leaves every channel."""
        live = [token for token in self.tokens.values() if not token.ended]
        bots = [token.user_id for token in live if token.is_bot]
        people = [token.user_id for token in live if not token.is_bot]
        self.outbox.put({"type": "tokens_revoked", "tokens": {"oauth": people, "bot": bots}})
        self.outbox.put({"type": "app_uninstalled"})
        for token in live:
            token.ended, token.refresh_token = "account_inactive", ""
        for channel in self.channels.values():
            if self.bot_user_id in channel.member_ids:
                channel.member_ids.remove(self.bot_user_id)
        if self.bot_user_id:
            self.people[self.bot_user_id].is_deleted = True
        self.bot_user_id = ""

    def accepts_redirect(self, redirect_uri: str) -> bool:
        """Return whether the app named this redirect URI, or one that it lies below.

        A registered loopback address without a port stands for all ports: nobody knows beforehand
        where a Kenward of today listens.
        """
        asked = urlsplit(redirect_uri)
        for registered in map(urlsplit, self.app.redirect_uris):
            same_host = (asked.scheme, asked.hostname) == (registered.scheme, registered.hostname)
            same_port = registered.port is None or asked.port == registered.port
            folder = registered.path.rstrip("/") + "/"
            is_below = asked.path == registered.path or asked.path.startswith(folder)
            if same_host and same_port and is_below:
                return True
        return False

    def _bot_token(self, scopes: frozenset[str]) -> Token:
        """Return the bot's token; another consent adds its scopes to the one there is."""
        if not self.bot_user_id:
            bot = Person(self.new_id("U"), self.app.name, "", self.team_id, is_bot=True)
            bot.updated_at = self.now_s()
            self.people[bot.id] = bot
            self.bot_user_id = bot.id
        live = [t for t in self.tokens.values() if t.is_bot and not t.ended and not t.expires_at]
        if live and not self.app.rotates_tokens:
            live[0].scopes |= scopes
            return live[0]
        return self._new_token(self.bot_user_id, scopes, is_bot=True)

    def _new_token(self, user_id: str, scopes: frozenset[str], *, is_bot: bool) -> Token:
        prefix = "xoxb-" if is_bot else "xoxp-"
        token = Token(self.new_secret(prefix), user_id, is_bot, scopes)
        if self.app.rotates_tokens:
            token.value = f"xoxe.{prefix}1-{token.value.removeprefix(prefix)}"
            token.refresh_token = self.new_secret("xoxe-1-")
            token.expires_at = self.now_s() + ACCESS_LIFE_S
        self.tokens[token.value] = token
        return token
