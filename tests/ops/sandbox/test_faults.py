from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apps.ops.sandbox.faults import KINDS, Answer, Faults, FaultyApp
from apps.ops.sandbox.journal import HIDDEN, Journal
from apps.ops.sandbox.serve import serving

ITEMS = {"items": list(range(100))}


class Source:
    """A source of one endpoint that answers every method."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.journal = Journal(kept=5)
        app = Starlette(routes=[Route("/{rest:path}", self._items, methods=["GET", "POST"])])
        worded = {"quota": Answer(403, b'{"error": "our own words"}')}
        self.app = FaultyApp(app, self.faults, self.journal, worded)

    async def _items(self, request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse(ITEMS)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def http(source: Source) -> Iterator[httpx2.Client]:
    with serving(source.app) as base, httpx2.Client(base_url=base, timeout=10) as client:
        yield client


def test_each_fault_is_played_once_and_then_the_source_answers_again(
    source: Source, http: httpx2.Client
) -> None:
    statuses = {
        "too_many": 429,
        "quota": 403,
        "server_error": 500,
        "unavailable": 503,
        "forbidden": 403,
        "unauthorized": 401,
        "nonsense": 200,
        "wrong_shape": 200,
    }
    for kind, status in statuses.items():
        source.faults.add(kind)
        answer = http.get("/a")
        assert answer.status_code == status, kind
        assert answer.text != http.get("/a").text, kind
        assert http.get("/a").json() == ITEMS


def test_waiting_times_are_seconds_or_a_date(source: Source, http: httpx2.Client) -> None:
    source.faults.add("too_many", retry_after_s=7)
    assert http.get("/a").headers["retry-after"] == "7"
    source.faults.add("unavailable", retry_after_s=60)
    until = parsedate_to_datetime(http.get("/a").headers["retry-after"])
    assert 50 < until.timestamp() - time.time() < 61


def test_nonsense_is_a_page_and_wrong_shape_is_json(source: Source, http: httpx2.Client) -> None:
    source.faults.add("nonsense")
    assert http.get("/a").headers["content-type"].startswith("text/html")
    source.faults.add("wrong_shape")
    assert "items" not in http.get("/a").json()


def test_a_source_words_its_own_failures(source: Source, http: httpx2.Client) -> None:
    source.faults.add("quota")
    assert http.get("/a").json() == {"error": "our own words"}


def test_a_dropped_connection_gives_no_answer(source: Source, http: httpx2.Client) -> None:
    source.faults.add("drop")
    with pytest.raises(httpx2.RemoteProtocolError):
        http.get("/a")
    assert source.journal.since()[-1].status == 0
    assert http.get("/a").json() == ITEMS


def test_a_truncated_answer_has_the_length_of_the_whole(
    source: Source, http: httpx2.Client
) -> None:
    whole = http.get("/a").content
    source.faults.add("truncated")
    with http.stream("GET", "/a") as answer:
        assert int(answer.headers["content-length"]) == len(whole)
        with pytest.raises(httpx2.RemoteProtocolError):
            answer.read()
    assert http.get("/a").json() == ITEMS


def test_a_slow_answer_is_right_but_late(source: Source, http: httpx2.Client) -> None:
    source.faults.add("slow", seconds=0.3)
    started = time.monotonic()
    assert http.get("/a").json() == ITEMS
    assert time.monotonic() - started >= 0.3


def test_a_fault_meets_its_path_as_often_as_told(source: Source, http: httpx2.Client) -> None:
    source.faults.add("server_error", times=2, path="^/b")
    assert [http.get(path).status_code for path in ("/a", "/b", "/a", "/b", "/b")] == [
        200,
        500,
        200,
        500,
        200,
    ]
    source.faults.add("server_error", times=None)
    assert {http.get("/a").status_code for _ in range(4)} == {500}
    source.faults.clear()
    assert http.get("/a").status_code == 200


def test_an_unknown_fault_is_refused(source: Source) -> None:
    with pytest.raises(ValueError, match="no fault 'rain'"):
        source.faults.add("rain")
    assert "drop" in KINDS


def test_the_journal_keeps_the_last_requests_without_secrets(
    source: Source, http: httpx2.Client
) -> None:
    for number in range(6):
        http.get("/a", params={"number": number, "access_token": "s3cret"})
    mark = source.journal.mark()
    http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "s3cret"})
    http.post("/watch", json={"id": "one", "token": "s3cret"}, headers={"Authorization": "s3cret"})
    form, body = source.journal.since(mark)
    assert (form.method, form.path, form.status, form.fault) == ("POST", "/token", 200, "")
    assert form.form == (("grant_type", "refresh_token"), ("refresh_token", HIDDEN))
    assert body.json == {"id": "one", "token": HIDDEN}
    kept = source.journal.since()
    assert len(kept) == 5
    assert kept[0].query == (("number", "3"), ("access_token", HIDDEN))
    assert "s3cret" not in repr(kept)
