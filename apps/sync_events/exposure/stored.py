"""What is stored of a connection's permissions, as a dry run begins with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count

from apps.acls.models import Acl, AclEntry, Edge, PolicyClause, Principal
from apps.acls.principals import Name
from apps.connections.models import Connection
from apps.connections.protocol import Form, Mode
from apps.documents.models import Document
from apps.sync_events.exposure.observed import Clauses, Entry, Known, Observed, Place


def observed(realm: str) -> Observed:
    """Return people, groups and places of a realm as they are stored."""
    names, principals = _principals(realm)
    return Observed(principals, _places(realm, names))


def documents(source: Connection) -> dict[int, int]:
    """Return how many live documents of a connection carry each policy."""
    live = Document.objects.live().filter(connection=source).order_by()
    return dict(live.values_list("policy_id").annotate(Count("pk")))


def policies_of(source: Connection, external_ids: Iterable[str]) -> dict[str, int]:
    """Return the policies of a connection's live documents, by external id."""
    live = Document.objects.live().filter(connection=source, external_id__in=list(external_ids))
    return dict(live.values_list("external_id", "policy_id"))


def clauses(policy_ids: Iterable[int]) -> dict[int, Clauses]:
    """Return stored policies by the keys of their places; one without any admits nobody."""
    rows = PolicyClause.objects.filter(policy_id__in=list(policy_ids))
    found: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for policy, clause, place in rows.values_list("policy_id", "clause", "acl__external_id"):
        found[policy][clause].add(place)
    return {
        policy: frozenset(frozenset(places) for places in by_clause.values())
        for policy, by_clause in found.items()
    }


def _principals(realm: str) -> tuple[dict[int, Name], dict[Name, Known]]:
    names: dict[int, Name] = {}
    found: dict[Name, Known] = {}
    for row in Principal.objects.filter(realm=realm).iterator():
        names[row.pk] = (row.kind, row.external_id)
        found[names[row.pk]] = Known(
            label=row.label,
            email=row.email,
            is_active=row.is_active,
            is_known=row.members_known,
            observed_at=row.observed_at,
            is_deleted=row.deleted_at is not None,
        )
    edges = Edge.objects.filter(group__realm=realm)
    for group, member, ends in edges.values_list("group_id", "member_id", "expires_at").iterator():
        found[names[group]].members[names[member]] = ends
    return names, found


def _places(realm: str, names: dict[int, Name]) -> dict[str, Place]:
    entries: dict[int, list[Entry]] = defaultdict(list)
    rows = AclEntry.objects.filter(content_object__realm=realm).values_list(
        "content_object_id", "group_id", "permission__codename", "ord", "sticky", "starts_at",
        "expires_at",
    )  # fmt: skip
    for acl, who, codename, rank, is_sticky, starts, ends in rows.iterator():
        allows = codename == "view_acl"
        entries[acl].append(Entry(names[who], allows, rank, is_sticky, starts, ends))
    acls = list(
        Acl.objects.filter(realm=realm).values_list(
            "pk", "external_id", "parent_id", "mode", "form", "observed_at"
        )
    )
    keys = {pk: external_id for pk, external_id, *_ in acls}
    return {
        external_id: Place(
            parent=keys.get(parent),
            cuts=mode == Mode.CUT,
            entries=tuple(entries[pk]),
            is_value=form == Form.VALUE,
            observed_at=at,
        )
        for pk, external_id, parent, mode, form, at in acls
    }
