"""Answers without a language model: quotes, word for word, what answers the question best."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from apps.chat import citations, quotes, words
from apps.chat.quotes import Unit
from apps.search.embeddings import embedding, query_vector
from apps.search.release import Passage
from apps.search.retrieve import clean

INTRODUCTION = "These quotes from your documents come closest to your question:"
INTRODUCTION_SINGLE = "This quote from your documents comes closest to your question:"

_MOST_QUOTES = 4
_MOST_CHARS = 1_400
_LONGEST_QUOTE_CHARS = 600
_LONGEST_LIST_CHARS = 900
_ANNOUNCED = 2  # units after a question or a colon
# Embedding takes some milliseconds each, so only the units with the most words in common get it.
_EMBEDDED = 48
# What a further quote needs of the best one's score.
_WORTH = 0.76
_ALIKE = 0.7
_IN_CONTEXT = 0.6  # a word in title or heading, against the same word in the sentence
_NUMBER_BONUS = 0.08
_RANK_BONUS = 0.10
_PIECE_INTERVAL_S = 0.02
_PIECES = 40
_ASKS_NUMBER = re.compile(
    r"\b(how (?:many|much|long|large|big|high|far|often|old|late|early)|when|what time|cost|price"
    r"|budget|rate|number|amount|date|deadline|limit)\b",
    re.IGNORECASE,
)
_ASKS_STEPS = re.compile(
    r"\b(how (?:do|can|to|should|does|is|are)|steps?|procedure|process|instructions|checklist"
    r"|what (?:are|must|do i need)|which|who (?:are|can|may)|list)\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"(it|this|that|they|these|those|he|she|his|her|their|its|the same|but|and|so|then|however"
    r"|there|both|otherwise|also|such)\b",
    re.IGNORECASE,
)
# What Markdown would take for markup. "[1]" of the document itself is disarmed separately.
_MARKUP = re.compile(r"([\\`*_<>\[\]|~&])")


@dataclass(frozen=True, slots=True)
class _Scored:
    unit: Unit
    score: float
    stems: frozenset[str]


async def pieces(question: str, passages: Sequence[Passage]) -> AsyncIterator[str]:
    """Yield the answer in small pieces, as a model would.

    Args:
        question: able to stand alone.
        passages: at least one, numbered from 1 in this order.

    Raises:
        EmbeddingUnavailable: the sentences cannot be compared with the question just now.
    """
    text = await asyncio.to_thread(answer, question, passages)
    parts = re.findall(r"\S+\s*", text)
    step = max(3, math.ceil(len(parts) / _PIECES))
    for start in range(0, len(parts), step):
        yield "".join(parts[start : start + step])
        await asyncio.sleep(_PIECE_INTERVAL_S)


def answer(question: str, passages: Sequence[Passage]) -> str:
    """Return one to four quotes with their citations, as Markdown.

    Each stands under its document's title and heading, as a block of its own. A sentence that
    leans on the one before brings it along, a row of a table its column names, and a question
    after a procedure gets the whole list.
    """
    every = [unit for n, p in enumerate(passages, start=1) for unit in quotes.units(n, p)]
    found = [unit for unit in every if _says_something(unit, passages)] or every
    chosen = _chosen(question, _scored(question, passages, found), found)
    lines = [INTRODUCTION if len(chosen) > 1 else INTRODUCTION_SINGLE]
    for group in chosen:
        passage, heading = passages[group[0].number - 1], group[0].heading
        place = passage.title
        if heading and heading.casefold() != passage.title.casefold():
            place = f"{place} › {heading}"
        lines.append(f"**{_literal(place)}**\n\n{_block(group)}")
    return "\n\n".join(lines)


def _scored(question: str, passages: Sequence[Passage], found: Sequence[Unit]) -> list[_Scored]:
    """Return the units that can be compared, best first."""
    asked = words.content_stems(question)
    stems = [frozenset(words.content_stems(unit.text)) for unit in found]
    weights = _weights(asked, stems)
    overlaps = [
        _overlap(weights, own, _context(passages[unit.number - 1], unit))
        for unit, own in zip(found, stems, strict=True)
    ]
    order = sorted(range(len(found)), key=lambda place: (-overlaps[place], found[place].number))
    kept = order[:_EMBEDDED]
    nearness = _nearness(question, [found[place] for place in kept])
    wants_number = _ASKS_NUMBER.search(question) is not None
    scored = [
        _Scored(
            unit=found[place],
            score=0.5 * overlaps[place]
            + 0.5 * near
            + _RANK_BONUS * (1 - (found[place].number - 1) / len(passages))
            + _NUMBER_BONUS * (wants_number and any(c.isdigit() for c in found[place].text)),
            stems=stems[place],
        )
        for place, near in zip(kept, nearness, strict=True)
    ]
    return sorted(scored, key=lambda s: (-s.score, s.unit.number, s.unit.place))


def _weights(asked: Sequence[str], stems: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return how much each word of the question tells: the fewer units have it, the more."""
    counts = Counter(stem for own in stems for stem in own)
    raw = {stem: math.log(1 + (1 + len(stems)) / (1 + counts[stem])) for stem in asked}
    total = sum(raw.values()) or 1.0
    return {stem: weight / total for stem, weight in raw.items()}


