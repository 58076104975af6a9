"""Documents and questions go to the model on separate ways, with so many requests at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from numpy.typing import NDArray

from apps.search.embeddings import embedding, embedding_lanes, processors, query_vector
from apps.search.embeddings.embedding_batches import Batches
from apps.search.embeddings.embedding_endpoint import EndpointEmbedder
from apps.search.embeddings.embedding_process import EmbeddingProcess
from tests.search.embeddings.endpoint import Endpoint, Rows, unit


@pytest.fixture
def local_settings(settings: LazySettings) -> LazySettings:
    settings.EMBEDDING_BASE_URL = settings.EMBEDDING_API_KEY = settings.EMBEDDING_MODEL = ""
    settings.KENWARD_EMBEDDING_THREADS = 0
    return settings


def test_an_endpoint_gets_several_requests_at_once_and_no_more_than_four(
    endpoint: Endpoint,
) -> None:
    model = EndpointEmbedder(endpoint.url, "", "small-model")
    lock = threading.Lock()
    now, most = 0, 0

    def slowly(rows: Rows) -> Rows:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return rows

    endpoint.change = slowly
    texts = [f"text {'x' * (n % 50)}" for n in range(640)]
    with Batches(embedding_lanes.lanes(model), model.spec.dimension) as running:
        found = running.submit(texts, [model.count_tokens(text) for text in texts]).result(60)
    assert np.abs(found - np.array([unit(text) for text in texts])).max() < 1e-6
    assert 1 < most <= 4
    assert {len(request["input"]) for request in endpoint.requests[1:]} == {32}


def test_the_local_model_has_a_lane_for_each_processor(local_settings: LazySettings) -> None:
    lanes = embedding_lanes.lanes(embedding.embedder())
    assert lanes.parallel == processors.available()
    assert (lanes.batch_texts, lanes.batch_tokens) == (16, 512)
    local_settings.KENWARD_EMBEDDING_THREADS = 1
    assert embedding_lanes.lanes(embedding.embedder()).parallel == 1


def test_a_question_does_not_wait_behind_documents(
    local_settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def busy(self: EmbeddingProcess, texts: Sequence[str]) -> NDArray[np.float32]:
        assert is_over.wait(60)
        return np.ones((len(texts), 384), dtype=np.float32)

    monkeypatch.setattr(EmbeddingProcess, "embed", busy)
    model = embedding.embedder()
    with Batches(embedding_lanes.lanes(model), 384) as running:
        document = running.submit(["a document"] * 100, [3] * 100)
        spec, vector = query_vector.vector_of("How do I request time off?")
        assert (spec.dimension, vector.shape) == (384, (384,))
        assert not document.done()
        is_over.set()
        assert document.result(20).shape == (100, 384)


def test_more_threads_change_no_vector(tmp_path: Path) -> None:
    from apps.search.embeddings.minilm import MiniLM

    texts = [f"ferret {'sleeps ' * (n % 30)}" for n in range(60)]
    alone, together = (MiniLM(tmp_path, threads=n).embed(texts) for n in (1, 3))
    assert np.abs(alone - together).max() < 1e-6
