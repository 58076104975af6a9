"""Saved and recent searches: a person's own, kept, renamed, deleted, and on the record."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from apps.audit.models import Event
from apps.errors import InvalidInput, NotFound
from apps.search.page import recent_searches, saved_searches
from apps.search.saved_models import SavedSearch
from apps.tenants.context import tenant_context
from tests.world import World, make_world


@pytest.fixture
def people(db: None) -> Iterator[World]:
    world = make_world()
    with tenant_context(world.acme):
        yield world


def keep(world: World, name: str = "Travel", query: str = "trains") -> SavedSearch:
    return saved_searches.save(
        name=name, query=query, filters={"kind": ["pdf"], "author": ["Ada L"]}, actor=world.ada
    )


def actions() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def test_search_is_kept_opened_renamed_and_deleted(people: World) -> None:
    kept = keep(people)
    assert saved_searches.address(kept) == "/search/?q=trains&kind=pdf&author=Ada+L"
    saved_searches.rename(kept, name="  Trains  by pdf ", actor=people.ada)
    assert [one.name for one in saved_searches.of(people.ada)] == ["Trains by pdf"]
    saved_searches.delete(kept, actor=people.ada)
    assert not saved_searches.of(people.ada).exists()
    assert actions()[-3:] == [
        "saved_search.saved",
        "saved_search.renamed",
        "saved_search.deleted",
    ]


def test_same_name_is_replaced_for_oneself_and_nobody_else(people: World) -> None:
    keep(people)
    saved_searches.save(name="Travel", query="cars", filters={}, actor=people.bo)
    keep(people, query="ships")
    assert [one.query for one in saved_searches.of(people.ada)] == ["ships"]
    assert [one.query for one in saved_searches.of(people.bo)] == ["cars"]


def test_others_neither_find_nor_change_it(people: World) -> None:
    kept = keep(people)
    for other in (people.bo, people.ida):
        with pytest.raises(NotFound):
            saved_searches.find(other, kept.uuid)
        with pytest.raises(NotFound):
            saved_searches.rename(kept, name="Mine", actor=other)
        with pytest.raises(NotFound):
            saved_searches.delete(kept, actor=other)
    with tenant_context(people.umbra), pytest.raises(NotFound):
        saved_searches.find(people.ada, kept.uuid)
    with pytest.raises(NotFound):
        saved_searches.find(people.ada, uuid4())


def test_who_is_no_member_keeps_nothing(people: World) -> None:
    with pytest.raises(NotFound):
        saved_searches.save(name="Mine", query="x", filters={}, actor=people.cy)
    recent_searches.note(people.cy, "x")
    assert recent_searches.of(people.cy) == []


@pytest.mark.parametrize(
    ("name", "query"),
    [("", "x"), ("  ", "x"), ("n" * 201, "x"), ("Name", ""), ("Name", "q" * 2001)],
)
def test_what_cannot_be_kept_is_refused(people: World, name: str, query: str) -> None:
    with pytest.raises(InvalidInput):
        saved_searches.save(name=name, query=query, filters={}, actor=people.ada)


def test_name_of_another_search_is_refused(people: World) -> None:
    keep(people, "One")
    other = keep(people, "Other")
    with pytest.raises(InvalidInput):
        saved_searches.rename(other, name="One", actor=people.ada)


def test_only_so_many_are_kept(people: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST", 2)
    keep(people, "One")
    keep(people, "Two")
    with pytest.raises(InvalidInput):
        keep(people, "Three")
    keep(people, "Two", query="again")


def test_recent_questions_are_ones_own_the_latest_first_and_few(people: World) -> None:
    for number in range(recent_searches.KEPT + 3):
        recent_searches.note(people.ada, f"question {number}")
    recent_searches.note(people.ada, "question 9")
    recent_searches.note(people.ada, "")
    recent_searches.note(people.ada, "q" * 201)
    mine = recent_searches.of(people.ada)
    assert mine[0] == "question 9"
    assert len(mine) == recent_searches.KEPT
    assert "question 0" not in mine
    assert recent_searches.of(people.bo) == []
    assert recent_searches.clear(actor=people.ada) == recent_searches.KEPT
    assert recent_searches.of(people.ada) == []
    assert actions()[-1] == "recent_searches.cleared"
