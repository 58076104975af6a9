"""The second wall: whoever forgets the filter sees only what the bound reader may read anyway."""

from __future__ import annotations

import ast
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from apps.acls import resolve
from apps.acls.models import Policy
from apps.acls.readable import Scope, bit_string
from apps.documents.models import DocumentText
from apps.search.indexer import repoint
from apps.search.models import Chunk, ChunkTerms, ChunkVector
from apps.tenants.context import reader_context, tenant_context, user_context
from tests.search import texts
from tests.search.library import Library, make_library
from tests.world import World

TABLES = (Chunk, ChunkTerms, ChunkVector, DocumentText)


@pytest.fixture
def shelf(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    library = make_library(committed_world.acme, monkeypatch)
    library.share("staff/", committed_world.ada, committed_world.bo)
    library.share("private/", committed_world.ada)
    library.add("staff/ferret.md", texts.FERRET, place="staff/")
    library.add("private/travel.md", texts.TRAVEL, place="private/")
    return library


@contextmanager
def behind_the_wall(library: Library, bits: str = "") -> Iterator[None]:
    with library.work(), reader_context(bits):
        yield


def paths_seen() -> dict[str, set[str]]:
    """Return what code that forgets every filter sees, by table."""
    found = {}
    for model in TABLES:
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT d.path FROM {table} t JOIN documents_document d ON d.id = t.document_id"
            )
            found[table] = {path for (path,) in cursor.fetchall()}
    return found


def unpacked(bits: str) -> NDArray[np.uint8]:
    raw = base64.b64decode(bits)
    return np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")


def test_without_a_reader_there_is_no_text_no_passage_and_no_vector(shelf: Library) -> None:
    with behind_the_wall(shelf):
        assert paths_seen() == {model._meta.db_table: set() for model in TABLES}
        with connection.cursor() as cursor:
            for remainder in range(16):
                for table in ("search_chunkvector", "search_chunkterms"):
                    cursor.execute(f"SELECT count(*) FROM {table}_{remainder}")
                    assert cursor.fetchone() == (0,)


def test_forgotten_filter_shows_what_the_reader_may_read_and_nothing_else(
    shelf: Library, committed_world: World
) -> None:
    def run(_scope: Scope) -> tuple[bool, dict[str, set[str]]]:
        return True, paths_seen()

    seen = {}
    for user in (committed_world.ada, committed_world.bo, committed_world.ida):
        with behind_the_wall(shelf):
            seen[user.name] = resolve.reading(user, run)
            assert not any(paths_seen().values()), "the reader outlived its statement"
    for table in (model._meta.db_table for model in TABLES):
        assert seen["Ada"][table] == {"staff/ferret.md", "private/travel.md"}
        assert seen["Bo"][table] == {"staff/ferret.md"}
        assert seen["Ida"][table] == set()


def test_reader_of_a_request_is_not_the_one_of_the_process(shelf: Library) -> None:
    """The fixture of all tests reads everything; binding a person takes that back."""
    with shelf.work():
        assert all(paths_seen().values())
        with user_context(1):
            assert not any(paths_seen().values())


def test_moved_documents_text_follows_at_once_and_its_passages_are_closed_meanwhile(
    shelf: Library, committed_world: World
) -> None:
    with shelf.work():
        bos = resolve.policies_for(committed_world.bo).bits
        moved = Chunk.objects.filter(document__path="private/travel.md").first()
        assert moved is not None
        document = moved.document
    shelf.move(document, "staff/")
    with behind_the_wall(shelf, bos):
        seen = paths_seen()
    assert "private/travel.md" in seen["documents_documenttext"]
    for table in ("search_chunk", "search_chunkterms", "search_chunkvector"):
        assert "private/travel.md" not in seen[table]
    with tenant_context(shelf.tenant):
        repoint.repoint_chunks(10)
    with behind_the_wall(shelf, bos):
        assert all("private/travel.md" in paths for paths in paths_seen().values())


def test_array_bits_and_join_admit_the_same_policies(
    shelf: Library, committed_world: World
) -> None:
    with shelf.work():
        readable = resolve.policies_for(committed_world.ada)
        ordinals = dict(Policy.objects.values_list("pk", "ordinal"))
        ones = np.flatnonzero(unpacked(readable.bits)).tolist()
        assert sorted(ordinals[pk] for pk in readable.ids.tolist()) == ones
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT p.id FROM acls_policy p, decode(%s, 'base64') bits"
                " WHERE CASE WHEN p.ordinal < length(bits) * 8"
                " THEN get_bit(bits, p.ordinal) = 1 ELSE false END ORDER BY p.id",
                [readable.bits],
            )
            assert [pk for (pk,) in cursor.fetchall()] == readable.ids.tolist()


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 5000)), st.integers(0, 6000))
def test_bits_hold_exactly_the_ordinals(ordinals: set[int], beyond: int) -> None:
    bits = unpacked(bit_string(np.array(sorted(ordinals), np.int64)))
    assert set(np.flatnonzero(bits).tolist()) == ordinals
    assert (beyond < len(bits) and bool(bits[beyond])) == (beyond in ordinals)


def test_policy_made_after_the_bits_is_closed_and_no_error(
    shelf: Library, committed_world: World
) -> None:
    with shelf.work():
        bits = resolve.policies_for(committed_world.ada).bits
    for number in range(40):  # ordinals far beyond the bits
        shelf.share(f"later{number}/", committed_world.ada)
    shelf.add("later39/new.md", texts.FERRET, place="later39/")
    with behind_the_wall(shelf, bits):
        assert all("later39/new.md" not in paths for paths in paths_seen().values())


def test_garbled_reader_is_an_error_and_shows_nothing(shelf: Library) -> None:
    with (
        pytest.raises(DatabaseError),
        shelf.work(),
        transaction.atomic(),
        reader_context("no base64 at all!"),
    ):
        paths_seen()


# Where Kenward itself has to see all passages, and why.
MAY_READ_EVERYTHING = {
    "apps/tenants/context.py": "defines it",
    "apps/search/indexer/indexing.py": "replaces a document's passages",
    "apps/search/indexer/repoint.py": "lets passages follow their documents",
    "apps/search/management/commands/reindex.py": "empties the vectors",
    "apps/ops/evaluation/corpus.py": "counts the passages of a collection in a database of its own",
    "apps/ops/evaluation/answers.py": "judges what was cited of such a collection",
}


def test_only_indexing_reads_everything() -> None:
    root = Path(__file__).parents[2]
    found = set()
    for path in [*root.glob("apps/**/*.py"), *root.glob("config/**/*.py")]:
        names = {
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Name | ast.Attribute)
        }
        if {"unrestricted_reading", "EVERYTHING"} & names:
            found.add(str(path.relative_to(root)))
    assert found == set(MAY_READ_EVERYTHING), (
        "Code that acts for a person must not see all passages. If this is Kenward's own work,"
        f" add it to the list with its reason: {found ^ set(MAY_READ_EVERYTHING)}"
    )
