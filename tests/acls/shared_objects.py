"""A connection that can be handed out, and where its sharing page stands."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.connections.models import Connection
from apps.documents.collection_models import Collection
from apps.sync_events.models import FailedItem
from apps.tenants.context import tenant_context
from tests.world import World


def make_source(world: World) -> Connection:
    """Return a connection with something to tell, beside another that nobody hands out."""
    with tenant_context(world.acme):
        made = [
            Connection.objects.create(
                tenant=world.acme,
                kind="file_share",
                name=name,
                realm=f"file_share:{name}",
                last_swept_at=timezone.now() - timedelta(minutes=5),
                permissions_confirmed_at=timezone.now() - timedelta(minutes=7),
            )
            for name in ("Files", "Board room")
        ]
        FailedItem.objects.create(
            tenant=world.acme, connection=made[0], external_id="secret/plan.md", message="Locked."
        )
    return made[0]


def address(shared: Collection | Connection) -> str:
    """Return the address of the sharing page."""
    kind = "collection" if isinstance(shared, Collection) else "connection"
    return f"/share/{kind}/{shared.uuid}/"
