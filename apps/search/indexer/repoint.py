"""Brings passages up to date with documents that moved or are gone.

Until then the document's own row decides (`release`), so nothing leaks and nothing is urgent.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from apps.documents.models import Document, DocumentText
from apps.search.indexer import copied_policies
from apps.search.models import Chunk
from apps.search.vectors import vector_store
from apps.search.words import term_rows
from apps.tenants.context import unrestricted_reading


@unrestricted_reading()
def repoint_chunks(limit: int) -> int:
    """Give passages their documents' policies, and delete those of documents that are gone.

    Runs in a transaction of its own.

    Args:
        limit: documents at most, so that no transaction is long.

    Returns:
        how many documents were brought up to date; fewer than `limit` means that none is left.
    """
    with transaction.atomic():
        behind = list(
            Document.objects.to_repoint()
            .select_for_update(skip_locked=True)
            .values_list("pk", "deleted_at")[:limit]
        )
        _remove([document_id for document_id, deleted_at in behind if deleted_at is not None])
        _point([document_id for document_id, deleted_at in behind if deleted_at is None])
    return len(behind)


def _remove(document_ids: list[int]) -> None:
    if not document_ids:
        return
    term_rows.remove(document_ids)
    Chunk.objects.filter(document_id__in=document_ids).delete()  # vectors go with their chunks
    DocumentText.objects.filter(document_id__in=document_ids).delete()
    Document.objects.filter(pk__in=document_ids).update(chunks_policy_id=None, indexed_version=0)


def _point(document_ids: list[int]) -> None:
    if not document_ids:
        return
    copied_policies.follow("search_chunk", document_ids)
    term_rows.point(document_ids)
    vector_store.point(document_ids)
    Document.objects.filter(pk__in=document_ids).update(chunks_policy_id=F("policy_id"))
