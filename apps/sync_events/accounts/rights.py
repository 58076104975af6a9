"""Who may connect accounts, and whose connections somebody may act on."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from apps.connections import providers
from apps.connections.credentials.models import AuthConfig
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection
from apps.errors import NotFound
from apps.tenants.models import Membership


def may_connect_own(request: HttpRequest) -> bool:
    """Return whether this person may have own accounts: members, and neither guests nor operators.

    An operator who has entered the tenant belongs to nobody in it.
    """
    membership: Membership | None = getattr(request, "membership", None)
    return membership is not None and not membership.is_guest


def may_connect_for_all(request: HttpRequest) -> bool:
    """Return whether this person connects accounts for the whole tenant."""
    return request.user.has_perm("connections.add_connection")


def configs_for_employees() -> list[AuthConfig]:
    """Return the ways in which the tenant lets employees connect own accounts, by name."""
    found = AuthConfig.objects.filter(is_active=True, is_for_employees=True).order_by("name")
    return [config for config in found if _suits_employees(config.kind)]


def config_for(request: HttpRequest, uuid: UUID | str, *, is_own: bool) -> AuthConfig:
    """Return a configuration by which this person may connect an account.

    Raises:
        NotFound: there is none, or not for them; nobody learns which.
    """
    found = AuthConfig.objects.filter(uuid=uuid, is_active=True).first()
    if found is not None:
        if not is_own and may_connect_for_all(request):
            return found
        is_offered = found.is_for_employees and _suits_employees(found.kind)
        if is_own and is_offered and may_connect_own(request):
            return found
    raise NotFound("There is no such way to connect an account, or not for you.")


def own(request: HttpRequest) -> QuerySet[Connection]:
    """Return this person's own connections, by name."""
    if not may_connect_own(request):
        return Connection.objects.none()
    return Connection.objects.filter(owner_id=request.user.pk).order_by("name")


def own_connection(request: HttpRequest, uuid: UUID | str) -> Connection:
    """Return one of this person's own connections.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = own(request).filter(uuid=uuid).first()
    if found is None:
        raise NotFound("There is no such connection among yours.")
    return found


def reconnectable(request: HttpRequest, uuid: UUID | str) -> Connection:
    """Return a connection whose account this person may connect again: their own, or by role.

    Raises:
        NotFound: there is none, or not for them.
    """
    found = own(request).filter(uuid=uuid).first()
    if found is None and request.user.has_perm("connections.change_connection"):
        found = Connection.objects.filter(uuid=uuid, owner=None).first()
    if found is None:
        raise NotFound("There is no such connection, or you may not act on it.")
    return found


def _suits_employees(kind: str) -> bool:
    try:
        provider = providers.remote(kind)
    except SettingsRejected:  # this installation knows no such kind any more
        return False
    return provider is not None and provider.sign_in.suits_employees
