"""Connections and Objects Synced, with what syncing adds to their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from typing_extensions import override
from unfold.decorators import display

from apps.connections import providers
from apps.connections.admin import ConnectionAdmin
from apps.connections.models import Connection, ConnectionState
from apps.documents.admin import DocumentAdmin
from apps.documents.models import Document
from apps.sync_events import by_hand, delegated, lag
from apps.sync_events.admin import accounts, lag_words
from apps.sync_events.admin.runs import NOT_ACTIVE, actor_of
from apps.sync_events.models import SyncEvent

# Events shown on an item's page.
EVENTS_ON_PAGE = 20

admin.site.unregister(Connection)


@admin.register(Connection)
class SyncedConnectionAdmin(ConnectionAdmin):
    """Connections that can be synced now, with how far behind their sources they are."""

    page_title = "Connections"
    change_form_outer_before_template: Any = "admin/accounts/connection.html"
    change_form_before_template: Any = "admin/accounts/kinds.html"
    list_display: Any = (*ConnectionAdmin.list_display, "up_to_date")
    change_form_outer_after_template: Any = "admin/sync_events/lag.html"
    actions: Any = ("sync_now", *ConnectionAdmin.actions, "delegate")

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the pages of accounts."""
        pages = (
            ("choose", accounts.choose_page),
            ("disconnect", accounts.disconnect_page),
            ("reconnect", _reconnect_page),
        )
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(self._page(page)),
                name=f"connections_connection_{name}",
            )
            for name, page in pages
        ]
        return [*own, *super().get_urls()]

    def _page(self, page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def shown(request: HttpRequest, pk: int) -> HttpResponse:
            if not self.has_change_permission(request):
                raise PermissionDenied
            return page(request, self._context(request), pk)

        return shown

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Offer the kinds of source; of one that is signed in to, connect an account first."""
        kind = request.GET.get("kind", "")
        if providers.is_remote(kind):
            if not self.has_add_permission(request):
                raise PermissionDenied
            return accounts.connect_page(request, self._context(request), kind=kind)
        shown = {**(extra_context or {}), "kinds": accounts.kinds(), "kind": kind or "file_share"}
        return super().add_view(request, form_url, shown)

    @override
    def object_actions(self, request: HttpRequest, obj: Connection) -> Iterable[str]:
        """Offer a sync beside the others, where one is possible."""
        if obj.owner_id is not None:
            return ()
        others = (*super().object_actions(request, obj), "delegate")
        return ("sync_now", *others) if obj.state == ConnectionState.ACTIVE else others

    @override
    def complete(self, rows: Sequence[Connection]) -> None:
        """Look how far behind the sources of a page are."""
        for source, found in zip(rows, lag.of_all(rows), strict=True):
            source.lag = found  # type: ignore[attr-defined]  # read by its column alone

    @display(description="Up to date")
    def up_to_date(self, source: Connection) -> str:
        """Return whether it is as new as its own periods promise, and why not."""
        return lag_words.short(source.lag)  # type: ignore[attr-defined]  # from `complete`

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add how far behind the source we are, and lead to the pages of its account."""
        if isinstance(source := kwargs.get("obj"), Connection) and source.pk:
            if self.has_change_permission(request):
                context["account_pages"] = accounts.links(source)
            found = lag.of(source)
            context["lag_badge"], context["lag_reason"] = (
                lag_words.badge(found),
                lag_words.reason(found),
            )
            context["lag_rows"] = lag_words.rows(found)
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Start syncing at once: whoever connects a source wants to see it arrive."""
        super().save_model(request, obj, form, change)
        by_hand.sync_now(obj, actor_id=actor_of(request))

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Compare everything with the chosen sources now."""
        tenants = queryset.filter(owner=None)
        asked = sum(by_hand.sync_now(source, actor_id=actor_of(request)) for source in tenants)
        if asked:
            said = f"Connections syncing now: {asked}. See Sync Events."
            self.message_user(request, said, messages.SUCCESS)
        if asked < len(queryset):
            self.message_user(request, NOT_ACTIVE, messages.WARNING)

    def has_delegate_permission(self, request: HttpRequest) -> bool:
        """Return whether this person hands connections to others: by role, operators not."""
        return delegated.is_it_admin(request.user)  # type: ignore[arg-type]  # nobody anonymous

    @admin.action(description="Delegate", permissions=["delegate"])
    def delegate(
        self, request: HttpRequest, queryset: QuerySet[Connection]
    ) -> HttpResponseRedirect | None:
        """Open the sharing page of one connection."""
        if len(queryset) != 1 or queryset[0].owner_id is not None:
            self.message_user(request, "Choose one connection to delegate.", messages.WARNING)
            return None
        page = reverse("sharing:share", args=["connection", queryset[0].uuid])
        return HttpResponseRedirect(page)


def _reconnect_page(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """Connect a tenant's account again."""
    connection = get_object_or_404(Connection, pk=pk, owner=None)
    return accounts.connect_page(request, context, kind=connection.kind, original=connection)


@admin.register(Document)
class SyncedDocumentAdmin(DocumentAdmin):
    """Documents that can be synced again, with what happened to them."""

    actions: Any = ("sync_again", *DocumentAdmin.actions)
    change_form_outer_after_template: Any = "admin/sync_events/events.html"

    def has_sync_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person start syncs."""
        return request.user.has_perm("sync_events.change_syncrun")

    @override
    def object_actions(self, request: HttpRequest, obj: Document) -> Iterable[str]:
        """Offer another look at the source beside the others."""
        return ("sync_again", *super().object_actions(request, obj))

    @admin.action(description="Sync again", permissions=["sync"])
    def sync_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Look at the chosen items in their sources again."""
        chosen = queryset.select_related("connection")
        asked = by_hand.sync_items(chosen, actor_id=actor_of(request))
        if asked:
            self.message_user(request, f"Items looked at again: {asked}.", messages.SUCCESS)
        if asked < len(chosen):
            self.message_user(request, NOT_ACTIVE, messages.WARNING)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what syncs said about the item."""
        if isinstance(document := kwargs.get("obj"), Document):
            events = SyncEvent.objects.filter(
                connection_id=document.connection_id, external_id=document.external_id
            )
            context["events"] = events.order_by("-pk")[:EVENTS_ON_PAGE]
        return super().render_change_form(request, context, *args, **kwargs)
