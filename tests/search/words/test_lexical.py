"""BM25 search: equal to its formula by either way, for identifiers, languages and phrases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.documents.models import Document
from apps.search.filters import Filters
from apps.search.indexer import repoint
from apps.search.models import Chunk
from apps.search.vectors import vector_plan
from apps.search.words import lexical
from apps.tenants.context import tenant_context
from tests.search.library import Library, make_library
from tests.search.shelves import finds, hits, texts_of, write
from tests.world import World


@pytest.fixture
def shelf(world: World, library: Library) -> Library:
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    return library


def take(monkeypatch: pytest.MonkeyPatch, permitted: int) -> None:
    """Let searches believe that so many passages may be read, which decides the way."""
    reach = vector_plan.Reach(permitted, permitted)
    monkeypatch.setattr(vector_plan, "reach", lambda filters=None: reach)


@pytest.fixture(params=["all", "index", "all of documents", "index of documents"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let each of the ways to the same result be taken, whatever the size."""
    take(monkeypatch, 10**6 if "index" in request.param else 0)
    return str(request.param)


def bm25(texts: Sequence[str], question: str) -> dict[str, float]:
    """The textbook's formula over lists of plain words, independent of the product's."""
    split = {text: text.split() for text in texts}
    scores = dict.fromkeys(texts, 0.0)
    for word in dict.fromkeys(question.split()):
        having = [text for text in texts if word in split[text]]
        if not having:
            continue
        idf = math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
        for text in having:
            count = Counter(split[text])[word]
            length = 1 - 0.75 + 0.75 * len(split[text]) / 100
            scores[text] += idf * count * 2.2 / (count + 1.2 * length)
    return {text: score for text, score in scores.items() if score}


WORDS = st.sampled_from(["mul", "tak", "pod", "gli", "fum", "bor", "zat", "quon"])
TEXTS = st.lists(
    st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=12, unique=True
)


@given(texts=TEXTS, question=st.lists(WORDS, min_size=1, max_size=5).map(" ".join))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_scores_are_those_of_the_formula_by_every_way(
    way: str, world: World, shelf: Library, texts: list[str], question: str
) -> None:
    write(shelf, "staff/one.md", texts, place="staff/")
    expected = bm25(texts, question)
    found = hits(shelf, world.ada, question, exact="documents" in way)
    assert set(texts_of(shelf, found)) == set(expected)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    for text, hit in zip(texts_of(shelf, found), found, strict=True):
        assert hit.score == pytest.approx(expected[text], rel=1e-4)
        asked = set(question.split())
        share = len(asked & set(text.split())) / len(asked)
        assert hit.score_in("lexical") == pytest.approx(share)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("ABC-123", "Ticket ABC-123 was closed."),
        ("abc123", "Ticket ABC-123 was closed."),
        ("0x80070005", "Access is denied (0x80070005)."),
        ("E1234", "The printer shows E1234."),
        ("user_guide.md", "See user_guide.md for more."),
        ("user guide", "See user_guide.md for more."),
        ("document finder", "The class DocumentFinder looks for files."),
        ("DocumentFinder", "The class DocumentFinder looks for files."),
        ("document_finder", "The class DocumentFinder looks for files."),
        ("version 2.10.1", "Upgrade to 2.10.1 first."),
        ("resume", "Send your résumé to us."),
        ("Angstrom", "One Ångström is short."),
        ("C#", "We write C# and Java."),
        ("ada@acme.example", "Write to ada@acme.example."),
    ],
)
def test_identifiers_and_accents_find_their_passage(
    way: str, world: World, shelf: Library, question: str, answer: str
) -> None:
    texts = [
        "Ticket ABC-123 was closed.",
        "Ticket ABC-124 was closed.",
        "Access is denied (0x80070005).",
        "Access is denied (0x80070006).",
        "The printer shows E1234.",
        "The printer shows E1235.",
        "See user_guide.md for more.",
        "The class DocumentFinder looks for files.",
        "Upgrade to 2.10.1 first.",
        "Upgrade to 2.1 first.",
        "Send your résumé to us.",
        "One Ångström is short.",
        "We write C# and Java.",
        "We write C and Java.",
        "Write to ada@acme.example.",
    ]
    write(shelf, "staff/one.md", texts, place="staff/")
    assert finds(shelf, world.bo, question)[0] == answer


