"""How far the sample company is on its way to being searchable, and whether workers answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError, connections, transaction
from django.db.models import F, Q

from apps.acls import freshness
from apps.connections.models import Connection
from apps.documents.models import Document
from apps.ops import sample, workers
from apps.ops.supervise import Output
from apps.sync_events.models import SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


@dataclass(frozen=True)
class Progress:
    """The state of one sample tenant's first sync.

    Attributes:
        tenant: its slug.
        searchable: documents that a question can find.
        failed: documents that cannot be read.
        total: documents known so far.
        is_listed: whether the folder has been walked to its end at least once, and who may read
            it is confirmed.
    """

    tenant: str
    searchable: int
    failed: int
    total: int
    is_listed: bool

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.is_listed and self.searchable + self.failed >= self.total

    def __str__(self) -> str:
        if self.is_complete and self.failed:
            return f"{self.tenant}: {self.searchable} documents searchable, {self.failed} failed"
        return f"syncing {self.tenant}: {self.searchable} of {self.total} documents searchable"


def progress() -> list[Progress]:
    """Return how far each sample tenant is; one whose sample folder is not synced is left out."""
    slugs = sample.slugs()
    tenants = Tenant.objects.filter(slug__in=slugs, is_active=True)
    found = (_of(tenant) for tenant in sorted(tenants, key=lambda each: slugs.index(each.slug)))
    return [each for each in found if each is not None]


def readiness(show: Output) -> Callable[[], bool]:
    """Return the question whether Kenward is ready, which shows each step of progress once.

    Ready means that the sample company, where there is one, is searchable, and that all workers
    answer.
    """
    shown: dict[str, str] = {}

    def is_ready() -> bool:
        try:
            found = progress()
        except OperationalError:  # the database is being started again
            connections.close_all()
            return False
        for each in found:
            # What was complete from the beginning is no news, nor is what has not begun.
            is_news = each.tenant in shown or (each.total and not each.is_complete)
            if is_news and shown.get(each.tenant) != str(each):
                shown[each.tenant] = str(each)
                show(str(each))
        return all(each.is_complete for each in found) and workers.do_answer()

    return is_ready


def _of(tenant: Tenant) -> Progress | None:
    with tenant_context(tenant), transaction.atomic():
        name = sample.connection_name(tenant)
        connection = Connection.objects.syncing().filter(name=name).first()
        if connection is None:
            return None
        documents = Document.objects.live().filter(connection=connection)
        listed = max(
            SyncRun.objects.filter(connection=connection).values_list("total", flat=True),
            key=lambda total: total or 0,
            default=0,
        )
        known = documents.count()
        return Progress(
            tenant=tenant.slug,
            searchable=documents.filter(indexed_version=F("version"), failure="").count(),
            failed=documents.filter(~Q(failure="")).count(),
            total=known if connection.last_swept_at else max(known, listed or 0),
            is_listed=connection.last_swept_at is not None and freshness.is_fresh(connection),
        )
