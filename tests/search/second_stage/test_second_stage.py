"""The second look at the first passages: on this server, and by a reranking model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from apps.search import second_stage
from apps.search.models import SearchSettings
from apps.search.second_stage import endpoint
from apps.search.second_stage.protocol import Asked, RankerUnavailable, Word
from apps.search.stages import SecondStage
from apps.search.words import terms
from tests.peers import llmock
from tests.ports import free_port
from tests.search.library import Library
from tests.search.made_passages import passage
from tests.world import World

MODULES = Path(__file__).resolve().parents[3] / ".peers" / "node_modules"
QUESTION = "hotel price Lisbon"


def asked(text: str = QUESTION, **more: Any) -> Asked:
    words = [
        Word(frozenset(terms.forms(word.text, "english")), 1.0)
        for word in terms.words(text)
        if terms.forms(word.text, "english")
    ]
    return Asked(text, tuple(words), **more)


def ordered(question: Asked, *texts: str, which: str = SecondStage.LOCAL) -> list[str]:
    return [one.text for one in second_stage.order(question, [passage(t) for t in texts], which)]


def test_a_passage_with_all_the_words_passes_one_with_some() -> None:
    some, every = "Hotels and hotels.", "The price of a hotel, even in Lisbon."
    assert ordered(asked(), some, every) == [every, some]


def test_words_that_stand_together_pass_words_that_are_scattered() -> None:
    filler = " and so on with many other things that matter" * 3
    scattered = f"Hotel.{filler} Price.{filler} Lisbon."
    together = f"{filler} The hotel price (Lisbon).{filler}"
    assert ordered(asked(), scattered, together) == [together, scattered]


def test_headings_and_title_count_as_the_passage_s() -> None:
    below = passage("140 euros a night.", title="Hotel price", heading_path=("Lisbon",))
    other = passage("140 euros a night.", title="Train price", heading_path=("Oslo",))
    assert (
        second_stage.order(asked(), [other, below], SecondStage.LOCAL)[0].chunk_id == below.chunk_id
    )


def test_the_department_is_a_hint_and_no_more() -> None:
    ours = passage("Hotel price.", path="Finance/travel.md")
    theirs = passage("Hotel price.", path="Sales/travel.md")
    better = passage("Hotel price, Lisbon.", path="Sales/prices.md")
    hinted = asked(department="finance")
    assert second_stage.order(hinted, [theirs, ours], SecondStage.LOCAL)[0].path == ours.path
    assert second_stage.order(hinted, [ours, better], SecondStage.LOCAL)[0].path == better.path


@given(st.lists(st.text(max_size=60), max_size=70))
def test_nothing_is_lost_or_added(texts: list[str]) -> None:
    given_ = [passage(text) for text in texts]
    for which in SecondStage.NONE, SecondStage.LOCAL:
        found = second_stage.order(asked(), given_, which)
        assert sorted(one.chunk_id for one in found) == [one.chunk_id for one in given_]


@contextmanager
def answering(
    answer: Callable[[dict[str, Any]], tuple[int, Any]],
) -> Iterator[tuple[str, list[Any]]]:
    """Serve one endpoint over HTTP; yield its address and what it was sent."""
    seen: list[Any] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((body, self.headers["Authorization"]))
            status, told = answer(body)
            payload = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/rerank", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.peer
def test_cohere_s_protocol_as_others_serve_it(settings: LazySettings) -> None:
    if not MODULES.exists() or shutil.which("node") is None:
        llmock.missing("aimock is not installed: run tests/peers/install.sh (needs Node.js)")
    port = free_port()
    told = json.dumps([[QUESTION, [[2, 0.9], [0, 0.4], [1, 0.1]]]])
    script = Path(__file__).parents[2] / "peers" / "rerank.mjs"
    command = ["node", str(script), str(MODULES), str(port), told]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        settings.KENWARD_RERANK_URL = f"http://127.0.0.1:{port}/v2/rerank"
        settings.KENWARD_RERANK_MODEL = "rerank-v3.5"
        try:
            assert ordered(asked(), "a", "b", "c", which=SecondStage.ENDPOINT) == ["c", "a", "b"]
        finally:
            process.terminate()


def test_the_endpoint_is_sent_question_passages_and_key(settings: LazySettings) -> None:
    rows = [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.2}]
    with answering(lambda body: (200, {"results": rows})) as (url, seen):
        settings.KENWARD_RERANK_URL, settings.KENWARD_RERANK_API_KEY = url, "secret"
        settings.KENWARD_RERANK_MODEL = "bge-reranker-v2-m3"
        assert ordered(asked(), "first", "second", which=SecondStage.ENDPOINT) == [
            "second",
            "first",
        ]
    [(body, authorization)] = seen
    assert authorization == "Bearer secret"
    assert (body["model"], body["query"], body["top_n"]) == ("bge-reranker-v2-m3", QUESTION, 2)
    assert [text.strip() for text in body["documents"]] == ["first", "second"]


def test_text_embeddings_inference_has_a_dialect_of_its_own(settings: LazySettings) -> None:
    settings.KENWARD_RERANK_DIALECT = "tei"
    rows = [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.2}]
    with answering(lambda body: (200, rows)) as (url, seen):
        settings.KENWARD_RERANK_URL = url
        assert ordered(asked(), "first", "second", which=SecondStage.ENDPOINT) == [
            "second",
            "first",
        ]
    [(body, authorization)] = seen
    assert body.keys() == {"query", "texts", "truncate"}
    assert authorization is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (500, {"error": "broken"}),
        (200, b"no json"),
        (200, {"results": [{"index": 0, "relevance_score": 1.0}]}),
        (200, {"results": [{"index": n, "relevance_score": "high"} for n in range(2)]}),
        (
            200,
            {"results": [{"index": 5, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]},
        ),
    ],
)
def test_an_endpoint_that_fails_costs_its_gain_and_not_the_search(
    status: int, told: Any, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    some, every = "Hotels and hotels.", "The price of a hotel in Lisbon."
    with answering(lambda body: (status, told)) as (url, _):
        settings.KENWARD_RERANK_URL, settings.KENWARD_RERANK_API_KEY = url, "secret"
        with pytest.raises(RankerUnavailable):
            endpoint.EndpointRanker().scores(asked(), [passage(some), passage(every)])
        assert ordered(asked(), some, every, which=SecondStage.ENDPOINT) == [every, some]
    assert "does not answer" in caplog.text
    assert "secret" not in caplog.text
    assert "Hotels" not in caplog.text, "passages are not for the log"


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_is_lost_while_the_model_thinks_is_not_shown(
    is_lost: bool, committed_world: World, committed_library: Library, settings: LazySettings
) -> None:
    library, ada = committed_library, committed_world.ada
    library.share("staff/", ada)
    for name in ("hotel", "train"):
        library.add(
            f"staff/{name}.md", f"# {name}\n\nThe {name} in Lisbon is paid.", place="staff/"
        )
    with library.work():
        SearchSettings.objects.create(tenant=library.tenant, second_stage=SecondStage.ENDPOINT)

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        if is_lost:
            library.share("staff/")
            connections.close_all()  # of this thread
        rows = [{"index": n, "relevance_score": n} for n in range(len(body["documents"]))]
        return 200, {"results": rows}

    with answering(answer) as (url, seen):
        settings.KENWARD_RERANK_URL = url
        found = library.paths(ada, "What is paid in Lisbon?")
    assert len(seen) >= 1, "the model was asked"
    assert len(found) == (0 if is_lost else 2)


def test_without_an_endpoint_the_local_order_counts(settings: LazySettings) -> None:
    some, every = "Hotels and hotels.", "The price of a hotel in Lisbon."
    assert not endpoint.is_configured()
    assert ordered(asked(), some, every, which=SecondStage.ENDPOINT) == [every, some]