def _context(passage: Passage, unit: Unit) -> set[str]:
    around = [passage.title, *passage.heading_path, unit.heading, unit.lead]
    return {stem for text in around for stem in words.content_stems(text)}


def _overlap(weights: dict[str, float], own: frozenset[str], context: set[str]) -> float:
    return sum(
        weight * (1.0 if stem in own else _IN_CONTEXT if stem in context else 0.0)
        for stem, weight in weights.items()
    )


def _nearness(question: str, found: Sequence[Unit]) -> list[float]:
    """Return the cosines between the question and the units under their headings."""
    if not found:
        return []
    _, vector = query_vector.vector_of(clean(question))
    texts = [f"{unit.heading}: {unit.text}" if unit.heading else unit.text for unit in found]
    cosines: np.ndarray[tuple[int], np.dtype[np.float32]] = (
        embedding.embedder().embed(texts) @ vector
    )
    return [max(0.0, float(cosine)) for cosine in cosines]


def _chosen(question: str, scored: Sequence[_Scored], found: Sequence[Unit]) -> list[list[Unit]]:
    """Return the units to quote, those under one heading of a passage together, best first."""
    taken: list[_Scored] = []
    groups: dict[tuple[int, str], set[Unit]] = {}
    left = _MOST_CHARS
    for candidate in scored:
        if len(taken) == _MOST_QUOTES or candidate.score < _WORTH * scored[0].score:
            break
        unit = candidate.unit
        group = groups.get((unit.number, unit.heading), set())
        if unit in group or any(_is_alike(candidate, other) for other in taken):
            continue
        together = set(_together(question, unit, found)) - group
        size = sum(len(each.text) for each in together)
        if taken and size > left:
            continue
        left -= size
        taken.append(candidate)
        groups.setdefault((unit.number, unit.heading), set()).update(together)
    return [sorted(group, key=lambda unit: unit.place) for group in groups.values()]


def _says_something(unit: Unit, passages: Sequence[Passage]) -> bool:
    names = {passages[unit.number - 1].title.casefold(), unit.heading.casefold()}
    return unit.text.casefold() not in names


def _is_alike(one: _Scored, other: _Scored) -> bool:
    """Return whether two units say the same: overlapping passages, or copies of a document."""
    both = one.stems | other.stems
    return not both or len(one.stems & other.stems) / len(both) >= _ALIKE


def _together(question: str, unit: Unit, found: Sequence[Unit]) -> list[Unit]:
    """Return the unit with those around it that it is not understood without."""
    under = [u for u in found if u.number == unit.number and u.heading == unit.heading]
    place = under.index(unit)
    after = under[place + 1 : place + 1 + _ANNOUNCED]
    if unit.kind == "item":
        return _whole_list(unit, under) if _ASKS_STEPS.search(question) else [unit]
    if unit.kind != "sentence":
        return [unit]
    if unit.text.endswith(("?", ":")) and after:
        # It says nothing without what it asks or announces.
        is_list = after[0].kind == "item"
        return [unit, *(_whole_list(after[0], under) if is_list else after)]
    has_before = place > 0 and under[place - 1].block == unit.block
    return under[place - (has_before and _LEANS_BACK.match(unit.text) is not None) : place + 1]


def _shortened(line: str) -> str:
    if len(line) <= _LONGEST_QUOTE_CHARS:
        return line
    return line[:_LONGEST_QUOTE_CHARS].rpartition(" ")[0] + " …"


def _whole_list(item: Unit, under: Sequence[Unit]) -> list[Unit]:
    siblings = [other for other in under if other.block == item.block]
    size = sum(len(sibling.text) for sibling in siblings)
    return siblings if size <= _LONGEST_LIST_CHARS else [item]


def _block(group: Sequence[Unit]) -> str:
    """Return units of one passage as a Markdown block quote that ends in its citation."""
    lines: list[tuple[str, bool]] = []
    before: Unit | None = None
    for unit in group:
        if before and unit.kind == "sentence" and _goes_on(before, unit):
            lines[-1] = (f"{lines[-1][0]} {_literal(unit.text)}", False)
        else:
            if before is None and unit.lead:
                lines.append((_literal(unit.lead), False))
            lines.append((_line(unit, is_alone=len(group) == 1), unit.kind == "item"))
        before = unit
    text = lines[0][0]
    for (_, was_item), (line, is_item) in pairwise(lines):
        # Items follow each other as one list; everything else is a paragraph of its own.
        text += f"\n> {line}" if was_item and is_item else f"\n>\n> {line}"
    return f"> {text} [{group[0].number}]"


def _line(unit: Unit, *, is_alone: bool) -> str:
    if unit.kind != "item":
        return _literal(_shortened(unit.text))
    mark, text = quotes.mark_and_text(unit.text)
    shown = _literal(_shortened(text))
    return shown if is_alone and not mark[0].isdigit() else f"{mark} {shown}"


def _goes_on(before: Unit, unit: Unit) -> bool:
    return before.block == unit.block and before.place + 1 == unit.place


def _literal(text: str) -> str:
    """Return Markdown that shows the text as it is."""
    escaped = _MARKUP.sub(r"\\\1", citations.disarm(" ".join(text.split())))
    # What would begin a heading, a list or a quote at the start of a line.
    return re.sub(r"^(\d+)([.)])(?=\s)|^([#+=-])", _disarmed_start, escaped)


def _disarmed_start(match: re.Match[str]) -> str:
    return f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}"
