"""What a question finds, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.search import retrieve
from apps.search.embeddings.embedding import LocalEmbedder
from apps.search.words import lexical
from apps.tenants.context import tenant_context
from tests.search import texts
from tests.search.library import Library, make_library
from tests.world import World, assert_visible

SHELVED = {"staff/travel.md", "private/leave.md"}


@pytest.fixture
def shelf(world: World, library: Library) -> Library:
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    library.add("staff/travel.md", texts.TRAVEL, place="staff/")
    library.add("private/leave.md", texts.PARENTAL, place="private/")
    return library


def test_words_of_the_answer_find_it(world: World, shelf: Library) -> None:
    best = shelf.ask(world.ada, "How far ahead are train tickets booked?")[0]
    assert best.path == "staff/travel.md"
    assert "nine days ahead" in best.text
    assert best.title == "Travel policy"
    assert best.source == "Files"


def test_other_words_with_the_same_meaning_find_it(world: World, shelf: Library) -> None:
    found = shelf.ask(world.ada, "time off for new mothers and fathers")
    assert found[0].path == "private/leave.md"
    assert found[0].cosine is not None


def test_span_cuts_the_passage_out_of_the_stored_text(world: World, shelf: Library) -> None:
    from apps.documents.models import DocumentText

    for passage in shelf.ask(world.ada, "hotel in Oslo"):
        with shelf.work():
            text = DocumentText.objects.get(document_id=passage.document_id).text
        assert text[passage.start : passage.end] == passage.text


@pytest.mark.parametrize(
    "question", ["parental leave weeks", '"twenty-six weeks"', "time off for new mothers", "leave"]
)
def test_reader_without_grant_finds_nothing_of_it(
    world: World, shelf: Library, question: str
) -> None:
    assert "private/leave.md" in shelf.paths(world.ada, question)
    assert_visible(shelf.paths(world.bo, question), seen=[], hidden=["private/leave.md"])


def test_other_tenant_finds_nothing(
    world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    umbra = make_library(world.umbra, monkeypatch)
    umbra.share("staff/", world.cy)
    umbra.add("staff/ferret.md", texts.FERRET, place="staff/")
    assert umbra.paths(world.cy, "who lives on the third floor") == ["staff/ferret.md"]
    assert umbra.paths(world.cy, "train tickets hotel parental leave") == []


@pytest.mark.parametrize("question", ["the of and", "?", "...", "''", '"', '""', "\\", "a"])
def test_question_without_a_word_to_search_for_does_not_fail(
    world: World, shelf: Library, question: str
) -> None:
    assert set(shelf.paths(world.ada, question)) <= SHELVED


@given(st.text(max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_can_be_asked(world: World, shelf: Library, question: str) -> None:
    assert set(shelf.paths(world.ada, question)) <= SHELVED
    assert "private/leave.md" not in shelf.paths(world.bo, question)


def test_quoted_words_have_to_stand_together(world: World, shelf: Library) -> None:
    with shelf.work():
        scoped = lexical.understand('"paid leave" tickets')
        apart = lexical.understand("paid leave tickets")
    assert scoped is not None
    assert scoped.must_match == "('paid' <-> 'leav')"
    assert apart is not None
    assert apart.must_match.count("|") == 2


def test_minus_sign_does_not_turn_a_question_around(world: World, shelf: Library) -> None:
    # websearch_to_tsquery would find everything that does not have the word.
    with shelf.work():
        wanted = lexical.understand("hotel -Oslo")
    assert wanted is not None
    assert "!" not in wanted.any_word


@pytest.mark.parametrize(
    "question",
    [
        "boiling point of tungsten hexafluoride",
        "Who won the football world cup in 1998?",
        "How does photosynthesis work?",
        "Which guitar strings are best for jazz?",
        "When was the third moon of Jupiter discovered?",
    ],
)
def test_unrelated_question_finds_nothing(world: World, shelf: Library, question: str) -> None:
    assert shelf.ask(world.ada, question) == ()


def test_one_document_does_not_fill_the_answer(world: World, shelf: Library) -> None:
    many = "# Hotels\n\n" + "\n\n".join(
        f"## Hotel {number}\n\n" + f"The hotel in Oslo number {number} costs money. " * 30
        for number in range(8)
    )
    shelf.add("staff/hotels.md", many, place="staff/")
    paths = shelf.paths(world.ada, "hotel in Oslo")
    before_other = paths[: paths.index("staff/travel.md")]
    assert before_other.count("staff/hotels.md") <= 5


def test_too_long_question_is_refused(world: World, shelf: Library) -> None:
    with pytest.raises(retrieve.QueryTooLong):
        shelf.ask(world.ada, "x" * (retrieve.MAX_QUERY_CHARS + 1))


def test_vector_of_a_question_is_computed_once(
    world: World, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.ask(world.ada, "is there a ferret")
    asked: list[int] = []
    embed = LocalEmbedder.embed

    def counted(self: LocalEmbedder, texts: Sequence[str]) -> Any:
        asked.append(len(texts))
        return embed(self, texts)

    monkeypatch.setattr(LocalEmbedder, "embed", counted)
    shelf.ask(world.bo, "is there a ferret")
    shelf.ask(world.bo, "is there a weasel")
    assert asked == [1]


def test_timings_name_every_stage(world: World, shelf: Library) -> None:
    from apps.acls import resolve

    with shelf.work():
        found = retrieve.retrieve("hotel", resolve.policies_for(world.ada).inline_scope(), 5)
    assert list(found.timings_ms) == [
        "understand", "lexical", "embed", "vector", "release", "reranked", "thin",
    ]  # fmt: skip


def test_scope_of_a_person_without_membership_holds_nothing(world: World, shelf: Library) -> None:
    from apps.acls import resolve

    with shelf.work():
        found = retrieve.retrieve("hotel", resolve.policies_for(world.cy).scope(), 5)
    assert not found.ok
    assert found.passages == ()


def test_nothing_is_found_without_a_bound_tenant(world: World, shelf: Library) -> None:
    from apps.acls import resolve

    with shelf.work():
        scope = resolve.policies_for(world.ada).scope()
    with tenant_context(world.umbra):
        assert retrieve.retrieve("hotel", scope, 5).passages == ()
