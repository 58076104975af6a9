"""Words of names: kept by the database itself, behind both walls; suggestions and spelling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from apps.documents.models import Document
from apps.search.page import suggestions
from apps.search.understanding import edits, known_names, names, spelling
from apps.tenants.context import reader_context, tenant_context
from tests.search.catalogue import Catalogue, fill, other_source
from tests.search.library import Library
from tests.world import World, assert_visible


@pytest.fixture
def shelf(world: World, library: Library) -> Iterator[Catalogue]:
    catalogue = fill(world, library)
    with library.work():
        yield catalogue


def words_of(path: str) -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.field::text, n.word FROM search_nameword n"
            " JOIN documents_document d ON d.id = n.document_id WHERE d.path = %s",
            [path],
        )
        return set(cursor.fetchall())


def labels(shelf: Catalogue, name: str, typed: str) -> list[str]:
    return [one.label for one in suggestions.suggest(getattr(shelf.world, name), typed)]


def test_names_follow_the_document(shelf: Catalogue) -> None:
    path = "staff/hotels/oslo.md"
    assert words_of(path) == {
        *(("t", word) for word in ("hotels", "in", "oslo", "md")),
        *(("f", word) for word in ("staff", "hotels")),
    }
    with reader_context(""):  # whoever changes it does not have to be able to read it
        Document.objects.filter(path=path).update(title="Zürich: CAFÉ_42", author="Ádá L.")
    assert words_of(path) >= {("t", "zurich"), ("t", "cafe"), ("t", "42"), ("a", "ada"), ("a", "l")}
    assert ("t", "hotels") not in words_of(path)


def test_names_go_with_a_deleted_document_and_move_with_a_moved_one(shelf: Catalogue) -> None:
    bo = shelf.world.bo
    moved = Document.objects.get(path="private/merger.md")
    assert names.counts(bo, [names.whole("zephyrine")]) == {}
    shelf.library.move(moved, "staff/")
    assert names.counts(bo, [names.whole("zephyrine")]) == {"zephyrine": 1}
    Document.objects.filter(pk=moved.pk).update(deleted_at="2026-01-01T00:00:00Z")
    assert names.counts(bo, [names.whole("zephyrine")]) == {}
    assert words_of("private/merger.md") == set()


def test_names_of_rows_that_are_erased_are_erased(shelf: Catalogue) -> None:
    merger = Document.objects.get(path="private/merger.md")
    erased = merger.pk
    merger.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM search_nameword WHERE document_id = %s", [erased])
        assert cursor.fetchone() is None
        cursor.execute("SELECT 1 FROM search_nameword WHERE word = 'oslo'")
        assert cursor.fetchone() is not None


def test_names_of_all_documents_of_a_statement_follow(shelf: Catalogue) -> None:
    before = {path: words_of(path) for path in ("private/merger.md", "staff/hotels/oslo.md")}
    Document.objects.update(author="Somebody Else")
    for path, words in before.items():
        authors = {("a", "somebody"), ("a", "else")}
        assert words_of(path) == {word for word in words if word[0] != "a"} | authors


def test_code_that_forgets_its_filter_sees_the_readers_names_alone(shelf: Catalogue) -> None:
    from apps.acls import resolve

    def run(_scope: object) -> tuple[bool, set[str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT word FROM search_nameword")
            return True, {word for (word,) in cursor.fetchall()}

    seen = resolve.reading(shelf.world.bo, run)
    assert "travel" in seen
    assert not {"zephyrine", "quentin", "secret"} & seen
    with reader_context(""), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM search_nameword")
        assert cursor.fetchone() == (0,)
    with tenant_context(shelf.world.umbra), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM search_nameword")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("typed", ["zep", "zephyrine", "zephyrnie", "merger", "quent", "secr"])
def test_suggestions_show_what_the_person_may_read(shelf: Catalogue, typed: str) -> None:
    assert labels(shelf, "ada", typed)
    assert labels(shelf, "bo", typed) == []
    assert labels(shelf, "ida", typed) == []


def test_suggestions_name_documents_authors_folders_and_sources(shelf: Catalogue) -> None:
    assert "Travel policy" in labels(shelf, "bo", "trav")
    assert "Travel policy" in labels(shelf, "bo", "policy tra")
    assert "Grace Hopper" in labels(shelf, "bo", "hop")
    assert "staff/hotels/" in labels(shelf, "bo", "hote")
    assert "Files" in labels(shelf, "bo", "fil")


@pytest.mark.parametrize("typed", ["travle", "trvel", "xravel", "travell", "travle poli"])
def test_one_slip_is_forgiven(shelf: Catalogue, typed: str) -> None:
    assert "Travel policy" in labels(shelf, "bo", typed)


@pytest.mark.parametrize("typed", ["hoqper", "hpoper", "grcae hop"])
def test_one_slip_in_a_name_is_forgiven(shelf: Catalogue, typed: str) -> None:
    assert "Grace Hopper" in labels(shelf, "bo", typed)
    assert labels(shelf, "ida", typed) == []


def test_many_documents_of_an_author_do_not_crowd_out_a_title(shelf: Catalogue) -> None:
    for number in range(60):
        shelf.library.put(f"staff/by-{number}.md", "# By", place="staff/")
    Document.objects.filter(path__startswith="staff/by-").update(author="Travel Desk")
    assert "Travel policy" in labels(shelf, "bo", "travle")


def test_source_of_which_nothing_is_readable_is_not_named(shelf: Catalogue) -> None:
    other_source(shelf.library, "Boardroom")
    assert labels(shelf, "bo", "boardr") == []
    wanted = {("source", "boardroom"), ("author", "quentin"), ("folder", "secret")}
    assert known_names.known_to(shelf.world.bo, wanted) == {}  # type: ignore[arg-type]
    seen = known_names.known_to(shelf.world.ada, wanted)  # type: ignore[arg-type]
    assert seen == {
        ("author", "quentin"): ("Quentin Vale",),
        ("folder", "secret"): ("private/secret/",),
    }


def test_spelling_is_corrected_from_what_the_person_may_read(shelf: Catalogue) -> None:
    ada = spelling.corrected(shelf.world.ada, "the zephirine merger")
    assert ada is not None
    assert ada.text == "the zephyrine merger"
    assert ada.replaced == (("zephirine", "zephyrine"),)
    assert spelling.corrected(shelf.world.bo, "the zephirine merger") is None
    assert spelling.corrected(shelf.world.bo, "budgte rules") is not None


@pytest.mark.parametrize("query", ["trains", "hotels", '"zephirine"', "2026", "pya", "booked"])
def test_words_that_are_there_quoted_or_short_stand_as_they_are(
    shelf: Catalogue, query: str
) -> None:
    assert spelling.corrected(shelf.world.ada, query) is None


def test_suggestions_of_an_outsider_are_empty(shelf: Catalogue) -> None:
    with tenant_context(shelf.world.umbra):
        found = [one.label for one in suggestions.suggest(shelf.world.cy, "travel")]
    assert_visible(found, seen=[], hidden=["Travel policy"])


_WORDS = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=9)


@given(_WORDS, _WORDS)
def test_distance_is_a_distance(one: str, other: str) -> None:
    there, back = edits.distance(one, other, most=20), edits.distance(other, one, most=20)
    assert there == back
    assert (there == 0) == (one == other)
    assert there <= max(len(one), len(other))
    assert (edits.distance(one, other, most=1) <= 1) == (there <= 1)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8))
def test_neighbours_are_exactly_one_slip_away(word: str) -> None:
    near = edits.neighbours(word)
    assert word not in near
    assert all(edits.distance(word, other, most=1) == 1 for other in near)
    assert word[1:] in near or not word[1:]
    assert word[0] + "q" + word[1:] in near


@given(st.text(max_size=60))
def test_words_of_a_name_are_the_databases_words(text: str) -> None:
    """Both fold alike; where Unicode versions differ, a word is not found, and nothing shown."""
    found = names.words(text)
    assert all(word == word.lower() for word in found if word.isascii())
    assert all(0 < len(word) <= 40 for word in found)


@pytest.mark.parametrize("said", ["Ärger im Büro", "snake_case-42/x.pdf", "ПРИВЕТ мир", "ſtraße"])
def test_database_and_python_part_names_alike(db: None, said: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT search_name_words(%s)", [said])
        assert {word for (word,) in cursor.fetchall()} == set(names.words(said))
