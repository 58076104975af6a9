"""The policy that passages and vectors copy from their document, with its ordinal, in SQL.

The policy is for the filter inside a scan, the ordinal for row-level security.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

from apps.tenants.context import required_tenant_id

# Of the policy %(policy_id)s, in statements that write a row.
ORDINAL: Final = (
    "(SELECT ordinal FROM acls_policy WHERE tenant_id = %(tenant_id)s AND id = %(policy_id)s)"
)
_FOLLOW = """
UPDATE {table} r SET policy_id = d.policy_id, policy_ordinal = p.ordinal
FROM documents_document d JOIN acls_policy p ON p.tenant_id = d.tenant_id AND p.id = d.policy_id
WHERE r.tenant_id = %(tenant_id)s AND r.document_id = ANY (%(ids)s::bigint[])
    AND d.tenant_id = %(tenant_id)s AND d.id = r.document_id AND r.policy_id <> d.policy_id
"""


def follow(table: str, document_ids: list[int]) -> None:
    """Let the rows of these documents carry the policies that the documents have now.

    Args:
        table: has tenant_id, document_id, policy_id and policy_ordinal.
        document_ids: of the bound tenant.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FOLLOW.format(table=table),
            {"tenant_id": required_tenant_id(), "ids": document_ids},
        )
