from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.errors import KenwardError
from apps.search.embeddings import embedding, tokens
from apps.search.embeddings.embedding import (
    Embedder,
    EmbeddingMismatch,
    EmbeddingUnavailable,
    LocalEmbedder,
)
from apps.search.embeddings.embedding_endpoint import EndpointEmbedder
from tests.search.embeddings.endpoint import Endpoint, Rows, unit

REFERENCE = json.loads(Path("tests/data/minilm_reference.json").read_text(encoding="utf-8"))


@pytest.fixture
def remote(endpoint: Endpoint) -> EndpointEmbedder:
    return EndpointEmbedder(endpoint.url, "", "small-model")


@pytest.fixture
def local_settings(settings: LazySettings, tmp_path: Path) -> LazySettings:
    settings.EMBEDDING_BASE_URL = settings.EMBEDDING_API_KEY = settings.EMBEDDING_MODEL = ""
    settings.KENWARD_DATA_DIR = tmp_path
    settings.KENWARD_EMBEDDING_THREADS = 1
    return settings


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalEmbedder:
    return LocalEmbedder(tmp_path_factory.mktemp("models"), threads=1)


def test_without_an_endpoint_the_model_runs_on_this_machine(local_settings: LazySettings) -> None:
    spec = embedding.embedder().spec
    assert (spec.name, spec.dimension, spec.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    assert spec.chunk_tokens == 250
    assert list((local_settings.KENWARD_DATA_DIR / "models").glob("*.onnx"))


def test_the_local_model_gives_the_reference_vectors(local: LocalEmbedder) -> None:
    found = local.embed([row["text"] for row in REFERENCE])
    assert (found * np.array([row["vector"] for row in REFERENCE])).sum(axis=1).min() >= 0.99999
    assert found.dtype == np.float32


def test_a_chunk_of_full_size_is_read_whole(local: LocalEmbedder) -> None:
    text = "leave " * local.spec.chunk_tokens
    assert local.count_tokens(text) == len(local.token_offsets(text)) == local.spec.chunk_tokens
    assert local.spec.chunk_tokens <= local.spec.max_tokens - 2


def test_no_texts_give_no_rows(local: LocalEmbedder, remote: EndpointEmbedder) -> None:
    assert local.embed([]).shape == (0, 384)
    assert remote.embed([]).shape == (0, 4)


def test_threads_share_one_model(local_settings: LazySettings) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: embedding.embedder(), range(8)))
    assert len({id(one) for one in found}) == 1


def test_other_settings_give_another_model(
    local_settings: LazySettings, endpoint: Endpoint
) -> None:
    before = embedding.embedder()
    local_settings.EMBEDDING_BASE_URL = endpoint.url
    local_settings.EMBEDDING_MODEL = "small-model"
    local_settings.EMBEDDING_API_KEY = "secret"
    after = embedding.embedder()
    assert (after.spec.name, after.spec.dimension) == ("small-model", 4)
    assert after.spec != before.spec
    assert endpoint.keys == ["Bearer secret"]
    assert embedding.embedder() is after


def test_a_cache_that_cannot_be_written_is_said_and_not_remembered(
    local_settings: LazySettings, tmp_path: Path
) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(EmbeddingUnavailable, match="data folder"):
        embedding.embedder()
    (tmp_path / "models").unlink()
    assert embedding.embedder().embed(["a"]).shape == (1, 384)


IN_A_FORK = """
import os, signal, sys
from pathlib import Path
from django.conf import settings
settings.configure(
    EMBEDDING_BASE_URL="", EMBEDDING_API_KEY="", EMBEDDING_MODEL="",
    KENWARD_DATA_DIR=Path(sys.argv[1]), KENWARD_EMBEDDING_THREADS=2,
)
from apps.search.embeddings import embedding
before = embedding.embedder().embed(["a text"])
child = os.fork()
if not child:
    signal.alarm(20)
    sys.exit(0 if (embedding.embedder().embed(["a text"]) == before).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_worker_embeds_and_ends(tmp_path: Path) -> None:
    # Without CI in the environment, which would quieten the runtime's own threads by chance.
    subprocess.run([sys.executable, "-c", IN_A_FORK, tmp_path], check=True, env={}, timeout=60)


def test_the_endpoint_is_asked_in_batches_and_answers_in_order(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    texts = [f"text {'x' * n}" for n in range(130)]
    found = remote.embed(texts)
    assert np.abs(found - np.array([unit(text) for text in texts])).max() < 1e-6
    assert [len(request["input"]) for request in endpoint.requests] == [1, 32, 32, 32, 32, 2]
    assert {request["path"] for request in endpoint.requests} == {"/v1/embeddings"}
    assert {request["model"] for request in endpoint.requests} == {"small-model"}


def test_rows_out_of_order_are_sorted_by_their_index(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    endpoint.change = lambda rows: [rows[2], rows[0], rows[1]]
    found = remote.embed(["a", "bb", "ccc"])
    assert np.abs(found - np.array([unit(text) for text in ("a", "bb", "ccc")])).max() < 1e-6


def _first(value: Any) -> Callable[[Rows], Rows]:
    """Put the value where the first row's vector was."""
    return lambda rows: [{"index": 0, "embedding": value}, *rows[1:]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: rows[:-1], id="one vector fewer"),
        pytest.param(lambda rows: rows[1:], id="the first one missing"),
        pytest.param(lambda rows: [*rows, rows[0]], id="one more"),
        pytest.param(lambda rows: [rows[0], rows[0], rows[2]], id="an index twice"),
        pytest.param(lambda rows: [{**r, "index": r["index"] + 1} for r in rows], id="from 1"),
        pytest.param(lambda rows: [{"embedding": r["embedding"]} for r in rows], id="no index"),
        pytest.param(lambda rows: [{**r, "embedding": [1.0] * 5} for r in rows], id="dimension"),
        pytest.param(_first([1.0, 2.0]), id="one of another dimension"),
        pytest.param(_first([float("nan"), 1.0, 1.0, 1.0]), id="NaN"),
        pytest.param(_first([float("inf"), 1.0, 1.0, 1.0]), id="infinite"),
        pytest.param(_first([0.0] * 4), id="no direction"),
        pytest.param(_first([None] * 4), id="nulls"),
        pytest.param(_first(None), id="no vector"),
        pytest.param(_first("AAAA"), id="text"),
        pytest.param(lambda rows: [], id="nothing"),
        pytest.param(lambda rows: None, id="null"),
        pytest.param(lambda rows: {"0": rows}, id="an object"),
        pytest.param(lambda rows: ["a", "b", "c"], id="strings"),
    ],
)
def test_what_is_not_one_usable_vector_per_text_is_an_error(
    remote: EndpointEmbedder, endpoint: Endpoint, change: Callable[[Rows], Any]
) -> None:
    endpoint.change = change
    with pytest.raises(EmbeddingMismatch):
        remote.embed(["a", "bb", "ccc"])


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"[]", b'"text"', b"{}", b"null"])
def test_a_page_instead_of_an_answer_is_a_mismatch(
    remote: EndpointEmbedder, endpoint: Endpoint, body: bytes
) -> None:
    endpoint.raw = body
    with pytest.raises(EmbeddingMismatch):
        remote.embed(["a"])


