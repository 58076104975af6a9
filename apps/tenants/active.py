"""Which tenant a session acts in: chosen by the person, or entered by an operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from apps import audit
from apps.errors import NotFound
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

_CHOSEN = "tenant_id"
_ENTERED = "entered_tenant_id"


@dataclass(frozen=True, slots=True)
class Active:
    """The tenant of a request; an operator who entered it has no membership."""

    tenant: Tenant
    membership: Membership | None
    has_alternatives: bool = False


def own_memberships(user_id: int | None) -> list[Membership]:
    """Return the usable memberships of the bound person, in every tenant."""
    found = Membership.objects.usable().filter(user_id=user_id or 0).select_related("tenant")
    return list(found.order_by("tenant__name"))


def find(request: HttpRequest) -> Active | None:
    """Return the tenant of a request; see `find_for`."""
    return find_for(request.user, request.session)


def find_for(user: Any, session: SessionBase) -> Active | None:
    """Return the tenant the session is in, or None when one has to be chosen.

    A membership that has ended since the choice was made no longer counts. A person with a single
    membership has nothing to choose. The person is bound by the caller.
    """
    entered = _entered_by_operator(user, session)
    if entered is not None:
        return Active(entered, None)
    memberships = own_memberships(user.pk)
    chosen = session.get(_CHOSEN)
    for membership in memberships:
        if membership.tenant_id == chosen:
            return Active(membership.tenant, membership, len(memberships) > 1)
    if len(memberships) == 1:
        return Active(memberships[0].tenant, memberships[0])
    return None


def choose(request: HttpRequest, tenant_uuid: str) -> Tenant:
    """Make one of the person's own tenants the session's.

    Raises:
        NotFound: no such tenant, or the person is no member of it.
    """
    for membership in own_memberships(request.user.pk):
        if str(membership.tenant.uuid) == tenant_uuid:
            request.session.pop(_ENTERED, None)
            request.session[_CHOSEN] = membership.tenant_id
            with tenant_context(membership.tenant):
                _record("tenant.chosen", membership.tenant, request)
            return membership.tenant
    raise NotFound("There is no such organisation among yours.")


def enter(request: HttpRequest, tenant: Tenant) -> None:
    """Let a platform operator into one tenant; the tenant's audit trail says so.

    Raises:
        NotFound: the person is no operator.
    """
    if not request.user.is_superuser:
        raise NotFound("There is no such page.")
    leave(request)
    request.session[_ENTERED] = tenant.pk
    with tenant_context(tenant):
        _record("tenant.entered_by_operator", tenant, request)


def leave(request: HttpRequest) -> None:
    """Take the operator out of the tenant that was entered; without one nothing happens."""
    tenant = Tenant.objects.filter(pk=request.session.pop(_ENTERED, None)).first()
    if tenant is not None:
        with tenant_context(tenant):
            _record("tenant.left_by_operator", tenant, request)


def _entered_by_operator(user: Any, session: SessionBase) -> Tenant | None:
    entered = session.get(_ENTERED)
    if entered is None or not user.is_superuser:
        return None
    return Tenant.objects.filter(pk=entered, is_active=True).first()


def _record(action: str, tenant: Tenant, request: HttpRequest) -> None:
    audit.record(action, tenant_id=tenant.pk, actor_id=request.user.pk, target=tenant)
