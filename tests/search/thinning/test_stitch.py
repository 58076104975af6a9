"""What stands beside a passage goes with it, within a budget and the reader's permissions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.acls import resolve
from apps.documents.models import DocumentText
from apps.documents.scope import Scope
from apps.search import retrieve
from apps.search.release import Passage
from apps.search.retrieve import How
from apps.search.stages import DEFAULT
from tests.search.library import Library
from tests.world import World

SENTENCE = "Paragraph {n} of the manual says what is done with valve number {n} of the plant. "
MANUAL = "# Manual\n\n" + "\n\n".join(SENTENCE.format(n=n) * 6 for n in range(40))
QUESTION = "valve number 17 of the plant"


@pytest.fixture
def manual(world: World, library: Library) -> Library:
    library.share("plant/", world.ada)
    library.add("plant/manual.md", MANUAL, place="plant/")
    return library


def found(library: Library, world: World, budget: int | None, limit: int = 3) -> list[Passage]:
    how = How(token_budget=budget, stages=DEFAULT)

    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        retrieved = retrieve.retrieve(QUESTION, scope, limit, how=how)
        return retrieved.ok, retrieved.passages

    with library.work():
        return list(resolve.reading(world.ada, run))


def test_the_context_is_the_text_around_the_passage(world: World, manual: Library) -> None:
    with manual.work():
        text = DocumentText.objects.get().text
    [best, *_] = found(manual, world, 2_000, limit=1)
    assert best.text in best.context
    assert len(best.context) > len(best.text)
    assert best.context in text, "one piece of the document, nothing twice"
    assert text[best.start : best.end] == best.text, "the citation still opens at the passage"


def test_the_budget_is_kept(world: World, manual: Library) -> None:
    alone = found(manual, world, None)
    assert all(one.context == "" for one in alone)
    assert len(alone) == 3
    for budget in (1, 300, 600, 900, 5_000):
        shown = found(manual, world, budget)
        assert shown, "the best is always there"
        assert sum(one.token_count for one in shown[1:]) <= budget
        words = sum(len(one.wide_text.split()) for one in shown)
        most = max(budget, shown[0].token_count)
        assert words <= most, "a word is a token at least"


def test_what_is_a_hit_itself_is_not_said_twice(world: World, manual: Library) -> None:
    shown = found(manual, world, 20_000, limit=40)
    texts = [one.wide_text for one in shown]
    for n in range(40):
        said = sum(text.count(SENTENCE.format(n=n) * 6) for text in texts)
        assert said <= 1


def test_the_switch_leaves_the_passages_alone(world: World, manual: Library) -> None:
    how = How(token_budget=5_000, stages=replace(DEFAULT, stitch_neighbours=False))

    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        retrieved = retrieve.retrieve(QUESTION, scope, 3, how=how)
        return retrieved.ok, retrieved.passages

    with manual.work():
        shown = resolve.reading(world.ada, run)
    assert shown
    assert all(one.context == "" for one in shown)
