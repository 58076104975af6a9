"""What to say when nothing was found: which filter did it, what waits, and whom to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from apps.accounts.models import User
from apps.documents import scope as scopes
from apps.search.countable import IS_COUNTABLE
from apps.search.filters import NONE, Filters
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership, Role

_MOST_PEOPLE = 3
# What people call the filters that are taken away together: field of `Filters` -> in the address.
_FIELDS: dict[str, dict[str, str]] = {
    "the source": {"sources": "source"},
    "the type": {"kinds": "kind"},
    "the author": {"authors": "author"},
    "the dates": {"since": "since", "until": "until"},
    "the class": {"classes": "class"},
    "the collection": {"collections": "collection"},
    "the folder": {"folders": "folder"},
}
_WAITING = f"""
SELECT source.name, count(*) AS documents
FROM documents_document d
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE {IS_COUNTABLE} AND d.failure = '' AND d.indexed_version <> d.version
GROUP BY source.name
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Without:
    """Something would be found without some of the filters.

    Attributes:
        what: the filters, as people call them.
        count: documents that would be found, at most as many as a page lists.
        fields: these filters, as they stand in the address.
    """

    what: str
    count: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A source of which the reader's documents are not all searchable yet."""

    source: str
    documents: int


@dataclass(frozen=True, slots=True)
class Help:
    """What may have kept something from being found."""

    without: tuple[Without, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    people: tuple[str, ...] = ()


def advice(user: User, filters: Filters, count: Callable[[Filters], int]) -> Help:
    """Return what would help.

    Args:
        user: who found nothing.
        filters: that were on.
        count: returns how many readable documents are found with other filters.
    """
    without = [
        Without(what, found, fields)
        for what, fields, fewer in _fewer(filters)
        if (found := count(fewer))
    ]
    return Help(tuple(without), tuple(_waiting(user)), tuple(_people()))


def _fewer(filters: Filters) -> Iterator[tuple[str, tuple[str, ...], Filters]]:
    """Yield what is taken away, and what stays: each kind of filter by itself, then all."""
    used = {
        what: fields
        for what, fields in _FIELDS.items()
        if any(getattr(filters, field) for field in fields)
    }
    for what, fields in used.items():
        fewer = replace(filters, **{field: getattr(NONE, field) for field in fields})
        if fewer or len(used) == 1:
            yield what, tuple(fields.values()), fewer
    if len(used) > 1:
        every = tuple(name for fields in used.values() for name in fields.values())
        yield "all filters", every, NONE


def _waiting(user: User) -> Iterator[Waiting]:
    rows = scopes.rows_for(user, _WAITING, "found.documents DESC, found.name", {})
    for name, documents in rows:
        yield Waiting(name, documents)


def _people() -> Iterator[str]:
    """Yield whom to ask for access: IT admins of the tenant, by name."""
    admins = Membership.objects.usable().filter(tenant_id=required_tenant_id(), role=Role.IT_ADMIN)
    for membership in admins.select_related("user").order_by("user__name")[:_MOST_PEOPLE]:
        yield membership.user.get_full_name()
