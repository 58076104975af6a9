"""Cuts a document into the passages that are embedded, found and cited."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apps.documents import topics
from apps.documents.blocks import BlockSpan, ExtractedText
from apps.documents.measure import CHARACTERS_PER_TOKEN, Measure, Tokens
from apps.documents.sections import heading_paths, sections, sentences

__all__ = ["Chunk", "Tokens", "chunks"]

_PATH_JOINT = " > "
_MIN_TOKENS = 16
# Lines that need no context from the line before them.
_ROW_KINDS = frozenset({"table", "rows"})
# How good a place to cut the end of a unit is.
_AFTER_HEADING, _AFTER_WORD, _AFTER_LINE, _AFTER_SENTENCE, _AFTER_BLOCK, _AFTER_TOPIC = range(-1, 5)
# So many chunks long is a text in which subjects are looked for where it has no headings.
_LONG = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document.

    Args:
        ordinal: its place among the document's chunks, from 0.
        start: first character in the document's text.
        end: character after the last.
        text: the document's text from start to end.
        heading_path: the headings that stand above it and not in it, outermost first; shortened
            where they would take more than a quarter of the tokens.
        page: on which it begins, where the document has pages.
        token_count: of `embedded_text`, without the model's markers.
        sha256: of `embedded_text`, hexadecimal: equal means that the vector is equal.
        lead: the header of the table in whose middle it begins.
    """

    ordinal: int
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]
    page: int | None
    token_count: int
    sha256: str
    lead: str = ""

    @property
    def embedded_text(self) -> str:
        """What the embedding model is to read: headings, the table's header, the passage."""
        return _embedded(self.heading_path, self.lead, self.text)


def chunks(
    document: ExtractedText, *, tokenizer: Tokens, max_tokens: int = 250, overlap_tokens: int = 50
) -> list[Chunk]:
    """Cut a document into passages along its structure, in time linear in its length.

    A section that fits is one chunk; small subsections are taken together. A longer one is cut
    after blocks, else sentences or lines, else words, and begins again with the last sentences of
    the chunk before. A long text without any heading is cut where its subject changes, if such a
    place is near. Every character that is no white space is in at least one chunk.

    Args:
        document: as extraction gave it.
        tokenizer: the embedding model's.
        max_tokens: of a chunk's `embedded_text`, at least 16.
        overlap_tokens: about as many are repeated where a section is cut; less than half of
            `max_tokens`.

    Returns:
        chunks by their start; equal for equal arguments.
    """
    if max_tokens < _MIN_TOKENS or not 0 <= overlap_tokens < max_tokens / 2:
        raise ValueError(f"{max_tokens=}, {overlap_tokens=}")
    cutter = _Cutter(document, tokenizer, max_tokens, overlap_tokens)
    found: list[Chunk] = []
    for first, last in sections(document.blocks, cutter.measure, max_tokens):
        for begin, end in cutter.cut(first, last):
            found.append(cutter.chunk(len(found), begin, end))
    return found


def _embedded(path: Sequence[str], lead: str, text: str) -> str:
    return "\n".join(part for part in (_PATH_JOINT.join(path), lead, text) if part)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece of text that is not cut further: characters [start, end) of a block."""

    start: int
    end: int
    block: int
    quality: int


@dataclass(frozen=True, slots=True)
class _Lead:
    """A table's header: its text, where it ends in the document and its tokens."""

    text: str = ""
    end: int = 0
    tokens: int = 0


