"""Checks an answer's [n] against the numbers that were in its prompt. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

# Code is left alone: `row[1]` cites nothing. Models also write [1, 2] and 【1】.
_CODE_OR_CITATION = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)"
    r"|(?P<space>[ \t]*)[\[【][ ]*(?P<numbers>\d{1,3}(?:[ ]*[,;][ ]*\d{1,3})*)[ ]*[\]】]",
    re.DOTALL,
)
_NUMBER = re.compile(r"\d+")
CITATION = re.compile(r"\[(\d{1,3})\]")
_NEVER_A_CITATION = re.compile(r"([\[【])(?=[ ]*\d)")
# Invisible and without width; between bracket and digit it keeps a quoted "[3]" from being ours.
_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer whose every [n] names a source.

    Attributes:
        text: numbers stand alone in their brackets; unknown ones are gone.
        cited: the numbers, each once, ascending.
    """

    text: str
    cited: tuple[int, ...]


def check(text: str, numbers: Collection[int]) -> Checked:
    """Remove what names no source and return the text with the numbers that are left.

    Args:
        text: Markdown as the model wrote it.
        numbers: of the sources in the prompt.
    """
    cited: set[int] = set()

    def replace(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match["code"]
        known = [n for n in map(int, _NUMBER.findall(match["numbers"])) if n in numbers]
        cited.update(known)
        return match["space"] + "".join(f"[{n}]" for n in known) if known else ""

    checked = _CODE_OR_CITATION.sub(replace, text)
    return Checked(checked.strip(), tuple(sorted(cited)))


def disarm(quote: str) -> str:
    """Return a quote whose own "[3]" will not be taken for a citation; it looks the same."""
    return _NEVER_A_CITATION.sub(rf"\1{_WORD_JOINER}", quote)


def without(text: str) -> str:
    """Return the text without citations, for a place where their numbers mean nothing."""
    return check(text, ()).text
