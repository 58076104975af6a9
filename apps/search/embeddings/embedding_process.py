"""The worker's side of the process that embeds for indexing: starts it, feeds it, ends it."""

from __future__ import annotations

import json
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.documents.extract import frames
from apps.search.embeddings.embedding import EmbeddingUnavailable
from apps.search.embeddings.minilm_graph import DIMENSION

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[3]
# Secrets stand in the environment; whoever reads strangers' texts gets none of it.
_ENVIRONMENT_KEPT = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TZ", "HOME")
# Where others want the processor as well, a third of what one of them gets is left to the child.
NICENESS = 5
_STARTS = 2
_START_TIMEOUT_S = 90.0
# A batch takes a twentieth of a second; this long when the machine has better things to do.
_BATCH_TIMEOUT_S = 120.0
# How a child shows that it is of no use any more. OSError: the connection was reset.
_LOST = (frames.PeerGone, frames.NoFrame, frames.DeadlinePassed, OSError)


class EmbeddingProcess:
    """A warm child process with the local model. Safe to share between threads.

    Args:
        cache_folder: where the model's graph is kept, see `MiniLM`.
        revision: of the model, or how it begins; a child with another one is not used.
        lanes: calls that it works on at the same time; further ones wait.
    """

    def __init__(self, cache_folder: Path, *, revision: str, lanes: int) -> None:
        self._folder, self._revision, self._lanes = cache_folder, revision, lanes
        self.forget()

    @property
    def process_id(self) -> int | None:
        """The child's process id, if there is one."""
        return self._child.process.pid if self._child else None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the texts' vectors, shape (n, 384); a child that was killed is replaced.

        Raises:
            EmbeddingUnavailable: no child can be started, or this batch ends each one.
        """
        request = json.dumps(list(texts)).encode()
        lane = self._free.get()
        try:
            for _ in range(_STARTS):
                child = self._running()
                try:
                    vectors = np.frombuffer(child.exchange(lane, request), dtype=np.float32)
                    return vectors.reshape(len(texts), DIMENSION)
                except _LOST as error:
                    logger.warning("the embedding process is lost: %r", error)
                    self._end(child)
        finally:
            self._free.put(lane)
        raise EmbeddingUnavailable("The embedding process does not stay.")

    def close(self) -> None:
        """End the child; the next call starts another."""
        if self._child is not None:
            self._end(self._child)

    def forget(self) -> None:
        """Let go of the child without ending it: after a fork it belongs to the other process."""
        child: _Child | None = getattr(self, "_child", None)
        if child is not None:
            child.forget()
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for lane in range(self._lanes):
            self._free.put(lane)

    def _running(self) -> _Child:
        with self._lock:
            if self._child is None:
                self._child = self._started()
            return self._child

    def _started(self) -> _Child:
        child = _Child(self._folder, self._lanes)
        try:
            revisions = child.greeted()
        except _LOST as error:
            child.end()
            raise EmbeddingUnavailable(
                "The embedding process does not start.",
                hint="Is the data folder writable, with 200 MB free? Are all packages installed?",
                detail=repr(error),
            ) from error
        if not all(revision.startswith(self._revision) for revision in revisions):
            child.end()
            raise EmbeddingUnavailable(
                "Another embedding model was installed meanwhile.",
                hint="Start the worker again.",
                detail=f"{revisions} instead of {self._revision}",
            )
        return child

    def _end(self, child: _Child) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
                child.end()


class _Child:
    """One child process and the sockets to it, one for each lane."""

    def __init__(self, folder: Path, lanes: int) -> None:
        pairs = [socket.socketpair() for _ in range(lanes)]
        self._sockets = [ours for ours, _ in pairs]
        theirs = [each for _, each in pairs]
        module = ("-m", "apps.search.embeddings.embedding_child", str(folder), str(NICENESS))
        self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, *module, *(str(each.fileno()) for each in theirs)],
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT_KEPT if name in os.environ},
            stdin=subprocess.DEVNULL,
            pass_fds=[each.fileno() for each in theirs],
            start_new_session=True,  # see `embedding_child`: niceness counts inside a session
        )
        for each in theirs:
            each.close()
        for ours in self._sockets:
            ours.settimeout(0)  # non-blocking, as `frames` wants it
        self._in_use = [threading.Lock() for _ in pairs]

    def greeted(self) -> set[str]:
        """Wait until the child is ready and return the revision of its model, as each lane says."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        return {frames.receive(ours.fileno(), deadline=deadline).decode() for ours in self._sockets}

    def exchange(self, lane: int, request: bytes) -> bytes:
        """Send one frame and return the answer."""
        with self._in_use[lane]:
            number = self._sockets[lane].fileno()
            if number < 0:
                raise frames.PeerGone
            deadline = time.monotonic() + _BATCH_TIMEOUT_S
            frames.send(number, request, deadline=deadline)
            return frames.receive(number, deadline=deadline)

    def end(self) -> None:
        """Kill the process, wait for it, and wake whoever waits for an answer."""
        self.process.kill()
        self.process.wait()
        for lane, ours in zip(self._in_use, self._sockets, strict=True):
            # The end of the process has ended every exchange, so this waits for no answer; and
            # no number is closed that somebody still reads from.
            with lane:
                ours.close()

    def forget(self) -> None:
        """Close the sockets without ending the process; no other thread lives on in a fork."""
        for ours in self._sockets:
            ours.close()
        self.process.returncode = 0  # not ours to wait for
