"""Reads collections of documents with judged questions, a line at a time.

Two forms are known. As in BEIR: `corpus.jsonl`, `queries.jsonl`, and judgements in `qrels.tsv` or,
by split, in `qrels/*.tsv`. As in EnterpriseRAG-Bench: `documents.jsonl`, and `questions.jsonl` with
`expected_ids`. Files of JSON lines may be compressed (`.gz`).
https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from apps.errors import InvalidInput
from apps.search.evaluation import questions
from apps.search.evaluation.questions import Judgement, NotQuestions, Question, Split

# Which of a collection's own splits are for tuning; `test` alone is for reporting.
_FOR_TUNING = ("train", "dev")


class NotACollection(InvalidInput):
    """The folder cannot be read as a collection with judgements."""

    code = "not_a_collection"


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One document of a collection.

    Attributes:
        is_markdown: its structure is written as Markdown; otherwise it is plain text.
    """

    id: str
    title: str
    text: str
    is_markdown: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """A collection in a folder.

    Attributes:
        corpus: the file of its documents.
        queries: the file of its questions.
        has_own_split: its judgements come as `qrels/test.tsv` beside those to train with.
    """

    folder: Path
    corpus: Path
    queries: Path
    has_own_split: bool

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.name

    @property
    def usual_split(self) -> Split:
        """The questions that others publish figures on: the test split, or all without one."""
        return Split.TEST if self.has_own_split else Split.ALL

    def documents(self) -> Iterator[SourceDocument]:
        """Yield the documents, one at a time."""
        for number, row in _rows(self.corpus):
            try:
                yield _document(row)
            except (KeyError, TypeError) as error:
                raise NotACollection(f"{self.corpus}, line {number}: {error!r}") from error

    def questions(self, split: Split) -> list[Question]:
        """Return the judged questions of a split, and those that nothing answers."""
        with _opened(self.queries) as lines:
            asked = list(questions.read(lines, where=str(self.queries)))
        if not self._qrels():
            return questions.of_split(asked, split)
        grades = _grades(self._qrels(split))
        judged = [_judged(one, grades[one.id]) for one in asked if one.id in grades]
        return judged if self.has_own_split else questions.of_split(judged, split)

    def _qrels(self, split: Split = Split.ALL) -> list[Path]:
        if not self.has_own_split:
            found = self.folder / "qrels.tsv"
            return [found] if found.exists() else []
        names = {
            Split.DEV: _FOR_TUNING,
            Split.TEST: ("test",),
            Split.ALL: (*_FOR_TUNING, "test"),
        }[split]
        paths = [self.folder / "qrels" / f"{name}.tsv" for name in names]
        return [path for path in paths if path.exists()]


def found_in(folder: Path) -> Dataset:
    """Return the collection in a folder.

    Raises:
        NotACollection: there is none, or one without judgements.
    """
    has_own_split = (folder / "qrels" / "test.tsv").exists()
    has_qrels = has_own_split or (folder / "qrels.tsv").exists()
    for corpus, queries, needs_qrels in (
        ("corpus", "queries", True),
        ("documents", "questions", False),
    ):
        files = _file(folder, corpus), _file(folder, queries)
        if files[0] is not None and files[1] is not None and (has_qrels or not needs_qrels):
            return Dataset(folder, files[0], files[1], has_own_split)
    raise NotACollection(
        f"There is no collection with judged questions in {folder}.",
        hint="It needs corpus.jsonl, queries.jsonl and qrels.tsv (or qrels/test.tsv), or"
        " documents.jsonl and questions.jsonl; docs/quality.md has the formats.",
    )


def _file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz")
    return next((path for path in paths if path.exists()), None)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as lines:
            yield lines
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NotACollection(f"{path} cannot be read: {error}.") from error


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise NotACollection(f"{path}, line {number}: {error}") from error


def _document(row: Any) -> SourceDocument:
    title, text = str(row.get("title") or ""), str(row["text"])
    is_markdown = text.lstrip().startswith("#")
    return SourceDocument(str(row["_id"] if "_id" in row else row["id"]), title, text, is_markdown)


def _grades(paths: list[Path]) -> dict[str, dict[str, int]]:
    """Return question -> document -> grade.

    Cleverdon's codes for Cranfield differ between copies of the collection, so there every listed
    pair is relevant and none more than another.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for path in paths:
        with _opened(path) as lines:
            for number, row in enumerate(csv.DictReader(lines, delimiter="\t"), start=2):
                try:
                    score = 1 if row.get("code") else int(row["score"])
                    found[row["query-id"]][row["corpus-id"]] = max(score, 0)
                except (KeyError, TypeError, ValueError) as error:
                    raise NotQuestions(f"{path}, line {number}: {error!r}") from error
    return dict(found)


def _judged(question: Question, grades: dict[str, int]) -> Question:
    """Return the question with the collection's grades, its passages kept."""
    passages = [
        replace(one, grade=grades[one.document])
        for one in question.judgements
        if one.has_passage and one.document in grades
    ]
    documents = [Judgement(document, grade) for document, grade in grades.items()]
    return replace(question, judgements=(*documents, *passages))
