"""The words in the names of documents that a person may read: `search_nameword`, in SQL.

A trigger keeps the table (migration 0007). Its key serves under row-level security because only
leakproof operators are asked of it: equality, and ranges in the order of bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apps.accounts.models import User
from apps.documents import scope as scopes
from apps.search.countable import IS_COUNTABLE

# t: the title or the name of the file; a: the author; f: a folder.
Field = Literal["t", "a", "f"]
_MARKS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_LAST = "\U0010ffff"
_MOST_CHARS = 40
# Rows looked at for one range and field, where there are few ranges and where there are many.
_MOST_ROWS, _OF_MANY = 400, 40
_MANY = 10

# Each range and field by itself, so that each is one descent into the key and none crowds out
# another. What the name's row says of the
# policy only saves visits to documents; the document itself is what is asked.
_READABLE_WORDS = """
FROM unnest(%(lows)s::text[], %(highs)s::text[]) asked(low, high)
CROSS JOIN unnest(%(fields)s::"char"[]) name(field)
CROSS JOIN LATERAL (
    SELECT n.word, n.field, n.document_id FROM search_nameword n
    WHERE n.tenant_id = %(tenant_id)s AND n.word >= asked.low AND n.word < asked.high
        AND n.policy_id = ANY ((SELECT ids FROM scope)::bigint[])
        AND n.field = name.field
    LIMIT %(most)s) named
JOIN documents_document d ON d.tenant_id = %(tenant_id)s AND d.id = named.document_id
"""
_HAS_OTHERS = """NOT EXISTS (
    SELECT FROM unnest(%(other_lows)s::text[], %(other_highs)s::text[]) other(low, high)
    WHERE NOT EXISTS (SELECT FROM search_nameword o WHERE o.tenant_id = %(tenant_id)s
        AND o.document_id = d.id AND o.word >= other.low AND o.word < other.high))"""
_DOCUMENTS = f"""
SELECT d.id, d.uuid, d.title, d.path, d.author, source.name, source.uuid AS source_uuid,
    d.source_modified_at, min(named.field::text) AS fields,
    bool_or(named.field = 't') AS by_title,
    starts_with(lower(d.title), lower(%(typed)s)) AS begins
{_READABLE_WORDS}
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE {IS_COUNTABLE} AND {_HAS_OTHERS}
GROUP BY d.id, d.tenant_id, source.name, source.uuid
ORDER BY begins DESC, by_title DESC, d.source_modified_at DESC NULLS LAST, d.id
LIMIT %(limit)s
"""
_AUTHORS = f"""
SELECT DISTINCT d.author {_READABLE_WORDS} WHERE {IS_COUNTABLE} ORDER BY d.author
"""
_FOLDERS = f"""
SELECT DISTINCT regexp_replace(d.path, '[^/]*$', '') AS folder, d.connection_id
{_READABLE_WORDS} WHERE {IS_COUNTABLE} ORDER BY folder
"""
_WORDS = f"""
SELECT named.word, count(DISTINCT d.id) AS documents {_READABLE_WORDS}
WHERE {IS_COUNTABLE} GROUP BY named.word
"""
_SOURCES = f"""
SELECT source.id, source.uuid, source.name FROM connections_connection source
WHERE source.tenant_id = %(tenant_id)s AND source.id = ANY (%(ids)s::bigint[])
    AND EXISTS (SELECT FROM documents_document d
        WHERE d.connection_id = source.id AND {IS_COUNTABLE})
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class Named:
    """A document whose names have the words.

    Attributes:
        fields: which names had the first word.
        by_title: its title, or the file's name, had it.
    """

    id: int
    uuid: UUID
    title: str
    path: str
    author: str
    source: str
    source_uuid: UUID
    modified_at: datetime | None
    fields: str
    by_title: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A source of which a person may read something."""

    id: int
    uuid: UUID
    name: str


Range = tuple[str, str]


def words(text: str) -> list[str]:
    """Return the words as the table has them: no accents, no case; in their order."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower()
    return [word for word in _WORD.findall(plain) if len(word) <= _MOST_CHARS]


def beginning(word: str) -> Range:
    """Return the range of the words that begin so."""
    return word, word + _LAST


def whole(word: str) -> Range:
    """Return the range of this word alone."""
    return word, word + "\x01"


def documents(
    user: User, wanted: Sequence[Range], others: Sequence[Range], *, typed: str, limit: int
) -> list[Named]:
    """Return readable documents whose names have a word of `wanted`, and one of each other range.

    Args:
        user: who asks.
        wanted: ranges of words, any of which will do.
        others: ranges of words, each of which has to be there too.
        typed: titles that begin with it come first.
        limit: documents at most.
    """
    params = {
        **_params(wanted, "taf"),
        "other_lows": [low for low, _ in others],
        "other_highs": [high for _, high in others],
        "typed": typed,
        "limit": limit,
    }
    order = "found.begins DESC, found.by_title DESC, found.source_modified_at DESC NULLS LAST"
    rows = scopes.rows_for(user, _DOCUMENTS, order, params)
    return [Named(*row[:-1]) for row in rows]


def authors(user: User, wanted: Sequence[Range]) -> list[str]:
    """Return the authors of readable documents whose names have a word of the ranges."""
    rows = scopes.rows_for(user, _AUTHORS, "found.author", _params(wanted, "a"))
    return [author for (author,) in rows]


def folders(user: User, wanted: Sequence[Range]) -> list[str]:
    """Return folders with readable documents that have such a word in their path."""
    rows = scopes.rows_for(user, _FOLDERS, "found.folder", _params(wanted, "f"))
    return list(dict.fromkeys(folder for folder, _ in rows))


def counts(user: User, wanted: Sequence[Range], *, at_most: int = _MOST_ROWS) -> dict[str, int]:
    """Return the words of the ranges that readable documents have, with how many have them.

    Args:
        user: who asks.
        wanted: ranges of words.
        at_most: rows that are looked at for each range and field, which bounds the count.
    """
    params = {**_params(wanted, "taf"), "most": at_most}
    return dict(scopes.rows_for(user, _WORDS, "found.word", params))


def sources(user: User, ids: Sequence[int]) -> list[Source]:
    """Return those of the sources of which the person may read something, by name."""
    if not ids:
        return []
    rows = scopes.rows_for(user, _SOURCES, "found.name", {"ids": list(ids)})
    return [Source(*row) for row in rows]


def _params(wanted: Sequence[Range], fields: str) -> dict[str, Any]:
    return {
        "lows": [low for low, _ in wanted],
        "highs": [high for _, high in wanted],
        "fields": list(fields),
        "most": _MOST_ROWS if len(wanted) < _MANY else _OF_MANY,
    }
