"""The way of one document into the index: open, extract, chunk, embed, and store in one step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from numpy.typing import NDArray

from apps.connections.errors import ItemForbidden, ItemGone, ItemUnsupported
from apps.connections.protocol import Connector
from apps.documents import chunking, recall
from apps.documents import store as document_rows
from apps.documents.blocks import ExtractedText
from apps.documents.chunking import Chunk as Passage
from apps.documents.extract.errors import ExtractionError
from apps.documents.extract.run import extract
from apps.documents.models import Document, DocumentText
from apps.errors import KenwardError
from apps.search.embeddings import embedding, embedding_models
from apps.search.embeddings.embedding import Embedder, EmbeddingMismatch, EmbeddingSpec
from apps.search.indexer import chunk_rows
from apps.search.models import Chunk
from apps.search.vectors import vector_store
from apps.tenants.context import unrestricted_reading

logger = logging.getLogger(__name__)

_MIB = 1024 * 1024
# What another attempt with the same bytes would not change.
_LASTING = (ExtractionError, ItemForbidden, ItemUnsupported)
_FAILURES = {"item_unsupported": Document.Failure.UNSUPPORTED}


@dataclass(frozen=True, slots=True)
class IndexOutcome:
    """How the indexing of one document ended.

    Attributes:
        state: `indexed`; `failed` (for good, see code, message and hint; the document is not
            searchable); `superseded` (it changed or went meanwhile, and stays as it was).
        chunks: passages that it has now.
        embedded: how many of them needed a new vector.
    """

    document_id: int
    state: Literal["indexed", "failed", "superseded"]
    chunks: int = 0
    embedded: int = 0
    code: str = ""
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document on its way: read and cut, and not yet embedded and stored.

    Attributes:
        missing: passages that need a vector, each wording once.
        model: what is to embed them.
    """

    document: Document
    content: ExtractedText
    passages: Sequence[Passage]
    missing: Sequence[Passage]
    model: EmbeddingSpec


def index(document_id: int) -> IndexOutcome:
    """Make the current version of a document searchable; old passages stay until then.

    The model of this very process embeds; `worker` does the same for many documents at once. The
    caller holds the claim (`queue`) and has bound the tenant; no transaction is open.

    Returns:
        the outcome; one that lasts (a broken file) is stored on the document too.

    Raises:
        EmbeddingUnavailable, ConnectorError: another attempt may succeed.
        EmbeddingMismatch: chunks and vectors did not fit each other, and nothing was stored.
    """
    model = embedding.embedder()
    prepared = prepare(document_id, model, recall.Connectors())
    if isinstance(prepared, IndexOutcome):
        return prepared
    return store(prepared, model.embed([passage.embedded_text for passage in prepared.missing]))


@unrestricted_reading()
def prepare(
    document_id: int, model: Embedder, connectors: recall.Connectors
) -> Prepared | IndexOutcome:
    """Read and cut the current version of a document; see `index`.

    Returns:
        what to embed and store, or how it ended already.

    Raises:
        EmbeddingUnavailable, ConnectorError: another attempt may succeed.
    """
    with transaction.atomic():
        document = (
            Document.objects.live()
            .filter(pk=document_id)
            .select_related("connection__tenant")
            .first()
        )
    if document is None or document.indexed_version == document.version:
        return IndexOutcome(document_id, "superseded")
    asked_at = timezone.now()
    try:
        content = _read(document, connectors.of(document.connection))
        passages = _cut(content, model)
    except _LASTING as error:
        return _store_failure(document, error)
    except ItemGone:
        return _hide(document, asked_at)
    with transaction.atomic():
        embedding_models.require(model.spec)
        added = chunk_rows.plan(document_id, passages).added
    missing = tuple({passage.sha256: passage for passage in added}.values())
    return Prepared(document, content, passages, missing, model.spec)


