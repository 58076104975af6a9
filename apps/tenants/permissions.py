"""What each role may do in the admin. Never what a person may read: `acls` decides that."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from apps.tenants.context import current_tenant_id
from apps.tenants.models import Membership, Role

_ADMINISTERED = {
    "audit.view_event",
    "tenants.view_membership",
    "tenants.add_membership",
    "tenants.change_membership",
    "connections.view_connection",
    "connections.add_connection",
    "connections.change_connection",
    "connections.delete_connection",
    "connections.view_authconfig",
    "connections.add_authconfig",
    "connections.change_authconfig",
    "documents.view_document",
    "documents.classify_document",
    "documents.view_classificationrule",
    "documents.add_classificationrule",
    "documents.change_classificationrule",
    "documents.delete_classificationrule",
    "sync_events.view_syncrun",
    "sync_events.change_syncrun",
    "sync_events.view_syncevent",
    "sync_events.view_faileditem",
    "sync_events.change_faileditem",
    "sync_events.view_exposurereport",
    "sync_events.view_driftcheck",
    "sync_events.view_driftmismatch",
    "sync_events.change_driftmismatch",
    "sync_events.view_webhookendpoint",
    "sync_events.add_webhookendpoint",
    "sync_events.change_webhookendpoint",
    "sync_events.view_webhookdelivery",
    "sync_events.change_webhookdelivery",
    "acls.view_principal",
    "acls.view_acl",
    "acls.view_heldchange",
    "acls.change_heldchange",
    "acls.view_claim",
    "acls.view_accessrule",
    "acls.add_accessrule",
    "acls.change_accessrule",
    "acls.delete_accessrule",
    "acls.view_person",
    "acls.change_person",
    "acls.view_confirmedalias",
    "acls.add_confirmedalias",
    "acls.change_confirmedalias",
    "search.view_searchsettings",
    "search.add_searchsettings",
    "search.change_searchsettings",
    "search.view_questionset",
    "search.add_questionset",
    "search.change_questionset",
    "search.delete_questionset",
    "search.view_question",
    "search.add_question",
    "search.change_question",
    "search.delete_question",
    "tenants.view_manageddomain",
    "tenants.add_manageddomain",
    "tenants.delete_manageddomain",
}
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.IT_ADMIN: frozenset(_ADMINISTERED),
    Role.AUDITOR: frozenset(p for p in _ADMINISTERED if ".view_" in p),
    Role.INTEGRATOR: frozenset(),
    Role.MEMBER: frozenset(),
}


def role_in_bound_tenant(user: Any) -> str | None:
    """Return the person's role in the tenant that is bound, or None without a usable membership."""
    tenant_id = current_tenant_id()
    if tenant_id is None or not user.is_authenticated:
        return None
    # The person's own rows of other tenants are visible too, so the tenant is asked for by name.
    found = Membership.objects.usable().filter(tenant_id=tenant_id, user_id=user.pk)
    return found.values_list("role", flat=True).first()


def may_open_admin(request: HttpRequest) -> bool:
    """Return whether the admin shows this person anything: operators, IT admins and auditors."""
    user = getattr(request, "user", None)  # error pages may come before anybody is known
    if user is None or not user.is_authenticated or not user.is_active:
        return False
    if user.is_superuser:
        return True
    membership: Membership | None = getattr(request, "membership", None)
    return membership is not None and bool(ROLE_PERMISSIONS.get(membership.role))


class RoleBackend(BaseBackend):
    """Model permissions in the admin, from the role in the bound tenant."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the permissions of the role; objects are scoped by row-level security."""
        if not user_obj.is_active or obj is not None:
            return set()
        cached: dict[int | None, set[str]] = user_obj.__dict__.setdefault("_role_permissions", {})
        tenant_id = current_tenant_id()
        if tenant_id not in cached:
            role = role_in_bound_tenant(user_obj)
            cached[tenant_id] = set(ROLE_PERMISSIONS.get(role, ())) if role else set()
        return cached[tenant_id]

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether the role has the permission."""
        return perm in self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Return whether the role has any permission of the app."""
        return any(p.startswith(f"{app_label}.") for p in self.get_all_permissions(user_obj))
