"""Writes what a page of a sync says about documents. Runs in the page's transaction."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import connection as database
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.connections.models import Connection
from apps.connections.protocol import Problem, RemoteItem, RemotePolicy
from apps.documents import classification, source_fields
from apps.documents.blocks import one_line
from apps.documents.changes import Changes, Named
from apps.documents.models import Document

# A row is new, changed (its content is to be indexed again) or only confirmed. An older
# observation never overwrites a newer one, unless the stored time lies in the future: a clock ran
# ahead, and nothing true would be heard until it is reached. The title and the author found in
# the content survive a confirmation; another name in the source replaces the title.
#
# What was extracted before a document came back or got another policy was written for other
# readers: none of an older version than the one the new readers were given is shown to them. Two
# gaps of seconds remain, each until the document is indexed again. The readers of a place may
# change, which leaves the policy as it is, while newer content waits; and the page of the readers
# may arrive before that of the content. Then the new readers see the earlier text. Closing that
# would hide every changed document from its own readers for as long as it waits.
_UPSERT = """
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
        uuid uuid, external_id text, policy_id bigint, title text, path text, url text,
        mime_type text, size_bytes bigint, source_modified_at timestamptz, source_version text,
        labels jsonb, author text, kind text, source_created_at timestamptz, fields jsonb)
), ruled AS MATERIALIZED (
    SELECT item.*, coalesce(rule.classification, '{default}') AS classification,
        rule.id AS class_rule_id,
        CASE WHEN rule.id IS NULL THEN 'default' ELSE 'rule' END AS classified_by
    FROM (SELECT *, %(connection_id)s::bigint AS connection_id FROM incoming) item
    {deciding}
)
INSERT INTO documents_document AS d (
    tenant_id, connection_id, uuid, external_id, policy_id, title, told_title, path, url, mime_type,
    size_bytes, source_modified_at, source_version, version, text_from_version, indexed_version,
    index_attempts, failure, failure_message, last_synced_at, seen_by_run_id, created_at,
    labels, author, classification, class_rule_id, classified_by, kind, source_created_at, fields)
SELECT %(tenant_id)s, %(connection_id)s, uuid, external_id, policy_id, title, title, path, url,
    mime_type, size_bytes, source_modified_at, source_version, 1, 1, 0, 0, '', '', %(observed_at)s,
    %(run_id)s, statement_timestamp(), labels, author, classification, class_rule_id, classified_by,
    kind, source_created_at, fields
FROM ruled
ON CONFLICT (tenant_id, connection_id, external_id) DO UPDATE SET
    policy_id = excluded.policy_id,
    path = excluded.path, url = excluded.url, mime_type = excluded.mime_type,
    size_bytes = excluded.size_bytes, source_modified_at = excluded.source_modified_at,
    last_synced_at = excluded.last_synced_at, seen_by_run_id = excluded.seen_by_run_id,
    deleted_at = NULL,
    labels = excluded.labels, kind = excluded.kind, fields = excluded.fields,
    source_created_at = CASE WHEN {changed} THEN excluded.source_created_at
        ELSE coalesce(excluded.source_created_at, d.source_created_at) END,
    author = CASE WHEN {changed} OR excluded.author <> '' THEN excluded.author ELSE d.author END,
    classification = CASE WHEN d.classified_by = 'hand' THEN d.classification
        ELSE excluded.classification END,
    class_rule_id = CASE WHEN d.classified_by = 'hand' THEN NULL ELSE excluded.class_rule_id END,
    classified_by = CASE WHEN d.classified_by = 'hand' THEN 'hand' ELSE excluded.classified_by END,
    source_version = excluded.source_version,
    version = d.version + {changed}::int,
    text_from_version = CASE WHEN d.deleted_at IS NOT NULL OR d.policy_id <> excluded.policy_id
        THEN d.version + {changed}::int ELSE d.text_from_version END,
    title = CASE WHEN {changed} OR d.told_title NOT IN ('', excluded.told_title)
        THEN excluded.title ELSE d.title END,
    told_title = excluded.told_title,
    index_attempts = CASE WHEN {changed} THEN 0 ELSE d.index_attempts END,
    index_after = CASE WHEN {changed} THEN NULL ELSE d.index_after END,
    failure = CASE WHEN {changed} THEN '' ELSE d.failure END,
    failure_message = CASE WHEN {changed} THEN '' ELSE d.failure_message END
