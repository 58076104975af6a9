"""Questions with their judgements, and the one form in which they are written and read. Pure.

A line of JSON holds one question:

    {"_id": "q1", "text": "How many days …?",
     "evidence": [{"doc_id": "staff/travel.md", "score": 1, "passage": "120-480"}]}

`doc_id` is the document's UUID or its id in the source. `score` (1) and `passage`, characters of
the document's text as document pages have them in their address, may be left out. The forms of the
public collections are read as well: `id` and `question`, `expected_ids`, and passages as `text`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.documents import passages
from apps.documents.passages import Span
from apps.errors import InvalidInput
from apps.search.embeddings.tokens import encodable
from apps.search.evaluation.question_set_models import MAX_GRADE
from apps.search.retrieve import MAX_QUERY_CHARS

MAX_ID_CHARS = 200
MAX_DOCUMENT_CHARS = 4096
_WORD = re.compile(r"\w+")
_RUN = 3  # words
_ENOUGH = 0.5


class NotQuestions(InvalidInput):
    """What was given cannot be read as judged questions."""

    code = "not_questions"


class Split(StrEnum):
    """Which questions of a set are asked: to tune by, to report, or both."""

    DEV = "dev"
    TEST = "test"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A document, or a passage of it, answers a question.

    Attributes:
        document: its UUID or its id in the source.
        grade: how well; 0 is judged not to.
        span: of the passage, where one was judged.
        text: the passage's words as the document has them, where a collection gives those.
    """

    document: str
    grade: int = 1
    span: Span | None = None
    text: str = ""

    @property
    def has_passage(self) -> bool:
        """Whether a passage was judged, and not only the document."""
        return self.span is not None or bool(self.text)

    def is_in(self, start: int, end: int, text: str) -> bool:
        """Return whether a passage of this document holds (half of) what was judged.

        Args:
            start: of the passage in the document's text; `end` is exclusive.
            end: see start.
            text: what the passage says.
        """
        if self.span is not None and (self.span.start >= end or start >= self.span.end):
            return False
        wanted = _runs(self.text)
        return not wanted or len(wanted & _runs(text)) >= _ENOUGH * len(wanted)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what answers it.

    Attributes:
        id: unique within its set.
        text: as it is asked.
        judgements: none where nothing answers it and the right reply says so.
    """

    id: str
    text: str
    judgements: tuple[Judgement, ...] = ()

    @property
    def grades(self) -> dict[str, int]:
        """The judged documents, each with the best grade that it or a passage of it has."""
        found: dict[str, int] = {}
        for one in self.judgements:
            found[one.document] = max(one.grade, found.get(one.document, 0))
        return found

    @property
    def is_answerable(self) -> bool:
        """Whether some document is relevant."""
        return any(one.grade > 0 for one in self.judgements)


def is_for_development(question_id: str) -> bool:
    """Return whether a question is one of those that may be tuned by: half of them, by a hash.

    So the same question is on the same side on every machine and in every version of its set.
    """
    return hashlib.sha256(question_id.encode()).digest()[0] % 2 == 0


def of_split(questions: Iterable[Question], split: Split) -> list[Question]:
    """Return the questions of one side, or all of them."""
    if split == Split.ALL:
        return list(questions)
    return [one for one in questions if is_for_development(one.id) == (split == Split.DEV)]


def read(lines: Iterable[str], *, where: str) -> Iterator[Question]:
    """Yield the questions of JSON lines; empty lines are skipped.

    Args:
        lines: one question each.
        where: what the lines are called in an error.

    Raises:
        NotQuestions: a line holds none, or a question comes twice; the message says where.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise NotQuestions(f"Line {number} of {where} holds no question: {error}.") from error
        if question.id in seen:
            raise NotQuestions(f"Line {number} of {where}: “{question.id}” is there already.")
        seen.add(question.id)
        yield question


def written(question: Question) -> str:
    """Return a question as one line, without its end."""
    evidence = [
        {"doc_id": one.document, "score": one.grade}
        | ({"passage": str(one.span)} if one.span else {})
        for one in question.judgements
    ]
    return json.dumps(
        {"_id": question.id, "text": question.text, "evidence": evidence}, ensure_ascii=False
    )


def _question(row: Any) -> Question:
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    text = _word_of(row, "text", "question", most=MAX_QUERY_CHARS)
    told = [*_list(row, "evidence"), *({"doc_id": one} for one in _list(row, "expected_ids"))]
    return Question(
        _word_of(row, "_id", "id", most=MAX_ID_CHARS),
        text,
        # Passages that a collection has in other words than the document count as the document.
        tuple(dict.fromkeys(_judgement(one) for one in told)),
    )


def _judgement(row: Any) -> Judgement:
    if not isinstance(row, dict):
        raise ValueError("a judgement is no object")
    span = None
    if row.get("passage") is not None:
        span = passages.parse(str(row["passage"]))
        if span is None:
            raise ValueError(f"“{row['passage']}” is no passage, such as 120-480")
    return Judgement(
        _word_of(row, "doc_id", "document", most=MAX_DOCUMENT_CHARS),
        grade(row.get("score", 1)),
        span,
        str(row.get("text") or "") if row.get("in_text") else "",
    )


def grade(told: Any) -> int:
    """Return a grade.

    Raises:
        ValueError: it is no whole number from 0 to MAX_GRADE.
    """
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told <= MAX_GRADE:
        raise ValueError(f"“{told}” is no score, a whole number from 0 to {MAX_GRADE}")
    return told


def _word_of(row: Mapping[str, Any], *names: str, most: int) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            # What PostgreSQL cannot keep is replaced; spaces stay, since some ids begin with one.
            text = encodable(str(value)).replace("\0", " ")
            if len(text) > most:
                raise ValueError(f"“{name}” has more than {most:,} characters")
            return text
    raise ValueError(f"“{names[0]}” is missing")


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"“{name}” is no list")
    return value


def _runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of three words, or all words as one where there are fewer."""
    words = _WORD.findall(text.casefold())
    if 0 < len(words) < _RUN:
        return {tuple(words)}
    return {tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)}
