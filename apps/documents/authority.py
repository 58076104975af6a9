"""Which of the tenant's connections speaks for an item that several see: one of them.

What two accounts are shown of an item's readers may differ, and a union would be wider than the
source means. So the tenant's own connections come before employees' accounts, and the older before
the newer; the others leave the item out, and take back what they brought in before. Two employees'
accounts do not meet: what each brings in is for its owner alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import RemoteItem
from apps.documents import store
from apps.documents.models import Document


def left_to(source: Connection, items: Sequence[RemoteItem]) -> list[RemoteItem]:
    """Return the items for which a connection speaks; others are somebody else's already.

    Args:
        source: whose page the items are on.
        items: each external id at most once.
    """
    if not items or not _has_others(source):
        return list(items)
    names = [item.external_id for item in items]
    before = Document.objects.live().filter(
        connection__in=_comes_before(source), external_id__in=names
    )
    taken = set(before.values_list("external_id", flat=True))
    return [item for item in items if item.external_id not in taken]


def take(
    source: Connection,
    external_ids: Sequence[str],
    *,
    observed_at: datetime,
) -> int:
    """Hide what connections that come after this one brought in of the same items.

    Args:
        source: the connection that speaks for them.
        external_ids: of items that it has just told of.
        observed_at: taken before its source was asked.

    Returns:
        how many documents were hidden.
    """
    if not external_ids or source.owner_id is not None or not _has_others(source):
        return 0
    after = _same_space(source).exclude(pk__in=_comes_before(source).values("pk"))
    return sum(
        store.delete(other, external_ids=external_ids, observed_at=observed_at) for other in after
    )


def _has_others(source: Connection) -> bool:
    return bool(source.item_space) and _same_space(source).exists()


def _same_space(source: Connection) -> QuerySet[Connection]:
    same = Connection.objects.filter(kind=source.kind, item_space=source.item_space)
    return same.exclude(pk=source.pk).exclude(state=ConnectionState.DISCONNECTED)


def _comes_before(source: Connection) -> QuerySet[Connection]:
    """Return connections whose word counts before this one's."""
    tenants = _same_space(source).filter(owner=None)
    return tenants if source.owner_id is not None else tenants.filter(pk__lt=source.pk)
