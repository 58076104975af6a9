"""The questions that a person asked lately, for that person alone."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.search.saved_models import RecentSearch
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

KEPT = 20
_LONGEST = 200

_NOTE = """
INSERT INTO search_recentsearch (tenant_id, owner_id, query, searched_at)
VALUES (%(tenant)s, %(owner)s, %(query)s, %(now)s)
ON CONFLICT (tenant_id, owner_id, query) DO UPDATE SET searched_at = excluded.searched_at
"""
_FORGET = """
DELETE FROM search_recentsearch WHERE tenant_id = %(tenant)s AND owner_id = %(owner)s
    AND id NOT IN (SELECT id FROM search_recentsearch
        WHERE tenant_id = %(tenant)s AND owner_id = %(owner)s
        ORDER BY searched_at DESC, id DESC LIMIT %(kept)s)
"""


def of(user: User) -> list[str]:
    """Return the questions, the latest first."""
    mine = RecentSearch.objects.filter(tenant_id=required_tenant_id(), owner_id=user.pk)
    return list(mine.order_by("-searched_at", "-pk").values_list("query", flat=True)[:KEPT])


def note(user: User, query: str) -> None:
    """Remember a question; who is no member of the tenant, and long texts, leave no trace."""
    tenant_id = required_tenant_id()
    member = Membership.objects.usable().filter(tenant_id=tenant_id, user_id=user.pk)
    if not query or len(query) > _LONGEST or not member.exists():
        return
    params: dict[str, Any] = {
        "tenant": tenant_id,
        "owner": user.pk,
        "query": query,
        "now": timezone.now(),
        "kept": KEPT,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_NOTE, params)
        cursor.execute(_FORGET, params)


def clear(*, actor: User) -> int:
    """Forget all of a person's questions, and return how many there were."""
    tenant_id = required_tenant_id()
    with transaction.atomic():
        mine = RecentSearch.objects.filter(tenant_id=tenant_id, owner_id=actor.pk)
        gone, _ = mine.delete()
        audit.record("recent_searches.cleared", tenant_id=tenant_id, actor_id=actor.pk, count=gone)
    return gone
