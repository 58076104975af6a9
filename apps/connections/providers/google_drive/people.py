"""Who is who: grants, group members and dynamic sets as principals, by the company's Directory.

Drive and the Directory name people by ids of their own, and only addresses are common to both. So
where the Directory can be asked, its ids are used for whom it knows; they survive a change of the
address, and an address that is given out again brings a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import PrincipalKind, RemoteGroup, RemotePrincipal
from apps.connections.providers.google_drive.answers import Grant
from apps.connections.providers.google_drive.directory import (
    DirectoryClient,
    Group,
    Member,
    User,
)


@dataclass(frozen=True)
class People:
    """What the Directory says, read once.

    Args:
        directory: None where Kenward may not ask it: then groups and domains stay unknown, and
            open nothing.
    """

    directory: DirectoryClient | None
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def users(self) -> dict[str, User]:
        """Everybody, by id."""
        return {user.id: user for user in self.directory.users()} if self.directory else {}

    @cached_property
    def groups(self) -> dict[str, Group]:
        """All groups by id, in the order of their addresses."""
        found = self.directory.groups() if self.directory else ()
        return {group.id: group for group in sorted(found, key=lambda each: each.email)}

    def user(self, address: str) -> User | None:
        """Return who has an address; None for strangers."""
        return self._users_by_address.get(address.lower())

    def group(self, address: str) -> Group | None:
        """Return the group with an address; None for one that the company does not have."""
        return self._groups_by_address.get(address.lower())

    def named(self, grant: Grant) -> Grant:
        """Return a grant with the grantee's id and address of the Directory, if it knows them."""
        if self.directory is None or not grant.email:
            return grant
        found: User | Group | None = None
        if grant.type == "user":
            found = self.user(grant.email)
        elif grant.type == "group":
            found = self.group(grant.email)
        if found is None:
            return grant
        return replace(grant, id=found.id, email=found.email, label=found.name or grant.label)

    def everybody(self) -> tuple[RemoteGroup, ...]:
        """Return the company and its domains as groups, and with them all its people.

        Guests have an account without belonging to the company.
        """
        sets: dict[str, list[RemotePrincipal]] = {}
        for user in self.users.values():
            for name in () if user.is_guest else filter(None, (user.customer_id, user.domain)):
                sets.setdefault(name, []).append(_person(user))
        return tuple(
            RemoteGroup(_domain(name), tuple(members)) for name, members in sorted(sets.items())
        )

    def listed(self, group: Group) -> RemoteGroup | None:
        """Return a group with its direct members; None when it is gone.

        Its members are unknown where the company does not show them.
        """
        assert self.directory is not None  # noqa: S101  groups come from nowhere else
        principal = RemotePrincipal(PrincipalKind.GROUP, group.id, group.name or group.email)
        try:
            members = tuple(self.directory.members(group.id))
        except ItemForbidden:
            return RemoteGroup(principal, is_known=False)
        except ItemGone:
            return None
        return RemoteGroup(principal, tuple(self._members(members)))

    def active_in(self, group_key: str) -> Iterator[User]:
        """Yield who of the company is active and in a group, through nested groups too.

        Raises:
            ItemForbidden, ItemGone: the group, or one in it, cannot be read.
        """
        for member in self.nested_in(group_key):
            if member.type == "CUSTOMER":
                yield from (user for user in self.users.values() if user.is_active)
            elif (user := self.users.get(member.id)) is not None and user.is_active:
                yield user

    def nested_in(self, group_key: str) -> Iterator[Member]:
        """Yield the members of a group and of the groups in it, strangers too; no groups.

        Raises:
            ItemForbidden, ItemGone: the group, or one in it, cannot be read.
        """
        assert self.directory is not None  # noqa: S101  see `listed`
        seen: set[str] = set()
        waiting = [group_key]
        while waiting:
            for member in self.directory.members(waiting.pop()):
                if member.id in seen:
                    continue
                seen.add(member.id)
                if member.type == "GROUP":
                    waiting.append(member.id)
                else:
                    yield member

    def _members(self, members: tuple[Member, ...]) -> Iterator[RemotePrincipal]:
        for member in members:
            match member.type:
                case "USER" | "EXTERNAL":
                    user = self.users.get(member.id) or self.user(member.email)
                    stranger = RemotePrincipal(PrincipalKind.USER, member.id, email=member.email)
                    yield _person(user) if user else stranger
                case "GROUP":
                    yield RemotePrincipal(PrincipalKind.GROUP, member.id, member.email)
                case "CUSTOMER":
                    yield _domain(member.id)
                case _:  # something new: it opens nothing
                    continue

    @cached_property
    def _users_by_address(self) -> dict[str, User]:
        return {address: user for user in self.users.values() for address in user.addresses}

    @cached_property
    def _groups_by_address(self) -> dict[str, Group]:
        return {address: group for group in self.groups.values() for address in group.addresses}


def _person(user: User) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, user.id, user.name, user.email, user.is_active)


def _domain(name: str) -> RemotePrincipal:
    label = name if "." in name else "Everybody in the company"
    return RemotePrincipal(PrincipalKind.DOMAIN, name, label)
