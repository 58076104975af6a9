"""Which plan a vector search takes: Kenward's choice, not the planner's.

With few permitted passages the exact scan is fastest, with many the index; in between PostgreSQL
cannot know, since it sees neither through the readable set nor into row-level security. Either plan
is right whatever is estimated here: where the index comes back with too little, the search is
repeated exactly. docs/performance.md has the measurements that the constants come from.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from django.db import connection

from apps.search.filters import NONE, Filters
from apps.search.vectors import vector_index
from apps.tenants import context

# Up to so many passages the exact scan takes about a millisecond.
FEW = 2_000
# Measured: both plans take equally long where n * n is about so many times the partition's rows.
CROSSOVER = 700

# What recall depends on; local to the transaction. enable_sort leaves no way to the order but the
# index. Without iterative scans a filter would silently lose most of what it should find.
SETTINGS: Final = {
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": "20000",
    "hnsw.scan_mem_multiplier": "2",
}
_FORCED: Final = {"enable_sort": "off"}
# The more a graph holds, the further it has to be searched for the same recall: measured at 300,000
# and at 1,000,000 passages. pgvector takes 1,000 at most.
_LEAST_EF_SEARCH, _MOST_EF_SEARCH, _ROWS_FOR_EACH = 200, 1_000, 1_650
# Relaxed order is not quite in order, and stops at the last row that is wanted.
_SPARE, _FEWEST_CANDIDATES = 30, 70

_SAMPLED_ROWS = 2_000
_KEPT_S, _MOST_KEPT = 60.0, 2_000

# How many rows the tenant's partition holds: as of its last ANALYZE, scaled to its size now.
_PARTITION = """
SELECT c.relname, CASE WHEN c.reltuples > 0 THEN c.reltuples / greatest(c.relpages, 1) ELSE 8 END
    * (pg_relation_size(c.oid) / current_setting('block_size')::int)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'search_chunkvector'::regclass AND satisfies_hash_partition(
    i.inhparent, 16, substring(c.relname FROM '[0-9]+$')::int, %s::bigint)
"""
# Row-level security leaves of the sample what the bound reader may see: nothing else is read.
_SAMPLE = """
SELECT count(*) FROM {table} p TABLESAMPLE SYSTEM (%(percent)s) {documents}
WHERE p.tenant_id = %(tenant_id)s AND {condition}
"""
_DOCUMENTS = (
    "JOIN documents_document d ON d.tenant_id = p.tenant_id AND d.id = p.document_id"
    " AND d.tenant_id = %(tenant_id)s"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a reader may see.

    Attributes:
        permitted: passages, estimated from a sample.
        partition: passages that the graph holds, of whatever tenant.
    """

    permitted: int
    partition: int

    @property
    def is_small(self) -> bool:
        """Whether the exact scan is the faster plan."""
        return self.permitted <= FEW or self.permitted**2 <= CROSSOVER * self.partition


def takes_index(dimension: int, filters: Filters = NONE) -> bool:
    """Say whether the search for the bound reader goes through the index.

    Args:
        dimension: of the vectors.
        filters: what the documents must be.
    """
    if not vector_index.is_there(dimension) or reach().is_small:
        return False
    return not filters or not reach(filters).is_small


def reach(filters: Filters = NONE) -> Reach:
    """Return how much the bound reader may see, at most a minute old.

    Args:
        filters: only what is so counts.
    """
    tenant_id = context.required_tenant_id()
    reader = context.parameters()[-1]
    key = (tenant_id, hash(reader), filters)
    found = _reaches.get(key)
    if found is None:
        found = _estimate(tenant_id, filters)
        _reaches.put(key, found)
    return found


def forget() -> None:
    """Drop what was estimated; for tests and measurements that load many rows at once."""
    _reaches.clear()


def settings(rows: int) -> dict[str, str]:
    """Return what is set while the index is searched.

    Args:
        rows: that the graph holds.
    """
    ef_search = min(max(rows // _ROWS_FOR_EACH, _LEAST_EF_SEARCH), _MOST_EF_SEARCH)
    return SETTINGS | {"hnsw.ef_search": str(ef_search)}


def candidates(limit: int) -> int:
    """Return how many passages are fetched through the index for so many that are wanted."""
    return max(limit + _SPARE, _FEWEST_CANDIDATES)


@contextmanager
def searching() -> Iterator[None]:
    """Let statements in the block go through the index; inside a transaction."""
    wanted = settings(reach().partition) | _FORCED
    with connection.cursor() as cursor:
        cursor.execute(_SET, [part for pair in wanted.items() for part in pair])
        yield
        # Not in a `finally`: after an error the transaction is rolled back, and this with it.
        cursor.execute(_RESET)


def partition() -> str:
    """Return the table that holds the bound tenant's vectors.

    Naming it spares PostgreSQL to plan for all sixteen, which takes longer than a short scan. It
    has the same row-level security as the whole.
    """
    tenant_id = context.required_tenant_id()
    if tenant_id not in _partitions:
        _partitions[tenant_id] = _look_up(tenant_id)[0]
    return _partitions[tenant_id]


def _estimate(tenant_id: int, filters: Filters) -> Reach:
    table, rows = _look_up(tenant_id)
    if rows <= FEW:
        return Reach(rows, rows)
    share = min(1.0, _SAMPLED_ROWS / rows)
    statement = _SAMPLE.format(
        table=table, documents=_DOCUMENTS if filters else "", condition=filters.condition
    )
    with connection.cursor() as cursor:
        values = {"percent": share * 100, "tenant_id": tenant_id}
        cursor.execute(statement, filters.params | values)
        return Reach(int(cursor.fetchone()[0] / share), rows)


def _look_up(tenant_id: int) -> tuple[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTITION, [tenant_id])
        table, rows = cursor.fetchone()
    return str(table), int(rows)


_Key = tuple[int, int, Filters]


class _Reaches:
    """The latest estimates, by tenant, reader and filters."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[_Key, tuple[float, Reach]] = OrderedDict()

    def get(self, key: _Key) -> Reach | None:
        with self._lock:
            made_at, found = self._kept.get(key, (0.0, None))
        return found if time.monotonic() - made_at < _KEPT_S else None

    def put(self, key: _Key, reach: Reach) -> None:
        with self._lock:
            self._kept[key] = (time.monotonic(), reach)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


_reaches = _Reaches()
# Which partition a tenant's hash leads to never changes.
_partitions: dict[int, str] = {}
_SET = "SELECT " + ", ".join(["set_config(%s, %s, true)"] * len(settings(0) | _FORCED))
# An empty value would be an error, NULL is the default.
_RESET = "SELECT " + ", ".join(f"set_config('{name}', NULL, true)" for name in _FORCED)
