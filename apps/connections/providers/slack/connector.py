"""The connector of a Slack workspace: one story for each question of the sync engine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, BinaryIO, ClassVar

from apps.connections.credentials.account import Account
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import SettingsRejected
from apps.connections.protocol import (
    Capabilities,
    Choice,
    Cursor,
    Delivery,
    Page,
    Push,
    RemotePrincipal,
)
from apps.connections.providers.slack import content, follow, push, records, setup, threads
from apps.connections.providers.slack.access import Asking
from apps.connections.providers.slack.changes import Looking
from apps.connections.providers.slack.client import LIST_PAGE, scope_missing
from apps.connections.providers.slack.forms import SlackSettings, SlackSettingsForm
from apps.connections.providers.slack.records import Channel, ChannelKind
from apps.connections.providers.slack.sweep import Sweep
from apps.connections.providers.slack.workspace import Workspace
from apps.connections.settings_form import SettingsForm


class Slack:
    """Reads one workspace, as far as the connected account does.

    Args:
        settings: what `Connection.settings` holds (see `SlackSettings`); empty: the defaults.
        account: the app's bot, or a person's own account.

    Raises:
        SettingsRejected: the settings cannot be read.
    """

    settings_form: ClassVar[type[SettingsForm]] = SlackSettingsForm
    sign_in: ClassVar[SignIn] = setup.SIGN_IN
    # Tier 3 of Slack's limits, which the history and the threads of channels have: 50 a minute.
    capabilities: ClassVar[Capabilities] = Capabilities(
        requests_per_s=0.8,
        burst=20,
        # Of each slice the lists of people and channels take their part again.
        slice_s=30.0,
        cannot=(
            "Slack keeps no log of changes: without events, edits and deletions of messages are"
            " noticed within hours if they are younger than a week, and by the next comparison of"
            " everything otherwise.",
            "User groups give nobody access at Slack, so they are not listed.",
            "The app reads only channels that it is in.",
            "A file that is edited twice within a second, and keeps its length, is read once.",
        ),
    )
    fields_schema: ClassVar[Mapping[str, Any]] = threads.FIELDS_SCHEMA

    def __init__(self, settings: Mapping[str, Any], *, account: Account) -> None:
        self._settings = SlackSettings.from_json(settings)
        self._account = account

    def check(self) -> None:
        """Prove that the account is accepted, and may list what the settings want synced.

        Raises:
            CredentialsRejected: it is not.
            ScopeMissing: it may not, with the scope.
            SettingsRejected: a chosen channel is not there, or the app is not in it.
        """
        workspace = self._workspace()
        workspace.slack.ask("users.list", limit=1)
        if self._account.scopes and "users:read.email" not in self._account.scopes:
            raise scope_missing("users:read.email")  # without addresses nobody is recognised
        found = workspace.channels()
        missing = sorted(self._settings.channels - found.keys())
        if missing:
            raise SettingsRejected(
                f"These channels cannot be read: {', '.join(missing)}.",
                hint="Invite the app to the private ones (/invite @Kenward), or choose others.",
            )

    def identity(self) -> str:
        """Return the workspace's name."""
        found = self._workspace().identity
        return found.team or found.team_id

    def item_space(self) -> str:
        """Return where ids of items are unique: the workspace."""
        return f"slack:{self._workspace().identity.team_id}"

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        """List everything: places and groups, then each channel's documents, then the files."""
        return Sweep(self._workspace()).pages(cursor)

    def permissions(self, cursor: Cursor | None = None) -> Iterator[Page]:
        """Tell who is a full member, and of each channel who reads it, in pages."""
        workspace = self._workspace()
        return Sweep(workspace).permissions(cursor)

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Look at threads, days, files and channels again."""
        return Looking(self._workspace()).pages(external_ids)

    def positions(self) -> Mapping[str, str]:
        """Return where the reading of each channel's news begins."""
        return follow.start(self._workspace())

    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        """Tell what has changed since; see the module for what Slack does not tell.

        Raises:
            CursorExpired: a position is none of this connector's.
        """
        return follow.pages(self._workspace(), positions)

    def open(self, external_id: str) -> AbstractContextManager[BinaryIO]:
        """Open a document: messages as Markdown, files as they are.

        Raises:
            ItemGone: it is not there any more.
            ItemForbidden: the account may not read it.
        """
        return content.opened(self._opening, external_id)

    def check_access(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool | None:
        """Return whether Slack lets a person read an item now.

        Raises:
            ItemGone: there is no such item any more, or it is not synced.
            ConnectorError: Slack does not answer.
        """
        return Asking(self._workspace(), principals).may_read(external_id)

    def choices(self, parent: str = "") -> Sequence[Choice]:
        """Return the channels that can be chosen: public ones, and private ones the app is in."""
        if parent:
            return ()
        told = self._workspace().slack.listed(
            "conversations.list",
            "channels",
            types=f"{ChannelKind.PUBLIC},{ChannelKind.PRIVATE}",
            exclude_archived=not self._settings.archived,
            limit=LIST_PAGE,
        )
        found = sorted(map(records.channel, told), key=lambda each: (each.name, each.id))
        return [Choice(each.id, each.label, note=_note(each)) for each in found]

    @staticmethod
    def received(delivery: Delivery, secret: str) -> Push:
        """Verify a delivery of the Events API, and say where to look.

        Raises:
            PushRefused: it is not from Slack, or too old.
        """
        push.verify(delivery, secret, now_s=time.time())
        return push.meaning(delivery.body)

    @cached_property
    def _opening(self) -> Workspace:
        """The view of all documents that are opened: who the account is, and people's names."""
        return self._workspace()

    def _workspace(self) -> Workspace:
        """Return the view of one story: what it learns is not kept for the next."""
        return Workspace(self._account, self._settings)


def _note(channel: Channel) -> str:
    told = ["" if channel.is_public else "private", "archived" if channel.is_archived else ""]
    if channel.size >= 0:
        told.append(f"{channel.size} members" if channel.size != 1 else "1 member")
    return ", ".join(filter(None, told))
