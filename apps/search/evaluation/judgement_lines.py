"""Judgements as people write them: one to a line, by hand or by pasting a document's address. Pure.

staff/travel.md
staff/travel.md | 120-480
staff/travel.md | 120-480 | 2
https://kenward.example/documents/0d0ae5f8-…/?passage=120-480#passage | 2
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from apps.documents import passages
from apps.documents.passages import Span
from apps.search.evaluation import questions
from apps.search.evaluation.questions import MAX_DOCUMENT_CHARS, Judgement

_ADDRESS = re.compile(
    r"(?:https?://[^/\s]+)?/documents/(?P<uuid>[0-9a-f-]{36})/(?:\?passage=(?P<span>\d+-\d+))?(?:#\w*)?"
)
_GAP = " | "


def read(text: str) -> list[Judgement]:
    """Return the judgements of the lines that are not empty.

    Raises:
        ValueError: a line holds none; the message is for the person who wrote it.
    """
    return [_judgement(line) for line in text.splitlines() if line.strip()]


def written(judged: Iterable[Judgement]) -> str:
    """Return judgements as lines that `read` gives the same for."""
    return "\n".join(_line(one) for one in judged)


def _judgement(line: str) -> Judgement:
    # Ids may hold anything, so what is known is taken from the end.
    parts = line.replace("\t", _GAP).split(_GAP)
    grade, span = 1, None
    if len(parts) > 1 and parts[-1].strip().isdecimal():
        grade = questions.grade(int(parts.pop()))
    if len(parts) > 1 and (span := passages.parse(parts[-1].strip())):
        parts.pop()
    document = _GAP.join(parts).strip()
    if address := _ADDRESS.fullmatch(document):
        document = address["uuid"]
        span = span or passages.parse(address["span"] or "")
    if not document or len(document) > MAX_DOCUMENT_CHARS:
        raise ValueError(f"“{line.strip()[:80]}” names no document.")
    return Judgement(document, grade, span)


def _line(one: Judgement) -> str:
    # With both, an id that itself ends like one of them is read back as it was.
    is_plain = one.span is None and one.grade == 1 and _GAP not in one.document
    if is_plain:
        return one.document
    return _GAP.join([one.document, *_place(one.span), str(one.grade)])


def _place(span: Span | None) -> list[str]:
    return [str(span)] if span else []
