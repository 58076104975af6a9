"""What a realm's permissions would be after some pages: the fold that `acls.record` is in SQL.

It starts with what is stored (`stored`) and takes pages in their order. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from apps.acls import principals, record
from apps.acls.external_ids import key
from apps.acls.models import NESTING_KINDS
from apps.acls.principals import Name, name_of
from apps.connections.errors import ContractBroken
from apps.connections.protocol import (
    Form,
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.sync_events import holds_meet

# A policy by the keys of its places; the empty one admits nobody.
Clauses = frozenset[frozenset[str]]
NOBODY: Clauses = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an ACL."""

    name: Name
    is_allowed: bool
    ord: int
    is_sticky: bool
    starts_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A place or a value.

    Attributes:
        cuts: only sticky entries of the places above count here.
    """

    parent: str | None
    cuts: bool
    entries: tuple[Entry, ...]
    is_value: bool
    observed_at: datetime | None


@dataclass(slots=True)
class Known:
    """A principal; groups with their direct members and when each membership ends."""

    label: str
    email: str
    is_active: bool
    is_known: bool
    observed_at: datetime | None
    is_deleted: bool = False
    members: dict[Name, datetime | None] = field(default_factory=dict)

    @property
    def is_alive(self) -> bool:
        """Return whether entries that name it match anybody."""
        return self.is_active and not self.is_deleted


class Observed:
    """People, groups and places of one realm.

    Args:
        principals: as they are stored.
        places: likewise, by the keys of their ids.
    """

    def __init__(self, principals: dict[Name, Known], places: dict[str, Place]) -> None:
        self.principals = principals
        self.places = places
        self._same: dict[tuple[Entry, ...], tuple[Entry, ...]] = {}
        self._now = datetime.now(UTC)

    def take(self, page: Page) -> set[Name]:
        """Apply a page's permissions, and return the people whose address or activity changed.

        Raises:
            ContractBroken: a sync could not store it; the message says why.
        """
        self._now = datetime.now(UTC)
        gone = {name_of(group) for group in page.deleted_groups}
        groups = [group for group in page.groups if name_of(group.principal) not in gone]
        mentioned = [*page.deleted_groups, *record.named_by(groups, page.acls)]
        changed = self._name(mentioned, gone, page.observed_at)
        self._bury(gone, page.observed_at)
        for group in groups:
            self._list(group, gone, page.observed_at)
        self._place(page.acls, page.observed_at)
        if page.are_acls_complete:
            self._forget_others(page, {name_of(group.principal) for group in groups})
        return changed

    def clauses_of(self, policy: RemotePolicy) -> Clauses:
        """Return a policy as a sync would store it now: an unknown place grants nothing."""
        clauses = frozenset(
            frozenset(name for place in clause if (name := key(place)) in self.places)
            for clause in policy
        )
        return clauses if all(clauses) else NOBODY

    def within(self, places: Iterable[str]) -> frozenset[str]:
        """Return places, by the keys of their ids, and all places below them."""
        inside = {known: True for place in places if (known := key(place)) in self.places}
        for start in self.places if inside else ():
            way: list[str] = []
            above: str | None = start
            while above is not None and above not in inside:
                inside[above] = False  # a circle ends here; `evaluate` refuses it
                way.append(above)
                above = self.places[above].parent
            if above is not None and inside[above]:
                inside.update(dict.fromkeys(way, True))
        return frozenset(name for name, is_inside in inside.items() if is_inside)

    def _is_older(self, stored: datetime | None, at: datetime) -> bool:
        """Return whether an observation is older than the stored one, unless a clock ran ahead."""
        return stored is not None and at < stored <= self._now

    def _name(
        self, mentioned: Iterable[RemotePrincipal], gone: set[Name], at: datetime
    ) -> set[Name]:
        changed: set[Name] = set()
        for name, one in principals.merged(mentioned).items():
            before = self.principals.get(name)
            was = before and (before.email, before.is_active, before.is_deleted)
            now = self._mention(name, one, before, is_gone=name in gone, at=at)
            is_person = name[0] == PrincipalKind.USER
            if is_person and was != (now.email, now.is_active, now.is_deleted):
                changed.add(name)
        return changed

    def _mention(
        self, name: Name, one: RemotePrincipal, known: Known | None, *, is_gone: bool, at: datetime
    ) -> Known:
        nests = name[0] in NESTING_KINDS
        if known is None:
            is_active = one.is_active is not False or nests
            known = Known(one.label, one.email, is_active, not nests, None if nests else at)
            self.principals[name] = known
            return known
        if self._is_older(known.observed_at, at):
            return known
        known.label, known.email = one.label or known.label, one.email or known.email
        known.is_deleted = known.is_deleted and is_gone
        if not nests:
            if one.is_active is not None:
                known.is_active = one.is_active
            if one.email or one.is_active is not None:
                known.observed_at = at
        return known

    def _bury(self, gone: set[Name], at: datetime) -> None:
        buried = set()
        for name in gone:
            group = self.principals[name]
            if not group.is_deleted and not self._is_older(group.observed_at, at):
                group.is_deleted, group.is_known, group.observed_at = True, False, at
            if group.is_deleted:
                group.members.clear()
                buried.add(name)
        if buried:
            for other in self.principals.values():
                for name in buried & other.members.keys():
                    del other.members[name]

    def _list(self, group: RemoteGroup, gone: set[Name], at: datetime) -> None:
        itself = name_of(group.principal)
        known = self.principals[itself]
        if self._is_older(known.observed_at, at):
            return
        ends: dict[Name, datetime] = {}
        for member, end in group.ends:
            name = name_of(member)
            ends[name] = min(end, ends.get(name, end))
        told = {name_of(member) for member in group.members} - {itself}
        dead = {name for name in gone if self.principals[name].is_deleted}
        known.members = {name: ends.get(name) for name in told - dead}
        known.is_known, known.observed_at = group.is_known, at

    def _place(self, acls: Iterable[RemoteAcl], at: datetime) -> None:
        told = {key(acl.external_id): acl for acl in acls}
        for name, acl in told.items():
            parent = None if acl.parent is None else key(acl.parent)
            if parent is not None and parent not in self.places and parent not in told:
                raise ContractBroken(
                    f"The source names “{parent}” as a parent, but does not describe it."
                )
            known = self.places.get(name)
            if known is not None and (known.is_value or self._is_older(known.observed_at, at)):
                continue
            self.places[name] = Place(
                parent, acl.mode == Mode.CUT, self._entries(acl), acl.form == Form.VALUE, at
            )

    def _entries(self, acl: RemoteAcl) -> tuple[Entry, ...]:
        told = tuple(
            Entry(name, e.is_allowed, e.ord, e.is_sticky, e.starts_at, e.expires_at)
            for name, e in holds_meet.by_name(acl.entries).items()
        )
        return self._same.setdefault(told, told)

    def _forget_others(self, page: Page, listed: set[Name]) -> None:
        """Empty what a complete page does not list: groups of members, places of entries."""
        places = {key(acl.external_id) for acl in page.acls}
        for name, known in self.principals.items():
            is_other = name[0] in NESTING_KINDS and name not in listed
            if is_other and not self._is_older(known.observed_at, page.observed_at):
                known.members = {}
                known.observed_at = page.observed_at
        for external_id, place in self.places.items():
            is_older = self._is_older(place.observed_at, page.observed_at)
            if external_id not in places and not place.is_value and not is_older:
                self.places[external_id] = replace(
                    place, cuts=False, entries=(), observed_at=page.observed_at
                )
