"""Writes the terms of a document's passages: for BM25, and where they stand for phrases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.documents.chunking import Chunk as Passage
from apps.search.indexer import copied_policies
from apps.search.words import bm25, languages, terms
from apps.tenants.context import required_tenant_id

# Positions in a tsvector end here: https://www.postgresql.org/docs/18/textsearch-limitations.html
_LAST_POSITION = 16_383
_MOST_POSITIONS = 256
# Between two texts of one passage, so that no phrase spans them.
_GAP = 10
_INSERT = f"""
INSERT INTO search_chunkterms (tenant_id, id, document_id, policy_id, policy_ordinal, language,
    terms, impacts)
SELECT %(tenant_id)s, r.id, %(document_id)s, %(policy_id)s, {copied_policies.ORDINAL},
    %(language)s, r.terms::integer[], r.impacts::sparsevec
FROM unnest(%(ids)s::bigint[], %(terms)s::text[], %(impacts)s::text[]) AS r(id, terms, impacts)
"""  # noqa: S608  a constant


def language_of(passages: Sequence[Passage]) -> str:
    """Return the language of a document; where it says too little, the tenant's usual one."""
    first = sorted(passages, key=lambda passage: passage.ordinal)[:20]
    beginning = "\n".join(passage.text for passage in first)
    return languages.of_text(beginning) or languages.usual()


@dataclass(frozen=True, slots=True)
class Analysed:
    """A passage as it is searched.

    Attributes:
        lexemes: its terms with their positions, as the text of a tsvector. Weight A: of title and
            headings; B: of the passage.
        impacts: number of a term -> what BM25 makes of it, by number.
    """

    lexemes: str
    impacts: Mapping[int, float]


def analysed(title: str, passage: Passage, language: str) -> Analysed:
    """Return the terms of a passage, with those of the headings above it and of the title.

    Args:
        title: of its document.
        passage: as it was cut.
        language: of its document, as in `languages`.
    """
    positions: defaultdict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    length, at = 0, 1
    above = [(text, "A") for text in (title, *passage.heading_path)]
    for text, weight in (*above, (passage.text, "B")):
        last = -1
        for word in terms.words(text):
            last = word.last
            forms = terms.forms(word.text, language)
            counts.update(forms)
            # Joined words are as long as their parts. They stand where the first and where the last
            # of these does, so that a phrase goes on from them.
            length += bool(forms) and not word.is_whole
            for place in {at + word.first, at + word.last} if at + last <= _LAST_POSITION else ():
                for form in forms:
                    positions[form].append(f"{place}{weight}")
        at += last + _GAP
    lexemes = " ".join(
        f"{terms.quoted(term)}:{','.join(places[:_MOST_POSITIONS])}"
        for term, places in positions.items()
    )
    return Analysed(lexemes, _numbered(bm25.impacts(counts, length)))


def add(document_id: int, policy_id: int, language: str, passages: Mapping[int, Analysed]) -> None:
    """Write the terms of a document's passages; in the caller's transaction.

    Args:
        document_id: the document.
        policy_id: its policy, which the rows copy for the filter inside the scan.
        language: of the document.
        passages: by the ids of their chunks, which are written already.
    """
    if not passages:
        return
    found = [passage.impacts for passage in passages.values()]
    names: dict[str, Any] = {
        "tenant_id": required_tenant_id(),
        "document_id": document_id,
        "policy_id": policy_id,
        "language": language,
        "ids": list(passages),
        "terms": [f"{{{','.join(map(str, each))}}}" for each in found],
        "impacts": [sparse(each) for each in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, names)


def remove(document_ids: list[int]) -> None:
    """Delete the terms of documents: at once, and not chunk by chunk with each chunk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM search_chunkterms WHERE tenant_id = %s AND document_id = ANY (%s)",
            [required_tenant_id(), document_ids],
        )


def point(document_ids: list[int]) -> None:
    """Let the terms of these documents carry their documents' policies."""
    copied_policies.follow("search_chunkterms", document_ids)


def sparse(weights: Mapping[int, float]) -> str:
    """Return weights by the numbers of terms as the text of a sparsevec."""
    return f"{{{','.join(f'{n}:{weights[n]:.6g}' for n in sorted(weights))}}}/{terms.DIMENSIONS}"


def _numbered(impacts: Mapping[str, float]) -> dict[int, float]:
    numbered: dict[int, float] = {}
    for term, impact in impacts.items():
        number = terms.number(term)
        numbered[number] = max(impact, numbered.get(number, 0.0))
    return dict(sorted(numbered.items()))
