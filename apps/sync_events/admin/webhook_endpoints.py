"""Webhooks in the admin: where they go, what of, and their secrets, each shown once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminURLInputWidget

from apps.audit.model_admin import TenantModelAdmin, label, since
from apps.errors import InvalidInput
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.webhooks import endpoints, outbox, replay, rotate, sign
from apps.sync_events.webhooks.events import SUBSCRIBABLE, EventName
from apps.sync_events.webhooks.models import WebhookEndpoint
from apps.tenants import network
from apps.tenants.context import required_tenant_id

_ONE_AT_A_TIME = "Choose one webhook: its new secret is shown once."


class EndpointForm(forms.ModelForm[WebhookEndpoint]):
    """An address and what it is told of; the secret is Kenward's to make."""

    events = forms.MultipleChoiceField(
        choices=[(name.value, f"{name.value}: {name.label}") for name in SUBSCRIBABLE],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Messages hold ids, counts, states and reason codes; no title, text or name.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "events")
        widgets = {"url": UnfoldAdminURLInputWidget()}
        help_texts = {
            "url": "https:// and a host of the public internet. Kenward sends POST requests to it.",
            "description": "For the lists here.",
        }

    def clean_url(self) -> str:
        """Refuse what Kenward would not connect to, and an address that is there already."""
        url = str(self.cleaned_data["url"]).strip()
        if "url" in self.changed_data:
            try:
                network.check(url)
            except network.DestinationRefused as error:
                raise ValidationError(str(error)) from error
        if WebhookEndpoint.objects.filter(url=url).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Another webhook goes to this address.")
        return url