WHERE d.last_synced_at <= excluded.last_synced_at
    OR d.last_synced_at > statement_timestamp()
RETURNING WITH (OLD AS before, NEW AS now)
    now.uuid, now.external_id, before.id IS NULL OR before.deleted_at IS NOT NULL AS is_new,
    before.version <> now.version AS is_changed, before.path <> now.path AS is_moved,
    before.policy_id <> now.policy_id AS has_other_readers
"""
_UPSERT = (
    _UPSERT.replace(
        "{changed}", "(d.source_version <> excluded.source_version OR d.deleted_at IS NOT NULL)"
    )
    .replace("{deciding}", classification.DECIDING.format(item="item"))
    .replace("{default}", classification.DEFAULT)
)
# Rows are locked in the order of the page, in which `write` locks them too: the lanes of a source
# then wait for each other instead of locking up. Passages of the version that a document has now
# may follow to the new readers; see `_UPSERT` for older ones.
_POINT = """
WITH told AS (
    SELECT * FROM unnest(%(names)s::text[], %(policies)s::bigint[])
        WITH ORDINALITY AS t(external_id, policy_id, place)
), named AS MATERIALIZED (
    SELECT d.id, told.policy_id FROM told
    JOIN documents_document d ON d.tenant_id = %(tenant_id)s
        AND d.connection_id = %(connection_id)s AND d.external_id = told.external_id
    WHERE d.last_synced_at <= %(observed_at)s OR d.last_synced_at > statement_timestamp()
    ORDER BY told.place FOR UPDATE OF d
)
UPDATE documents_document d SET
    text_from_version = CASE WHEN d.policy_id = named.policy_id THEN d.text_from_version
        ELSE d.version END,
    policy_id = named.policy_id, last_synced_at = %(observed_at)s
FROM named WHERE d.tenant_id = %(tenant_id)s AND d.id = named.id
RETURNING WITH (OLD AS before) d.uuid, d.external_id, before.policy_id <> d.policy_id
"""
# What a source may put on one item.
_MAX_LABELS = 100
_MAX_LABEL_CHARS = 100


def write(
    source: Connection,
    items: Sequence[RemoteItem],
    policies: Mapping[RemotePolicy, int],
    *,
    observed_at: datetime,
    run_id: int,
    changes: Changes | None = None,
) -> tuple[Problem, ...]:
    """Add and update documents; return what of new or changed ones was not kept.

    Args:
        source: the connection that listed them.
        items: each external id at most once.
        policies: the stored policy of every policy the items name.
        observed_at: taken before the source was asked.
        run_id: sync run that saw them; a sweep removes at its end what it did not see.
        changes: filled, where given.
    """
    if not items:
        return ()
    classification.hold_rules()
    kept = [source_fields.kept(item.fields) for item in items]
    told = zip(items, kept, strict=True)
    with database.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            {
                "rows": json.dumps(
                    [_row(item, policies[item.policy], fields.fields) for item, fields in told]
                ),
                "tenant_id": source.tenant_id,
                "connection_id": source.pk,
                "observed_at": observed_at,
                "run_id": run_id,
            },
        )
        rows = cursor.fetchall()
    news = _noted(changes if changes is not None else Changes(), rows)
    # Not with each sweep again.
    return tuple(
        _left_out(item, fields.left_out)
        for item, fields in zip(items, kept, strict=True)
        if fields.left_out and item.external_id in news
    )


def _noted(changes: Changes, rows: Sequence[tuple[Any, ...]]) -> set[str]:
    """Note what became of documents; return what the source calls the new and changed ones."""
    news = set()
    for uuid, external_id, is_new, is_changed, is_moved, has_other_readers in rows:
        named = Named(uuid, external_id)
        if is_new or is_changed:
            (changes.created if is_new else changes.updated).append(named)
            news.add(external_id)
        elif is_moved:
            changes.moved.append(named)
        if has_other_readers and not is_new:
            changes.other_readers.append(named)
    return news


def _left_out(item: RemoteItem, names: Sequence[str]) -> Problem:
    named = ", ".join(name[:100] for name in names[:10])
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return Problem(
        item.external_id,
        "fields_left_out",
        f"Some of what the source says of this item was not kept: {named}{more}.",
        hint=f"Kenward keeps {source_fields.MAX_BYTES // 1024} kB of fields for each item, of"
        " values that JSON can hold. The item itself and its text are complete.",
        is_error=False,
    )


def _row(item: RemoteItem, policy_id: int, fields: Mapping[str, object]) -> dict[str, object]:
    return {
        "uuid": str(uuid4()),
        "external_id": item.external_id,
        "policy_id": policy_id,
        "title": item.title[:1000],
        "path": item.path,
        "url": item.url,
        "mime_type": item.mime_type[:200],
        "size_bytes": item.size_bytes,
        "source_modified_at": item.modified_at.isoformat() if item.modified_at else None,
        "source_version": item.version,
        "labels": _labels(item.labels),
        "author": one_line(item.author)[:200],
        "kind": item.kind.value,
        "source_created_at": item.created_at.isoformat() if item.created_at else None,
        "fields": fields,
    }


def _labels(told: Sequence[str]) -> list[str]:
    """Return an item's labels, each once, as rules compare them."""
    composed = (unicodedata.normalize("NFC", label).strip() for label in told)
    usable = (label[:_MAX_LABEL_CHARS] for label in composed if label)
    return list(dict.fromkeys(usable))[:_MAX_LABELS]


