"""Full-text search: which readable passages have the question's words.

A scan over what the asker may read: `@@` is not leakproof, so under row-level security no index
on the lexemes would be used. https://www.postgresql.org/docs/18/ddl-rowsecurity.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db import connection

from apps.documents import scope as scopes
from apps.documents.scope import Scope
from apps.search.hits import Evidence, Found, Hit

CONFIGURATION = "english"
_MAX_WORDS = 40
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|„([^“]+)“')
# Normalisation 1 | 32: the length of the passage counts against it, the result lies in [0, 1).
_SELECT = """
SELECT p.id, p.document_id,
       (SELECT count(*) FROM unnest(%(words)s::text[]::tsquery[]) w WHERE p.lexemes @@ w) AS has,
       ts_rank_cd('{{0.1, 0.2, 0.4, 1.0}}'::float4[], p.lexemes, %(any_word)s::tsquery, 33)
           AS closeness
FROM {source}
WHERE {is_readable} AND p.lexemes @@ %(must_match)s::tsquery
ORDER BY has DESC, closeness DESC, p.id
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as PostgreSQL sees it; every member is the text of a tsquery.

    Attributes:
        words: one query per distinct word that is no stop word; quoted phrases count as one.
        any_word: all of them, joined by OR.
        must_match: what a passage needs at least: the quoted phrases, or else any word.
    """

    words: tuple[str, ...]
    any_word: str
    must_match: str


def understand(query: str) -> Wanted | None:
    """Turn a question into full-text queries; None if it has no word but stop words.

    Words are joined by OR, since a question asks in other words than its answer uses; only what
    stands in quotation marks has to be there as it is.
    """
    # As in the passages: angle brackets would hide what stands between them.
    query = query.replace("<", " ").replace(">", " ")
    phrases = [next(part for part in match if part) for match in _QUOTED.findall(query)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tsvector_to_array(to_tsvector(%(configuration)s::regconfig, %(words)s)),"
            " ARRAY(SELECT q::text FROM unnest(%(phrases)s::text[]) phrase,"
            "  phraseto_tsquery(%(configuration)s::regconfig, phrase) q WHERE numnode(q) > 0)",
            {
                "configuration": CONFIGURATION,
                "words": _QUOTED.sub(" ", query),
                "phrases": phrases,
            },
        )
        lexemes, quoted = cursor.fetchone()
    words = tuple(f"({phrase})" for phrase in quoted) + tuple(_quote(word) for word in lexemes)
    words = words[:_MAX_WORDS]
    if not words:
        return None
    any_word = " | ".join(words)
    must_match = " & ".join(words[: len(quoted)]) if quoted else any_word
    return Wanted(words, any_word, must_match)


def search(scope: Scope, wanted: Wanted, limit: int, *, exact: bool = False) -> Found:
    """Return readable passages with the most of the wanted words, the closest together first.

    Args:
        scope: what the asker may read.
        wanted: see `understand`.
        limit: passages at most.
        exact: see `scope.passages`.
    """
    source, is_readable = scopes.passages("search_chunk", exact=exact)
    ok, rows = scopes.rows(
        scope,
        _SELECT.format(source=source, is_readable=is_readable),
        "found.has DESC, found.closeness DESC, found.id",
        {
            "words": list(wanted.words),
            "any_word": wanted.any_word,
            "must_match": wanted.must_match,
            "limit": limit,
        },
    )
    return Found(
        ok,
        tuple(
            Hit(
                chunk_id,
                document_id,
                closeness,
                (Evidence("lexical", rank, has / len(wanted.words)),),
            )
            for rank, (chunk_id, document_id, has, closeness) in enumerate(rows, start=1)
        ),
    )


def _quote(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
