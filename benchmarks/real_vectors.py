"""Vectors of real text: passages and questions of public collections, embedded by MiniLM once.

.venv/bin/python -m benchmarks.real_vectors COLLECTIONS VECTORS.npz
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_WORDS, _STEP = 110, 95  # of a passage; neighbours share the difference
_SHORTEST = 12
_AT_ONCE = 512


@dataclass(frozen=True)
class RealVectors:
    """What was embedded.

    Attributes:
        passages: unit vectors, shape (n, 384).
        documents: which document each passage is of, shape (n,), ascending.
        questions: unit vectors, shape (m, 384).
    """

    passages: Vectors
    documents: NDArray[np.int64]
    questions: Vectors


def load(path: Path) -> RealVectors:
    """Read what `main` wrote."""
    with np.load(path) as stored:
        return RealVectors(stored["passages"], stored["documents"], stored["questions"])


def main() -> int:
    """Embed every collection in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("vectors", type=Path)
    told = parser.parse_args()
    documents, texts = zip(*passages(told.collections), strict=True)
    asked = questions(told.collections)
    sys.stdout.write(f"{len(texts):,} passages, {len(asked):,} questions\n")
    np.savez(
        told.vectors,
        passages=_embed(texts),
        documents=np.array(documents, np.int64),
        questions=_embed(asked),
    )
    return 0


def passages(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the passages of every collection in a folder, with the number of their document."""
    for number, text in enumerate(sorted(set(_documents(folder)))):
        for passage in _passages(text):
            yield number, passage


def questions(folder: Path) -> list[str]:
    """Return every question of the collections, each once, in a fixed order."""
    return sorted(set(_questions(folder)))


def _documents(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.jsonl.gz")):
        if "queries" not in path.name:
            yield from (f"{row['title']}\n{row['text']}" for row in _rows(path))
    for path in sorted(folder.glob("handbooks/*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.name.endswith(".md") else None
                if opened is not None:
                    yield opened.read().decode("utf-8", errors="replace")


def _questions(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.jsonl*")):
        if path.name.startswith(("queries", "questions")):
            yield from (row.get("text") or row["question"] for row in _rows(path))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    yield from map(json.loads, text.splitlines())


def _passages(text: str) -> Iterator[str]:
    words = text.split()
    for start in range(0, max(len(words) - _WORDS + _STEP, 1), _STEP):
        passage = words[start : start + _WORDS]
        if len(passage) >= _SHORTEST:
            yield " ".join(passage)


def _embed(texts: Sequence[str]) -> Vectors:
    from apps.search.embeddings.minilm import MiniLM

    model = MiniLM(Path("var/models"))
    vectors = np.empty((len(texts), 384), np.float32)
    order = np.argsort([len(text) for text in texts], kind="stable")
    for first in range(0, len(order), _AT_ONCE):
        places = order[first : first + _AT_ONCE]
        vectors[places] = model.embed([texts[place] for place in places])
        sys.stdout.write(f"\r{min(first + _AT_ONCE, len(order)):,}")
        sys.stdout.flush()
    sys.stdout.write("\n")
    return vectors


if __name__ == "__main__":
    sys.exit(main())
