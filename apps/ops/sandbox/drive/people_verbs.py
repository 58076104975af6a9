"""What happens to people: they come, change groups and addresses, and go."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.drive.records import Group
from apps.ops.sandbox.drive.state import State, locked


class PeopleVerbs(State):
    """Verbs about accounts and groups; people and groups are named by an address."""

    @locked
    def add_user(
        self, email: str, name: str = "", *, is_admin: bool = False, aliases: Iterable[str] = ()
    ) -> str:
        """Add an account with a My Drive.

        Returns:
            The address.

        Raises:
            ValueError: an address is taken.
        """
        user = self.people.add_user(email, name or email.partition("@")[0].title())
        user.is_admin = is_admin
        for alias in aliases:
            self.people.add_alias(user, alias)
        root = self.new_root(self.ids.drive(), "My Drive", user, is_drive=False)
        user.root_id = root.id
        self.access.forget_people()
        return email

    @locked
    def add_alias(self, email: str, alias: str) -> None:
        """Give an account another address.

        Raises:
            ValueError: the address is taken.
        """
        self.people.add_alias(self.account(email), alias)

    @locked
    def suspend(self, email: str, *, suspended: bool = True) -> None:
        """Suspend an account, or let it in again."""
        self.account(email).suspended = suspended
        self.access.forget_people()

    @locked
    def delete_user(self, email: str) -> None:
        """Delete an account; its permissions stay, marked as deleted."""
        self.account(email).deleted = True
        self.access.forget_people()

    @locked
    def add_group(self, email: str, name: str = "", members: Iterable[str] = ()) -> str:
        """Add a group.

        Returns:
            Its address.

        Raises:
            ValueError: the address is taken.
        """
        self.people.add_group(email, name or email.partition("@")[0].title())
        for member in members:
            self.add_member(email, member)
        return email

    @locked
    def delete_group(self, email: str) -> None:
        """Delete a group; its permissions stay, marked as deleted."""
        group = self._group(email)
        group.deleted = True
        group.members.clear()
        for other in self.people.groups.values():
            other.members.pop(group.id, None)
        self.access.forget_people()

    @locked
    def add_member(self, group: str, member: str, role: str = "MEMBER") -> None:
        """Put somebody into a group; the logs of Drive say nothing about it.

        Args:
            group: address of the group.
            member: address of a user or a group, or `people.customer_id` for everybody.
            role: MEMBER, MANAGER or OWNER.

        Raises:
            LookupError: there is no such group, or no such person in the company.
            ValueError: the group would contain itself.
        """
        is_everybody = member == self.people.customer_id
        member_id = member if is_everybody else self.people.known_or_external(member).id
        self.people.add_member(self._group(group), member_id, role)
        self.access.forget_people()

    @locked
    def remove_member(self, group: str, member: str) -> None:
        """Take somebody out of a group; the logs of Drive say nothing about it.

        Raises:
            LookupError: there is no such group, or the member is not in it.
        """
        is_everybody = member == self.people.customer_id
        member_id = member if is_everybody else self.people.holder_of(member).id
        del self._group(group).members[member_id]
        self.access.forget_people()

    def _group(self, email: str) -> Group:
        group = self.people.group(email)
        if group is None:
            raise LookupError(f"no group {email}")
        return group
