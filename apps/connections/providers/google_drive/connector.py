"""The connector of Google Drive: one story for each question of the sync engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO, ClassVar

from apps.connections.credentials.account import Account
from apps.connections.credentials.sign_in import SignIn
from apps.connections.protocol import (
    Capabilities,
    Choice,
    Cursor,
    Delivery,
    Page,
    Push,
    Recall,
    RemotePrincipal,
    Subscription,
)
from apps.connections.providers.google_drive import content, picking, push
from apps.connections.providers.google_drive.access import AccessCheck
from apps.connections.providers.google_drive.draft import Draft
from apps.connections.providers.google_drive.follow import Follower
from apps.connections.providers.google_drive.forms import DriveSettingsForm
from apps.connections.providers.google_drive.items import FIELDS_SCHEMA
from apps.connections.providers.google_drive.listing import Listing
from apps.connections.providers.google_drive.logs import Logs, name_of_drive
from apps.connections.providers.google_drive.lookup import Lookup, recall_nothing
from apps.connections.providers.google_drive.settings import DriveSettings
from apps.connections.providers.google_drive.signing_in import CANNOT, SIGN_IN
from apps.connections.providers.google_drive.subtree import Subtrees
from apps.connections.providers.google_drive.tree import Tree
from apps.connections.settings_form import SettingsForm


class GoogleDrive:
    """Reads the Drive of one person, or of a whole company.

    Args:
        settings: what `Connection.settings` holds (see `DriveSettings`).
        account: connected.

    Raises:
        SettingsRejected: the settings cannot be read.
    """

    settings_form: ClassVar[type[SettingsForm]] = DriveSettingsForm
    sign_in: ClassVar[SignIn] = SIGN_IN
    # Google counts 12,000 requests a minute for a project, all its connections together.
    capabilities: ClassVar[Capabilities] = Capabilities(
        requests_per_s=30.0, burst=60, cannot=CANNOT
    )
    fields_schema: ClassVar[dict[str, Any]] = FIELDS_SCHEMA

    def __init__(self, settings: Mapping[str, Any], *, account: Account) -> None:
        self._settings = DriveSettings.from_json(settings)
        self._account = account
        self._recall: Recall = recall_nothing

    def recalls(self, recall: Recall) -> None:
        """Take the way to ask what was told of items before."""
        self._recall = recall

    def item_space(self) -> str:
        """Return where ids are unique: Google's are so everywhere."""
        return "google_drive"

    def identity(self) -> str:
        """Return the address of who is signed in; of a service account its own."""
        return self._account.subject if self._logs.acts_for_others else self._logs.me.email

    def check(self) -> None:
        """Prove that Drive answers, and for a service account the Directory too.

        Raises:
            ConnectorError: with a message for the admin and a hint.
        """
        self._logs.client().me()
        if self._logs.people.directory is not None:
            next(iter(self._logs.people.directory.groups()), None)
            self._logs.names()

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        """List everything: shared drives, then My Drives, with the places that items rest on."""
        yield from Listing(self._logs).pages(cursor)

    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        """List people and groups, then every place and every item's policy, without content."""
        yield from Listing(self._logs, is_light=True).pages(cursor)

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Look at documents, folders and shared drives again; folders with all that is in them."""
        tree = Tree(self._logs)
        draft = Draft(tree, datetime.now(UTC))
        folders: list[tuple[str, str]] = []
        for external_id in dict.fromkeys(external_ids):
            if external_id in self._logs.drives:
                draft.add_drive(self._logs.log(name_of_drive(external_id)))
                continue
            found = self._lookup.find(external_id)
            if found is None or found.log is None:
                draft.add_vanished(external_id)
                continue
            draft.add(found.file, found.log)
            if found.file.is_folder and not found.file.is_trashed:
                folders.append((found.log.name, external_id))
        yield draft.finish()
        for log, folder_id in folders:
            for page in Subtrees(tree).pages(folder_id, Subtrees.begin(log, folder_id)):
                yield replace(page, positions={})

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        """Open a document's content; see `content.opened` for the errors."""
        found = self._lookup.reader(external_id)
        honours = self._settings.honours_restrictions
        with content.opened(found, honours_restrictions=honours) as stream:
            yield stream

    def positions(self) -> Mapping[str, str]:
        """Return where the logs of all drives end now."""
        return Follower(self._logs, self._lookup).positions()

    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        """Tell what the logs say since; see `follow.Follower`."""
        yield from Follower(self._logs, self._lookup).pages(positions)

    def check_access(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool | None:
        """Return whether Google lets a person read a document now; see `access.AccessCheck`."""
        return AccessCheck(self._logs, self._lookup).may_read(external_id, principals)

    def choices(self, parent: str = "") -> Sequence[Choice]:
        """Return the drives, or the folders below a choice."""
        return picking.choices(self._logs, parent)

    def subscription_names(self) -> Sequence[str]:
        """Return the logs of which Google can send word."""
        return self._logs.names()

    def subscribe(self, name: str, *, address: str, secret: str) -> Subscription:
        """Have word of one log sent to an address, with a secret in each delivery."""
        return push.Channels(self._logs).open(name, address=address, secret=secret)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Close a channel."""
        push.Channels(self._logs).close(subscription)

    @staticmethod
    def received(delivery: Delivery, secret: str) -> Push:
        """Verify a delivery and say what it means; see `push.received`."""
        return push.received(delivery, secret)

    @cached_property
    def _logs(self) -> Logs:
        return Logs(self._account, self._settings)

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self._logs, self._recall)
