"""One account's view of its workspace: who it is, its channels, its documents.

What the stories of the connector (a sweep, changes, a check) have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from apps.connections.credentials.account import Account
from apps.connections.errors import ContractBroken, ItemForbidden, ItemGone
from apps.connections.protocol import ItemKind, RemoteAcl, RemoteItem
from apps.connections.providers.slack import names, permissions, records
from apps.connections.providers.slack.client import LIST_PAGE, SlackClient
from apps.connections.providers.slack.forms import SlackSettings
from apps.connections.providers.slack.history import History
from apps.connections.providers.slack.people import People
from apps.connections.providers.slack.permissions import Audience
from apps.connections.providers.slack.records import Channel, File, Person
from apps.connections.providers.slack.threads import Setting


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the account is, as `auth.test` tells.

    Attributes:
        url: of the workspace, with a slash at its end.
        is_bot: whether it is an app's, which reads only what it is in.
    """

    team_id: str
    team: str
    url: str
    user_id: str
    is_bot: bool


class Workspace:
    """Asks for one account, and keeps what it learnt for as long as one story lasts.

    Args:
        account: whose token signs the requests.
        settings: what is synced.
    """

    def __init__(self, account: Account, settings: SlackSettings) -> None:
        self.settings = settings
        self.slack = SlackClient(account)
        self.history = History(self.slack)

    @cached_property
    def identity(self) -> Identity:
        """Who the account is. Source: https://docs.slack.dev/reference/methods/auth.test."""
        told = self.slack.ask("auth.test")
        parts = {name: told.get(name) for name in ("team_id", "url", "user_id")}
        for name, value in parts.items():
            if not isinstance(value, str) or not value:
                raise ContractBroken(f"Slack leaves out “{name}”, which it always tells.")
        url = str(parts["url"]).rstrip("/") + "/"
        return Identity(
            team_id=str(parts["team_id"]),
            team=str(told.get("team") or ""),
            url=url if url.startswith(("https://", "http://")) else "",
            user_id=str(parts["user_id"]),
            is_bot=bool(told.get("bot_id")),
        )

    @cached_property
    def people(self) -> People:
        """The directory."""
        return People(self.slack, self.identity.team_id)

    @cached_property
    def audience(self) -> Audience:
        """For whom public channels are."""
        return Audience(self.identity.team_id, self.settings.is_whole_company)

    def channels(self) -> dict[str, Channel]:
        """Return the synced conversations as they are now, by id and in its order.

        Source: https://docs.slack.dev/reference/methods/conversations.list
        """
        told = self.slack.listed(
            "conversations.list",
            "channels",
            types=self.settings.types,
            exclude_archived=not self.settings.archived,
            limit=LIST_PAGE,
        )
        found = [records.channel(each) for each in told]
        return {each.id: each for each in sorted(found, key=_id) if self.settings.wants(each)}

    def channel(self, channel_id: str) -> Channel | None:
        """Return one conversation as it is now; None where it is not synced, hidden or gone.

        Source: https://docs.slack.dev/reference/methods/conversations.info
        """
        try:
            told = self.slack.ask("conversations.info", channel=channel_id, item=channel_id)
        except ItemGone:
            return None
        found = records.channel(told.get("channel"))
        return found if self.settings.wants(found) else None

    def may_read(self, channel: Channel) -> bool:
        """Return whether the account reads a channel, or may join it for that.

        People's own accounts read every public channel, an app only what it is in.
        """
        if channel.is_member or (channel.is_public and not self.identity.is_bot):
            return True
        return self.settings.joins and channel.is_public and not channel.is_archived

    def reads(self, channel: Channel) -> bool:
        """Return whether the account reads a channel, after it has joined it where it may."""
        if not self.may_read(channel):
            return False
        if channel.is_member or not self.identity.is_bot:
            return True
        try:
            self.history.join(channel.id)
        except (ItemForbidden, ItemGone):
            return False
        return True

    def members(self, channel_id: str) -> list[str]:
        """Return who is in a conversation, by id.

        Source: https://docs.slack.dev/reference/methods/conversations.members
        """
        told = self.slack.listed(
            "conversations.members", "members", item=channel_id, channel=channel_id, limit=LIST_PAGE
        )
        return [each for each in map(str, told) if each != self._own_bot]

    def place(self, channel: Channel, people: Mapping[str, Person] | None = None) -> RemoteAcl:
        """Return the place of a conversation, with who is in it now.

        Args:
            channel: as it is now.
            people: the directory; None: whoever is in it is named by id alone.

        A conversation that has vanished meanwhile is a place for nobody.
        """
        known = people or {}
        is_asked = people is None or permissions.needs_members(channel, known)
        try:
            members = self.members(channel.id) if is_asked else []
        except ItemGone:
            return permissions.closed(channel.id, channel.label)
        return self.audience.place(channel, members, known)

    def setting(self, channel: Channel) -> Setting:
        """Return what the documents of a channel have in common."""
        return Setting(channel, self.identity.url, self.people.name)

    def file(self, file_id: str) -> File:
        """Return a file as it is now.

        Source: https://docs.slack.dev/reference/methods/files.info

        Raises:
            ItemGone: it is deleted, or the account sees it no more.
        """
        told = self.slack.ask("files.info", file=file_id, item=file_id)
        return records.file(told.get("file"))

    def file_item(self, file: File, synced: Mapping[str, Channel]) -> RemoteItem | None:
        """Return the document of a file; None for one that is no document, or not synced.

        Args:
            file: as it is now.
            synced: the conversations that are synced, by id.
        """
        policy = permissions.file_policy(file, synced)
        is_old = 0 < file.created_s < int(names.moment(self.settings.oldest).timestamp())
        if not policy or is_old or not permissions.is_document(file):
            return None
        name = file.name or file.title or file.id
        return RemoteItem(
            external_id=file.id,
            title=file.title or name,
            path=f"{synced[policy[0][0]].label}/{name}",
            version=f"{file.updated_s}-{file.size_bytes}-{file.id}",
            policy=policy,
            mime_type=file.mime_type,
            size_bytes=file.size_bytes,
            url=file.permalink,
            modified_at=names.at_s(file.updated_s),
            author=self.people.name(file.user) if file.user else "",
            kind=ItemKind.FILE,
            created_at=names.at_s(file.created_s),
            fields={"channels": sorted(policy[0]), "type": file.type_label},
        )

    @property
    def _own_bot(self) -> str:
        return self.identity.user_id if self.identity.is_bot else ""


def _id(channel: Channel) -> str:
    return channel.id
