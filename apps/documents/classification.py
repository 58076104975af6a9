"""Gives documents their class: by the tenant's rules in their order, or by hand.

A class that was given by hand stays until it is taken back. All functions run in the caller's
transaction with the tenant bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection as database

from apps import audit
from apps.acls.classes import ORDERED, Classification
from apps.documents.models import ClassificationRule, ClassifiedBy, Document
from apps.tenants.context import required_tenant_id

# Names a lock of the database together with the tenant's id.
_RULES_LOCK = 0x4B43  # "KC"

# Unicode's own rules for capitals, whatever the locale of the database.
_FOLDED = '{0} COLLATE "pg_c_utf8"'
# Whether rule r is about a document, given as an alias with connection_id, path and labels.
MATCHES = (
    "(r.connection_id IS NULL OR r.connection_id = {item}.connection_id)"
    f" AND (r.path_pattern = '' OR normalize({_FOLDED.format('{item}.path')}, NFC)"
    "  ~* r.path_pattern)"
    " AND (r.label = '' OR EXISTS (SELECT FROM jsonb_array_elements_text({item}.labels) AS l(label)"
    f" WHERE lower({_FOLDED.format('l.label')}) = lower({_FOLDED.format('r.label')})))"
)
# The deciding rule (id, classification) of a document, to be joined to it; none: the default.
DECIDING = (
    "LEFT JOIN LATERAL (SELECT r.id, r.classification FROM documents_classificationrule r"  # noqa: S608
    f" WHERE r.tenant_id = %(tenant_id)s AND {MATCHES}"
    " ORDER BY r.position, r.id LIMIT 1) rule ON true"
)
DEFAULT = Classification.INTERNAL.value

_SELECTED = "d.tenant_id = %(tenant_id)s AND d.classified_by <> 'hand' AND d.deleted_at IS NULL"
_STRICTER = (
    f"array_position({ORDERED}, decided.classification::text)"
    f" > coalesce(array_position({ORDERED}, d.classification::text), 0)"
)
# Each document of the chosen ones gets what the rules say now, where that differs.
_APPLY = f"""
WITH decided AS MATERIALIZED (
    SELECT d.id, coalesce(rule.classification, '{DEFAULT}') AS classification, rule.id AS rule_id
    FROM (SELECT d.id, d.connection_id, d.path, d.labels FROM documents_document d
          WHERE {_SELECTED} AND {{which}}) d
    {DECIDING.format(item="d")}
)
UPDATE documents_document d SET
    classification = decided.classification,
    class_rule_id = decided.rule_id,
    classified_by = CASE WHEN decided.rule_id IS NULL THEN 'default' ELSE 'rule' END
FROM decided
WHERE d.tenant_id = %(tenant_id)s AND d.id = decided.id AND d.classified_by <> 'hand'
    AND ((d.classification, d.class_rule_id) IS DISTINCT FROM
         (decided.classification, decided.rule_id) OR d.classified_by
         <> CASE WHEN decided.rule_id IS NULL THEN 'default' ELSE 'rule' END)
    AND (NOT %(only_stricter)s OR {_STRICTER})
"""  # noqa: S608  put together from constants
_COUNT = f"""
SELECT count(*),
    count(*) FILTER (WHERE array_position({ORDERED}, %(classification)s)
        > array_position({ORDERED}, d.classification::text)),
    count(*) FILTER (WHERE array_position({ORDERED}, %(classification)s)
        < array_position({ORDERED}, d.classification::text))
FROM documents_document d
CROSS JOIN (SELECT %(connection_id)s::bigint AS connection_id, %(pattern)s AS path_pattern,
    %(label)s AS label) r
