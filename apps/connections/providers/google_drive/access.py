"""Asks Google whether somebody may read an item now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.connections.errors import (
    ContractBroken,
    CredentialsRejected,
    ItemForbidden,
    ItemGone,
)
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.google_drive.answers import Grant, rank
from apps.connections.providers.google_drive.directory import User
from apps.connections.providers.google_drive.logs import Logs
from apps.connections.providers.google_drive.lookup import Found, Lookup


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """Checks items of one account.

    Args:
        logs: of the account.
        lookup: finds items.
    """

    logs: Logs
    lookup: Lookup

    def may_read(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool | None:
        """Return whether one person may read an item; None when Google cannot say.

        A service account asks in that person's name. That alone decides a no. A yes may rest on a
        link that nobody was given, or show an item's name only, so the permissions are asked, too.

        Raises:
            ItemGone: there is no such item, or it is not synced.
        """
        people = [each for each in principals if each.kind == PrincipalKind.USER]
        found = self.lookup.reader(external_id)
        users = self._users(people)
        if users and not any(self._sees(user, external_id) for user in users):
            return False
        return self._by_grants(found, people, users)

    def _users(self, people: Iterable[RemotePrincipal]) -> list[User]:
        """Return the company's accounts among somebody's identities."""
        known = self.logs.people
        found = [known.users.get(each.external_id) or known.user(each.email) for each in people]
        return list(dict.fromkeys(user for user in found if user is not None))

    def _sees(self, user: User, external_id: str) -> bool:
        if not user.is_active or not self.logs.acts_for_others:
            return not self.logs.acts_for_others
        try:
            return not self.logs.client(user.email).file(external_id).is_trashed
        except (ItemGone, ItemForbidden, CredentialsRejected):
            return False

    def _by_grants(
        self, found: Found, people: Sequence[RemotePrincipal], users: Sequence[User]
    ) -> bool | None:
        grants = self._grants(found)
        if grants is None:
            asks_as = found.log.asks_as if found.log else None
            return True if any(asks_as and each.email == asks_as.email for each in people) else None
        active = [user for user in users if user.is_active]
        answers = [
            self._matches(self.logs.people.named(grant), people, active)
            for grant in grants
            if rank(grant.role) >= 0 and not grant.view and not grant.is_deleted
        ]
        if True in answers:
            return True
        return None if None in answers else False

    def _grants(self, found: Found) -> tuple[Grant, ...] | None:
        assert found.log is not None  # noqa: S101  of an item that is synced
        if found.file.grants is not None:
            return found.file.grants
        try:
            return found.log.client.grants(found.file.id)
        except ItemForbidden:
            return None

    def _matches(
        self, grant: Grant, people: Sequence[RemotePrincipal], active: Sequence[User]
    ) -> bool | None:
        """Return whether a grant is somebody's; None where it cannot be known."""
        match grant.type:
            case "user":
                return any(
                    grant.id == each.external_id or (grant.email and grant.email == each.email)
                    for each in people
                )
            case "group":
                return self._is_in(grant, people, active)
            case "domain" if grant.discoverable or "domain" in self.logs.settings.listed_links:
                return self._is_of_domain(grant, people, active)
            case "anyone" if grant.discoverable or "anyone" in self.logs.settings.listed_links:
                return True if grant.discoverable else None  # guests excepted, whom others know
            case _:
                return False

    def _is_of_domain(
        self, grant: Grant, people: Sequence[RemotePrincipal], active: Sequence[User]
    ) -> bool | None:
        if any(user.domain == grant.domain and not user.is_guest for user in active):
            return True
        strangers = self._strangers(people)
        # An address alone does not say who belongs to another company.
        return None if any(each.email.endswith(f"@{grant.domain}") for each in strangers) else False

    def _is_in(
        self, grant: Grant, people: Sequence[RemotePrincipal], active: Sequence[User]
    ) -> bool | None:
        directory = self.logs.people.directory
        if directory is None:
            return None
        strangers = self._strangers(people)
        try:
            if any(directory.has_member(grant.id, user.email) for user in active):
                return True
            if not strangers:
                return False
        except (ItemForbidden, ItemGone, ContractBroken):  # it does not look into all groups
            pass
        return self._is_among_members(grant, strangers, active)

    def _is_among_members(
        self, grant: Grant, strangers: Sequence[RemotePrincipal], active: Sequence[User]
    ) -> bool | None:
        ids = {user.id for user in active} | {each.external_id for each in strangers}
        addresses = {user.email for user in active} | {each.email for each in strangers}
        try:
            return any(
                member.id in ids
                or (member.email and member.email in addresses)
                or (member.type == "CUSTOMER" and any(not user.is_guest for user in active))
                for member in self.logs.people.nested_in(grant.id)
            )
        except (ItemForbidden, ItemGone):
            return None

    def _strangers(self, people: Sequence[RemotePrincipal]) -> list[RemotePrincipal]:
        """Return the identities that are no accounts of the company: nobody can act for them."""
        return [each for each in people if not self._users([each])]
