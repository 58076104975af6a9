"""Legal and policy texts: numbers at the begin of paragraphs as headings, where they count on.

"1.", "1.2.3", "§ 4", "Article 5" and "(a)" are headings only in a text without others, and only
where nearly every number follows from those before it: a list, a date or a figure does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apps.documents.blocks import Block, one_line

_WORDS = (
    "article|artikel|art\\.|section|sect\\.|sec\\.|clause|chapter|kapitel|part|teil|title|titel|"
    "schedule|annex|anhang|appendix|rule|regulation|paragraph"
)
_MARK = re.compile(
    rf"""(?P<word>(?:{_WORDS})\s{{1,3}}(?:\d{{1,4}}(?:\.\d{{1,3}})*[a-z]?|[IVXLC]{{1,7}}|[A-Z])\b[.:]?)
    | (?P<sign>§{{1,2}}\s{{0,3}}\d{{1,4}}[a-z]?\b\.?)
    | (?P<decimal>\d{{1,3}}(?:\.\d{{1,3}}){{0,5}}(?:\.(?!\d)|\)|(?=\s)))
    | (?P<letter>\((?:[a-z]{{1,2}}|[ivx]{{1,5}}|\d{{1,2}})\))""",
    re.VERBOSE | re.IGNORECASE,
)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_LEAST_MARKS = 4
# Of the marks of a text, how many have to follow from those before them.
_CONSISTENT = 0.85
_MAX_TITLE_CHARACTERS = 120
_SENTENCE_END = (".", ";", ",", ":", "?", "!")
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class _Mark:
    """A number at the begin of a paragraph.

    Args:
        family: `word article`, `sign`, `decimal` or `letter`.
        readings: what it may count, outermost number first; "(c)" is three or a hundred.
        end: where the text after it begins.
    """

    family: str
    readings: tuple[tuple[int, ...], ...]
    end: int

    @property
    def depth(self) -> int:
        """How many numbers it has."""
        return len(self.readings[0])


def with_sections(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks, with headings where a text without any is numbered throughout.

    A mark with a short title is one heading; before running text the mark alone is, so that
    nothing is said twice and nothing is lost.
    """
    found = list(blocks)
    if any(block.kind not in {"paragraph", "list", "table"} for block in found):
        return found
    parted = [piece for block in found for piece in _parted(block)]
    marks = [_mark(block) for block in parted]
    families = _consistent_families(marks, parted)
    if not families:
        return found
    levels = _levels(marks, families)
    return [
        piece
        for block, mark, level in zip(parted, marks, levels, strict=True)
        for piece in ([block] if mark is None or not level else _headed(block, mark, level))
    ]


def _parted(block: Block) -> Iterator[Block]:
    """Cut a paragraph before those of its lines that begin with a mark."""
    if block.kind != "paragraph" or "\n" not in block.text:
        yield block
        return
    lines: list[str] = []
    for line in block.text.split("\n"):
        if lines and _mark(Block("paragraph", line)) is not None:
            yield Block("paragraph", "\n".join(lines), page=block.page)
            lines = []
        lines.append(line)
    yield Block("paragraph", "\n".join(lines), page=block.page)


def _mark(block: Block) -> _Mark | None:
    found = _MARK.match(block.text) if block.kind == "paragraph" else None
    if found is None:
        return None
    kind = found.lastgroup or ""
    after = block.text[found.end() : found.end() + 1]
    # A mark may stand on a line of its own; a number alone is a figure, or that of a page.
    if not after.isspace() and (after or kind == "decimal"):
        return None
    word, _, number = found.group().rpartition(" ") if kind == "word" else ("", "", found.group())
    family = f"{kind} {word.strip().lower()}".strip()
    readings = _readings(number.strip("§(). :").lower())
    return _Mark(family, readings, found.end()) if readings else None


