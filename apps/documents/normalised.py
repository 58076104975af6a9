"""A document in the published form: the same for every source, valid by `schemas/<kind>.json`.

A record carries text, so there is no other way to one than for somebody who may read the document:
found and authorised in one statement, as `access` does it. Whom else it lets in is told to those
whose role may see readers; everybody else is told what they themselves may do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from apps.accounts.models import User
from apps.acls import permission_levels
from apps.documents import access, record_permissions
from apps.documents.live import ASKS
from apps.documents.record_permissions import Carried, rfc3339
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.errors import NotFound
from apps.tenants.permissions import ROLE_PERMISSIONS, role_in_bound_tenant

# What a role needs to see who reads a document, wherever it is shown.
_SEES_READERS: Final = frozenset({"documents.view_document", "acls.view_acl"})

_RECORD: Final = f"""
SELECT d.id, d.uuid, d.kind, source.kind AS provider, source.uuid AS connection, source.name,
    d.external_id, d.title, d.url, d.source_created_at, d.source_modified_at, t.text, t.pages,
    t.version AS text_version, d.version, d.failure, d.path, d.mime_type, d.size_bytes, d.author,
    d.labels::text, d.classification, d.source_version, d.created_at, d.last_synced_at,
    d.deleted_at, d.fields::text, d.policy_id, source.permissions_confirmed_at,
    {ASKS} AS asks_source, {ASKS} AS asks
FROM documents_document d
JOIN connections_connection source
    ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
LEFT JOIN documents_documenttext t ON t.tenant_id = d.tenant_id AND t.document_id = d.id
    AND t.version >= d.text_from_version
WHERE {IS_READABLE_DOCUMENT} AND d.uuid = ANY (%(uuids)s::uuid[])
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Released:
    """A document as the guarded statement let it through to one person, at that moment.

    Attributes:
        labels: JSON.
        fields: JSON.
        asks_source: its source had to agree, and did.
    """

    id: int
    uuid: UUID
    kind: str
    provider: str
    connection: UUID
    connection_name: str
    external_id: str
    title: str
    url: str
    source_created_at: datetime | None
    source_modified_at: datetime | None
    text: str | None
    pages: int | None
    text_version: int | None
    version: int
    failure: str
    path: str
    mime_type: str
    size_bytes: int
    author: str
    labels: str
    classification: str
    source_version: str
    created_at: datetime
    last_synced_at: datetime
    deleted_at: datetime | None
    fields: str
    policy_id: int
    permissions_confirmed_at: datetime | None
    asks_source: bool | None


def for_user(user: User, uuid: UUID) -> dict[str, Any]:
    """Return the record of a document that the person may read now.

    Args:
        user: who asks, in the bound tenant.
        uuid: of the document.

    Raises:
        NotFound: it does not exist, or the person may not read it; nobody learns which.
    """
    document = Released(*access.released(user, _RECORD, uuid))
    level = permission_levels.of_reader(user, document.policy_id)
    if level is None:  # lost between two statements
        raise NotFound(access.NO_SUCH_DOCUMENT)
    carried = Carried(
        document.policy_id,
        document.classification,
        document.permissions_confirmed_at,
        document.asks_source is not False,
    )
    told = record_permissions.whole if sees_readers(user) else record_permissions.own
    return record(document, told(carried, level))


def sees_readers(user: User) -> bool:
    """Return whether the person's role in the bound tenant may see who reads what."""
    role = role_in_bound_tenant(user)
    return role is not None and ROLE_PERMISSIONS.get(role, frozenset()) >= _SEES_READERS


def record(document: Released, permissions: dict[str, Any]) -> dict[str, Any]:
    """Return a released document in the published form.

    Args:
        document: see there; only a guarded statement makes one.
        permissions: as `record_permissions` tells them to whoever asked.
    """
    return {
        "id": str(document.uuid),
        "kind": document.kind,
        "source": {
            "provider": document.provider,
            "connection": str(document.connection),
            "name": document.connection_name,
            "external_id": document.external_id,
        },
        "name": document.title,
        "url": document.url or None,
        "created_at": rfc3339(document.source_created_at),
        "updated_at": rfc3339(document.source_modified_at),
        "content": _content(document),
        "metadata": _metadata(document),
        "permissions": permissions,
        "fields": json.loads(document.fields),
    }


def _content(document: Released) -> dict[str, Any]:
    return {
        "text": document.text or "",
        "pages": document.pages,
        "state": _state(document),
        "failure": document.failure or None,
    }


def _state(document: Released) -> str:
    if document.failure:
        return "failed"
    if document.text_version is None:
        return "waiting"
    return "current" if document.text_version == document.version else "earlier"


def _metadata(document: Released) -> dict[str, Any]:
    return {
        "path": document.path,
        "mime_type": document.mime_type or None,
        "size_bytes": document.size_bytes,
        "author": document.author or None,
        "labels": json.loads(document.labels),
        "class": document.classification,
        "version": document.version,
        "source_version": document.source_version,
        "first_seen_at": rfc3339(document.created_at),
        "synced_at": rfc3339(document.last_synced_at),
        "deleted_at": rfc3339(document.deleted_at),
    }
