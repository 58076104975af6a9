"""Puts what stands before and after a passage with it, as far as a budget of tokens allows.

A passage is cut where the model's window ends, not where the thought does: the number that answers
a question often stands in the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE_DOCUMENT, Scope
from apps.search.release import Passage

# The text comes from the document's, in one piece: neighbours overlap.
_SELECT = f"""
SELECT asked.place, near.ordinal - own.ordinal AS side, near.id, near.token_count,
    CASE WHEN near.start < own.start
        THEN substr(t.text, near.start + 1, own.start - near.start)
        ELSE substr(t.text, own."end" + 1, near."end" - own."end") END AS beside
FROM unnest(%(chunk_ids)s::bigint[]) WITH ORDINALITY AS asked(id, place)
JOIN search_chunk own ON own.tenant_id = %(tenant_id)s AND own.id = asked.id
JOIN documents_document d ON d.tenant_id = own.tenant_id AND d.id = own.document_id
JOIN search_chunk near ON near.tenant_id = own.tenant_id AND near.document_id = own.document_id
    AND near.ordinal IN (own.ordinal - 1, own.ordinal + 1)
JOIN documents_documenttext t ON t.tenant_id = d.tenant_id AND t.document_id = d.id
    AND t.version = d.indexed_version
WHERE {IS_READABLE_DOCUMENT}
    AND near.version >= d.text_from_version AND t.version >= d.text_from_version
"""  # noqa: S608  no value stands in it


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside a passage: before it (`side` -1) or after it (1)."""

    place: int
    side: int
    chunk_id: int
    tokens: int
    text: str


def stitch(
    scope: Scope, passages: Sequence[Passage], token_budget: int, *, with_neighbours: bool = True
) -> tuple[bool, tuple[Passage, ...]]:
    """Return the passages that fit a budget, the best of them with what stands beside them.

    Args:
        scope: the asker's.
        passages: best first, released.
        token_budget: of all passages and their neighbours together, as the embedding model counts
            them; the first passage is kept whatever it takes.
        with_neighbours: False: only the budget is kept.

    Returns:
        whether the guard held (if not, nothing may be shown), and the passages in their order;
        `context` holds the wider text.
    """
    fitting, left = _fitting(passages, token_budget)
    if not fitting or not with_neighbours:
        return True, tuple(fitting)
    chunk_ids = [passage.chunk_id for passage in fitting]
    ok, rows = scopes.rows(scope, _SELECT, "found.place, found.side", {"chunk_ids": chunk_ids})
    if not ok:
        return False, ()
    widened = list(fitting)
    # What is a passage of its own, or stands beside a better one already, is not said twice.
    said = set(chunk_ids)
    for one in (_Beside(*row) for row in rows):
        if one.chunk_id in said or one.tokens > left:
            continue
        said.add(one.chunk_id)
        left -= one.tokens
        passage = widened[one.place - 1]
        parts = (one.text, passage.wide_text) if one.side < 0 else (passage.wide_text, one.text)
        widened[one.place - 1] = replace(passage, context="".join(parts))
    return True, tuple(widened)


def _fitting(passages: Sequence[Passage], budget: int) -> tuple[list[Passage], int]:
    """Return the first passages that fit, at least one, and what is left of the budget."""
    spent = 0

    def fits(passage: Passage) -> bool:
        nonlocal spent
        is_first = spent == 0
        spent += passage.token_count
        return is_first or spent <= budget

    fitting = list(takewhile(fits, passages))
    return fitting, budget - sum(passage.token_count for passage in fitting)
