"""After a stop of the whole system: nothing is shown before its permissions are confirmed anew."""

from __future__ import annotations

from apps.sync_events import schedule
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant


def resume() -> None:
    """Do for every tenant, before anybody is served, what the scheduler does when it is back."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            schedule.resume_after_stop()