def _readings(number: str) -> tuple[tuple[int, ...], ...]:
    digits = re.match(r"\d+(?:\.\d+)*", number)
    if digits:
        return (tuple(map(int, digits.group().split("."))),)
    letter = ((ord(number) - ord("a") + 1,),) if len(number) == 1 else ()
    roman = _roman(number)
    return (*letter, *(((roman,),) if roman else ()))


def _roman(number: str) -> int:
    """Return what a Roman numeral counts, 0 if it is none."""
    sizes = [_ROMAN.get(letter, 0) for letter in number]
    if not all(sizes):
        return 0
    pairs = zip(sizes, [*sizes[1:], 0], strict=True)
    return sum(-size if following > size else size for size, following in pairs)


def _consistent_families(marks: Sequence[_Mark | None], blocks: Sequence[Block]) -> frozenset[str]:
    """Return the families of marks that count on, if there are enough of them."""
    counts: Counter[str] = Counter()
    good: Counter[str] = Counter()
    seen: dict[str, set[tuple[int, ...]]] = {}
    for mark in marks:
        if mark is not None:
            before = seen.setdefault(mark.family, set())
            counts[mark.family] += 1
            good[mark.family] += any(_follows(before, numbers) for numbers in mark.readings)
            before.update(mark.readings)
    families = {name for name in counts if good[name] >= _CONSISTENT * counts[name]}
    if "decimal" in families and not _is_no_list(marks, blocks):
        families.discard("decimal")
    if not families - {"letter"} or sum(counts[name] for name in families) < _LEAST_MARKS:
        return frozenset()
    return frozenset(families)


def _follows(seen: set[tuple[int, ...]], numbers: tuple[int, ...]) -> bool:
    """Say whether a number is the next one, the first below one that was, or begins anew."""
    *above, last = numbers
    if last > 1:
        return (*above, last - 1) in seen
    return not above or tuple(above) in seen or _follows(seen, tuple(above))


def _is_no_list(marks: Sequence[_Mark | None], blocks: Sequence[Block]) -> bool:
    """Say whether decimals number sections: they go deeper, or have titles with text below."""
    decimals = {place for place, mark in enumerate(marks) if mark and mark.family == "decimal"}
    if any(mark.depth > 1 for mark in marks if mark and mark.family == "decimal"):
        return True
    titled = 0
    for place in decimals:
        mark = marks[place]
        is_title = mark is not None and _title(blocks[place], mark) is not None
        has_text = place + 1 < len(blocks) and (place + 1) not in decimals
        titled += is_title and has_text
    return titled >= _CONSISTENT * len(decimals)


def _levels(marks: Sequence[_Mark | None], families: frozenset[str]) -> list[int]:
    """Return the level of each mark's heading: families nest in the order of their appearance."""
    order: list[str] = []
    for mark in marks:
        if mark and mark.family in families and mark.family not in order:
            order.append(mark.family)
    if "letter" in order:  # wherever the first one stands
        order.remove("letter")
        order.append("letter")
    deepest = max((m.depth for m in marks if m and m.family == "decimal"), default=1)
    base = {}
    level = 1
    for family in order:
        base[family] = level
        level += deepest if family == "decimal" else 1
    return [
        min(base[mark.family] + mark.depth - 1, _DEEPEST) if mark and mark.family in base else 0
        for mark in marks
    ]


def _headed(block: Block, mark: _Mark, level: int) -> list[Block]:
    title = _title(block, mark)
    first, _, rest = block.text.partition("\n")
    if title is not None:
        heading = Block("heading", one_line(first), level, block.page)
        return [heading, Block("paragraph", rest, page=block.page)]
    heading = Block("heading", one_line(block.text[: mark.end]), level, block.page)
    return [heading, Block("paragraph", block.text[mark.end :].strip(), page=block.page)]


def _title(block: Block, mark: _Mark) -> str | None:
    """Return what the mark's line says, if that is a title and no sentence."""
    line = block.text.partition("\n")[0][mark.end :].strip()
    is_long = len(line) > _MAX_TITLE_CHARACTERS
    if is_long or line.endswith(_SENTENCE_END) or (line[:1].islower()):
        return None
    return line
