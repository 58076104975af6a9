"""Globs of paths as regular expressions of PostgreSQL. Pure."""

from __future__ import annotations

import re
import unicodedata

_PIECE = re.compile(r"(?P<tree>\*\*/)|(?P<rest>\*\*)|(?P<part>\*)|(?P<one>\?)|(?P<text>[^*?]+)")
# PostgreSQL's own special characters, wherever they stand.
_SPECIAL = re.compile(r"([\\^$.|?*+(){}\[\]])")


def as_pattern(glob: str) -> str:
    """Return the expression that a whole path has to match; empty for an empty glob.

    `*` and `?` stay within one folder, `**` goes through any number of them; nothing else is
    special. A glob that ends with a slash means everything below.

    Args:
        glob: a path relative to the root of its source, without a leading slash.
    """
    if not glob:
        return ""
    if glob.endswith("/"):
        glob += "**"
    pieces = (_translated(found) for found in _PIECE.finditer(unicodedata.normalize("NFC", glob)))
    return f"^{''.join(pieces)}$"


def _translated(found: re.Match[str]) -> str:
    if found["text"] is not None:
        return _SPECIAL.sub(r"\\\1", found["text"])
    kinds = {"tree": "(.*/)?", "rest": ".*", "part": "[^/]*", "one": "[^/]"}
    return kinds[str(found.lastgroup)]
