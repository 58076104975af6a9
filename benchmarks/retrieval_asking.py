"""Asks one question as the search page does, and takes the time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from apps.accounts.models import User
from apps.acls import resolve
from apps.acls.readable import Scope
from apps.search import retrieve
from apps.search.retrieve import Retrieved
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from benchmarks.filtered_data import REACHES

PASSAGES = 30  # what the page shows


@dataclass(frozen=True, slots=True)
class Heard:
    """Passages that were found, and milliseconds: in all, and by stage."""

    found: Sequence[int]
    ms: float
    stages: Mapping[str, float]


def ask(tenant: Tenant, reach: str, question: str) -> Heard:
    """Ask as the reader of such a reach; their ids are in the order of the reaches."""

    def run(scope: Scope) -> tuple[bool, Retrieved]:
        found = retrieve.retrieve(question, scope, PASSAGES)
        return found.ok, found

    with tenant_context(tenant):
        user = User.objects.get(pk=list(REACHES).index(reach) + 1)
        with transaction.atomic():
            started = time.perf_counter()
            found = resolve.reading(user, run)
            spent = (time.perf_counter() - started) * 1000
    return Heard([one.chunk_id for one in found.passages], spent, found.timings_ms)


def attend(tenant: Tenant) -> None:
    """Do as the scheduler does: what nobody looks after is hidden after a quarter hour."""
    with tenant_context(tenant), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE acls_placement SET attended_at = now()")
