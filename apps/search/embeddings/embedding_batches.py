"""Gathers the passages of several documents into batches of like length, and embeds these.

Memory: what is submitted is held until it is embedded, so whoever submits bounds it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from apps.search.embeddings.embedding import EmbeddingUnavailable, mismatch
from apps.search.embeddings.embedding_lanes import Lanes

# So many of the passages that have waited longest are looked through for some of like length.
_WINDOW = 512

Vectors = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class _Order:
    """The texts of one document, of which some are embedded already."""

    rows: list[Vectors | None]
    missing: int
    done: Future[Vectors]

    def put(self, place: int, vector: Vectors) -> None:
        self.rows[place] = vector
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(np.stack([row for row in self.rows if row is not None]))

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of an order: its place in it, and its length in tokens."""

    order: _Order
    place: int
    text: str
    length: int


class Batches:
    """Threads that embed what is submitted, while the block lasts; leaving it drops the rest.

    Args:
        lanes: the way to the model; one thread for each.
        dimension: of the vectors.
    """

    def __init__(self, lanes: Lanes, dimension: int) -> None:
        self._lanes, self._dimension = lanes, dimension
        self._waiting: list[_Text] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._threads = [
            threading.Thread(target=self._work, name=f"embed-{number}", daemon=True)
            for number in range(lanes.parallel)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._drop_all()
        for thread in self._threads:
            thread.join()

    def submit(self, texts: Sequence[str], lengths: Sequence[int]) -> Future[Vectors]:
        """Return what will be the texts' unit vectors, shape (n, dimension), in order.

        It is cancelled when the model went away with another document's texts, and fails like
        `Embedder.embed` when it went away with these, or gave nothing usable for them.

        Args:
            texts: of one document, in any number.
            lengths: their tokens, which decide what is embedded together.
        """
        done: Future[Vectors] = Future()
        if not texts:
            done.set_result(np.empty((0, self._dimension), dtype=np.float32))
            return done
        order = _Order([None] * len(texts), len(texts), done)
        with self._changed:
            if self._is_over:
                done.cancel()
                return done
            self._waiting += (
                _Text(order, place, text, length)
                for place, (text, length) in enumerate(zip(texts, lengths, strict=True))
            )
            self._changed.notify_all()
        return done

    def _work(self) -> None:
        while batch := self._next():
            self._embed(batch)

    def _next(self) -> list[_Text]:
        """Wait for texts and take a batch of them; nothing means that all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            window = list(islice(self._waiting, _WINDOW))
            places = alike(
                [each.length for each in window], self._lanes.batch_texts, self._lanes.batch_tokens
            )
            for place in sorted(places, reverse=True):
                del self._waiting[place]
        return [window[place] for place in places]

    def _embed(self, batch: list[_Text]) -> None:
        try:
            vectors = self._lanes.embed([each.text for each in batch])
            if vectors.shape != (len(batch), self._dimension):
                raise mismatch(f"shape {vectors.shape} for {len(batch)} texts")
        except EmbeddingUnavailable as error:
            self._drop_all(batch, because=error)
        except Exception as error:  # noqa: BLE001  whoever waits for the vectors gets it
            self._fail(batch, error)
        else:
            with self._changed:
                for each, vector in zip(batch, vectors, strict=True):
                    each.order.put(each.place, vector)

    def _fail(self, batch: list[_Text], error: Exception) -> None:
        """Let only those documents fail whose own texts do."""
        orders = _orders(batch)
        if len(orders) > 1:
            for order in orders:
                self._embed([each for each in batch if each.order is order])
            return
        with self._changed:
            self._waiting = [each for each in self._waiting if each.order is not orders[0]]
            orders[0].fail(error)

    def _drop_all(
        self, batch: Sequence[_Text] = (), *, because: EmbeddingUnavailable | None = None
    ) -> None:
        """Take no more texts; the document that met the error fails, all others are given up."""
        with self._changed:
            given_up = _orders([*batch, *self._waiting])
            if because is not None and not self._is_over:
                given_up[0].fail(because)
            self._waiting = []
            self._is_over = True
            for order in given_up:
                order.done.cancel()
            self._changed.notify_all()


def _orders(texts: Sequence[_Text]) -> list[_Order]:
    return list(dict.fromkeys(each.order for each in texts))


def alike(lengths: Sequence[int], most_texts: int, most_tokens: int) -> list[int]:
    """Return the places of a batch: the first, and what is nearest to it in length.

    Args:
        lengths: in tokens, in the order of waiting.
        most_texts: texts in a batch.
        most_tokens: in a batch of several, each padded to the longest.
    """
    by_distance = sorted(range(len(lengths)), key=lambda place: abs(lengths[place] - lengths[0]))
    batch: list[int] = []
    longest = 0
    for place in by_distance:
        widest = max(longest, lengths[place])
        if batch and (len(batch) == most_texts or (len(batch) + 1) * widest > most_tokens):
            break
        batch.append(place)
        longest = widest
    return batch
