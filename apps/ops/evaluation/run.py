"""READING PAGE: a collection, from its folder to its figures."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apps.chat import expand
from apps.ops.evaluation import answers, corpus, datasets
from apps.ops.evaluation.answers import Answers
from apps.ops.evaluation.corpus import Corpus
from apps.ops.evaluation.datasets import Dataset
from apps.search import retrieve
from apps.search.embeddings import embedding
from apps.search.evaluation import asking, gains
from apps.search.evaluation.questions import Question, Split
from apps.search.evaluation.tally import Judged, Tally
from apps.search.retrieve import How
from apps.search.stages import DEFAULT, Expansion, Stages
from apps.tenants.context import tenant_context

_TOLD_EVERY_S = 5.0
# Asked first and not counted: it loads the model and fills the caches.
_WARM_UP = "what does this collection say"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured.

    Attributes:
        folder: of the collection.
        split: of its questions; None: those that others publish figures on.
        answers: how many questions get a whole answer whose citations are judged.
        candidates: passages that each of the two searches finds at most.
        expansion: what the configured language model adds to each question.
        with_gains: ask again without each stage, to see what it brings.
    """

    folder: Path
    split: Split | None = None
    answers: int = 0
    candidates: int = retrieve.CANDIDATES
    expansion: str = Expansion.NONE
    with_gains: bool = False


def evaluate(wanted: Wanted, files: Path) -> dict[str, Any]:
    """Index a collection, ask its questions, and return the figures.

    Runs in a database of its own.

    Args:
        wanted: what is to be measured.
        files: an empty folder for the documents, named by KENWARD_FOLDER_ROOTS.

    Raises:
        NotACollection, NotQuestions: the folder cannot be read as a collection.
    """
    dataset = datasets.found_in(wanted.folder)
    split = wanted.split or dataset.usual_split
    asked = dataset.questions(split)
    held = corpus.found(files)
    counts = _index(held, dataset, files)
    used = replace(DEFAULT, expansion=wanted.expansion)
    tally = _ask(held, asked, wanted.candidates, used)
    told = {"name": dataset.name, "split": split.value, **counts, **tally.as_json()}
    if wanted.with_gains:
        told["gains"] = gains.of(used, lambda less: _ask(held, asked, wanted.candidates, less))
    if wanted.answers:
        told["answers"] = _judge_answers(held, asked, wanted.answers)
    return told | {"settings": _settings(wanted)}


def _index(held: Corpus, dataset: Dataset, files: Path) -> dict[str, Any]:
    documents = corpus.fill(held, dataset.documents(), files)
    progress = _Progress("indexed", documents)
    started = time.monotonic()
    searchable = 0
    for is_indexed in corpus.indexed(held):
        searchable += is_indexed
        progress.step()
    return {
        "documents": documents,
        "searchable": searchable,
        "passages_indexed": held.count_passages(),
        "indexing_s": round(time.monotonic() - started, 1),
    }


def _ask(held: Corpus, asked: Sequence[Question], candidates: int, used: Stages) -> Tally:
    progress = _Progress("asked", len(asked), look_after=held)
    tally = Tally()
    with tenant_context(held.tenant):
        how = How(candidates=candidates, stages=used)
        asking.ask(held.member, _WARM_UP, how=how)
        for question in asked:
            more = asyncio.run(expand.expanded(question.text, used.expansion))
            heard = asking.ask(held.member, question.text, how=replace(how, expanded=more))
            tally.add(question.id, heard, _judged(held, question))
            progress.step()
    return tally


def _judge_answers(held: Corpus, asked: Sequence[Question], most: int) -> dict[str, Any]:
    """Judge the answers to some questions, which are the same ones in every run."""
    answerable = [one for one in asked if one.is_answerable]
    some = sorted(answerable, key=lambda one: hashlib.sha256(one.id.encode()).digest())[:most]
    progress = _Progress("answered", len(some), look_after=held)
    found = Answers()
    for question in some:
        cited = answers.cited(held.tenant, held.member, question.text)
        found.add(_judged(held, question), cited)
        progress.step()
    return found.as_json()


def _judged(held: Corpus, question: Question) -> Judged:
    """Return what answers a question; a document that the collection lacks is never found."""
    lacking = [name for name in question.grades if name not in held.ids]
    ids = {name: -number for number, name in enumerate(lacking, start=1)}
    return [(ids.get(one.document) or held.ids[one.document], one) for one in question.judgements]


def _settings(wanted: Wanted) -> dict[str, Any]:
    spec = embedding.embedder().spec
    return {
        "embedding": spec.name,
        "revision": spec.revision,
        "chunk_tokens": spec.chunk_tokens,
        "candidates": wanted.candidates,
        "expansion": str(wanted.expansion),
    }


class _Progress:
    """Says now and then how far it is, and keeps the tenant's permissions fresh meanwhile."""

    def __init__(self, verb: str, total: int, *, look_after: Corpus | None = None) -> None:
        self._verb, self._total, self._corpus = verb, total, look_after
        self._done = 0
        self._started = time.monotonic()
        self._told_at = float("-inf")
        self._look()

    def step(self) -> None:
        """Note that one more is done."""
        self._done += 1
        if self._done == self._total or time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._look()

    def _look(self) -> None:
        self._told_at = time.monotonic()
        if self._corpus is not None:
            self._corpus.stay_fresh()
        if self._done:
            pace = self._done / (self._told_at - self._started)
            sys.stderr.write(f"{self._verb} {self._done:,} of {self._total:,} ({pace:.1f}/s)\n")
