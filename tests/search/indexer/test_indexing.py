"""From a source's file to passages: what is written, what is kept, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import transaction

from apps.connections.errors import ItemForbidden, ItemGone, SourceUnavailable
from apps.documents.models import Document, DocumentText
from apps.search.embeddings import embedding, embedding_models
from apps.search.embeddings.embedding import EmbeddingMismatch
from apps.search.embeddings.embedding_models import EmbeddingModelChanged
from apps.search.models import Chunk, ChunkVector, EmbeddingModel
from tests.search import texts
from tests.search.library import Library
from tests.world import World


@pytest.fixture
def shelf(world: World, library: Library) -> Library:
    library.share("staff/", world.ada)
    return library


def sections(count: int, changed: int | None = None) -> str:
    parts = ["# Handbook"]
    for number in range(count):
        word = "rewritten" if number == changed else "ordinary"
        parts.append(f"## Part {number}\n\n" + f"Sentence of {word} part {number}. " * 35)
    return "\n\n".join(parts)


def vectors(document: Document) -> dict[int, list[float]]:
    return dict(ChunkVector.objects.filter(document_id=document.pk).values_list("pk", "embedding"))


def test_indexed_document_has_text_chunks_and_vectors(shelf: Library) -> None:
    document = shelf.put("staff/travel.md", texts.TRAVEL, place="staff/")
    outcome = shelf.index(document)
    with shelf.work():
        document.refresh_from_db()
        text = DocumentText.objects.get(document=document)
        chunks = list(Chunk.objects.filter(document=document).order_by("ordinal"))
        assert outcome.state == "indexed"
        assert document.state == "searchable"
        assert document.title == "Travel policy"
        assert document.chunks_policy_id == document.policy_id
        assert text.version == document.indexed_version == 1
        assert len(chunks) == outcome.chunks == outcome.embedded
        assert set(vectors(document)) == {chunk.pk for chunk in chunks}
        assert {chunk.policy_id for chunk in chunks} == {document.policy_id}


def test_vector_is_the_models_own(shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    with shelf.work():
        (stored,) = vectors(document).values()
        chunk = Chunk.objects.get(document=document)
    model = embedding.embedder()
    candidates = model.embed([chunk.text, "\n".join([*chunk.heading_path, chunk.text])])
    assert (candidates @ np.array(stored)).max() > 0.9999


def test_unchanged_passages_keep_their_rows_and_vectors(shelf: Library) -> None:
    document = shelf.add("staff/handbook.md", sections(6), place="staff/")
    with shelf.work():
        before = vectors(document)
    shelf.put("staff/handbook.md", sections(6, changed=2), place="staff/")
    outcome = shelf.index(document)
    with shelf.work():
        after = vectors(document)
        ordinals = Chunk.objects.filter(document=document).order_by("start")
        assert [chunk.ordinal for chunk in ordinals] == list(range(outcome.chunks))
    kept = set(before) & set(after)
    assert outcome.embedded < outcome.chunks
    assert len(kept) == outcome.chunks - outcome.embedded
    assert all(before[chunk_id] == after[chunk_id] for chunk_id in kept)


def test_passages_that_swap_places_keep_their_vectors(shelf: Library) -> None:
    title, first, *others = sections(4).split("\n\n## ")
    document = shelf.add("staff/handbook.md", sections(4), place="staff/")
    swapped = "\n\n## ".join([title, first, *reversed(others)])
    shelf.put("staff/handbook.md", swapped, place="staff/")
    outcome = shelf.index(document)
    assert outcome.embedded == 0


def test_shorter_version_leaves_no_passage_of_the_longer_one(world: World, shelf: Library) -> None:
    shelf.add("staff/handbook.md", sections(5), place="staff/")
    document = shelf.put("staff/handbook.md", texts.FERRET, place="staff/")
    shelf.index(document)
    assert shelf.paths(world.ada, "ordinary part sentence") == []
    assert shelf.paths(world.ada, "ferret") == ["staff/handbook.md"]


def test_indexed_version_is_not_indexed_twice(shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    shelf.source.files.clear()
    assert shelf.index(document).state == "superseded"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        (b"%PDF-1.4 broken", "corrupt"),
        (ItemForbidden("Kenward may not open it.", external_id="x"), "item_forbidden"),
    ],
)
def test_file_that_cannot_be_read_leaves_the_index_and_says_why(
    world: World, shelf: Library, content: str | bytes | Exception, code: str
) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    shelf.put("staff/ferret.md", content, place="staff/")
    outcome = shelf.index(document)
    with shelf.work():
        document.refresh_from_db()
        assert (outcome.state, outcome.code) == ("failed", code)
        assert document.failure == code
        assert document.failure_message.startswith(outcome.message)
        assert document.indexed_version == document.version, "or it would be tried for ever"
        assert not DocumentText.objects.filter(document=document).exists()
    assert shelf.paths(world.ada, "ferret Bramble") == []


def test_next_version_clears_the_failure(world: World, shelf: Library) -> None:
    document = shelf.put("staff/ferret.md", "", place="staff/")
    shelf.index(document)
    shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    with shelf.work():
        document.refresh_from_db()
        assert (document.failure, document.failure_message) == ("", "")


def test_what_may_pass_is_raised_and_leaves_the_index_as_it_was(
    world: World, shelf: Library
) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    shelf.put("staff/ferret.md", SourceUnavailable("The share is not mounted."), place="staff/")
    with pytest.raises(SourceUnavailable):
        shelf.index(document)
    assert shelf.paths(world.ada, "ferret") == ["staff/ferret.md"]


def test_what_vanished_since_it_was_listed_is_hidden_at_once(world: World, shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    shelf.put("staff/ferret.md", ItemGone("Gone.", external_id="x"), place="staff/")
    assert shelf.index(document).state == "superseded"
    with shelf.work():
        document.refresh_from_db()
        assert document.deleted_at is not None
    assert shelf.paths(world.ada, "ferret") == []


def test_version_that_came_while_reading_stays_queued(shelf: Library) -> None:
    document = shelf.put("staff/ferret.md", texts.FERRET, place="staff/")

    def newer_version() -> None:
        with shelf.work():
            Document.objects.filter(pk=document.pk).update(version=2)

    shelf.source.on_open = newer_version
    assert shelf.index(document).state == "superseded"
    with shelf.work():
        assert list(Document.objects.to_index()) == [document]
        assert not Chunk.objects.exists()


def test_document_deleted_while_reading_is_not_written(shelf: Library) -> None:
    document = shelf.put("staff/ferret.md", texts.FERRET, place="staff/")

    def gone() -> None:
        with shelf.work():
            Document.objects.filter(pk=document.pk).update(deleted_at="2026-01-01T00:00Z")

    shelf.source.on_open = gone
    assert shelf.index(document).state == "superseded"
    with shelf.work():
        assert not Chunk.objects.exists()


@pytest.mark.parametrize("loses", [1, 2])
def test_vectors_that_do_not_fit_the_passages_are_an_error(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, loses: int
) -> None:
    document = shelf.put("staff/handbook.md", sections(4), place="staff/")
    model = type(embedding.embedder())
    embed = model.embed
    monkeypatch.setattr(model, "embed", lambda self, texts: embed(self, texts)[:-loses])
    with pytest.raises(EmbeddingMismatch):
        shelf.index(document)
    with shelf.work():
        assert not Chunk.objects.exists()
        assert not ChunkVector.objects.exists()


def test_passage_that_lost_its_vector_gets_a_new_one(world: World, shelf: Library) -> None:
    document = shelf.add("staff/handbook.md", sections(3), place="staff/")
    with shelf.work():
        lost = ChunkVector.objects.filter(document_id=document.pk).order_by("pk").first()
        assert lost is not None
        ChunkVector.objects.filter(pk=lost.pk).delete()
        Document.objects.filter(pk=document.pk).update(indexed_version=0)
    assert shelf.index(document).embedded == 1


def test_chunk_without_vector_cannot_be_committed(shelf: Library) -> None:
    from apps.search.vectors import vector_store

    document = shelf.add("staff/handbook.md", sections(3), place="staff/")
    with pytest.raises(EmbeddingMismatch), shelf.work():
        vector_store.replace(document.pk, document.policy_id, {}, kept=frozenset())


def test_other_embedding_model_is_refused_with_what_to_do(world: World, shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    with shelf.work():
        EmbeddingModel.objects.update(name="another", dimension=768)
    with pytest.raises(EmbeddingModelChanged, match="reindex"):
        shelf.ask(world.ada, "ferret")
    shelf.put("staff/ferret.md", texts.TRAVEL, place="staff/")
    with pytest.raises(EmbeddingModelChanged, match="reindex"):
        shelf.index(document)


def test_starting_over_makes_every_document_searchable_again(world: World, shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    with shelf.work():
        EmbeddingModel.objects.update(name="another", dimension=768)
        assert embedding_models.start_over() == 1
    assert shelf.paths(world.ada, "ferret") == ["staff/ferret.md"], "by its words"
    assert shelf.index(document).embedded == 1
    assert shelf.ask(world.ada, "small pet")[0].cosine


def test_deleting_a_chunk_deletes_its_vector(shelf: Library) -> None:
    document = shelf.add("staff/ferret.md", texts.FERRET, place="staff/")
    with shelf.work(), transaction.atomic():
        Chunk.objects.filter(document=document).delete()
        assert not ChunkVector.objects.exists()
