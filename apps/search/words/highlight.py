"""Short extracts of passages with the question's words marked, as safe HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.search.words import terms
from apps.search.words.lexical import Wanted

_MOST_WORDS = 60
# An extract begins so many words before its first marked one, and at a sentence if one does there.
_WORDS_BEFORE = 8
_SENTENCE_ENDS = (".", "!", "?", ":", "\n")
# A heading would run into what stands under it.
_BETWEEN_BLOCKS = re.compile(r"\s*\n\s*\n\s*")


def extracts(texts: Sequence[str], wanted: Wanted | None) -> list[SafeString]:
    """Return for each text its best 60 words; words of the question stand in `<mark>`.

    Args:
        texts: passages that may be shown.
        wanted: the question; None marks nothing.
    """
    return [_extract(text, wanted) for text in texts]


def _extract(text: str, wanted: Wanted | None) -> SafeString:
    words = list(terms.words(text))
    marks = _marks(words, wanted) if wanted is not None else []
    parts = [word for word in words if not word.is_whole]
    begin, end = _window(text, parts, marks, wanted)
    html, at = [], begin
    for start, stop, _ in marks:
        if start < at or stop > end:
            continue
        html += [
            escape(_spaced(text[at:start])),
            f"<mark>{escape(_spaced(text[start:stop]))}</mark>",
        ]
        at = stop
    html.append(escape(_spaced(text[at:end])))
    # Every part of it was escaped above; the only tags are the ones put in there.
    return mark_safe("".join(html).strip())  # noqa: S308


Mark = tuple[int, int, frozenset[str]]


def _marks(words: Sequence[terms.Word], wanted: Wanted) -> list[Mark]:
    """Return what is to be marked: start, end and terms, the longer of two at one place."""
    found: list[Mark] = []
    for word in sorted(words, key=lambda word: (word.start, -word.end)):
        if found and word.start < found[-1][1]:
            continue
        forms = {form for language in wanted.languages for form in terms.forms(word.text, language)}
        asked = frozenset(form for form in forms if form in wanted.weights)
        if asked:
            found.append((word.start, word.end, asked))
    return found


def _window(
    text: str, parts: Sequence[terms.Word], marks: Sequence[Mark], wanted: Wanted | None
) -> tuple[int, int]:
    """Return where the extract begins and ends: where most of the question is."""
    if len(parts) <= _MOST_WORDS:
        return 0, len(text)
    places = {word.start: place for place, word in enumerate(parts)}
    first, best = 0, 0.0
    for number, (start, _, _) in enumerate(marks):
        begin = places[start]
        inside = frozenset[str]()
        for later, _, asked in marks[number:]:
            if places[later] >= begin + _MOST_WORDS - _WORDS_BEFORE:
                break
            inside |= asked
        share = wanted.share(inside) + len(inside) / 1000 if wanted is not None else 0.0
        if share > best:
            first, best = begin, share
    first = _sentence(text, parts, first)
    last = min(first + _MOST_WORDS, len(parts)) - 1
    begin = parts[first].start if first else 0
    return begin, parts[last].end if last < len(parts) - 1 else len(text)


def _sentence(text: str, parts: Sequence[terms.Word], first: int) -> int:
    """Return the part near before this one where a sentence begins, else a few words before."""
    earliest = max(first - _WORDS_BEFORE, 0)
    for place in range(first, earliest, -1):
        between = text[parts[place - 1].end : parts[place].start]
        if any(mark in between for mark in _SENTENCE_ENDS):
            return place
    return earliest


def _spaced(text: str) -> str:
    """Return the text in one line: a point between blocks, one space for other white space."""
    words = " ".join(_BETWEEN_BLOCKS.sub(" · ", text).split())
    if not words:
        return " " if text else ""
    return f"{' ' * text[:1].isspace()}{words}{' ' * text[-1:].isspace()}"
