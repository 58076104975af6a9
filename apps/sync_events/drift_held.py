"""Which refusals of ours an IT admin wants: what waits for agreement, or was refused."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from apps.acls.models import HeldPart, HoldState, Line, PolicyClause
from apps.connections.models import Connection
from apps.documents.models import Document

_KEPT_BACK = (HoldState.WAITING, HoldState.REFUSED)


def documents_of(source: Connection, document_ids: Collection[int]) -> set[int]:
    """Return which of the documents could be more open, were nothing of their source held.

    A held group or person may stand behind any document, so then all of them could be.

    Args:
        source: the connection whose documents these are.
        document_ids: those to be judged.
    """
    held: dict[str, set[str]] = {"place": set(), "item": set()}
    parts = HeldPart.objects.filter(
        change__connection=source, change__state__in=_KEPT_BACK, ended_at=None
    )
    for subject in parts.values_list("subject", flat=True):
        kind, _, external_id = subject.partition(":")
        if kind not in held:
            return set(document_ids)
        held[kind].add(external_id)
    below = Line.objects.filter(
        ancestor__realm=source.realm, ancestor__external_id__in=held["place"]
    ).values("acl_id")
    policies = PolicyClause.objects.filter(acl_id__in=below).values("policy_id")
    found = Document.objects.filter(connection=source, pk__in=document_ids).filter(
        Q(external_id__in=held["item"]) | Q(policy_id__in=policies)
    )
    return set(found.values_list("pk", flat=True))