def test_titles_and_headings_are_words_of_the_passage(world: World, shelf: Library) -> None:
    write(shelf, "staff/a.md", ["Nine days ahead."], place="staff/", title="Travel policy")
    write(shelf, "staff/b.md", ["Nine days ahead."], place="staff/", title="Parking")
    found = hits(shelf, world.bo, "travel")
    assert len(found) == 1
    assert found[0].score_in("lexical") == 1


GERMAN = "Die Übersetzungen der Verträge werden von den Häusern in Zürich geprüft und abgelegt."
FRENCH = "Les congés payés sont accordés par les responsables des équipes pendant les étés."
ENGLISH = "The translations of the contracts are checked and filed by the houses in Zurich."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Übersetzung", GERMAN),
        ("ubersetzung", GERMAN),
        ("vertrag haus", GERMAN),
        ("congé payé", FRENCH),
        ("conges payes", FRENCH),
        ("équipe responsable", FRENCH),
        ("translation of a contract", ENGLISH),
    ],
)
def test_each_document_is_stemmed_by_its_language(
    world: World, shelf: Library, question: str, answer: str
) -> None:
    for number, text in enumerate((GERMAN, FRENCH, ENGLISH)):
        write(shelf, f"staff/{number}.md", [text], place="staff/")
    assert finds(shelf, world.bo, question)[0] == answer


def test_word_with_a_stem_in_each_language_counts_once(world: World, shelf: Library) -> None:
    for number, text in enumerate((GERMAN, FRENCH, ENGLISH)):
        write(shelf, f"staff/{number}.md", [text], place="staff/")
    (best, *_) = hits(shelf, world.bo, "contracts nonsense")
    assert best.score_in("lexical") == 0.5


def test_short_document_is_taken_for_the_tenants_usual_language(
    world: World, shelf: Library
) -> None:
    for number in range(3):
        write(shelf, f"staff/{number}.md", [GERMAN], place="staff/")
    write(shelf, "staff/short.md", ["Reisekosten"], place="staff/")
    with shelf.work(), connection.cursor() as cursor:
        cursor.execute("SELECT language, passages FROM search_languagecount")
        assert cursor.fetchall() == [("german", 4)]


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ('"paid leave"', 1),
        ('"leave paid"', 0),
        ('"paid leave" weeks', 1),
        ('"weeks of paid leave"', 1),
        ('"document finder"', 1),
        ('"ABC-123 failed"', 1),
        ('"failed ABC-123"', 0),
        ("paid leave", 2),
    ],
)
def test_quoted_words_stand_in_the_passage_as_they_are(
    way: str, world: World, shelf: Library, question: str, count: int
) -> None:
    texts = [
        "Parents take twenty-six weeks of paid leave.",
        "Whoever has to leave is paid until the end of the month.",
        "The class DocumentFinder: ABC-123 failed there.",
    ]
    write(shelf, "staff/one.md", texts, place="staff/")
    assert len(hits(shelf, world.bo, question, exact="documents" in way)) == count


def test_phrase_does_not_span_title_and_text(world: World, shelf: Library) -> None:
    write(shelf, "staff/one.md", ["leave"], place="staff/", title="paid")
    assert hits(shelf, world.bo, '"paid leave"') == ()
    assert len(hits(shelf, world.bo, "paid leave")) == 1


def test_reader_finds_only_what_the_policies_admit(way: str, world: World, shelf: Library) -> None:
    write(shelf, "staff/one.md", ["the ferret lives here"], place="staff/")
    write(shelf, "private/two.md", ["the ferret is secret"], place="private/")
    is_exact = "documents" in way
    assert len(hits(shelf, world.ada, "ferret", exact=is_exact)) == 2
    found = hits(shelf, world.bo, "ferret", exact=is_exact)
    assert texts_of(shelf, found) == ["the ferret lives here"]
    assert hits(shelf, world.ida, "ferret", exact=is_exact) == ()


