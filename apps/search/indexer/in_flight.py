"""The documents that one worker is indexing at the same time, each at a step of its own.

One thread reads and cuts (the caller's), the lanes of the model embed passages of several documents
together, and two threads store. So the model never waits for a file or for the database. What is in
flight is bounded, below; a document that is lost on the way keeps its claim for `queue.CLAIM_S`
and is then taken up by another worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from types import TracebackType
from typing import Self, TypeVar

from django.db import connections

from apps.connections.errors import ConnectorError
from apps.documents import recall
from apps.search.embeddings import embedding, embedding_lanes
from apps.search.embeddings.embedding import Embedder, EmbeddingUnavailable
from apps.search.embeddings.embedding_batches import Batches, Vectors
from apps.search.indexer import indexing, queue
from apps.search.indexer.indexing import IndexOutcome, Prepared

logger = logging.getLogger(__name__)

# The bound: no document is begun while so many of them, or so many passages to embed, or so much
# text are on their way. One document may have more than that, up to what extraction lets through;
# it is then alone with those before it. A character takes about ten bytes here, with passages and
# vectors. The passages are two or three seconds of work for two cores, which end a tenant's turn.
MOST_DOCUMENTS = 64
MOST_PASSAGES = 128
MOST_CHARACTERS = 4_000_000

_STORING = 2

T = TypeVar("T")


class InFlight:
    """Documents on their way into the bound tenant's index; leaving the block waits for them.

    Args:
        report: called after each document, one call at a time, outside any transaction.

    Attributes:
        is_model_gone: the embedding model does not answer; no further document is begun.
    """

    def __init__(self, report: Callable[[IndexOutcome], None]) -> None:
        self.is_model_gone = False
        self._report = report
        self._reporting = threading.Lock()
        self._held: set[int] = set()  # whose claims are renewed
        self._prepared: dict[int, Prepared] = {}  # between cutting and storing
        self._broken: Exception | None = None
        self._left = threading.Condition()
        self._threads = ExitStack()
        self._connectors = recall.Connectors()
        self._embedding: tuple[Embedder, Batches] | None = None

    def __enter__(self) -> Self:
        self._threads.enter_context(queue.renewing(self._held))
        self._storing = self._threads.enter_context(ThreadPoolExecutor(_STORING, "index-store"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self.wait_until_empty()
        self._threads.close()
        queue.release(sorted(self._held))

    def take(self, document_ids: Sequence[int], deadline: float) -> None:
        """Begin claimed documents, each as soon as there is room; give back what is too late.

        Args:
            document_ids: claimed by the caller.
            deadline: on the clock of `time.monotonic`; none is begun later.
        """
        # A machine that stood still for longer than a claim lasts gives the same document twice.
        document_ids = [each for each in document_ids if each not in self._prepared]
        self._held.update(document_ids)
        for place, document_id in enumerate(document_ids):
            self._wait_for_room()
            if self.is_model_gone or time.monotonic() >= deadline:
                late = document_ids[place:]
                queue.release(sorted(late))
                self._held.difference_update(late)
                return
            self._begin(document_id)

    def wait_until_empty(self) -> bool:
        """Wait until none is on its way; return whether there was one."""
        with self._left:
            was_any = bool(self._prepared)
            self._left.wait_for(lambda: not self._prepared)
        self._raise_what_broke()
        return was_any

    def _raise_what_broke(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _wait_for_room(self) -> None:
        with self._left:
            self._left.wait_for(self._has_room)
        self._raise_what_broke()

    def _has_room(self) -> bool:
        documents = self._prepared.values()
        return (
            len(documents) < MOST_DOCUMENTS
            and sum(len(each.missing) for each in documents) < MOST_PASSAGES
            and sum(len(each.content.text) for each in documents) < MOST_CHARACTERS
        )

    def _begin(self, document_id: int) -> None:
        found = self._attempt(document_id, lambda: self._prepare(document_id))
        if not isinstance(found, Prepared):
            self._end(document_id, found)
            return
        with self._left:
            self._prepared[document_id] = found
        _, batches = self._model()
        vectors = batches.submit(
            [passage.embedded_text for passage in found.missing],
            [passage.token_count for passage in found.missing],
        )
        # The lanes' threads know neither the tenant nor its database.
        context = copy_context()

        def go_on(vectors: Future[Vectors]) -> None:
            self._storing.submit(context.run, self._finish, found, vectors)

        vectors.add_done_callback(go_on)

    def _prepare(self, document_id: int) -> Prepared | IndexOutcome:
        model, _ = self._model()
        return indexing.prepare(document_id, model, self._connectors)

    def _model(self) -> tuple[Embedder, Batches]:
        if self._embedding is None:
            model = embedding.embedder()
            batches = Batches(embedding_lanes.lanes(model), model.spec.dimension)
            self._embedding = model, self._threads.enter_context(batches)
        return self._embedding

    def _finish(self, prepared: Prepared, vectors: Future[Vectors]) -> None:
        """Store a document whose vectors have come, or give it back."""
        document_id = prepared.document.pk
        try:
            if vectors.cancelled():
                queue.release([document_id])
                self._held.discard(document_id)
            else:
                self._end(
                    document_id,
                    self._attempt(document_id, lambda: indexing.store(prepared, vectors.result())),
                )
        except Exception as error:  # noqa: BLE001  the caller's thread raises it
            self._broken = self._broken or error
        finally:
            connections.close_all()  # this thread's, back to the pool
            with self._left:
                del self._prepared[document_id]
                self._left.notify_all()

    def _attempt(self, document_id: int, act: Callable[[], T]) -> T | None:
        """Return what the act does, or nothing where the document must wait for another attempt."""
        try:
            return act()
        except EmbeddingUnavailable as error:
            logger.warning("document %d waits: %s %s", document_id, error, error.detail)
            self.is_model_gone = True
        except ConnectorError as error:  # the source's trouble, not ours: it has no traceback
            logger.info("document %d waits for its source: %s", document_id, error.code)
            wait_s = getattr(error, "retry_after_s", 0.0)
            queue.back_off(document_id, at_least_s=wait_s)
            return None
        except Exception:  # one document that breaks a library must not keep all others waiting
            logger.exception("document %d waits for another attempt", document_id)
        queue.back_off(document_id)
        return None

    def _end(self, document_id: int, outcome: IndexOutcome | None) -> None:
        if outcome is not None and outcome.state == "superseded":
            queue.release([document_id])
        self._held.discard(document_id)
        if outcome is not None:
            with self._reporting:
                self._report(outcome)
