"""Kenward's side of the connection: the tenant, its people, and the account, written as rows.

    python -m benchmarks.sync_account

As a process of its own it answers beside a running Kenward, with whose database its environment
says that it speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.sync_company import ADA, ADMIN, BO, CY
from benchmarks.sync_talk import answer

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.connections.models import Connection
    from apps.tenants.models import Tenant

# Nothing is done by the clock that is not measured (seconds).
_NEVER_S = 7 * 24 * 3600


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
    from apps.connections.credentials.models import AuthMethod
    from apps.tenants.models import Tenant
    from tests.connections.conformance import remote
    from tests.world import make_member

    tenant = Tenant.objects.create(slug="reed", name="Reed")
    people = {email: make_member(tenant, email) for email in (ADA, BO, CY)}
    base = told["base"]
    connection = remote.connect(
        tenant,
        "google_drive",
        "Drive",
        method=AuthMethod.SERVICE_ACCOUNT,
        secret={"key": told["key"]},
        settings={"admin": ADMIN},
        endpoints={
            "token": f"{base}/token",
            "drive": f"{base}/drive/v3",
            "directory": f"{base}/admin/directory/v1",
        },
    )
    return Account(tenant, people, connection)


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
        from apps.connections.models import Connection
        from apps.tenants.context import tenant_context

        account = self._account[0]
        with tenant_context(account.tenant):
            Connection.objects.filter(pk=account.connection.pk).update(
                poll_interval_s=poll_s, sweep_interval_s=sweep_s, permissions_max_age_s=age_s
            )

    def subscribe(self) -> int:
        """Have word sent now, as beat does within five minutes; return for how many logs."""
        from apps.sync_events.push_in import subscriptions
        from apps.tenants.context import tenant_context

        with tenant_context(self._account[0].tenant):
            return subscriptions.keep(self._account[0].connection)

    def state(self) -> dict[str, int]:
        """Return how many documents are searchable and wait, and how many runs are unfinished."""
        from django.db import transaction

        from apps.documents.models import Document
        from apps.sync_events.models import UNFINISHED, SyncRun
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
            }


def main() -> None:
    """Answer until nobody asks any more."""
    import django

    django.setup()
    answer(_Beside().verb)


if __name__ == "__main__":
    main()
