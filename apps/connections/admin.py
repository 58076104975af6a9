"""Connections in the admin: an IT admin adds, changes, pauses and resumes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from typing_extensions import override

from apps.audit.model_admin import TenantModelAdmin, label, since
from apps.connections import (
    ages,
    auth_config_admin,  # noqa: F401  registers the page
    change,
    create,
    picker,
    providers,
)
from apps.connections.connect import CHOOSE
from apps.connections.credentials import scopes
from apps.connections.credentials.models import CredentialState
from apps.connections.forms import ConnectionForm, connection_form
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import FollowsChanges

_TONES = {
    ConnectionState.ACTIVE: "success",
    ConnectionState.PAUSED: "info",
    ConnectionState.NEEDS_ATTENTION: "danger",
    ConnectionState.DISCONNECTED: "",
}


@admin.register(Connection)
class ConnectionAdmin(TenantModelAdmin):
    """The sources of the active tenant. Nobody deletes one here: pausing keeps what is known."""

    list_display = (
        "name", "kind_label", "whose", "state_label", "compared", "permissions_age",
        "documents_count",
    )  # fmt: skip
    list_filter = ("state",)
    search_fields = ("name",)
    search_help_text = "Search by name"
    ordering = ("name",)
    readonly_fields = (
        "kind_label", "state_label", "reason", "compared", "settings_shown", "whose",
        "connected_by", "account", "deletion", "permissions_age", "permissions_mean",
    )  # fmt: skip
    actions = ("pause", "resume")
    empty_hint = "Add a connection, and Kenward copies its documents and who may read them."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """Count the documents with the list."""
        found: QuerySet[Connection] = super().get_queryset(request)
        live = Count("documents", filter=Q(documents__deleted_at=None))
        return found.select_related("owner").annotate(live_documents=live)

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the role lets this person change it; nobody changes another's account."""
        is_own_account = obj is not None and obj.owner_id is not None
        return not is_own_account and super().has_change_permission(request, obj)

    @override
    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ConnectionForm]:
        """Return the form of the connection's kind; `?kind=` chooses that of a new one."""
        tenant_slug = request.tenant.slug  # type: ignore[attr-defined]
        return connection_form(_kind(request, obj), tenant_slug=tenant_slug)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the provider's fields to who may change them, and their values to the others."""
        state = (
            "state_label", "reason", "compared", "permissions_age", "permissions_mean", "whose",
            "account", "connected_by", "deletion",
        )  # fmt: skip
        if obj is not None and not self.has_change_permission(request, obj):
            values = (
                "name", "kind_label", "settings_shown", "sweep_interval_s",
                "poll_interval_s", "quiet_from", "quiet_until", "quiet_zone",
                "permissions_max_age_s", "when_stale", "hold_above",
            )  # fmt: skip
            return [(None, {"fields": values}), ("State", {"fields": state})]
        kind = _kind(request, obj)
        form = providers.load(kind).settings_form
        settings = tuple(name for name in form.base_fields if name != form.picked_field)
        asked = [
            (None, {"fields": ("name",)}),
            (providers.label_of(kind), {"fields": settings}),
            ("Schedule", {"fields": _schedule_fields(kind)}),
            ("Permissions", {"fields": _term_fields(kind)}),
        ]
        return [*asked, ("State", {"fields": state})] if obj is not None else asked

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Create or change the connection; both record it themselves."""
        if change:
            _change(request, obj, form)
            return
        created = create.create(
            tenant=request.tenant,  # type: ignore[attr-defined]
            actor=request.user,  # type: ignore[arg-type]  # nobody anonymous gets here
            kind=_kind(request, None),
            name=form.cleaned_data["name"],
            settings=form.settings,
        )
        obj.pk = created.pk
        _change(request, created, form)
        obj.refresh_from_db()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what was synced, and who could read it, stays on record."""
        return False

    def object_actions(self, request: HttpRequest, obj: Connection) -> Iterable[str]:
        """Offer what is possible in this state."""
        if obj.owner_id is not None or obj.state == ConnectionState.DISCONNECTED:
            return ()
        if obj.state == ConnectionState.ACTIVE:
            return ("pause",)
        # Where something is to be chosen first, that page starts it.
        waits_for_choice = obj.state_reason == CHOOSE and picker.offers(obj)
        return () if waits_for_choice else ("resume",)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Stop syncing the chosen connections."""
        tenants = queryset.filter(owner=None)  # an own account is its owner's to pause and resume
        moved = sum(change.pause(connection=one, actor=request.user) for one in tenants)  # type: ignore[arg-type]
        _tell(self, request, moved, len(queryset), "paused")

    @admin.action(description="Start syncing", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Sync the chosen connections, for the first time or again."""
        tenants = queryset.filter(owner=None)
        moved = sum(change.resume(connection=one, actor=request.user) for one in tenants)  # type: ignore[arg-type]
        _tell(self, request, moved, len(queryset), "resumed")

    @admin.display(description="kind", ordering="kind")
    def kind_label(self, obj: Connection) -> str:
        """What people call this kind of source."""
        return providers.label_of(obj.kind)

    @admin.display(description="for", ordering="owner")
    def whose(self, obj: Connection) -> str:
        """For whom it is: everybody whom the source lets read, or one person alone."""
        return f"{obj.owner.get_full_name()} alone" if obj.owner else "The organisation"

    @admin.display(description="account")
    def account(self, obj: Connection) -> str:
        """Whom the source says the connected account is, and whether it still lets Kenward in."""
        credential = obj.credentials.select_related("config").first()
        if credential is None:
            return "None is needed"
        said = f"{credential.subject or 'Connected'}, by {credential.config.name}"
        if credential.state != CredentialState.VALID:
            return f"{said}: {credential.get_state_display().lower()}"
        if lacking := scopes.lacking(obj, credential):
            return f"{said}. Reconnect it: its settings need more ({', '.join(lacking)})."
        return said

    @admin.display(description="deletion")
    def deletion(self, obj: Connection) -> str:
        """How far the deletion of what was copied is."""
        if obj.data_deletion_at is not None:
            return f"Under way since {since(obj.data_deletion_at)}: {obj.data_deleted} deleted"
        return f"{obj.data_deleted} documents deleted" if obj.data_deleted else "–"

    @admin.display(description="state", ordering="state")
    def state_label(self, obj: Connection) -> str:
        """The state, coloured."""
        return label(obj.get_state_display(), _TONES[ConnectionState(obj.state)])

    @admin.display(description="reason")
    def reason(self, obj: Connection) -> str:
        """Why it is in this state, where there is something to say."""
        return obj.state_reason or "–"

    @admin.display(description="everything compared", ordering="last_swept_at")
    def compared(self, obj: Connection) -> str:
        """How long ago everything was last compared with the source."""
        return since(obj.last_swept_at) if obj.last_swept_at else "Never so far"

    @admin.display(description="connected by")
    def connected_by(self, obj: Connection) -> str:
        """Who made the connection; the accounts themselves are for operators alone."""
        return str(obj.created_by) if obj.created_by else "Kenward"

    @admin.display(description="permissions", ordering="permissions_confirmed_at")
    def permissions_age(self, obj: Connection) -> str:
        """How long ago who may read what was last confirmed."""
        if obj.permissions_confirmed_at is None:
            return label("Not confirmed", "warning")
        lapses = ages.lapses_at(obj)
        said = format_html("confirmed {}", since(obj.permissions_confirmed_at))
        if lapses is not None and lapses <= timezone.now():
            return format_html("{} {}", label("Too old", "danger"), said)
        return said

    @admin.display(description="what that means")
    def permissions_mean(self, obj: Connection) -> str:
        """Until when documents stay visible, if nothing confirms their permissions."""
        return ages.consequence(obj)

    @admin.display(description="documents", ordering="live_documents")
    def documents_count(self, obj: Connection) -> int:
        """How many documents it has now."""
        return int(obj.live_documents)  # type: ignore[attr-defined]

    @admin.display(description="settings")
    def settings_shown(self, obj: Connection) -> str:
        """The settings as the form takes them."""
        if obj.owner_id is not None:
            return "Chosen by its owner"
        fields = providers.load(obj.kind).settings_form.to_fields(obj.settings)
        return " · ".join(f"{name}: {value}" for name, value in fields.items() if value)