@unrestricted_reading()
def store(prepared: Prepared, vectors: NDArray[np.float32]) -> IndexOutcome:
    """Swap the old passages for the new ones in one transaction, which readers see or do not.

    Args:
        prepared: the document, in the tenant that is bound now.
        vectors: of its missing passages, in order, unit length, shape (n, dimension).

    Raises:
        EmbeddingUnavailable: the tenant has vectors of another model meanwhile.
        EmbeddingMismatch: chunks and vectors did not fit each other, and nothing was stored.
    """
    if vectors.shape != (len(prepared.missing), prepared.model.dimension):
        raise EmbeddingMismatch(
            "The embedding model did not return one vector per passage, so none was stored.",
            detail=f"shape {vectors.shape} for {len(prepared.missing)} passages",
        )
    by_content = dict(zip((each.sha256 for each in prepared.missing), vectors, strict=True))
    seen, content, passages = prepared.document, prepared.content, prepared.passages
    with transaction.atomic():
        document = _lock(seen)
        if document is None:
            return IndexOutcome(seen.pk, "superseded")
        embedding_models.adopt(prepared.model)
        plan = chunk_rows.plan(document.pk, passages)
        if any(passage.sha256 not in by_content for passage in plan.added):
            # Somebody else rewrote the passages since they were looked at: try again.
            return IndexOutcome(document.pk, "superseded")
        title = (content.title or document.title)[:1000]
        ids = chunk_rows.write(document, title, plan)
        vector_store.replace(
            document.pk,
            document.policy_id,
            {ids[passage.ordinal]: by_content[passage.sha256] for passage in plan.added},
            kept=frozenset(plan.kept),
        )
        DocumentText.objects.bulk_create(
            [
                DocumentText(
                    tenant_id=document.tenant_id,
                    document=document,
                    version=document.version,
                    text=content.text,
                    blocks=content.block_rows(),
                    pages=content.pages,
                )
            ],
            update_conflicts=True,
            unique_fields=["tenant", "document"],
            update_fields=["version", "text", "blocks", "pages"],
        )
        author = (document.author or content.author)[:200]
        _finish(document, title=title, author=author, chunks_policy_id=document.policy_id)
    return IndexOutcome(document.pk, "indexed", len(passages), len(plan.added))


def _read(document: Document, connector: Connector) -> ExtractedText:
    with connector.open(document.external_id) as stream:
        return extract(
            stream,
            file_name=document.path.rpartition("/")[2],
            mime_type=document.mime_type or None,
            timeout_s=settings.KENWARD_EXTRACT_TIMEOUT_S,
            memory_mb=settings.KENWARD_EXTRACT_MEMORY_MB,
            max_bytes=settings.KENWARD_MAX_FILE_MB * _MIB,
        )


def _cut(content: ExtractedText, model: Embedder) -> list[Passage]:
    return chunking.chunks(
        content,
        tokenizer=model,
        max_tokens=settings.KENWARD_CHUNK_TOKENS or model.spec.chunk_tokens,
        overlap_tokens=settings.KENWARD_CHUNK_OVERLAP_TOKENS,
    )


def _hide(seen: Document, asked_at: datetime) -> IndexOutcome:
    """Take a document out that its source has no more, whoever is the first to learn it."""
    with transaction.atomic():
        document_rows.delete(seen.connection, external_ids=[seen.external_id], observed_at=asked_at)
    return IndexOutcome(seen.pk, "superseded")


def _store_failure(seen: Document, error: KenwardError) -> IndexOutcome:
    """Take the document out of the index and say why; it waits for its next version."""
    with transaction.atomic():
        document = _lock(seen)
        if document is None:
            return IndexOutcome(seen.pk, "superseded")
        Chunk.objects.filter(document_id=document.pk).delete()  # vectors go with their chunks
        DocumentText.objects.filter(document_id=document.pk).delete()
        _finish(
            document,
            chunks_policy_id=None,
            failure=_failure(error.code),
            failure_message=str(error)[:500],
        )
    logger.info("document %d cannot be indexed (%s): %s", seen.pk, error.code, error.detail)
    return IndexOutcome(seen.pk, "failed", code=error.code, message=error.message, hint=error.hint)


def _lock(seen: Document) -> Document | None:
    """Lock the document's row, if it is still live and waiting in the version that was read."""
    return (
        Document.objects.live()
        .select_for_update()
        .filter(pk=seen.pk, version=seen.version)
        .exclude(indexed_version=seen.version)
        .first()
    )


def _finish(
    document: Document,
    *,
    chunks_policy_id: int | None,
    title: str = "",
    author: str = "",
    failure: str = "",
    failure_message: str = "",
) -> None:
    Document.objects.filter(pk=document.pk).update(
        title=title or document.title,
        author=author or document.author,
        chunks_policy_id=chunks_policy_id,
        indexed_version=document.version,
        indexed_at=Now(),
        index_claimed_at=None,
        index_attempts=0,
        index_after=None,
        failure=failure,
        failure_message=failure_message,
    )


def _failure(code: str) -> str:
    return _FAILURES.get(code, code if code in Document.Failure.values else Document.Failure.OTHER)