WHERE {_SELECTED} AND {MATCHES.format(item="d")}
    AND NOT EXISTS (SELECT FROM documents_classificationrule r
        WHERE r.tenant_id = %(tenant_id)s AND r.position < %(position)s
            AND r.id IS DISTINCT FROM %(rule_id)s AND {MATCHES.format(item="d")})
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rule would decide if it stood where it does: live documents, none by hand.

    Attributes:
        matched: how many it would be the first to match.
        stricter: how many of them would get a stricter class than they have.
        looser: how many a less strict one.
    """

    matched: int
    stricter: int
    looser: int


def hold_rules() -> None:
    """Keep the rules as they are until the transaction ends; others may do so at the same time.

    What is written meanwhile by these rules is there when the next ones are applied.
    """
    _lock("pg_advisory_xact_lock_shared")


def lock_rules() -> None:
    """Wait for all who write by the rules, and keep others out until the transaction ends."""
    _lock("pg_advisory_xact_lock")


def reach(rule: ClassificationRule) -> Reach:
    """Return what a rule would decide, stored or not."""
    params = {
        "tenant_id": required_tenant_id(),
        "rule_id": rule.pk,
        "position": rule.position,
        "connection_id": rule.connection_id,
        "pattern": rule.path_pattern,
        "label": rule.label,
        "classification": rule.classification,
    }
    with database.cursor() as cursor:
        cursor.execute(_COUNT, params)
        return Reach(*cursor.fetchone())


def apply_rules(which: str, params: dict[str, Any], *, only_stricter: bool = False) -> int:
    """Give documents the class that the rules say, and return how many changed.

    Args:
        which: SQL condition on the document, alias d.
        params: of the condition.
        only_stricter: leave out those whose class would be as open as before, or more.
    """
    bound = {**params, "tenant_id": required_tenant_id(), "only_stricter": only_stricter}
    with database.cursor() as cursor:
        cursor.execute(_APPLY.format(which=which), bound)
        return int(cursor.rowcount)


def set_by_hand(
    documents: Iterable[Document], classification: Classification, *, actor_id: int | None
) -> int:
    """Give documents a class that no rule changes; return how many had another, or none by hand."""
    changed = 0
    for document in _locked(documents):
        before = (document.classification, document.classified_by)
        if before == (classification, ClassifiedBy.HAND):
            continue
        _save(document, classification, ClassifiedBy.HAND)
        _record("document.classified", document, actor_id, before=before[0])
        changed += 1
    return changed


def take_back(documents: Iterable[Document], *, actor_id: int | None) -> int:
    """Let the rules decide again about documents classified by hand; return how many those were."""
    hold_rules()
    held = [each for each in _locked(documents) if each.classified_by == ClassifiedBy.HAND]
    before = {document.pk: document.classification for document in held}
    for document in held:
        _save(document, Classification(document.classification), ClassifiedBy.DEFAULT)
    apply_rules("d.id = ANY (%(ids)s::bigint[])", {"ids": list(before)})
    now = dict(Document.objects.filter(pk__in=before).values_list("pk", "classification"))
    for document in held:
        document.classification = now[document.pk]
        _record("document.class_taken_back", document, actor_id, before=before[document.pk])
    return len(held)


def _locked(documents: Iterable[Document]) -> list[Document]:
    wanted = [document.pk for document in documents]
    found = Document.objects.filter(pk__in=wanted).order_by("pk").defer("title")
    return list(found.select_for_update())


def _save(document: Document, classification: Classification, by: ClassifiedBy) -> None:
    document.classification, document.classified_by = classification, by
    document.class_rule_id = None
    document.save(update_fields=["classification", "classified_by", "class_rule_id"])


def _record(action: str, document: Document, actor_id: int | None, *, before: str) -> None:
    audit.record(
        action,
        tenant_id=document.tenant_id,
        actor_id=actor_id,
        target=document,
        classification=str(document.classification),
        before=str(before),
    )


def _lock(function: str) -> None:
    with database.cursor() as cursor:
        key = required_tenant_id() & 0x7FFFFFFF
        cursor.execute(f"SELECT {function}(%s, %s)", [_RULES_LOCK, key])
