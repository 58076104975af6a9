"""Plants canary documents, and plants them anew when one is missing or the key has changed.

They are written like the documents of any sync and indexed by the ordinary worker, so that whatever
forgets its filter finds them as it would find a real document.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import uuid4

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from apps.acls import policy
from apps.connections.models import CANARY_KIND, Connection
from apps.connections.protocol import RemoteItem
from apps.documents import canaries, store
from apps.documents.canary_texts import TEXTS
from apps.documents.models import Document
from apps.tenants.context import required_tenant_id, tenant_context
from apps.tenants.models import Tenant

# First half of the name of the lock under which a tenant's canaries are planted.
_LOCK = 0x4B5743


@dataclass(frozen=True, slots=True)
class _Canary:
    external_id: str
    title: str
    path: str
    text: str

    @property
    def version(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]


def plant_everywhere() -> int:
    """Plant what is missing in every active tenant; return how many documents were written."""
    planted = 0
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with tenant_context(tenant_id):
            planted += plant()
    return planted


def plant() -> int:
    """Plant what is missing in the bound tenant; return how many documents were written.

    Running it again changes nothing.
    """
    with transaction.atomic():
        wanted = _wanted(required_tenant_id())
        nobody = policy.nobody()
        if _are_planted(wanted, nobody):
            return 0
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, required_tenant_id()])
        if _are_planted(wanted, nobody):  # by whoever held the lock before
            return 0
        store.write(
            _source(wanted),
            [_item(canary) for canary in wanted],
            {(): nobody},
            observed_at=timezone.now(),
            run_id=0,
        )
    return len(wanted)


def _wanted(tenant_id: int) -> list[_Canary]:
    numbered = enumerate(TEXTS, start=1)
    return [
        _Canary(
            external_id=str(number),
            title=template.text.partition("\n")[0].removeprefix("# ").format(ref=ref),
            path=template.path.format(ref=ref),
            text=template.text.format(ref=ref),
        )
        for number, template in numbered
        for ref in [canaries.mark(tenant_id, number)]
    ]


def _are_planted(wanted: list[_Canary], nobody: int) -> bool:
    stored = (
        Document.objects.live()
        .filter(connection__in=Connection.with_canaries.filter(kind=CANARY_KIND))
        .values_list("external_id", "path", "source_version", "policy_id")
    )
    return set(stored) == {(c.external_id, c.path, c.version, nobody) for c in wanted}


def _source(wanted: list[_Canary]) -> Connection:
    texts = {canary.external_id: canary.text for canary in wanted}
    source = Connection.with_canaries.filter(kind=CANARY_KIND).first()
    if source is None:
        name = f"{CANARY_KIND}:{uuid4()}"
        return Connection.with_canaries.create(
            tenant_id=required_tenant_id(),
            kind=CANARY_KIND,
            name=name,
            realm=name,
            settings={"texts": texts},
        )
    Connection.with_canaries.filter(pk=source.pk).update(settings={"texts": texts})
    return source


def _item(canary: _Canary) -> RemoteItem:
    return RemoteItem(
        external_id=canary.external_id,
        title=canary.title,
        path=canary.path,
        version=canary.version,
        policy=(),
        mime_type="text/markdown",
        size_bytes=len(canary.text.encode()),
    )
