"""Auth configurations in the admin: how accounts of each kind of source can be connected."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from apps.audit.model_admin import TenantModelAdmin, label
from apps.connections import providers
from apps.connections.auth_config_form import SECRETS, AuthConfigForm, auth_config_form
from apps.connections.credentials.models import AuthConfig, AuthMethod, CredentialState
from apps.connections.credentials.redirects import redirect_uri
from apps.connections.errors import SettingsRejected


@admin.register(AuthConfig)
class AuthConfigAdmin(TenantModelAdmin):
    """Blueprints of the active tenant. None is deleted: it is taken out of use."""

    page_title = "Auth configurations"
    row_names = ("auth configuration", "auth configurations")
    change_form_before_template: Any = "admin/accounts/config.html"
    list_display = ("name", "kind_label", "method", "rights", "for_whom", "accounts", "use")
    list_filter = ("is_active", "is_for_employees")
    search_fields = ("name",)
    search_help_text = "Search by name"
    ordering = ("name",)
    readonly_fields = (
        "kind_label", "rights", "for_whom", "accounts", "use", "secrets_kept",
        "addresses",
    )  # fmt: skip
    empty_hint = "Add one for each kind of source whose accounts people may connect."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthConfig]:
        """Count the connected accounts with the list, and leave the secrets where they are."""
        found: QuerySet[AuthConfig] = super().get_queryset(request)
        valid = Count("credentials", filter=Q(credentials__state=CredentialState.VALID))
        return found.annotate(valid_accounts=valid)

    @override
    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[AuthConfigForm]:
        """Return the form of the configuration's kind; `?kind=` chooses that of a new one."""
        return auth_config_form(_kind(request, obj))

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store a new one as the active tenant's, and record which fields were set."""
        if not change:
            obj.tenant = request.tenant  # type: ignore[attr-defined]
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the fields to who may change them; to the others what they may know."""
        if obj is not None and not self.has_change_permission(request, obj):
            shown = (
                "name", "kind_label", "method", "client_id", "secrets_kept", "addresses",
                "rights", "for_whom", "accounts", "use",
            )  # fmt: skip
            return [(None, {"fields": shown})]
        kind = _kind(request, obj)
        offered = list(auth_config_form(kind)(instance=obj).fields)
        ours = ("name", "method", "client_id", *SECRETS)
        rights = ("allows_writes", "is_for_employees", "is_active")
        overridden = [name for name in offered if name not in (*ours, *rights)]
        sets: list[Any] = [
            (None, {"fields": [name for name in ours if name in offered]}),
            ("Rights", {"fields": [name for name in rights if name in offered]}),
        ]
        if overridden:
            sets.append(("Other addresses than the provider's own", {"fields": overridden}))
        return sets

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether there is a kind that accounts are connected of, and the role allows it."""
        return bool(remote_kinds()) and super().has_add_permission(request)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: accounts live by it."""
        return False

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say above the form what is to be done at the source, and offer the kinds of a new one."""
        obj = kwargs.get("obj")
        kind = _kind(request, obj)
        context |= {
            "kinds": remote_kinds() if obj is None else [],
            "kind": kind,
            "setup": _setup(kind),
            "way_back": redirect_uri(request) if _signs_in(kind) else "",
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="kind", ordering="kind")
    def kind_label(self, obj: AuthConfig) -> str:
        """What people call this kind of source."""
        return providers.label_of(obj.kind)

    @admin.display(description="Rights")
    def rights(self, obj: AuthConfig) -> str:
        """What accounts are asked for."""
        return "Read, and write when asked for" if obj.allows_writes else "Read only"

    @admin.display(description="For")
    def for_whom(self, obj: AuthConfig) -> str:
        """Who connects accounts with it."""
        return "IT admins and employees" if obj.is_for_employees else "IT admins"

    @admin.display(description="Connected accounts", ordering="valid_accounts")
    def accounts(self, obj: AuthConfig) -> int:
        """How many accounts that count are connected by it."""
        return int(obj.valid_accounts)  # type: ignore[attr-defined]

    @admin.display(description="State", ordering="is_active")
    def use(self, obj: AuthConfig) -> str:
        """Whether it is in use."""
        return label("In use", "success") if obj.is_active else label("Out of use", "")

    @admin.display(description="Secrets")
    def secrets_kept(self, obj: AuthConfig) -> str:
        """Which secrets are set; never what they are."""
        kept = [name.replace("_", " ") for name in SECRETS if getattr(obj, name)]
        return f"Set: {', '.join(kept)}" if kept else "None set"

    @admin.display(description="Other addresses")
    def addresses(self, obj: AuthConfig) -> str:
        """The addresses that are not the provider's own."""
        return ", ".join(f"{name}: {url}" for name, url in obj.endpoints.items()) or "–"


def remote_kinds() -> list[tuple[str, str]]:
    """Return the kinds of source that are signed in to, with what people call them."""
    return [(k, name) for k, (name, _) in providers.REGISTRY.items() if providers.is_remote(k)]


def _kind(request: HttpRequest, obj: AuthConfig | None) -> str:
    if obj is not None:
        return obj.kind
    kinds = [kind for kind, _ in remote_kinds()]
    asked = request.GET.get("kind", "")
    return asked if asked in kinds else kinds[0]


def _setup(kind: str) -> tuple[str, ...]:
    try:
        provider = providers.remote(kind)
    except SettingsRejected:  # this installation knows no such kind any more
        return ()
    return provider.sign_in.setup if provider else ()


def _signs_in(kind: str) -> bool:
    provider = providers.remote(kind)
    return provider is not None and AuthMethod.OAUTH in provider.sign_in.methods