def _kind(request: HttpRequest, obj: Connection | None) -> str:
    if obj is not None:
        return obj.kind
    asked = request.GET.get("kind", "")
    return asked if asked in providers.REGISTRY else next(iter(providers.REGISTRY))


def _schedule_fields(kind: str) -> tuple[str, ...]:
    fields = ("sweep_interval_s", "poll_interval_s", "quiet_from", "quiet_until", "quiet_zone")
    follows = issubclass(providers.load(kind), FollowsChanges)
    return fields if follows else tuple(f for f in fields if f != "poll_interval_s")


def _term_fields(kind: str) -> tuple[str, ...]:
    fields = ("permissions_max_age_s", "when_stale", "hold_above")
    return fields if ages.can_be_asked(kind) else tuple(f for f in fields if f != "when_stale")


def _change(request: HttpRequest, obj: Connection, form: ConnectionForm) -> None:
    change.change(
        connection=obj,
        actor=request.user,  # type: ignore[arg-type]  # nobody anonymous gets here
        name=form.cleaned_data["name"],
        settings=form.settings,
        schedule=form.schedule(),
        terms=form.permission_terms(),
    )


def _tell(page: ConnectionAdmin, request: HttpRequest, moved: int, chosen: int, done: str) -> None:
    level = messages.SUCCESS if moved == chosen else messages.WARNING
    page.message_user(request, f"{moved} of {chosen} connections {done}.", level)
