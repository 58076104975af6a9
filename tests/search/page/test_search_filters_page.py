"""The search page as a product: filters and chips, facets, spelling, suggestions, help."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from apps.search.page import asked
from apps.search.saved_models import SavedSearch
from tests.search.catalogue import Catalogue, fill, other_source
from tests.search.library import Library
from tests.world import World, assert_visible, signed_in

SECRETS = ["Zephyrine", "Quentin", "private/", "salaries"]


@pytest.fixture
def shelf(committed_world: World, committed_library: Library) -> Catalogue:
    return fill(committed_world, committed_library)


def ask(user: Any, **params: Any) -> Any:
    return signed_in(user).get("/search/", params)


def paths(response: Any) -> set[str]:
    return {result.path for result in response.context["results"]}


def chips(response: Any) -> list[str]:
    return [chip.label for chip in response.context["asked"].chips]


def follow(user: Any, query: str) -> Any:
    return signed_in(user).get(f"/search/?{query}")


def test_words_become_filters_and_chips(shelf: Catalogue) -> None:
    response = ask(shelf.world.bo, q="pdf by grace since January")
    assert chips(response) == ["PDF", "by Grace Hopper", "since 1 January 2026"]
    assert paths(response) == {"staff/travel.md"}
    assert response.context["state"] == "listed"


def test_chip_is_taken_off_or_turned_back_into_words(shelf: Catalogue) -> None:
    response = ask(shelf.world.bo, q="pdf trains by grace")
    pdf, grace = response.context["asked"].chips
    without = follow(shelf.world.bo, pdf.remove)
    assert chips(without) == ["by Grace Hopper"]
    words = follow(shelf.world.bo, grace.as_words)
    assert chips(words) == ["PDF"]
    assert words.context["asked"].text == "trains by grace"


def test_name_that_does_not_exist_for_the_reader_stays_words(shelf: Catalogue) -> None:
    other_source(shelf.library, "Boardroom")
    response = ask(shelf.world.bo, q="rules by quentin from boardroom")
    assert chips(response) == []
    assert response.context["asked"].text == "rules by quentin from boardroom"
    assert chips(ask(shelf.world.ada, q="rules by quentin")) == ["by Quentin Vale"]


def test_filter_on_a_source_that_one_may_not_see_finds_nothing_and_names_nothing(
    shelf: Catalogue,
) -> None:
    hidden = other_source(shelf.library, "Boardroom")
    response = ask(shelf.world.bo, q="trains", source=str(hidden.uuid))
    assert response.context["state"] == "nothing"
    assert "Boardroom" not in response.content.decode()


@pytest.mark.parametrize("params", [{"q": "trains budget merger"}, {}, {"kind": "pdf"}])
def test_page_shows_nothing_of_what_others_read(shelf: Catalogue, params: dict[str, str]) -> None:
    pages = {
        name: ask(getattr(shelf.world, name), **params).content.decode()
        for name in ("ada", "bo", "ida")
    }
    for name in ("bo", "ida"):
        shown = [secret for secret in SECRETS if secret in pages[name]]
        assert_visible(shown, seen=[], hidden=SECRETS)
    assert "Quentin" in pages["ada"]


def test_facets_narrow_and_count_the_same_documents(shelf: Catalogue) -> None:
    start = ask(shelf.world.bo)
    assert start.context["state"] == "start"
    for facet in start.context["facets"].facets:
        for value in facet.values:
            listed = ask(shelf.world.bo, **{facet.field: value.value})
            assert len(paths(listed)) == value.count, (facet.field, value)


def test_slip_is_corrected_and_can_be_insisted_on(shelf: Catalogue) -> None:
    response = ask(shelf.world.ada, q="zephirine")
    assert response.context["corrected"].text == "zephyrine"
    assert "private/merger.md" in paths(response)
    page = response.content.decode()
    assert "Showing results for" in page
    insisted = ask(shelf.world.ada, q="zephirine", exact="1")
    assert insisted.context["corrected"] is None
    assert "zephyrine" not in ask(shelf.world.bo, q="zephirine").content.decode().lower()


def test_results_say_why_they_matched(shelf: Catalogue) -> None:
    response = ask(shelf.world.bo, q="hotels")
    best = response.context["results"][0]
    assert "<mark>Hotels</mark>" in best.title_html
    meaning = ask(shelf.world.bo, q="accommodation prices while staying overnight")
    marked = [one for one in meaning.context["results"] for one in one.passages]
    assert any(one.is_by_meaning for one in marked)
    assert all("<mark>" not in one.html for one in marked if one.is_by_meaning)


def test_zero_results_say_which_filter_did_it(shelf: Catalogue) -> None:
    response = ask(shelf.world.bo, q="hotels in oslo", kind="pdf", author="Grace Hopper")
    assert response.context["state"] in ("nothing", "found")
    response = ask(shelf.world.bo, kind="archive", folder="staff/hotels")
    assert response.context["state"] == "nothing"
    told = {one["what"]: one for one in response.context["without"]}
    assert told["the type"]["count"] == 1
    assert "the folder" not in told
    again = follow(shelf.world.bo, told["the type"]["address"])
    assert paths(again) == {"staff/hotels/oslo.md"}
    page = response.content.decode()
    assert "Without the type" in page
    assert "Ida" in page


def test_zero_results_say_what_is_not_searchable_yet(shelf: Catalogue) -> None:
    shelf.library.put("staff/new.md", "# New\n\nNew words.", place="staff/")
    shelf.library.put("private/newer.md", "# New\n\nNew words.", place="private/")
    bo = ask(shelf.world.bo, q="zxqv", kind="archive").context["help"]
    assert [(one.source, one.documents) for one in bo.waiting] == [("Files", 1)]


def test_suggestions_are_json_of_what_one_may_read(shelf: Catalogue) -> None:
    def labels(name: str, typed: str) -> list[str]:
        answer = signed_in(getattr(shelf.world, name)).get("/search/suggest", {"q": typed})
        assert "no-store" in answer["Cache-Control"]
        return [one["label"] for one in answer.json()["suggestions"]]

    assert "Zephyrine merger" in labels("ada", "zeph")
    assert labels("bo", "zeph") == []
    assert labels("cy", "trav") == []


def test_asked_questions_come_back_as_suggestions_to_oneself_alone(shelf: Catalogue) -> None:
    ada = signed_in(shelf.world.ada)
    ada.get("/search/", {"q": "trains to the merger"})
    mine = ada.get("/search/suggest", {"q": "trains to"}).json()["suggestions"]
    assert {"trains to the merger"} == {one["label"] for one in mine if one["kind"] == "recent"}
    bos = signed_in(shelf.world.bo).get("/search/suggest", {"q": "trains to"}).json()
    assert not [one for one in bos["suggestions"] if one["kind"] == "recent"]
    ada.post("/search/saved/forget")
    assert "trains to the merger" not in ada.get("/search/").content.decode()


def test_search_is_saved_from_its_page_and_opened_again(shelf: Catalogue) -> None:
    ada, bo = signed_in(shelf.world.ada), signed_in(shelf.world.bo)
    address = "q=trains+by+grace&kind=pdf&plain=by+grace"
    ada.post("/search/saved/", {"name": "My trains", "address": address})
    page = ada.get("/search/saved/").content.decode()
    assert "My trains" in page
    link = re.search(r'href="(/search/\?[^"]+)">My trains', page)
    assert link is not None
    again = ada.get(link[1].replace("&amp;", "&"))
    assert chips(again) == ["PDF"]
    assert again.context["asked"].text == "trains by grace"
    assert "My trains" not in bo.get("/search/saved/").content.decode()
    with shelf.library.work():
        kept = SavedSearch.objects.get()
    for act in ("rename", "delete"):
        assert bo.post(f"/search/saved/{kept.uuid}/{act}", {"name": "x"}).status_code == 404
    ada.post(f"/search/saved/{kept.uuid}/rename", {"name": "Rails"})
    assert "Rails" in ada.get("/search/saved/").content.decode()
    ada.post(f"/search/saved/{kept.uuid}/delete")
    assert "Rails" not in ada.get("/search/saved/").content.decode()


def test_documents_like_one_are_for_its_readers(shelf: Catalogue) -> None:
    secret = shelf.documents["private/merger.md"]
    assert signed_in(shelf.world.ada).get(f"/search/like/{secret.uuid}/").status_code == 200
    for name in ("bo", "ida", "cy"):
        answer = signed_in(getattr(shelf.world, name)).get(f"/search/like/{secret.uuid}/")
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "params",
    [
        {"since": "31.12.2024", "until": "x", "kind": "\0", "class": "'", "source": "no-uuid"},
        {"q": "since 9999-12-31 before 0001-01-01"},
        {"since": "0001-01-01", "until": "9999-12-31"},
        {"q": "\0 \ufffe type:pdf"},
        {"q": 'type:" author:"" :'},
        {"folder": "%", "author": "%", "q": "trains"},
    ],
)
def test_nonsense_in_the_address_is_answered(shelf: Catalogue, params: dict[str, str]) -> None:
    assert ask(shelf.world.bo, **params).status_code == 200


def test_days_are_the_readers(shelf: Catalogue) -> None:
    client = signed_in(shelf.world.bo)
    client.cookies["kenward_zone"] = "Pacific/Kiritimati"
    east = client.get("/search/", {"since": "2026-03-01"}).context["asked"].filters.since
    client.cookies["kenward_zone"] = "../../etc/passwd"
    default = client.get("/search/", {"since": "2026-03-01"}).context["asked"].filters.since
    assert (default - east).total_seconds() == 14 * 3600


def test_database_that_is_away_gives_a_calm_page(
    shelf: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(asked, "read", away)
    client = Client(raise_request_exception=False)
    signed_in(shelf.world.bo, client)
    response = client.get("/search/", {"q": "trains"})
    assert response.status_code == 503
    page = response.content.decode()
    assert "says nothing about whether there is something to find" in page
    assert "unexpectedly" not in page
