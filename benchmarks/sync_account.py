"""Kenward's side of the connection: the tenant, its people, and the account, written as rows.

    python -m benchmarks.sync_account

As a process of its own it answers beside a running Kenward, with whose database its environment
says that it speaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.sync_company import ADA, ADMIN, BO, CY
from benchmarks.sync_talk import answer

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.connections.models import Connection
    from apps.tenants.models import Tenant

# Nothing is done by the clock that is not measured (seconds).
_NEVER_S = 7 * 24 * 3600
_KIND = "google_drive"


@dataclass
class Account:
    """A tenant with the service account of a simulated company.

    Attributes:
        people: members of the tenant, by address.
    """

    tenant: Tenant
    people: Mapping[str, User]
    connection: Connection


def connected(told: Mapping[str, Any]) -> Account:
    """Store a tenant with three people, and the account of a company.

    Args:
        told: `Peer.told`.
    """
    from django.db import transaction

    from apps.tenants.context import tenant_context
    from apps.tenants.models import Tenant
    from tests.world import make_member

    tenant = Tenant.objects.create(slug="reed", name="Reed")
    people = {email: make_member(tenant, email) for email in (ADA, BO, CY)}
    with tenant_context(tenant), transaction.atomic():
        return Account(tenant, people, _connection(tenant, told))


def _connection(tenant: Tenant, told: Mapping[str, Any]) -> Connection:
    from apps.connections.credentials.models import AuthConfig, AuthMethod, Credential
    from apps.connections.models import Connection

    base, uuid = told["base"], uuid4()
    config = AuthConfig.objects.create(
        tenant=tenant,
        kind=_KIND,
        name="Service account",
        method=AuthMethod.SERVICE_ACCOUNT,
        endpoints={
            "token": f"{base}/token",
            "drive": f"{base}/drive/v3",
            "directory": f"{base}/admin/directory/v1",
        },
    )
    connection = Connection.objects.create(
        tenant=tenant,
        uuid=uuid,
        kind=_KIND,
        name="Drive",
        realm=f"{_KIND}:{uuid}",
        item_space=_KIND,
        settings={"admin": ADMIN},
    )
    secret = json.dumps({"key": told["key"]})
    Credential.objects.create(tenant=tenant, connection=connection, config=config, secret=secret)
    return connection


@dataclass
class _Beside:
    """What the process answers."""

    _account: list[Account] = field(default_factory=list)

    def verb(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self, name)
        return found

    def connect(self, told: Mapping[str, Any]) -> str:
        """Store everything, and return the password of the people."""
        from tests.world import PASSWORD

        self._account.append(connected(told))
        self.clocks()
        return PASSWORD

    def clocks(
        self, *, poll_s: int = _NEVER_S, sweep_s: int = _NEVER_S, age_s: int = _NEVER_S
    ) -> None:
        """Set how often the source is asked, everything compared, and permissions confirmed."""
        from django.db import transaction

        from apps.tenants.context import tenant_context

        account = self._account[0]
        with tenant_context(account.tenant), transaction.atomic():
            source = account.connection
            source.poll_interval_s, source.sweep_interval_s = poll_s, sweep_s
            source.permissions_max_age_s = age_s
            source.save(
                update_fields=["poll_interval_s", "sweep_interval_s", "permissions_max_age_s"]
            )

    def subscribe(self) -> None:
        """Have a worker ask for word of all logs now, as beat does every five minutes."""
        from apps.sync_events.tasks import keep_subscriptions

        keep_subscriptions.apply_async(queue="sync")

    def state(self) -> dict[str, int]:
        """Return how many documents are searchable and wait, runs unfinished, and logs watched."""
        from django.db import transaction

        from apps.documents.models import Document
        from apps.sync_events.models import UNFINISHED, PushSubscription, SyncRun
        from apps.tenants.context import tenant_context

        account = self._account[0]
        with tenant_context(account.tenant), transaction.atomic():
            known = Document.objects.live().filter(connection=account.connection)
            waiting = Document.objects.to_index().filter(connection=account.connection).count()
            unfinished = SyncRun.objects.filter(
                connection=account.connection, state__in=UNFINISHED
            ).count()
            return {
                "searchable": known.count() - waiting,
                "waiting": waiting,
                "unfinished": unfinished,
                "watched": PushSubscription.objects.filter(connection=account.connection).count(),
            }


def main() -> None:
    """Answer until nobody asks any more."""
    import django

    django.setup()
    answer(_Beside().verb)


if __name__ == "__main__":
    main()
