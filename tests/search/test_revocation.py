"""Who loses a document loses its passages with the next statement; nobody gets them by a detour."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, transaction

from apps.acls import resolve
from apps.acls.models import AclEntry
from apps.documents.models import Document
from apps.search import release, retrieve
from apps.search.hits import Hit
from apps.search.indexer import repoint
from apps.search.models import Chunk, ChunkVector
from apps.search.understanding import spelling
from apps.search.vectors import vector_store
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.library import Library, make_library
from tests.world import World


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Library:
    world = committed_world
    committed_library.share("staff/", world.ada, world.bo)
    committed_library.share("private/", world.ada)
    committed_library.add("staff/ferret.md", texts.FERRET, place="staff/")
    committed_library.add("private/leave.md", texts.PARENTAL, place="private/")
    return committed_library


def test_revocation_between_caching_and_asking_holds(
    committed_world: World, shelf: Library
) -> None:
    ada = committed_world.ada
    with shelf.work():
        cached = resolve.policies_for(ada).scope()
        assert retrieve.retrieve("parental leave", cached, 5).passages
    with shelf.work():
        AclEntry.objects.filter(content_object__external_id="private/").delete()
    with shelf.work():
        found = retrieve.retrieve("parental leave", cached, 5)
        assert not found.ok, "the cached set must not be believed any more"
        assert found.passages == ()
    assert shelf.paths(ada, "parental leave") == []
    assert shelf.paths(ada, "ferret") == ["staff/ferret.md"], "what is left is still found"


def test_revocation_between_finding_and_releasing_holds(
    committed_world: World, shelf: Library
) -> None:
    ada = committed_world.ada
    with shelf.work():
        cached = resolve.policies_for(ada).scope()
        hits = _hits_of_everything()
        assert len(release.release(cached, hits, 10).passages) == len(hits)
        _in_another_connection(
            "DELETE FROM acls_aclentry e USING acls_acl a"
            " WHERE a.id = e.content_object_id AND a.external_id = 'private/'",
            shelf,
        )
        after = release.release(cached, hits, 10)
    assert not after.ok
    assert after.passages == ()


def test_moved_document_is_released_by_its_own_policy_alone(
    committed_world: World, shelf: Library
) -> None:
    bo = committed_world.bo
    with shelf.work():
        document = Document.objects.get(path="staff/ferret.md")
    assert shelf.paths(bo, "ferret") == ["staff/ferret.md"]
    shelf.move(document, "private/")
    with shelf.work():
        assert (
            Chunk.objects.exclude(policy_id=document.policy_id).filter(document=document).count()
            == 0
        )
    assert shelf.paths(bo, "ferret") == []
    assert shelf.paths(committed_world.ada, "ferret") == ["staff/ferret.md"]


def test_search_that_had_to_drop_something_misses_nothing(
    committed_world: World, shelf: Library
) -> None:
    """Bo may not read the many ferrets any more, and must still find those that he may."""
    bo = committed_world.bo
    shelf.let_copies_stand()
    for number in range(5):
        moved = shelf.add(f"staff/ferret{number}.md", texts.FERRET, place="staff/")
        shelf.move(moved, "private/")
    arrived = shelf.add("private/arrived.md", texts.FERRET, place="private/")
    shelf.move(arrived, "staff/")
    # Until the passages have followed, the old policy and the new one must both admit him.
    assert shelf.paths(bo, "ferret Bramble") == ["staff/ferret.md"]
    with tenant_context(shelf.tenant):
        repoint.repoint_chunks(10)
    assert sorted(shelf.paths(bo, "ferret Bramble")) == ["private/arrived.md", "staff/ferret.md"]


def test_a_word_of_what_was_just_lost_is_spelt_as_if_nothing_had_it(
    committed_world: World, shelf: Library
) -> None:
    bo = committed_world.bo
    lost = shelf.add("staff/note.md", "# Note\n\nThe ferrest runs.", place="staff/")
    with shelf.work():
        assert spelling.corrected(bo, "ferrest") is None, "it is a word of a readable passage"
    shelf.move(lost, "private/")  # the passages have not followed yet
    with shelf.work():
        better = spelling.corrected(bo, "ferrest")
    assert better is not None and better.text == "ferret"


def test_deleted_document_is_not_released(committed_world: World, shelf: Library) -> None:
    with shelf.work():
        Document.objects.filter(path="staff/ferret.md").update(deleted_at="2026-01-01T00:00Z")
    assert shelf.paths(committed_world.bo, "ferret") == []


def test_passages_follow_their_documents_policy(committed_world: World, shelf: Library) -> None:
    with shelf.work():
        moved = Document.objects.get(path="staff/ferret.md")
        gone = Document.objects.get(path="private/leave.md")
    shelf.move(moved, "private/")
    with shelf.work():
        Document.objects.filter(pk=gone.pk).update(deleted_at="2026-01-01T00:00Z")
    with tenant_context(shelf.tenant):
        assert repoint.repoint_chunks(10) == 2
        assert repoint.repoint_chunks(10) == 0
    with shelf.work():
        moved.refresh_from_db()
        assert moved.chunks_policy_id == moved.policy_id
        assert set(Chunk.objects.values_list("document_id", "policy_id")) == {
            (moved.pk, moved.policy_id)
        }
        assert set(ChunkVector.objects.values_list("document_id", "policy_id")) == {
            (moved.pk, moved.policy_id)
        }


def test_repointing_works_in_batches(committed_world: World, shelf: Library) -> None:
    for number in range(3):
        shelf.move(shelf.add(f"staff/{number}.md", texts.TRAVEL, place="staff/"), "private/")
    with tenant_context(shelf.tenant):
        assert [repoint.repoint_chunks(2), repoint.repoint_chunks(2)] == [2, 1]


def test_other_tenants_scope_and_ids_release_nothing(
    committed_world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = committed_world
    with shelf.work():
        adas = resolve.policies_for(world.ada).scope()
        hits = _hits_of_everything()
    umbra = make_library(world.umbra, monkeypatch)
    umbra.share("staff/", world.cy)
    umbra.add("staff/ferret.md", texts.FERRET, place="staff/")
    with umbra.work():
        cys = resolve.policies_for(world.cy).scope()
        assert release.release(cys, hits, 10).passages == ()
        assert release.release(adas, hits, 10).passages == ()


def test_nothing_is_found_outside_a_tenant(committed_world: World, shelf: Library) -> None:
    with shelf.work():
        scope = resolve.policies_for(committed_world.ada).scope()
        hits = _hits_of_everything()
    with transaction.atomic(), tenant_context(shelf.tenant):
        assert release.release(scope, hits, 10).passages
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM search_chunk")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM search_chunkvector_0")
        assert cursor.fetchone() == (0,)


def _hits_of_everything() -> list[Hit]:
    return [
        Hit(pk, document_id, 1.0, ())
        for pk, document_id in Chunk.objects.order_by("pk").values_list("pk", "document_id")
    ]


def _in_another_connection(statement: str, shelf: Library) -> None:
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shelf.tenant.pk)])
        assert other.execute(statement).rowcount > 0


def test_vector_store_and_chunks_agree(committed_world: World, shelf: Library) -> None:
    with shelf.work():
        for document in Document.objects.all():
            ids = set(Chunk.objects.filter(document=document).values_list("pk", flat=True))
            assert vector_store.chunks_with_vector(document.pk) == ids
