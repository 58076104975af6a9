"""The one function that searches past row-level security: whatever it is asked, it keeps to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.acls import resolve
from apps.acls.models import Policy
from apps.search.words import terms
from apps.tenants.context import reader_context, tenant_context
from tests.search.library import Library, make_library
from tests.search.shelves import write
from tests.world import World

FERRET = terms.number("ferret")
QUESTION = f"{{{FERRET}:1}}/{terms.DIMENSIONS}"
ALL = list(range(100_000))


@pytest.fixture
def shelf(world: World, library: Library) -> Library:
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    write(library, "staff/one.md", ["the ferret lives here"], place="staff/")
    write(library, "private/two.md", ["the ferret is secret"], place="private/")
    return library


def named(policies: list[int] | None = None, documents: list[int] | None = None) -> list[int]:
    """Return the chunks that the function names when it is asked as by an attacker's statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM kenward_search_terms(%s::int[], '{}', %s::sparsevec, NULL,"
            " %s::bigint[], %s::bigint[], 1000)",
            [[FERRET], QUESTION, policies, documents],
        )
        return [row[0] for row in cursor.fetchall()]


def bits(library: Library, user: Any) -> str:
    with library.work():
        return resolve.policies_for(user).bits


def test_without_a_reader_it_names_nothing(world: World, shelf: Library) -> None:
    with shelf.work(), reader_context(""):
        assert named() == named(ALL) == named(ALL, ALL) == []


def test_forged_policies_open_nothing(world: World, shelf: Library) -> None:
    with shelf.work():
        every = list(Policy.objects.values_list("pk", flat=True))
    with shelf.work(), reader_context(bits(shelf, world.ada)):
        assert len(named([])) == 2
    with shelf.work(), reader_context(bits(shelf, world.bo)):
        assert len(named(every)) == len(named(ALL)) == 1
    with shelf.work(), reader_context(bits(shelf, world.ida)):
        assert named(every) == named(ALL) == []


def test_who_reads_everything_gets_only_the_policies_asked_for(
    world: World, shelf: Library
) -> None:
    with shelf.work():
        place = shelf.policy("staff/")
        assert len(named([place])) == 1
        assert named([]) == []


def test_without_a_tenant_it_names_nothing(world: World, shelf: Library) -> None:
    assert named(ALL) == []


def test_other_tenant_is_not_named(
    world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    umbra = make_library(world.umbra, monkeypatch)
    umbra.share("staff/", world.cy)
    write(umbra, "staff/one.md", ["another ferret"], place="staff/")
    with umbra.work():
        assert len(named(ALL)) == 1
    with shelf.work(), reader_context(bits(umbra, world.cy)):
        # Bits of one tenant mean other policies in another; they are never bound there.
        assert len(named(ALL)) <= 2
    with tenant_context(world.umbra), transaction.atomic(), reader_context(""):
        assert named(ALL) == []


def test_garbled_reader_is_an_error(world: World, shelf: Library) -> None:
    with (
        pytest.raises(DatabaseError),
        shelf.work(),
        transaction.atomic(),
        reader_context("no base64 at all!"),
    ):
        named(ALL)


@pytest.mark.django_db
def test_only_the_application_may_call_it_and_no_search_path_reaches_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT prosecdef, proconfig, array(SELECT grantee::regrole::text"
            "  FROM aclexplode(proacl) WHERE grantee <> proowner ORDER BY 1), current_user,"
            "  0::oid IN (SELECT grantee FROM aclexplode(proacl))"
            " FROM pg_proc WHERE proname = 'kenward_search_terms'"
        )
        (row,) = cursor.fetchall()
    is_definer, settings, grantees, application, is_public = row
    assert is_definer
    assert "search_path=pg_catalog, public, pg_temp" in settings
    assert grantees == [application]
    assert not is_public


def plan(database: str) -> str:
    with connections[database].cursor() as cursor, transaction.atomic(database):
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM search_chunkterms_0 WHERE terms && '{1}'")
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.django_db(databases=["default", "owner"])
def test_index_on_terms_is_used_by_the_owner_and_never_by_the_application() -> None:
    """Which is why there is the function; should this fail one day, it can go."""
    assert "terms_idx" in plan("owner")
    assert "terms_idx" not in plan("default")
