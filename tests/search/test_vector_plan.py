"""How PostgreSQL runs the vector search: inside the tenant's partition, driven by the policies."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.db import connection
from pgvector import HalfVector

from apps.acls import binary, resolve
from apps.documents import scope as scopes
from apps.search import vector_store
from apps.tenants.context import required_tenant_id
from tests.search import texts
from tests.search.library import Library
from tests.world import World


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    committed_library.share("staff/", committed_world.ada)
    committed_library.add("staff/ferret.md", texts.FERRET, place="staff/")
    return committed_library


def plan(world: World, shelf: Library, *, exact: bool) -> str:
    with shelf.work():
        scope = resolve.policies_for(world.ada).scope()
        source, is_readable = scopes.passages("search_chunkvector", exact=exact)
        select = vector_store._NEAREST.format(source=source, is_readable=is_readable)
        statement = scopes.guarded(scope, select, "found.distance, found.id")
        vector = HalfVector(np.full(384, 0.05, np.float32)).to_text()
        values = {"vector": vector, "limit": 5, "tenant_id": required_tenant_id()}
        with binary.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", {**values, **scope.params})
            return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("exact", [False, True])
def test_only_the_tenants_partition_is_touched(
    committed_world: World, shelf: Library, exact: bool
) -> None:
    partitions = set(
        re.findall(r"search_chunkvector_\d+", plan(committed_world, shelf, exact=exact))
    )
    assert len(partitions) == 1


def test_the_policies_drive_the_index(committed_world: World, shelf: Library) -> None:
    assert re.search(r"Index Cond: .*policy_id = ANY", plan(committed_world, shelf, exact=False))


def test_vectors_lie_in_the_row(committed_world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attstorage FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relname LIKE 'search\\_chunkvector%' AND a.attname = 'embedding'"
        )
        assert cursor.fetchall() == [("p",)]
