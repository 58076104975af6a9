"""Brings passages up to date with documents that moved or are gone.

Until then the document's own row decides (`release`), so nothing leaks and nothing is urgent.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import F

from apps.documents.models import Document, DocumentText
from apps.search import vector_store
from apps.search.models import Chunk
from apps.tenants.context import required_tenant_id, unrestricted_reading


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
    Chunk.objects.filter(document_id__in=document_ids).delete()  # vectors go with their chunks
    DocumentText.objects.filter(document_id__in=document_ids).delete()
    Document.objects.filter(pk__in=document_ids).update(chunks_policy_id=None, indexed_version=0)


def _point(document_ids: list[int]) -> None:
    if not document_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE search_chunk c SET policy_id = d.policy_id, policy_ordinal = p.ordinal"
            " FROM documents_document d"
            " JOIN acls_policy p ON p.tenant_id = d.tenant_id AND p.id = d.policy_id"
            " WHERE c.tenant_id = %(tenant_id)s AND c.document_id = ANY (%(ids)s::bigint[])"
            " AND d.tenant_id = %(tenant_id)s AND d.id = c.document_id"
            " AND c.policy_id <> d.policy_id",
            {"tenant_id": required_tenant_id(), "ids": document_ids},
        )
    vector_store.point(document_ids)
    Document.objects.filter(pk__in=document_ids).update(chunks_policy_id=F("policy_id"))
