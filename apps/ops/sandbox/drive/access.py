"""Who may do what with an item: the rules by which the simulated Drive answers.

The oracle (`oracle.py`) does not use this module: it finds readers in its own way, so that each can
be held against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.ops.sandbox.drive.people import People
from apps.ops.sandbox.drive.records import RANK, Item, Permission, User


@dataclass(frozen=True)
class Grant:
    """A permission as it reaches an item.

    Attributes:
        role: may be lower than the permission's: who owns a folder edits what others put there.
        source: id of the item that the permission was given on.
        inherited: given on a parent.
        closed: it reaches a folder of limited access from above: the name shows, nothing opens.
    """

    permission: Permission
    role: str
    source: str
    inherited: bool = False
    closed: bool = False


@dataclass
class Effective:
    """All grants of one grantee on one item: what permissions.list shows as one permission."""

    permission: Permission
    role: str
    closed: bool
    grants: list[Grant] = field(default_factory=list)


@dataclass(frozen=True)
class Keys:
    """Who an item is open to, as keys that `Access.keys_of` gives to users."""

    readers: frozenset[str]
    closed: frozenset[str]


class Access:
    """Decisions about users and items; remembers them until told to forget.

    Args:
        people: the company's.
        items: all items by id.
    """

    def __init__(self, people: People, items: Mapping[str, Item]) -> None:
        self._people = people
        self._items = items
        self._keys: dict[str, Keys] = {}
        self._held: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._audiences: dict[frozenset[str], frozenset[str]] = {}

    def forget_items(self) -> None:
        """Decide anew after a change of permissions or places."""
        self._keys.clear()

    def forget_people(self) -> None:
        """Decide anew after a change of accounts, groups or memberships."""
        self._held.clear()
        self._audiences.clear()

    def reads(self, user: User, item: Item) -> bool:
        """Whether a user who knows the id may read the content."""
        return user.may_sign_in and not self._all_keys(user).isdisjoint(self.keys(item).readers)

    def sees(self, user: User, item: Item) -> bool:
        """Whether a user who knows the id may see that the item exists."""
        if self.reads(user, item):
            return True
        return user.may_sign_in and not self._own_keys(user).isdisjoint(self.keys(item).closed)

    def lists(self, user: User, item: Item) -> bool:
        """Whether the item was shared with the user, not just with a domain or a link."""
        keys, own = self.keys(item), self._own_keys(user)
        if own.isdisjoint(keys.readers) and own.isdisjoint(keys.closed):
            return False
        return user.may_sign_in

    def finds(self, user: User, item: Item) -> bool:
        """Whether the item is open to the user's domain, or to all, without a link."""
        found = {f"domain:{user.domain}", "anyone:"}
        return user.may_sign_in and not found.isdisjoint(self.keys(item).readers)

    def audience(self, item: Item) -> frozenset[str]:
        """Return the ids of the users that `lists` is true for."""
        keys = self.keys(item)
        wanted = keys.readers | keys.closed
        if wanted not in self._audiences:
            self._audiences[wanted] = frozenset(
                user.id
                for user in self._people.users.values()
                if user.may_sign_in and not self._own_keys(user).isdisjoint(wanted)
            )
        return self._audiences[wanted]

    def role(self, user: User, item: Item) -> str:
        """Return the highest role that a user has on an item, or "" for none."""
        held = self._all_keys(user)
        roles = [
            grant.role
            for grant in self.grants(item)
            if not grant.closed and not grant.permission.view and key(grant.permission) in held
        ]
        return max(roles, key=RANK.__getitem__, default="")

    def may_write(self, user: User, item: Item) -> bool:
        """Whether a user may change an item."""
        return RANK.get(self.role(user, item), -1) >= RANK["writer"]

    def may_share(self, user: User, item: Item) -> bool:
        """Whether a user may share an item: writers may in My Drive, content managers in drives."""
        needed = "fileOrganizer" if item.drive_id else "writer"
        return RANK.get(self.role(user, item), -1) >= RANK[needed]

    def grants(self, item: Item) -> Iterator[Grant]:
        """Yield the permissions that reach an item, those given on itself first."""
        for permission in item.permissions.values():
            yield Grant(permission, permission.role, item.id)
        parent = self._items.get(item.parent)
        # Nobody can share a My Drive's root: what is in it starts private.
        if parent is None or (parent.is_root and not parent.drive_id):
            return
        for grant in self.grants(parent):
            if grant.closed or grant.permission.view:
                continue
            role = "writer" if grant.role == "owner" else grant.role
            closed = item.limited and role != "organizer"
            yield Grant(grant.permission, role, grant.source, inherited=True, closed=closed)

    def effective(self, item: Item) -> list[Effective]:
        """Return the permissions of an item, one for each grantee and view."""
        found: dict[tuple[str, str], Effective] = {}
        for grant in self.grants(item):
            place = (grant.permission.id, grant.permission.view)
            known = found.get(place)
            if known is None:
                known = Effective(grant.permission, grant.role, grant.closed)
                found[place] = known
            elif known.closed and not grant.closed:
                known.role, known.closed = grant.role, False
            elif not grant.closed and RANK[grant.role] > RANK[known.role]:
                known.role = grant.role
            known.grants.append(grant)
        for each in found.values():
            if not each.closed:
                each.grants = [grant for grant in each.grants if not grant.closed]
        return list(found.values())

    def keys(self, item: Item) -> Keys:
        """Return who an item is open to."""
        known = self._keys.get(item.id)
        if known is None:
            known = self._keys[item.id] = self._find_keys(item)
        return known

    def _find_keys(self, item: Item) -> Keys:
        parent = self._items.get(item.parent)
        if parent is None or (parent.is_root and not parent.drive_id):
            return Keys(_own(item), frozenset())
        above = self.keys(parent).readers
        if item.limited:
            inherited = (grant for grant in self.grants(item) if grant.inherited)
            kept = {key(grant.permission) for grant in inherited if not grant.closed}
            readers = _own(item) | kept
            return Keys(readers, above - readers)
        # Most items add nobody to their folder's readers: then they have one set together.
        adds_nobody = all(each.id in above for each in item.permissions.values())
        return Keys(above if adds_nobody else above | _own(item), frozenset())

    def _own_keys(self, user: User) -> frozenset[str]:
        return self._held_by(user)[0]

    def _all_keys(self, user: User) -> frozenset[str]:
        return self._held_by(user)[1]

    def _held_by(self, user: User) -> tuple[frozenset[str], frozenset[str]]:
        known = self._held.get(user.id)
        if known is None:
            own = frozenset({user.id, *self._people.groups_of(user.id)})
            domain = {f"domain:{user.domain}", f"domain-link:{user.domain}"}
            known = self._held[user.id] = (own, own | domain | {"anyone:", "anyone-link:"})
        return known


def key(permission: Permission) -> str:
    """Return the key that a user must hold for a permission to count for him."""
    if permission.type in {"user", "group"}:
        return permission.id
    link = "" if permission.discoverable else "-link"
    return f"{permission.type}{link}:{permission.address}"


def _own(item: Item) -> frozenset[str]:
    return frozenset(key(each) for each in item.permissions.values() if not each.view)
