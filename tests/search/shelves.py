"""Passages with given words, written past extraction and embedding, for the lexical tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.accounts.models import User
from apps.acls import resolve
from apps.documents.chunking import Chunk as Passage
from apps.documents.models import Document
from apps.documents.scope import Scope
from apps.search.filters import NONE, Filters
from apps.search.hits import Hit
from apps.search.indexer import chunk_rows
from apps.search.indexer.chunk_rows import Plan
from apps.search.models import Chunk
from apps.search.words import lexical
from tests.search.library import Library


def passage(ordinal: int, text: str, *headings: str) -> Passage:
    digest = hashlib.sha256("\n".join((*headings, text)).encode()).hexdigest()
    return Passage(ordinal, 0, len(text), text, headings, None, len(text.split()), digest)


def write(
    library: Library, path: str, texts: Sequence[str], *, place: str, title: str = ""
) -> Document:
    """Make a document whose passages are these texts; written again, they replace the old ones."""
    document = library.put(path, "", place=place)
    with library.work():
        document = Document.objects.get(pk=document.pk)
        added = tuple(passage(number, text) for number, text in enumerate(texts))
        chunk_rows.write(document, title, Plan({}, added))
        Document.objects.filter(pk=document.pk).update(
            chunks_policy_id=document.policy_id, indexed_version=document.version
        )
    return document


def hits(
    library: Library,
    user: User,
    question: str,
    *,
    limit: int = 60,
    exact: bool = False,
    filters: Filters = NONE,
) -> tuple[Hit, ...]:
    """Return what a person's question finds by its words."""

    def run(scope: Scope) -> tuple[bool, tuple[Hit, ...]]:
        wanted = lexical.understand(question)
        if wanted is None:
            return True, ()
        found = lexical.search(scope, lexical.weigh(wanted), limit, exact=exact, filters=filters)
        return found.ok, found.hits

    with library.work():
        return resolve.reading(user, run)


def texts_of(library: Library, found: Sequence[Hit]) -> list[str]:
    """Return the texts of hits, in their order."""
    with library.work():
        texts = dict(Chunk.objects.values_list("pk", "text"))
    return [texts[hit.chunk_id] for hit in found]


def finds(library: Library, user: User, question: str) -> list[str]:
    """Return the texts that a person's question finds, best first."""
    return texts_of(library, hits(library, user, question))
