"""How the admin looks and what its menu holds; read by django-unfold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _in_tenant(permission: str) -> Callable[[HttpRequest], bool]:
    def is_allowed(request: HttpRequest) -> bool:
        is_inside = getattr(request, "tenant", None) is not None
        return is_inside and request.user.has_perm(permission)

    return is_allowed


def _is_operator(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser)


def _tenant_name(request: HttpRequest) -> str:
    tenant = getattr(request, "tenant", None)
    return tenant.name if tenant else "No organisation entered"


def _static(path: str) -> Callable[[HttpRequest], str]:
    # Where a file stands is known only after the settings: it carries its hash in production.
    return lambda _request: static(path)


def _is_page_of(model: str) -> Callable[[HttpRequest], bool]:
    """Return what marks a model's line in the menu: some pages below its address have their own."""

    def is_active(request: HttpRequest) -> bool:
        found = request.resolver_match
        return found is not None and (found.url_name or "").startswith(f"{model}_")

    return is_active


def _item(title: str, icon: str, model: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": _in_tenant(permission) if permission else _is_operator,
        "active": _is_page_of(model),
    }


_MENU = [
    {
        "items": [
            {"title": "Overview", "icon": "monitoring", "link": reverse_lazy("admin:index")},
        ]
    },
    {
        "title": "Sources",
        "items": [
            _item("Connections", "cable", "connections_connection", "connections.view_connection"),
            _item(
                "Auth configurations",
                "key",
                "connections_authconfig",
                "connections.view_authconfig",
            ),
            _item(
                "Exposure dry runs",
                "visibility",
                "sync_events_exposurereport",
                "sync_events.view_exposurereport",
            ),
            _item("Objects Synced", "description", "documents_document", "documents.view_document"),
            _item("Sync Events", "sync", "sync_events_syncrun", "sync_events.view_syncrun"),
            _item("Item events", "list_alt", "sync_events_syncevent", "sync_events.view_syncevent"),
            _item("Failed items", "error", "sync_events_faileditem", "sync_events.view_faileditem"),
            _item(
                "Drift", "compare", "sync_events_driftmismatch", "sync_events.view_driftmismatch"
            ),
        ],
    },
    {
        "title": "People and rights",
        "items": [
            _item("Members", "badge", "tenants_membership", "tenants.view_membership"),
            _item("People", "how_to_reg", "acls_person", "acls.view_person"),
            _item("People and groups", "group", "acls_principal", "acls.view_principal"),
            _item("Places and readers", "folder_shared", "acls_acl", "acls.view_acl"),
            _item("Held changes", "pan_tool", "acls_heldchange", "acls.view_heldchange"),
            {
                "title": "Why",
                "icon": "help",
                "link": reverse_lazy("admin:documents_why"),
                "permission": _in_tenant("documents.view_document"),
            },
            {
                "title": "What would change if",
                "icon": "rule",
                "link": reverse_lazy("admin:documents_whatif"),
                "permission": _in_tenant("connections.change_connection"),
            },
            _item(
                "Document classes",
                "label",
                "documents_classificationrule",
                "documents.view_classificationrule",
            ),
            _item("Rules for classes", "lock_clock", "acls_accessrule", "acls.view_accessrule"),
            _item("Audit trail", "history", "audit_event", "audit.view_event"),
        ],
    },
    {
        "title": "Search quality",
        "items": [
            _item("Search settings", "tune", "search_searchsettings", "search.view_searchsettings"),
            _item("Question sets", "quiz", "search_questionset", "search.view_questionset"),
            _item("Questions", "contact_support", "search_question", "search.view_question"),
        ],
    },
    {
        "title": "Integrations",
        "items": [
            _item(
                "Webhooks",
                "webhook",
                "sync_events_webhookendpoint",
                "sync_events.view_webhookendpoint",
            ),
            _item(
                "Webhook deliveries",
                "outgoing_mail",
                "sync_events_webhookdelivery",
                "sync_events.view_webhookdelivery",
            ),
        ],
    },
    {
        "title": "Installation",
        "items": [
            _item("Organisations", "domain", "tenants_tenant", ""),
            _item("Accounts", "person", "accounts_user", ""),
        ],
    },
]

# The green of the employees' pages (static/css/tokens.css) in Unfold's eleven steps.
_GREEN = {
    "50": "#eef7f3",
    "100": "#e2f0ea",
    "200": "#c3e2d6",
    "300": "#a3e8d0",
    "400": "#76d5b6",
    "500": "#76d5b6",
    "600": "#0d6350",
    "700": "#0b5646",
    "800": "#084a3b",
    "900": "#063a2f",
    "950": "#06231b",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Kenward",
    "SITE_HEADER": "Kenward",
    "SITE_SUBHEADER": _tenant_name,
    "SITE_URL": "/",
    "SITE_ICON": _static("img/logo.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": _static("img/favicon.svg"),
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "COLORS": {"primary": _GREEN},
    "STYLES": [_static("admin/kenward/kenward.css")],
    "SCRIPTS": [_static("admin/kenward/live.js")],
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("account_change_password")},
        ]
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": _MENU,
    },
}