def test_filters_only_narrow(way: str, world: World, shelf: Library) -> None:
    write(shelf, "staff/one.md", ["the ferret lives here"], place="staff/")
    write(shelf, "private/two.md", ["the ferret is secret"], place="private/")
    narrowed = hits(shelf, world.ada, "ferret", filters=Filters(folders=("private/",)))
    assert texts_of(shelf, narrowed) == ["the ferret is secret"]
    assert hits(shelf, world.bo, "ferret", filters=Filters(folders=("private/",))) == ()
    assert hits(shelf, world.ada, "ferret", filters=Filters(authors=("nobody",))) == ()


def test_commoner_words_are_looked_for_where_rarer_ones_lead_to_few(
    world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(monkeypatch, 10**6)
    monkeypatch.setattr(lexical, "_NAMED", 1)
    monkeypatch.setattr(lexical, "_AMPLE", 0)
    write(shelf, "staff/one.md", [f"common number{n}" for n in range(5)], place="staff/")
    assert len(hits(shelf, world.bo, "common number3")) == 5
    assert len(hits(shelf, world.bo, "common number3", limit=1)) == 1


def counts(library: Library) -> dict[int, int]:
    """Return what the tables of counts say."""
    with library.work(), connection.cursor() as cursor:
        cursor.execute("SELECT term, passages FROM search_termcount")
        return dict(cursor.fetchall())


def counted(library: Library) -> dict[int, int]:
    """Return what they should say."""
    with library.work(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT term, count(*) FROM search_chunkterms, unnest(terms) term GROUP BY term"
        )
        return dict(cursor.fetchall())


def test_counts_follow_what_is_written_moved_and_deleted(world: World, shelf: Library) -> None:
    document = write(shelf, "staff/one.md", ["one ferret", "two ferrets"], place="staff/")
    write(shelf, "staff/two.md", ["three weasels"], place="staff/")
    assert counts(shelf) == counted(shelf)
    write(shelf, "staff/one.md", ["one ferret", "three otters", "no cat"], place="staff/")
    assert counts(shelf) == counted(shelf)
    shelf.move(document, "private/")
    with tenant_context(shelf.tenant):
        repoint.repoint_chunks(10)
    assert counts(shelf) == counted(shelf)
    with shelf.work():
        Document.objects.filter(pk=document.pk).update(deleted_at="2026-01-01T00:00Z")
    with tenant_context(shelf.tenant):
        repoint.repoint_chunks(10)
    assert counts(shelf) == counted(shelf)
    assert len(counts(shelf)) == 2, "three weasels"


def test_counts_follow_a_chunk_that_goes_by_itself(world: World, shelf: Library) -> None:
    write(shelf, "staff/one.md", ["one ferret", "two ferrets"], place="staff/")
    with shelf.work():
        Chunk.objects.filter(ordinal=0).delete()
    assert counts(shelf) == counted(shelf) != {}


def test_moved_documents_terms_follow(world: World, shelf: Library) -> None:
    document = write(shelf, "private/one.md", ["one ferret"], place="private/")
    assert hits(shelf, world.bo, "ferret") == ()
    shelf.move(document, "staff/")
    with tenant_context(shelf.tenant):
        repoint.repoint_chunks(10)
    assert len(hits(shelf, world.bo, "ferret")) == 1


def test_terms_are_replaced_and_never_changed(world: World, shelf: Library) -> None:
    write(shelf, "staff/one.md", ["one ferret"], place="staff/")
    with (
        shelf.work(),
        pytest.raises(DatabaseError, match="replaced, not changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE search_chunkterms SET terms = '{1}'")


def test_other_tenants_documents_change_no_score(
    world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shelf, "staff/one.md", ["one ferret", "two ferrets and a cat"], place="staff/")
    before = hits(shelf, world.bo, "ferret cat")
    umbra = make_library(world.umbra, monkeypatch)
    umbra.share("staff/", world.cy)
    for number in range(5):
        write(umbra, f"staff/{number}.md", ["cat " * 5, GERMAN], place="staff/")
    assert hits(shelf, world.bo, "ferret cat") == before
    assert len(hits(umbra, world.cy, "cat")) == 5
    with shelf.work():
        understood = lexical.understand("cats")
    assert understood is not None
    assert understood.languages == ("english",)