def delete(
    source: Connection,
    *,
    external_ids: Sequence[str] = (),
    prefixes: Sequence[str] = (),
    policy_ids: Sequence[int] = (),
    observed_at: datetime,
    changes: Changes | None = None,
) -> int:
    """Mark documents as gone from their source, and return how many were there.

    Nobody finds them from this commit on; the index drops their passages later.

    Args:
        source: the connection.
        external_ids: single documents.
        prefixes: subtrees, as external ids with a trailing slash.
        policy_ids: everything under these policies.
        observed_at: documents seen later than this stay.
        changes: filled, where given.
    """
    if not (external_ids or prefixes or policy_ids):
        return 0
    named = Q(external_id__in=list(external_ids)) | Q(policy_id__in=list(policy_ids))
    for prefix in prefixes:
        named |= Q(external_id__startswith=prefix)
    return _mark_deleted(source, named, observed_at, changes)


def delete_unseen(
    source: Connection, *, run_id: int, started_at: datetime, changes: Changes | None = None
) -> int:
    """Mark as gone what a finished sweep did not see, and return how many there were.

    A document that a change brought in while the sweep ran was seen later than its start.
    """
    return _mark_deleted(source, ~Q(seen_by_run_id=run_id), started_at, changes)


def _mark_deleted(
    source: Connection, which: Q, observed_at: datetime, changes: Changes | None
) -> int:
    classification.hold_rules()  # nor does a batch of theirs meet these rows in another order
    gone = Document.objects.live().filter(which, _not_newer_than(observed_at), connection=source)
    locked = gone.select_for_update(no_key=True).order_by("pk")
    named = [Named(*one) for one in locked.values_list("uuid", "external_id")]
    if named:
        gone.update(deleted_at=timezone.now(), last_synced_at=observed_at)
    if changes is not None:
        changes.deleted += named
    return len(named)


def point(
    source: Connection,
    policies: Mapping[str, int],
    *,
    observed_at: datetime,
    changes: Changes | None = None,
) -> int:
    """Give documents, by external id, another policy; return how many were told of.

    Args:
        source: the connection.
        policies: stored policies by external id.
        observed_at: documents about which something newer is known stay as they are, and an older
            page that arrives later does not bring the old policy back.
        changes: filled, where given.
    """
    if not policies:
        return 0
    classification.hold_rules()
    with database.cursor() as cursor:
        cursor.execute(
            _POINT,
            {
                "tenant_id": source.tenant_id,
                "connection_id": source.pk,
                "names": list(policies),
                "policies": list(policies.values()),
                "observed_at": observed_at,
            },
        )
        rows = cursor.fetchall()
    if changes is not None:
        changes.other_readers += [Named(*named) for *named, is_other in rows if is_other]
    return len(rows)


def _not_newer_than(observed_at: datetime) -> Q:
    return Q(last_synced_at__lte=observed_at) | Q(last_synced_at__gt=Now())
