"""How many documents there are of each source, kind, author, age and class: readable ones only.

Without a question the readable documents are counted, those of large reach by a sample: documents
whose id hashes to a sixteenth, for which there is an index (migration 0007). Such counts are
estimates, and said to be. With a question the documents that were found are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal

from apps.accounts.models import User
from apps.acls.classes import Classification
from apps.documents import file_kinds
from apps.documents import scope as scopes
from apps.search.countable import IS_COUNTABLE
from apps.search.filters import NONE, Filters
from apps.search.understanding.names import Source

Field = Literal["source", "kind", "author", "since", "class"]
# About up to here every document is counted.
EXACT_UP_TO = 10_000
# One document in so many is in the sample.
SAMPLE: Final = 16
IN_SAMPLE: Final = f"(hashint8(d.id) & {SAMPLE - 1}) = 0"
_MOST_VALUES = 8
# Ages, the youngest first, in days.
_AGES = {7: "Past week", 31: "Past month", 92: "Past three months", 366: "Past year"}

_COUNT = """
SELECT grouping(d.connection_id, d.mime_type, d.author, d.classification, d.age) AS which,
    d.connection_id, d.mime_type, d.author, d.classification, d.age,
    source.uuid, source.name, count(*) AS documents
FROM (
    SELECT d.connection_id, d.mime_type, d.author, d.classification, d.tenant_id,
        width_bucket(%(today)s::date - d.source_modified_at::date, %(ages)s::int[]) AS age
    FROM documents_document d
    WHERE {is_countable} AND {condition} AND {among}
) d
LEFT JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
GROUP BY GROUPING SETS ((d.connection_id, source.uuid, source.name), (d.mime_type), (d.author),
    (d.classification), (d.age), ())
"""
# What `grouping` says of the columns that a row is not of, by its bits.
_TOTAL, _SOURCE, _TYPE, _AUTHOR, _CLASS, _AGE = 0b11111, 0b01111, 0b10111, 0b11011, 0b11101, 0b11110


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet: what stands in the address, what people read, how many."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its most frequent values; `more` others are not listed."""

    field: Field
    label: str
    values: tuple[Value, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """What was counted.

    Attributes:
        total: documents.
        is_about: the numbers are estimates from a sample.
        facets: those with any value.
    """

    total: int = 0
    is_about: bool = False
    facets: tuple[Facet, ...] = ()

    @property
    def choices(self) -> tuple[Facet, ...]:
        """The facets with those values alone that would leave fewer documents."""
        narrowing = (
            replace(facet, values=tuple(one for one in facet.values if one.count < self.total))
            for facet in self.facets
        )
        return tuple(facet for facet in narrowing if facet.values)


def of_all(user: User, filters: Filters = NONE, *, today: date) -> Facets:
    """Count everything that the person may read, within the filters.

    Args:
        user: who looks.
        filters: what else the documents must be.
        today: the reader's day, from which ages are counted.
    """
    # The sample first: whoever reads little has a small one, and who reads much needs no more.
    about = _counted(user, filters, IN_SAMPLE, {"today": today}, times=SAMPLE)
    return about if about.total > EXACT_UP_TO else _counted(user, filters, "TRUE", {"today": today})


def among(user: User, document_ids: Collection[int], *, today: date) -> Facets:
    """Count those of the documents that the person may read.

    Args:
        user: who looks.
        document_ids: of the bound tenant.
        today: the reader's day.
    """
    if not document_ids:
        return Facets()
    which = "d.id = ANY (%(documents)s::bigint[])"
    params = {"today": today, "documents": list(document_ids)}
    return _counted(user, NONE, which, params)


def _counted(
    user: User, filters: Filters, which: str, params: Mapping[str, Any], *, times: int = 1
) -> Facets:
    select = _COUNT.format(is_countable=IS_COUNTABLE, condition=filters.condition, among=which)
    told = {**filters.params, **params, "ages": [days + 1 for days in _AGES]}
    rows = scopes.rows_for(user, select, "found.documents DESC", told)
    total = sum(row[-1] for row in rows if row[0] == _TOTAL)
    found = (
        _sources(rows),
        _kinds(rows),
        _plain("author", "Author", {row[3]: row[-1] for row in rows if row[0] == _AUTHOR}),
        _ages(rows, params["today"]),
        _classes(rows),
    )
    kept = (_times(facet, times) for facet in found if facet.values)
    return Facets(total * times, times > 1, tuple(kept))


def _times(facet: Facet, times: int) -> Facet:
    values = tuple(Value(one.value, one.label, one.count * times) for one in facet.values)
    return replace(facet, values=values)


def _sources(rows: Sequence[tuple[Any, ...]]) -> Facet:
    counts = {
        Source(row[1], row[6], row[7]): row[-1]
        for row in rows
        if row[0] == _SOURCE and row[6] is not None
    }
    values = [Value(str(one.uuid), one.name, count) for one, count in counts.items()]
    return _facet("source", "Source", values)


def _kinds(rows: Sequence[tuple[Any, ...]]) -> Facet:
    counts: Counter[str] = Counter()
    for row in rows:
        if row[0] == _TYPE:
            counts[file_kinds.of(row[2]).key] += row[-1]
    values = [Value(key, file_kinds.KINDS[key].label, count) for key, count in counts.items()]
    return _facet("kind", "Type", values)


def _classes(rows: Sequence[tuple[Any, ...]]) -> Facet:
    counts = {row[4]: row[-1] for row in rows if row[0] == _CLASS}
    listed = [Value(one.value, str(one.label), counts.get(one.value, 0)) for one in Classification]
    return Facet("class", "Class", tuple(one for one in listed if one.count))


def _ages(rows: Sequence[tuple[Any, ...]], today: date) -> Facet:
    """Count up to each age: what changed in the past week did so in the past month, too."""
    counts = {row[5]: row[-1] for row in rows if row[0] == _AGE and row[5] is not None}
    values, so_far, before = [], 0, 0
    for place, (days, label) in enumerate(_AGES.items()):
        so_far += counts.get(place, 0)
        if so_far > before:
            values.append(Value((today - timedelta(days=days)).isoformat(), label, so_far))
        before = so_far
    return Facet("since", "Changed", tuple(values))


def _plain(field: Field, label: str, counts: Mapping[str, int]) -> Facet:
    return _facet(
        field, label, [Value(name, name, count) for name, count in counts.items() if name]
    )


def _facet(field: Field, label: str, values: Sequence[Value]) -> Facet:
    ranked = sorted(values, key=lambda one: (-one.count, one.label))
    return Facet(field, label, tuple(ranked[:_MOST_VALUES]), max(len(ranked) - _MOST_VALUES, 0))