def test_a_mismatch_in_a_later_batch_gives_no_vectors_at_all(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    endpoint.change = lambda rows: rows if len(rows) == 32 else rows[:-1]
    with pytest.raises(EmbeddingMismatch):
        remote.embed(["a"] * 40)


@pytest.mark.parametrize(("status", "calls"), [(500, 3), (429, 3), (401, 1), (404, 1)])
def test_a_refusal_is_unavailable_and_retried_only_where_it_may_pass(
    remote: EndpointEmbedder, endpoint: Endpoint, status: int, calls: int
) -> None:
    endpoint.status = status
    asked = len(endpoint.requests)
    with pytest.raises(EmbeddingUnavailable, match=str(status)):
        remote.embed(["a"])
    assert len(endpoint.requests) - asked == calls


def test_an_endpoint_that_is_not_there_is_unavailable_and_asked_again_later(
    local_settings: LazySettings,
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        local_settings.EMBEDDING_BASE_URL = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        for _ in range(2):
            with pytest.raises(EmbeddingUnavailable):
                embedding.embedder()


def test_an_error_does_not_show_the_key(endpoint: Endpoint) -> None:
    endpoint.status = 401
    with pytest.raises(KenwardError) as raised:
        EndpointEmbedder(endpoint.url, "sk-very-secret", "small-model")
    shown = f"{raised.value} {raised.value.hint} {raised.value.detail}"
    assert "sk-very-secret" not in shown


def test_an_empty_or_unencodable_text_does_not_spoil_its_batch(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    assert remote.embed(["a", "", "\ud800"]).shape == (3, 4)
    assert endpoint.requests[-1]["input"] == ["a", " ", "\ufffd"]


def test_an_endpoint_gets_no_more_than_the_estimated_limit(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    remote.embed(["word " * 2000])
    (sent,) = endpoint.requests[-1]["input"]
    assert remote.count_tokens(sent) == remote.spec.max_tokens == 512


def test_two_endpoints_with_one_model_name_are_two_spaces(
    remote: EndpointEmbedder, endpoint: Endpoint
) -> None:
    same = EndpointEmbedder(f"{endpoint.url}/", "key", "small-model")
    other = EndpointEmbedder(endpoint.url.replace("127.0.0.1", "localhost"), "", "small-model")
    assert same.spec == remote.spec
    assert other.spec.revision != remote.spec.revision


def test_the_estimate_is_not_below_a_real_tokenizer_on_latin_text(local: LocalEmbedder) -> None:
    for row in REFERENCE:
        if row["text"].isascii():
            estimated = len(tokens.estimated_offsets(row["text"]))
            assert estimated >= local.count_tokens(row["text"]), row["text"]


@given(st.text())
def test_estimated_spans_cover_everything_but_spaces_once(text: str) -> None:
    offsets = tokens.estimated_offsets(text)
    assert "".join(text[start:end] for start, end in offsets) == "".join(text.split())
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(offsets))


@given(st.lists(st.text(min_size=1, max_size=8), max_size=6))
@hypothesis_settings(deadline=None)
def test_the_local_model_keeps_the_order(local: LocalEmbedder, texts: list[str]) -> None:
    together = local.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.abs(local.embed([text])[0] - vector).max() < 1e-6


def test_both_are_embedders(local: LocalEmbedder, remote: EndpointEmbedder) -> None:
    both: list[Embedder] = [local, remote]
    for one in both:
        assert one.embed(["a"]).shape == (1, one.spec.dimension)