class SinceForm(forms.Form):
    """From when on missed messages are sent again."""

    since = forms.DateTimeField()


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(TenantModelAdmin):
    """The webhooks of the active tenant. Nobody deletes one here: disabling keeps what was sent."""

    page_title = "Webhooks"
    form = EndpointForm
    list_display = ("name", "state_label", "told_of", "added")
    list_filter = ("is_active",)
    ordering = ("-created_at", "-id")
    sortable_by = ()
    actions = ("send_test", "rotate_secret", "end_previous_secret", "disable", "enable")
    change_form_outer_after_template: Any = "admin/webhooks/replay.html"
    empty_hint = "Add one, and Kenward tells that address what happens: signed, and without text."

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the state beside what was typed in, once there is one."""
        may_change = obj is None or self.has_change_permission(request, obj)
        typed = ("url", "description", "events" if may_change else "told_of")
        shown = (None, {"fields": typed})
        state = ("State", {"fields": ("state_label", "secrets_shown", "added", "added_by")})
        return [shown, state] if obj is not None else [shown]

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what nobody types in."""
        return ("state_label", "secrets_shown", "added", "added_by", "told_of")

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the act that sends missed messages again."""
        view = self.admin_site.admin_view(self.replay_missed)
        return [
            path("<int:pk>/replay/", view, name="sync_events_webhookendpoint_replay"),
            *super().get_urls(),
        ]

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what was sent where stays on record."""
        return False

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; a new webhook gets a secret."""
        if not change:
            obj.tenant_id, obj.created_by_id = required_tenant_id(), actor_of(request)
            obj.secret = sign.new_secret()
        super().save_model(request, obj, form, change)

    @override
    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, this once."""
        return self._secret_page(request, obj, obj.secret)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer to send again what was missed."""
        context["may_replay"] = _may_replay(request)
        context["replay_since"] = timezone.now() - timedelta(days=1)
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def object_actions(self, request: HttpRequest, obj: WebhookEndpoint) -> Iterable[str]:
        """Offer what is possible in this state."""
        secret = "end_previous_secret" if _has_previous(obj) else "rotate_secret"
        return ("send_test", secret, "disable") if obj.is_active else (secret, "enable")

    @admin.action(description="Send a test event", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Send a test to the chosen ones that are active."""
        active = list(queryset.filter(is_active=True))
        for endpoint in active:
            outbox.send_test(endpoint, actor_id=actor_of(request))
        said = f"Tests on their way: {len(active)}. The deliveries say what became of them."
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description="Rotate the secret", permissions=["change"])
    def rotate_secret(
        self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]
    ) -> HttpResponse | None:
        """Make a new secret and show it, this once."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, _ONE_AT_A_TIME, messages.WARNING)
            return None
        try:
            secret = rotate.rotate(chosen[0].pk, actor_id=actor_of(request))
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        return self._secret_page(request, chosen[0], secret)

    @admin.action(description="End the previous secret", permissions=["change"])
    def end_previous_secret(
        self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]
    ) -> None:
        """Let only the newest secrets of the chosen ones sign from now on."""
        acting = actor_of(request)
        ended = sum(rotate.end_previous(one.pk, actor_id=acting) for one in queryset)
        self.message_user(request, f"Previous secrets ended: {ended}.", messages.SUCCESS)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Send nothing more to the chosen ones."""
        acting, reason = actor_of(request), "Disabled by hand."
        done = sum(endpoints.disable(one.pk, reason=reason, actor_id=acting) for one in queryset)
        self.message_user(request, f"Disabled: {done}.", messages.SUCCESS)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Send to the chosen ones what happens from now on."""
        done = sum(endpoints.enable(one.pk, actor_id=actor_of(request)) for one in queryset)
        self.message_user(request, f"Enabled: {done}.", messages.SUCCESS)

    def replay_missed(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send again by POST what one webhook has missed since a time."""
        if request.method != "POST" or not _may_replay(request):
            raise PermissionDenied
        endpoint = get_object_or_404(self.get_queryset(request), pk=pk)
        form = SinceForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "Give a date and a time.", messages.ERROR)
        elif not endpoint.is_active:
            self.message_user(request, "Enable it first.", messages.ERROR)
        else:
            since_at = form.cleaned_data["since"]
            again = replay.replay_since(endpoint, since_at, actor_id=actor_of(request))
            self.message_user(request, f"Messages sent again: {again}.", messages.SUCCESS)
        page = reverse("admin:sync_events_webhookendpoint_change", args=[pk])
        return HttpResponseRedirect(page)

    @display(description="Webhook")
    def name(self, endpoint: WebhookEndpoint) -> str:
        """Return what it is for, with its address below."""
        if not endpoint.description:
            return format_html('<span class="kw-item">{}</span>', endpoint.url)
        under = format_html('<span class="kw-under">{}</span>', endpoint.url)
        return format_html('<span class="kw-item">{}{}</span>', endpoint.description, under)

    @display(description="State")
    def state_label(self, endpoint: WebhookEndpoint) -> str:
        """Return whether it is sent anything, and why not."""
        if endpoint.is_active:
            return label("Active", "success")
        return format_html("{} {}", label("Disabled", "danger"), endpoint.disabled_reason)

    @display(description="Events")
    def told_of(self, endpoint: WebhookEndpoint) -> str:
        """Return the events it is told of."""
        known = [name.value for name in EventName if name.value in endpoint.events]
        return format_html_join("", '<span class="kw-item">{}</span>', ((name,) for name in known))

    @display(description="Secret")
    def secrets_shown(self, endpoint: WebhookEndpoint) -> str:
        """Return how many secrets sign; nobody sees one again."""
        if _has_previous(endpoint):
            return format_html(
                "Rotated. The one before signs, too, and ends {}.", since(endpoint.previous_until)
            )
        return "One, shown when it was made. Whoever has lost it rotates it."

    @display(description="Added")
    def added(self, endpoint: WebhookEndpoint) -> str:
        """Return how long ago it was added."""
        return since(endpoint.created_at)

    @display(description="Added by")
    def added_by(self, endpoint: WebhookEndpoint) -> str:
        """Return who added it."""
        return endpoint.created_by.email if endpoint.created_by else "–"

    def _secret_page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Secret of a webhook",
            "endpoint": endpoint,
            "secret": secret,
            "has_previous": rotate.has_previous(endpoint.pk),
        }
        return TemplateResponse(request, "admin/webhooks/secret.html", context)


def _may_replay(request: HttpRequest) -> bool:
    return request.user.has_perm("sync_events.change_webhookdelivery")


def _has_previous(endpoint: WebhookEndpoint) -> bool:
    return endpoint.previous_until is not None and timezone.now() < endpoint.previous_until
