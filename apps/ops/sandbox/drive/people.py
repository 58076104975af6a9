"""The people of a company: accounts, aliases, groups in groups."""

from __future__ import annotations

from collections.abc import Iterator

from apps.ops.sandbox.drive.identifiers import Identifiers
from apps.ops.sandbox.drive.records import Group, User


class People:
    """Accounts and groups, found by id or by any address, which is compared in lower case."""

    def __init__(self, domain: str, ids: Identifiers) -> None:
        self.domain = domain
        self.customer_id = ids.customer()
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self._by_address: dict[str, str] = {}
        self._ids = ids

    def add_user(self, email: str, name: str, *, is_external: bool = False) -> User:
        """Add an account.

        Raises:
            ValueError: the address is taken.
        """
        user = User(self._ids.number("user", email), email, name, is_external=is_external)
        self._take_address(email, user.id)
        self.users[user.id] = user
        return user

    def add_group(self, email: str, name: str, *, is_external: bool = False) -> Group:
        """Add a group without members.

        Raises:
            ValueError: the address is taken.
        """
        group = Group(self._ids.number("group", email), email, name, is_external)
        self._take_address(email, group.id)
        self.groups[group.id] = group
        return group

    def add_alias(self, user: User, alias: str) -> None:
        """Give an account another address.

        Raises:
            ValueError: the address is taken.
        """
        self._take_address(alias, user.id)
        user.aliases.append(alias)

    def user(self, key: str) -> User | None:
        """Return the account with this id, address or alias."""
        return self.users.get(self._by_address.get(key.lower(), key))

    def group(self, key: str) -> Group | None:
        """Return the group with this id or address."""
        return self.groups.get(self._by_address.get(key.lower(), key))

    def holder_of(self, key: str) -> User | Group:
        """Return the account or group with this id or address.

        Raises:
            LookupError: there is none.
        """
        found = self.user(key) or self.group(key)
        if found is None:
            raise LookupError(f"no user or group {key}")
        return found

    def known_or_external(self, email: str) -> User | Group:
        """Return who has the address; a foreign address becomes an external account.

        Raises:
            LookupError: it is of the company's domain, but nobody has it.
        """
        found = self.user(email) or self.group(email)
        if found is not None:
            return found
        if email.lower().endswith(f"@{self.domain}"):
            raise LookupError(f"nobody has the address {email}")
        return self.add_user(email, email.partition("@")[0], is_external=True)

    def everybody(self) -> Iterator[User]:
        """Yield the accounts of the company itself."""
        return (user for user in self.users.values() if not user.is_external and not user.deleted)

    def add_member(self, group: Group, member: str, role: str) -> None:
        """Put a user, a group, or everybody (the customer's id) into a group.

        Raises:
            ValueError: the group would contain itself.
        """
        if member in self.groups and group.id in self.nested(member):
            raise ValueError("Cyclic memberships not allowed")
        group.members[member] = role

    def nested(self, group_id: str) -> set[str]:
        """Return the ids of a group and of all groups in it."""
        found: set[str] = set()
        waiting = [group_id]
        while waiting:
            group = self.groups.get(waiting.pop())
            if group is not None and group.id not in found:
                found.add(group.id)
                waiting.extend(group.members)
        return found

    def member_ids(self, group_id: str) -> set[str]:
        """Return the ids of the users in a group, through nested groups too."""
        if self.groups[group_id].deleted:
            return set()
        found: set[str] = set()
        for nested in self.nested(group_id):
            members = self.groups[nested].members
            found.update(member for member in members if member in self.users)
            if self.customer_id in members:
                found.update(user.id for user in self.everybody())
        return found

    def groups_of(self, user_id: str) -> set[str]:
        """Return the ids of the groups that a user is in, through nested groups too."""
        return {group_id for group_id in self.groups if user_id in self.member_ids(group_id)}

    def _take_address(self, address: str, holder: str) -> None:
        if self._by_address.setdefault(address.lower(), holder) != holder:
            raise ValueError(f"the address {address} is taken")
