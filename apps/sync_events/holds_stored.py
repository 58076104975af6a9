"""What is stored of what a page tells of, put as its source would tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.acls.external_ids import key
from apps.acls.models import NESTING_KINDS, Acl, AclEntry, Edge, PolicyClause, Principal
from apps.acls.principals import Name, name_of
from apps.connections.models import Connection
from apps.connections.protocol import (
    Form,
    Level,
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemotePrincipal,
)
from apps.documents.models import Document
from apps.sync_events import holds_people
from apps.sync_events.holds_meet import Uses
from apps.sync_events.holds_people import StoredPerson

Clauses = frozenset[frozenset[str]]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A document with its policy, or with its last one if it is gone, by the keys of places."""

    pk: int
    policy_id: int
    clauses: Clauses


@dataclass(slots=True)
class Stored:
    """What this observation may replace: nothing of which something newer is known.

    Attributes:
        places: by key.
        groups: by name; one that its source has deleted holds nobody, and its entries are there.
        items: by external id.
        people: by name, of whom the page says more than their name.
        place_ids: of `places`.
        group_ids: of `groups`.
        buried: those of `groups` that their source has deleted.
        passes_cuts: whether anything that is read passes a cut in this source; asked only where
            there are places to compare.
    """

    places: dict[str, RemoteAcl] = field(default_factory=dict)
    groups: dict[Name, RemoteGroup] = field(default_factory=dict)
    items: dict[str, StoredItem] = field(default_factory=dict)
    people: dict[Name, StoredPerson] = field(default_factory=dict)
    place_ids: dict[str, int] = field(default_factory=dict)
    group_ids: dict[Name, int] = field(default_factory=dict)
    buried: set[Name] = field(default_factory=set)
    passes_cuts: bool = False


def read(source: Connection, page: Page) -> Stored:
    """Return what is stored of what a page tells of, and of what it says is not there."""
    stored = Stored()
    _read_places(source.realm, page, stored)
    _read_groups(source.realm, page, stored)
    _read_items(source, page, stored)
    _read_people(source.realm, page, stored)
    stored.passes_cuts = bool(stored.places) and _passes_cuts(source.realm, page)
    return stored


def _passes_cuts(realm: str, page: Page) -> bool:
    told = (entry for acl in page.acls for entry in acl.entries)
    if any(entry.is_sticky and entry.is_allowed for entry in told):
        return True
    sticky = AclEntry.objects.filter(
        content_object__realm=realm, sticky=True, permission__codename="view_acl"
    )
    return sticky.exists()


def uses(realm: str, page: Page, names: Collection[Name]) -> dict[Name, Uses]:
    """Return whether entries, stored or told, allow or deny by each of these or what they are in.

    Args:
        realm: of the source.
        page: as it is told.
        names: of groups and people.
    """
    if not names:
        return {}
    people = {name for kind, name in names if kind == PrincipalKind.USER}
    asked = Q(kind__in=NESTING_KINDS) | Q(kind=PrincipalKind.USER, external_id__in=people)
    rows = Principal.objects.filter(asked, realm=realm).values_list("pk", "kind", "external_id")
    known = {pk: (kind, name) for pk, kind, name in rows}
    above: dict[Name, set[Name]] = defaultdict(set)
    signs: dict[Name, set[bool]] = defaultdict(set)
    for below, group in Edge.objects.filter(member_id__in=known).values_list(
        "member_id", "group_id"
    ):
        above[known[below]].add(known[group])
    for told in page.groups:
        for member in told.members:
            above[name_of(member)].add(name_of(told.principal))
    written = AclEntry.objects.filter(group_id__in=known).values_list(
        "group_id", "permission__codename"
    )
    for pk, codename in written.distinct():
        signs[known[pk]].add(codename == "view_acl")
    for acl in page.acls:
        for entry in acl.entries:
            signs[name_of(entry.principal)].add(entry.is_allowed)
    return {name: _uses_of(name, above, signs) for name in names}


def _uses_of(name: Name, above: dict[Name, set[Name]], signs: dict[Name, set[bool]]) -> Uses:
    seen, frontier = {name}, [name]
    while frontier:
        new = above.get(frontier.pop(), set()) - seen
        seen |= new
        frontier += new
    found = {sign for one in seen for sign in signs.get(one, ())}
    return Uses(allow=True in found, deny=False in found)


def _not_newer(observed_at: datetime) -> Q:
    return Q(observed_at=None) | Q(observed_at__lte=observed_at) | Q(observed_at__gt=timezone.now())


