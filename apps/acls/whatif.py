"""Changes that can be tried out: written by the real writers, and taken back by the caller.

What a source says cannot be changed from here; a try shows what it would mean if it said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.utils import timezone

from apps.acls import entries, membership
from apps.acls.models import NESTING_KINDS, Acl, AclEntry, Edge, Principal
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id


class Attempt(Protocol):
    """One change that can be tried out."""

    @property
    def acls(self) -> tuple[int, ...]:
        """ACLs whose entries it changes."""
        ...

    @property
    def principals(self) -> tuple[int, ...]:
        """Principals whose memberships it changes."""
        ...

    @property
    def named(self) -> dict[str, int]:
        """Ids of all that it is about, by what they are to it; for the trail."""
        ...

    def apply(self) -> None:
        """Write it into the current transaction.

        Raises:
            InvalidInput: there is nothing to change.
        """
        ...


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody joins or leaves a group.

    Attributes:
        is_added: joins; otherwise leaves.
    """

    group: Principal
    member: Principal
    is_added: bool

    @property
    def acls(self) -> tuple[int, ...]:
        """None: the entries stay."""
        return ()

    @property
    def principals(self) -> tuple[int, ...]:
        """The member, from whom the ways up change."""
        return (self.member.pk,)

    @property
    def named(self) -> dict[str, int]:
        """The group and the member."""
        return {"group_id": self.group.pk, "member_id": self.member.pk}

    def apply(self) -> None:
        """Put the member into the group, or take them out."""
        is_in = Edge.objects.filter(
            tenant_id=required_tenant_id(), group=self.group, member=self.member
        ).exists()
        if is_in == self.is_added:
            state = "is in the group already" if is_in else "is not directly in the group"
            raise InvalidInput(f"“{self.member}” {state}.", hint="Nothing would change.")
        write = membership.add if self.is_added else membership.remove
        write(group=self.group, members=[self.member], actor=None)


@dataclass(frozen=True, slots=True)
class Grant:
    """An entry of a place comes or goes.

    Attributes:
        is_allowed: it lets read; otherwise it denies.
        is_added: comes, in the place of the entry that names the same principal; otherwise goes.
    """

    place: Acl
    principal: Principal
    is_allowed: bool
    is_added: bool

    @property
    def acls(self) -> tuple[int, ...]:
        """The place."""
        return (self.place.pk,)

    @property
    def principals(self) -> tuple[int, ...]:
        """None: the memberships stay."""
        return ()

    @property
    def named(self) -> dict[str, int]:
        """The place and whom the entry names."""
        return {"place_id": self.place.pk, "principal_id": self.principal.pk}

    def apply(self) -> None:
        """Write or delete the entry."""
        permission_id = entries.permission_ids()[self.is_allowed]
        own = AclEntry.objects.filter(
            tenant_id=required_tenant_id(), content_object=self.place, group_id=self.principal.pk
        )
        same = own.filter(permission_id=permission_id)
        if same.exists() == self.is_added:
            state = "names them so already" if self.is_added else "has no such entry of its own"
            raise InvalidInput(f"“{self.place}” {state}.", hint="Nothing would change.")
        if not self.is_added:
            same.delete()
            return
        own.delete()
        AclEntry.objects.create(
            tenant_id=self.place.tenant_id,
            content_object=self.place,
            group_id=self.principal.pk,
            permission_id=permission_id,
            observed_at=timezone.now(),
        )


@dataclass(frozen=True, slots=True)
class Deletion:
    """A group is deleted in its source."""

    group: Principal

    @property
    def acls(self) -> tuple[int, ...]:
        """None: the entries stay, and match nobody."""
        return ()

    @property
    def principals(self) -> tuple[int, ...]:
        """The group, with whatever it leads to."""
        return (self.group.pk,)

    @property
    def named(self) -> dict[str, int]:
        """The group."""
        return {"group_id": self.group.pk}

    def apply(self) -> None:
        """Bury the group."""
        if self.group.kind not in NESTING_KINDS:
            raise InvalidInput(f"“{self.group}” is no group.")
        membership.bury(group=self.group, actor=None)
