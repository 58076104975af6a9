"""How PostgreSQL runs the vector search: by the plan that Kenward chose, in the tenant's part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from django.db import connection, connections
from numpy.typing import NDArray

from apps.acls import binary, resolve
from apps.acls.readable import Scope
from apps.documents import scope as scopes
from apps.search.filters import NONE, Filters
from apps.search.hits import Found
from apps.search.vectors import vector_index, vector_plan, vector_store
from apps.search.vectors.vector_plan import Reach
from apps.tenants.context import required_tenant_id, user_context
from tests.search import texts
from tests.search.library import Library
from tests.world import World

DIMENSION = 384


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    committed_library.share("staff/", committed_world.ada, committed_world.bo)
    committed_library.share("private/", committed_world.ada)
    for number in range(12):
        place = "staff/" if number % 2 else "private/"
        committed_library.add(f"{place}{number}.md", f"{texts.FERRET} {number}", place=place)
    return committed_library


@pytest.fixture(autouse=True)
def _no_estimates() -> Iterator[None]:
    vector_plan.forget()
    yield
    vector_plan.forget()


def question() -> NDArray[np.float32]:
    vector = np.random.default_rng(3).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


@contextmanager
def large_reach(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let these few passages be searched as a million would be."""
    with monkeypatch.context() as patch:
        patch.setattr(vector_plan, "reach", lambda _filters=NONE: Reach(500_000, 1_000_000))
        yield


def ask(
    shelf: Library,
    world: World,
    limit: int = 3,
    *,
    name: str = "ada",
    exact: bool = False,
    filters: Filters = NONE,
) -> Found:
    user = getattr(world, name)

    def run(scope: Scope) -> tuple[bool, Found]:
        found = vector_store.nearest(scope, question(), limit, exact=exact, filters=filters)
        return found.ok, found

    with shelf.work(), user_context(user.pk):
        return resolve.reading(user, run)


def explained(
    monkeypatch: pytest.MonkeyPatch,
    shelf: Library,
    world: World,
    *,
    exact: bool = False,
    filters: Filters = NONE,
) -> str:
    """Return the plan of the first statement that looks for vectors."""
    plans: list[str] = []
    run = scopes.rows

    def explaining(
        scope: Scope, select: str, order_by: str, params: dict[str, object]
    ) -> tuple[bool, list[tuple[object, ...]]]:
        bound = {**params, **scope.params, "tenant_id": required_tenant_id()}
        with binary.cursor() as cursor:
            cursor.execute(f"EXPLAIN {scopes.guarded(scope, select, order_by)}", bound)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return run(scope, select, order_by, params)

    with monkeypatch.context() as patch:
        patch.setattr(scopes, "rows", explaining)
        ask(shelf, world, exact=exact, filters=filters)
    return plans[0]