class _Cutter:
    """Cuts the sections of one document."""

    def __init__(
        self, document: ExtractedText, tokenizer: Tokens, max_tokens: int, overlap_tokens: int
    ) -> None:
        self.measure = Measure(document.text, tokenizer)
        self._text = document.text
        self._blocks = document.blocks
        self._count = tokenizer.count_tokens
        self._max = max_tokens
        self._overlap_tokens = overlap_tokens
        # Nothing smaller than this is worth cutting, and no piece of a cut sentence is larger.
        self._piece = max_tokens // 8
        self._has_headings = any(block.kind == "heading" for block in document.blocks)
        self._paths = list(heading_paths(document))
        self._fitted: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {(): ((), 0)}
        self._leads: dict[int, _Lead] = {}

    def cut(self, first: int, last: int) -> Iterator[tuple[_Unit, _Unit]]:
        """Yield the first and last unit of every chunk of the section of blocks [first, last)."""
        start, end = self._blocks[first].start, self._blocks[last - 1].end
        if self.measure.cost(start, end) <= self._room(first, start):
            whole = _Unit(start, end, first, _AFTER_BLOCK)
            yield whole, whole
            return
        units = [unit for block in range(first, last) for unit in self._units(block)]
        if not self._has_headings and self.measure.cost(start, end) > _LONG * self._max:
            units = self._by_topic(units)
        begin = done = 0
        while done < len(units):
            following = self._end(units, begin, done)
            yield units[begin], units[following - 1]
            done = following
            begin = self._overlap(units, begin, done) if done < len(units) else done

    def _by_topic(self, units: list[_Unit]) -> list[_Unit]:
        """Mark the units after which the subject changes as the best places to cut."""
        wholes = [place for place, unit in enumerate(units) if unit.quality > _AFTER_WORD]
        begins = [0, *(place + 1 for place in wholes[:-1])]
        spans = zip(begins, wholes, strict=True)
        texts = [self._text[units[begin].start : units[end].end] for begin, end in spans]
        for number in topics.breaks(texts):
            units[wholes[number]] = replace(units[wholes[number]], quality=_AFTER_TOPIC)
        return units

    def chunk(self, ordinal: int, first: _Unit, last: _Unit) -> Chunk:
        """Return the chunk from one unit to another."""
        text = self._text[first.start : last.end]
        path, path_tokens = self._path(first.block)
        lead = self._lead(first.block, first.start)
        embedded = _embedded(path, lead.text, text)
        return Chunk(
            ordinal=ordinal,
            start=first.start,
            end=last.end,
            text=text,
            heading_path=path,
            page=self._blocks[first.block].page,
            token_count=path_tokens + lead.tokens + self.measure.tokens(first.start, last.end),
            sha256=hashlib.sha256(embedded.encode()).hexdigest(),
            lead=lead.text,
        )

    def _path(self, block: int) -> tuple[tuple[str, ...], int]:
        """Return the headings above a block, as many as fit, and their tokens."""
        path = self._paths[block]
        if path not in self._fitted:
            self._fitted[path] = self._fit(path)
        return self._fitted[path]

    def _fit(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """Keep the innermost headings, the last one shortened if it alone is too long."""
        limit = self._max // 4
        for first in range(len(path)):
            tokens = self._count(_PATH_JOINT.join(path[first:]))
            if tokens <= limit:
                return path[first:], tokens
        title = path[-1]
        while title and self._count(title) > limit:
            title = title[: len(title) // 2].rstrip()
        return ((title,), self._count(title)) if title else ((), 0)

    def _lead(self, block: int, start: int) -> _Lead:
        """Return the header of the table in whose middle a place is, if it is short enough."""
        span = self._blocks[block]
        if span.kind != "table" or not span.level:
            return _Lead()
        if block not in self._leads:
            self._leads[block] = self._header(span)
        lead = self._leads[block]
        return lead if start > lead.end else _Lead()

    def _header(self, span: BlockSpan) -> _Lead:
        end = span.start
        for _ in range(span.level):
            end = self._text.find("\n", end + 1, span.end)
            if end < 0:
                return _Lead()
        text = self._text[span.start : end]
        is_short = len(text) <= self._max // 4 * CHARACTERS_PER_TOKEN
        tokens = self._count(text) if is_short else self._max
        return _Lead(text, end, tokens) if tokens <= self._max // 4 else _Lead()

    def _room(self, block: int, start: int) -> int:
        """Return how many tokens of text a chunk may have that begins at a place in a block."""
        return self._max - self._path(block)[1] - self._lead(block, start).tokens

    def _end(self, units: Sequence[_Unit], begin: int, done: int) -> int:
        """Return how far a chunk goes: at the best place in its second half, beyond `done`."""
        start = units[begin].start
        room = self._room(units[begin].block, start)
        limit = done + 1
        while limit < len(units) and self.measure.cost(start, units[limit].end) <= room:
            limit += 1
        best = limit
        for end in range(limit, done, -1) if limit < len(units) else ():
            if units[end - 1].quality > units[best - 1].quality:
                best = end
            if self.measure.cost(start, units[end - 1].end) < room / 2:
                break
        while best > done + 1 and self.measure.exact_cost(start, units[best - 1].end) > room:
            best -= 1
        return best

    def _overlap(self, units: Sequence[_Unit], begin: int, done: int) -> int:
        """Return where the next chunk begins: at most the overlap before `done`.

        At the begin of a sentence if there is one near enough, else of a word.
        """
        is_fresh = units[done - 1].quality == _AFTER_TOPIC
        if is_fresh or self._blocks[units[done].block].kind == "heading":
            return done
        near: list[int] = []
        for place in range(done - 1, begin, -1):
            if not self._may_repeat(units, place, done):
                break
            near.append(place)
        after_sentence = [p for p in near if units[p - 1].quality >= _AFTER_SENTENCE]
        return min(after_sentence or near or [done])

    def _may_repeat(self, units: Sequence[_Unit], place: int, done: int) -> bool:
        """Say whether a chunk may begin at a place before `done` and still get beyond it."""
        unit = units[place]
        kind = self._blocks[unit.block].kind
        if kind == "heading" or kind in _ROW_KINDS:
            return False
        if self.measure.cost(unit.start, units[done - 1].end) > self._overlap_tokens:
            return False
        room = self._room(unit.block, unit.start)
        return self.measure.exact_cost(unit.start, units[done].end) <= room

    def _units(self, block: int) -> Iterator[_Unit]:
        """Yield the pieces of a block: itself if small, else its sentences or lines or less."""
        span = self._blocks[block]
        last = _AFTER_HEADING if span.kind == "heading" else _AFTER_BLOCK
        if self.measure.cost(span.start, span.end) <= self._piece:
            yield _Unit(span.start, span.end, block, last)
            return
        for start, end, is_thought in sentences(self._text, span):
            at_end = _AFTER_SENTENCE if is_thought else _AFTER_LINE
            for piece_start, piece_end in self._pieces(start, end):
                quality = at_end if piece_end == end else _AFTER_WORD
                quality = last if piece_end == span.end else quality
                yield _Unit(piece_start, piece_end, block, quality)

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a sentence into pieces of a few words; a word only where it is too long itself."""
        while (start := self._skip_space(start, end)) < end:
            if self.measure.cost(start, end) <= self._piece:
                place = end
            else:
                place = self.measure.reach(start, end, self._piece)
                place = self.measure.word_end(start, place) or place
            while place > start + 1 and self.measure.exact_cost(start, place) > self._piece:
                place = start + (place - start) // 2
            yield start, place
            start = place

    def _skip_space(self, start: int, end: int) -> int:
        while start < end and self._text[start].isspace():
            start += 1
        return start
