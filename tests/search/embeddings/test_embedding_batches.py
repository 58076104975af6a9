"""Batches of like length from several documents, and who is blamed when the model fails."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from apps.search.embeddings.embedding import EmbeddingMismatch, EmbeddingUnavailable
from apps.search.embeddings.embedding_batches import Batches, alike
from apps.search.embeddings.embedding_lanes import Lanes

Embedded = NDArray[np.float32]


def vector(text: str) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)))]


class Model:
    """Answers once the test lets it, and keeps what it was asked."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.is_asked = threading.Event()
        self.asked: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Embedded:
        self.asked.append(list(texts))
        self.is_asked.set()
        assert self.may_answer.wait(20)
        if any("gone" in text for text in texts):
            raise EmbeddingUnavailable("gone")
        if any("odd" in text for text in texts):
            raise EmbeddingMismatch("odd")
        return np.array([vector(text) for text in texts], dtype=np.float32)


@pytest.fixture
def model() -> Model:
    return Model()


def batches(model: Model, parallel: int = 1) -> Batches:
    return Batches(Lanes(model.embed, parallel, batch_texts=4, batch_tokens=100), dimension=2)


def submit(into: Batches, *texts: str) -> Any:
    return into.submit(texts, [len(text) for text in texts])


@given(st.lists(st.integers(1, 256), min_size=1, max_size=60), st.integers(1, 16))
def test_a_batch_holds_the_first_and_keeps_both_limits(lengths: list[int], most: int) -> None:
    batch = alike(lengths, most, 512)
    assert batch[0] == 0
    assert len(set(batch)) == len(batch) <= most
    assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 512
    farthest = max(abs(lengths[place] - lengths[0]) for place in batch)
    nearer = [p for p, length in enumerate(lengths) if abs(length - lengths[0]) < farthest]
    assert set(nearer) <= set(batch)


def test_no_texts_are_no_batch() -> None:
    assert alike([], 16, 512) == []


def test_documents_share_batches_and_get_their_own_vectors_in_order(model: Model) -> None:
    with batches(model, parallel=2) as running:
        futures = [
            submit(running, *(f"{'x' * (n % 7)} {document}" for n in range(9)))
            for document in range(5)
        ]
        model.may_answer.set()
        for document, future in enumerate(futures):
            texts = [f"{'x' * (n % 7)} {document}" for n in range(9)]
            assert future.result(20).tolist() == [vector(text) for text in texts]
    assert sum(map(len, model.asked)) == 45
    assert any(len({text[-1] for text in asked}) > 1 for asked in model.asked)


def test_a_document_without_new_passages_waits_for_nothing(model: Model) -> None:
    with batches(model) as running:
        assert submit(running).result(0).shape == (0, 2)


def test_only_the_document_whose_texts_fail_fails(model: Model) -> None:
    with batches(model) as running:
        first = submit(running, "first of all")
        good, odd, other = (submit(running, text) for text in ("good", "odd!", "fine"))
        model.may_answer.set()
        assert good.result(20).tolist() == [vector("good")]
        assert other.result(20).tolist() == [vector("fine")]
        assert first.result(20).tolist() == [vector("first of all")]
        with pytest.raises(EmbeddingMismatch):
            odd.result(20)


def test_an_absent_model_is_one_documents_error_and_the_others_are_given_up(model: Model) -> None:
    with batches(model) as running:
        submit(running, "first of all")
        assert model.is_asked.wait(20)
        gone, beside, later = (
            submit(running, *texts) for texts in (["gone"], ["here"], ["x" * 90, "y" * 90])
        )
        model.may_answer.set()
        with pytest.raises(EmbeddingUnavailable):
            gone.result(20)
        assert beside.cancelled()
        assert later.cancelled()
        assert submit(running, "too late").cancelled()


def test_leaving_gives_up_what_waits_and_ends_the_threads(model: Model) -> None:
    before = threading.active_count()
    with batches(model) as running:
        futures = [submit(running, "x" * 90) for _ in range(5)]
        model.may_answer.set()
        futures[0].result(20)
    assert all(future.done() for future in futures)
    assert threading.active_count() == before