@pytest.mark.parametrize("exact", [False, True])
def test_only_the_tenants_partition_is_touched(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    plan = explained(monkeypatch, shelf, committed_world, exact=exact)
    assert len(set(re.findall(r"on (search_chunkvector_\d+)", plan))) == 1


def test_the_policies_drive_the_scan(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    plan = explained(monkeypatch, shelf, committed_world)
    with connection.cursor() as cursor:
        cursor.execute("RESET enable_seqscan")
    assert re.search(r"Index Cond: .*policy_id = ANY", plan)
    assert "Order By" not in plan, "few passages are compared exactly"


@pytest.mark.parametrize("filters", [NONE, Filters(sources=(1,))])
@pytest.mark.parametrize("exact", [False, True])
def test_many_passages_are_searched_through_the_graph_behind_the_wall(
    committed_world: World,
    shelf: Library,
    monkeypatch: pytest.MonkeyPatch,
    exact: bool,
    filters: Filters,
) -> None:
    with large_reach(monkeypatch):
        plan = explained(monkeypatch, shelf, committed_world, exact=exact, filters=filters)
    assert re.search(r"Index Scan using \w+ on search_chunkvector_\d+ p\b.*\n.*Order By", plan)
    assert "get_bit" in plan, "the reader's policies filter inside the scan"
    assert "Presorted" not in plan, "the graph's order is not the order by distance"


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", ["ada", "bo", "ida"])
def test_graph_finds_what_the_scan_finds(
    committed_world: World,
    shelf: Library,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    exact: bool,
) -> None:
    for limit in (1, 3, 50):
        scanned = ask(shelf, committed_world, limit, name=name, exact=exact)
        with large_reach(monkeypatch):
            searched = ask(shelf, committed_world, limit, name=name, exact=exact)
        assert searched.ok
        assert [hit.chunk_id for hit in searched.hits] == [hit.chunk_id for hit in scanned.hits]


def test_filter_narrows_either_plan_to_the_same(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Filters(folders=("private/",))
    everything = {hit.document_id for hit in ask(shelf, committed_world, 50).hits}
    scanned = ask(shelf, committed_world, 50, filters=some)
    with large_reach(monkeypatch):
        searched = ask(shelf, committed_world, 50, filters=some)
    found = {hit.document_id for hit in scanned.hits}
    assert len(found) == 6
    assert found < everything
    assert searched == scanned


def test_search_leaves_later_statements_their_plans(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(scope: Scope) -> tuple[bool, str]:
        vector_store.nearest(scope, question(), 3)
        with connection.cursor() as cursor:
            cursor.execute("SHOW enable_sort")
            return True, cursor.fetchone()[0]

    with large_reach(monkeypatch), shelf.work(), user_context(committed_world.ada.pk):
        assert resolve.reading(committed_world.ada, run) == "on"


def test_reach_counts_nothing_that_the_reader_may_not_see(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_plan, "FEW", 0)
    with shelf.work():
        table = vector_plan.partition()
    monkeypatch.setattr(vector_plan, "_look_up", lambda _tenant_id: (table, 12))
    private = Filters(folders=("private/",))
    seen = {}
    for name in ("ada", "bo", "ida"):
        user = getattr(committed_world, name)

        def run(_scope: Scope) -> tuple[bool, tuple[int, int]]:
            return True, (vector_plan.reach().permitted, vector_plan.reach(private).permitted)

        with shelf.work(), user_context(user.pk):
            seen[name] = resolve.reading(user, run)
    assert seen == {"ada": (12, 6), "bo": (6, 0), "ida": (0, 0)}


@pytest.mark.parametrize(
    ("permitted", "partition", "is_small"),
    [(2_000, 9_999_999, True), (2_001, 2_001, False), (20_000, 1_000_000, True)],
)
def test_rule(permitted: int, partition: int, is_small: bool) -> None:
    assert Reach(permitted, partition).is_small is is_small


@pytest.mark.parametrize(
    ("rows", "ef_search"),
    [(0, "200"), (300_000, "200"), (1_000_000, "606"), (10_000_000, "1000")],
)
def test_larger_graph_is_searched_further(rows: int, ef_search: str) -> None:
    assert vector_plan.settings(rows)["hnsw.ef_search"] == ef_search


def test_more_is_fetched_than_is_wanted() -> None:
    assert [vector_plan.candidates(limit) for limit in (1, 10, 60, 100)] == [70, 70, 90, 130]


@pytest.mark.django_db(databases=["default", "owner"])
def test_other_dimensions_get_an_index_and_break_nothing(
    committed_world: World, shelf: Library
) -> None:
    assert vector_index.is_there(DIMENSION)
    assert not vector_index._is_valid(8)
    owner = connections["owner"]
    try:
        vector_index.create(owner, 8)
        vector_index.create(owner, 8)
        assert vector_index._is_valid(8)
        assert ask(shelf, committed_world).hits, "rows of another dimension are left alone"
    finally:
        with owner.cursor() as cursor:
            cursor.execute(f"DROP INDEX {vector_index.name(8)}")


def test_index_cannot_have_more_dimensions_than_fit() -> None:
    with pytest.raises(ValueError, match="4001"):
        vector_index.create(connections["owner"], 4001)


def test_vectors_lie_in_the_row(committed_world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attstorage FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relname ~ '^search_chunkvector(_\\d+)?$' AND a.attname = 'embedding'"
        )
        assert cursor.fetchall() == [("p",)]
