"""The approximate index over vectors: one HNSW graph per partition and dimension.

The column has no fixed dimension, because the deployment chooses the model: an index covers the
rows of one dimension. The built-in model's is made by a migration, others by `index_vectors`.
Source: Malkov, Yashunin, TPAMI 2020 (HNSW); https://github.com/pgvector/pgvector.
"""

from __future__ import annotations

import time
from typing import Final

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

# What the graph is made with; `vector_plan` has what it is searched with.
_M, _EF_CONSTRUCTION = 16, 128
_MOST_DIMENSIONS: Final = 4_000  # of a halfvec that an HNSW index holds
_ASK_AGAIN_S = 60.0


def name(dimension: int) -> str:
    """Return the name of the index over vectors of so many dimensions."""
    return f"search_chunkvector_hnsw_{dimension}"


def distance(dimension: int) -> str:
    """Return the SQL of the cosine distance to %(vector)s, as the index has it."""
    return f"p.embedding::halfvec({dimension:d}) <=> %(vector)s::halfvec({dimension:d})"


def covers(dimension: int) -> str:
    """Return the SQL condition under which a row is in the index."""
    return f"vector_dims(p.embedding) = {dimension:d}"


def create(owner: BaseDatabaseWrapper, dimension: int) -> None:
    """Make the index where there is none; nobody can write vectors meanwhile.

    Args:
        owner: a connection of the role that owns the tables.
        dimension: 1 to 4,000.
    """
    if not 1 <= dimension <= _MOST_DIMENSIONS:
        raise ValueError(f"No index can hold vectors of {dimension} dimensions.")
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {name(dimension)} ON search_chunkvector"
            f" USING hnsw ((embedding::halfvec({dimension})) halfvec_cosine_ops)"
            f" WITH (m = {_M}, ef_construction = {_EF_CONSTRUCTION})"
            f" WHERE vector_dims(embedding) = {dimension}"
        )


def is_there(dimension: int) -> bool:
    """Say whether every partition has a usable index over vectors of so many dimensions.

    What was found is remembered; an index that is missed is looked for again after a minute.
    """
    return _known.has(dimension)


class _Known:
    """Dimensions that were looked for."""

    def __init__(self) -> None:
        self._there: set[int] = set()
        self._missed_at: dict[int, float] = {}

    def has(self, dimension: int) -> bool:
        if dimension in self._there:
            return True
        missed_at = self._missed_at.get(dimension)
        if missed_at is not None and time.monotonic() - missed_at < _ASK_AGAIN_S:
            return False
        if _is_valid(dimension):
            self._there.add(dimension)
            return True
        self._missed_at[dimension] = time.monotonic()
        return False


def _is_valid(dimension: int) -> bool:
    # A partitioned index is valid once it is attached in every partition, and valid there.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name(dimension)]
        )
        row = cursor.fetchone()
    return bool(row and row[0])


_known = _Known()