def _read_places(realm: str, page: Page, stored: Stored) -> None:
    told = {key(acl.external_id) for acl in page.acls if acl.form == Form.PLACE}
    rows = Acl.objects.filter(_not_newer(page.observed_at), realm=realm, form=Form.PLACE)
    found = list(rows if page.are_acls_complete else rows.filter(external_id__in=told))
    above = {row.pk: row.external_id for row in found}
    missing = {row.parent_id for row in found if row.parent_id is not None} - above.keys()
    above |= Acl.objects.filter(pk__in=missing).values_list("pk", "external_id")
    entries = _entries([row.pk for row in found])
    for row in found:
        stored.place_ids[row.external_id] = row.pk
        stored.places[row.external_id] = RemoteAcl(
            external_id=row.external_id,
            label=row.label,
            parent=None if row.parent_id is None else above[row.parent_id],
            mode=Mode(row.mode),
            entries=tuple(entries[row.pk]),
        )


def _entries(acl_ids: Iterable[int]) -> dict[int, list[RemoteEntry]]:
    # Who is gone matches nobody; naming them again would bring them back.
    rows = AclEntry.objects.filter(
        content_object_id__in=list(acl_ids), group__principal__deleted_at=None
    ).select_related("group__principal", "permission")
    found: dict[int, list[RemoteEntry]] = defaultdict(list)
    for row in rows.order_by("pk"):
        found[row.content_object_id].append(
            RemoteEntry(
                principal=_principal(row.group.principal),
                is_allowed=row.permission.codename == "view_acl",
                ord=row.ord,
                is_sticky=row.sticky,
                starts_at=row.starts_at,
                expires_at=row.expires_at,
                level=Level(row.level),
            )
        )
    return found


def _principal(row: Principal) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind(row.kind), row.external_id)


def _groups(realm: str, page: Page) -> QuerySet[Principal]:
    rows = Principal.objects.filter(
        _not_newer(page.observed_at), realm=realm, kind__in=NESTING_KINDS
    )
    if page.are_acls_complete:
        return rows
    told = [group.principal for group in page.groups] + list(page.deleted_groups)
    return rows.filter(external_id__in={key(principal.external_id) for principal in told})


def _read_groups(realm: str, page: Page, stored: Stored) -> None:
    found = list(_groups(realm, page))
    edges: dict[int, list[tuple[RemotePrincipal, datetime | None]]] = defaultdict(list)
    for edge in Edge.objects.filter(group__in=found).select_related("member").order_by("pk"):
        edges[edge.group_id].append((_principal(edge.member), edge.expires_at))
    for row in found:
        group = RemoteGroup(
            principal=_principal(row),
            members=tuple(member for member, _ in edges[row.pk]),
            # The entries that name it let nobody in, and deny nobody, until it is back.
            is_known=row.members_known or row.deleted_at is not None,
            ends=tuple((member, end) for member, end in edges[row.pk] if end is not None),
        )
        stored.groups[name_of(group.principal)] = group
        stored.group_ids[name_of(group.principal)] = row.pk
        if row.deleted_at is not None:
            stored.buried.add(name_of(group.principal))


def _read_items(source: Connection, page: Page, stored: Stored) -> None:
    told = [item.external_id for item in page.items] + [name for name, _ in page.item_policies]
    if not told:
        return
    # Gone ones too: one that returns with a wider policy than it left with opens.
    rows = Document.objects.filter(
        Q(last_synced_at__lte=page.observed_at) | Q(last_synced_at__gt=timezone.now()),
        connection=source,
        external_id__in=told,
    )
    found = list(rows.values_list("external_id", "pk", "policy_id"))
    by_policy: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    linked = PolicyClause.objects.filter(policy_id__in={policy for _, _, policy in found})
    for policy, clause, place in linked.values_list("policy_id", "clause", "acl__external_id"):
        by_policy[policy][clause].add(place)
    for name, pk, policy in found:
        clauses = frozenset(frozenset(places) for places in by_policy[policy].values())
        stored.items[name] = StoredItem(pk, policy, clauses)


def _read_people(realm: str, page: Page, stored: Stored) -> None:
    told = holds_people.told(page)
    rows = Principal.objects.filter(
        _not_newer(page.observed_at),
        realm=realm,
        kind=PrincipalKind.USER,
        external_id__in={external_id for _, external_id in told},
    )
    for row in rows if told else ():
        is_active = row.is_active and row.deleted_at is None
        stored.people[row.kind, row.external_id] = StoredPerson(row.pk, row.email, is_active)
