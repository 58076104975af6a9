"""What a page would widen, and the same page with the widenings of some subjects left out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from apps.acls.external_ids import key
from apps.acls.principals import Name, name_of
from apps.connections.models import Connection
from apps.connections.protocol import (
    Form,
    Mode,
    Page,
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.sync_events import holds_meet, holds_people, holds_stored
from apps.sync_events.holds_meet import Line
from apps.sync_events.holds_people import PersonWish
from apps.sync_events.holds_stored import Clauses, Stored


@dataclass(frozen=True, slots=True)
class Widening:
    """What a page would open at one place, in one group, by one identity or for one item.

    Attributes:
        subject: `place:…`, `group:…`, `item:…`, `address:…` or `activity:…` with the source's
            own id.
        wants: what the source says that is not stored, the same as long as the source says so.
    """

    subject: str
    wants: tuple[Line, ...]

    @property
    def fingerprint(self) -> str:
        """Return a digest of subject and wants."""
        return hashlib.sha256(repr((self.subject, self.wants)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ToldMove:
    """A document, its policy, and the one that it would get."""

    subject: str
    document_id: int
    policy_id: int
    policy: RemotePolicy


@dataclass(slots=True)
class Comparison:
    """A page beside what is stored.

    Attributes:
        widenings: by subject.
        told: every subject that the page says something about.
        place_ids: stored places that would be widened.
        principal_ids: stored groups and identities likewise.
        moves: items that would get a policy that may be wider.
    """

    widenings: dict[str, Widening] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    place_ids: list[int] = field(default_factory=list)
    principal_ids: list[int] = field(default_factory=list)
    moves: list[ToldMove] = field(default_factory=list)
    _met_places: dict[str, RemoteAcl] = field(default_factory=dict)
    _met_groups: dict[str, RemoteGroup] = field(default_factory=dict)
    _met_items: dict[str, RemotePolicy] = field(default_factory=dict)
    _met_people: dict[str, PersonWish] = field(default_factory=dict)

    def held_back(self, page: Page, subjects: Collection[str]) -> Page:
        """Return the page without what it would widen of these subjects.

        What is left of it narrows as the source says, and for these subjects it opens nothing.
        """
        if not subjects:
            return page
        met_places = [self._met_places[each] for each in subjects if each in self._met_places]
        met_groups = [self._met_groups[each] for each in subjects if each in self._met_groups]
        places = {key(acl.external_id): acl for acl in (*page.acls, *met_places)}
        groups = {name_of(group.principal): group for group in (*page.groups, *met_groups)}
        policies = {each: self._met_items[each] for each in subjects if each in self._met_items}
        page = replace(
            page,
            acls=tuple(places.values()),
            groups=tuple(groups.values()),
            deleted_groups=tuple(
                group for group in page.deleted_groups if _group_subject(group) not in subjects
            ),
            items=tuple(
                replace(item, policy=policies.get(_item_subject(item.external_id), item.policy))
                for item in page.items
            ),
            item_policies=tuple(
                (name, policies.get(_item_subject(name), told)) for name, told in page.item_policies
            ),
        )
        people = [one for subject, one in self._met_people.items() if subject in subjects]
        return holds_people.held_back(
            page,
            addresses={one.name for one in people if one.what == holds_people.ADDRESS},
            activity={one.name for one in people if one.what == holds_people.ACTIVITY},
        )


def compare(source: Connection, page: Page, *, new_too: bool) -> Comparison:
    """Return what a page would widen of what is stored.

    Args:
        source: whose page it is.
        page: as the connector told it.
        new_too: places that nobody has told of before count, too. Otherwise they open nothing:
            the documents in them are new, or their own change of policy counts.
    """
    stored = holds_stored.read(source, page)
    found = Comparison()
    _compare_places(page, stored, found, new_too=new_too)
    _compare_groups(source.realm, page, stored, found)
    _compare_items(page, stored, found)
    _compare_people(source.realm, page, stored, found)
    return found


def _compare_places(page: Page, stored: Stored, found: Comparison, *, new_too: bool) -> None:
    for name, old, new in _told_places(page, stored, new_too=new_too):
        subject = f"place:{name}"
        found.told.add(subject)
        met = holds_meet.places(old, new, passes_cuts=stored.passes_cuts)
        if met.wants:
            found.widenings[subject] = Widening(subject, met.wants)
            found._met_places[subject] = met.place
            if name in stored.place_ids:
                found.place_ids.append(stored.place_ids[name])


def _told_places(
    page: Page, stored: Stored, *, new_too: bool
) -> Iterator[tuple[str, RemoteAcl, RemoteAcl]]:
    """Yield (key, what is stored, what is told) of each place."""
    told = {key(acl.external_id): acl for acl in page.acls if acl.form == Form.PLACE}
    for name, new in told.items():
        if name in stored.places:
            yield name, stored.places[name], new
        elif new_too:
            yield name, replace(new, entries=()), new
    if page.are_acls_complete:
        for name, old in stored.places.items():
            if name not in told and (old.entries or old.mode != Mode.ADD):
                yield name, old, replace(old, entries=(), mode=Mode.ADD)


def _compare_groups(realm: str, page: Page, stored: Stored, found: Comparison) -> None:
    told = {name_of(group.principal): group for group in page.groups}
    gone = {name_of(group) for group in page.deleted_groups}
    if page.are_acls_complete:
        for name, old in stored.groups.items():
            if name not in told and name not in gone:
                told[name] = replace(old, members=(), ends=())
    known = (told.keys() & stored.groups.keys()) - gone
    changed = {name for name in known if _differ(stored.groups[name], told[name])}
    buried_now = (gone & stored.groups.keys()) - stored.buried
    uses = holds_stored.uses(realm, page, changed | buried_now)
    found.told |= {_group_subject_of(name) for name in told.keys() | gone}
    for name, used in uses.items():
        old = stored.groups[name]
        met = (
            holds_meet.deletion(old, used)
            if name in gone
            else holds_meet.groups(old, told[name], used)
        )
        if met is not None and met.wants:
            subject = _group_subject_of(name)
            found.widenings[subject] = Widening(subject, met.wants)
            found._met_groups[subject] = met.group
            found.principal_ids.append(stored.group_ids[name])


def _compare_people(realm: str, page: Page, stored: Stored, found: Comparison) -> None:
    new: list[PersonWish] = []
    for wish in holds_people.wishes(stored.people, holds_people.told(page)):
        found.told.add(wish.subject)
        if wish.line is not None:
            new.append(wish)
    uses = holds_stored.uses(realm, page, {wish.name for wish in new})
    for wish in new:
        if wish.line is not None and uses[wish.name].allow and not uses[wish.name].deny:
            found.widenings[wish.subject] = Widening(wish.subject, (wish.line,))
            found._met_people[wish.subject] = wish
            found.principal_ids.append(stored.people[wish.name].pk)


def _differ(old: RemoteGroup, new: RemoteGroup) -> bool:
    return (
        old.is_known != new.is_known
        or {name_of(m) for m in old.members} != {name_of(m) for m in new.members}
        or {(name_of(m), e) for m, e in old.ends} != {(name_of(m), e) for m, e in new.ends}
    )


def _compare_items(page: Page, stored: Stored, found: Comparison) -> None:
    told = {item.external_id: item.policy for item in page.items} | dict(page.item_policies)
    for name, policy in told.items():
        subject = _item_subject(name)
        found.told.add(subject)
        item = stored.items.get(name)
        wanted: Clauses = frozenset(frozenset(map(key, clause)) for clause in policy)
        if item is None or not wanted or _asks_for_as_much(wanted, item.clauses):
            continue
        lines = tuple(sorted(("is read by", *sorted(clause)) for clause in wanted))
        found.widenings[subject] = Widening(subject, lines)
        found.moves.append(ToldMove(subject, item.pk, item.policy_id, policy))
        found._met_items[subject] = (
            tuple(sorted(tuple(sorted(clause)) for clause in item.clauses | wanted))
            if item.clauses
            else ()
        )


def _asks_for_as_much(new: Clauses, old: Clauses) -> bool:
    """Return whether each clause of the old policy has one of the new that no more can fulfil."""
    return bool(old) and all(any(clause <= was for clause in new) for was in old)


def _group_subject(principal: RemotePrincipal) -> str:
    return _group_subject_of(name_of(principal))


def _group_subject_of(name: Name) -> str:
    return f"group:{name[0]}:{name[1]}"


def _item_subject(external_id: str) -> str:
    return f"item:{external_id}"
