"""What was sent by webhook, what became of it, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from typing_extensions import override
from unfold.decorators import display

from apps.audit.model_admin import EvidenceAdmin, label, since
from apps.sync_events.admin.runs import actor_of
from apps.sync_events.webhooks import replay
from apps.sync_events.webhooks.events import EventName
from apps.sync_events.webhooks.models import DeliveryState, WebhookDelivery

_TONES = {
    DeliveryState.PENDING: "info",
    DeliveryState.DELIVERED: "success",
    DeliveryState.DEAD: "danger",
    DeliveryState.CANCELLED: "",
}


class EventFilter(admin.SimpleListFilter):
    """Deliveries of one kind of event."""

    title = "event"
    parameter_name = "event"

    @override
    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return all events by name."""
        return [(name.value, name.value) for name in EventName]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the chosen event's."""
        return queryset.filter(message__event=self.value()) if self.value() else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(EvidenceAdmin):
    """Each message and each webhook it went to, the latest first."""

    page_title = "Webhook deliveries"
    row_names = ("delivery", "deliveries")
    list_display = ("written", "event", "goes_to", "state_label", "tries", "answer", "next_try")
    list_filter = ("state", "endpoint", EventFilter)
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "event", "webhook_id", "goes_to", "state_label", "tries", "answer", "written", "next_try",
        "delivered", "payload",
    )  # fmt: skip
    actions = ("send_again",)
    empty_hint = "What webhooks are sent stands here, for 30 days."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Return deliveries with what they carry and where to, and without any secret."""
        found: QuerySet[WebhookDelivery] = super().get_queryset(request)
        with_both = found.select_related("message", "endpoint")
        return with_both.defer("endpoint__secret", "endpoint__previous_secret")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person send something again."""
        return request.user.has_perm("sync_events.change_webhookdelivery")

    @override
    def object_actions(self, request: HttpRequest, obj: WebhookDelivery) -> Iterable[str]:
        """Offer to send again what is not on its way."""
        can_go = obj.state != DeliveryState.PENDING and obj.endpoint.is_active
        return ("send_again",) if can_go else ()

    @admin.action(description="Send again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Send the chosen messages once more, with the same ids."""
        again = replay.replay(queryset, actor_id=actor_of(request))
        left = len(queryset) - again if again < len(queryset) else 0
        more = f" Still under way, or of a disabled webhook: {left}." if left else ""
        self.message_user(request, f"Sent again: {again}.{more}", messages.SUCCESS)

    @display(description="Written")
    def written(self, delivery: WebhookDelivery) -> str:
        """Return how long ago the event happened."""
        return since(delivery.message.created_at)

    @display(description="Event")
    def event(self, delivery: WebhookDelivery) -> str:
        """Return the event's name."""
        return delivery.message.event

    @display(description="Webhook id")
    def webhook_id(self, delivery: WebhookDelivery) -> str:
        """Return the id by which the receiver knows a repetition."""
        return str(delivery.message.uuid)

    @display(description="To")
    def goes_to(self, delivery: WebhookDelivery) -> str:
        """Return the webhook."""
        return format_html('<span class="kw-item">{}</span>', str(delivery.endpoint))

    @display(description="State")
    def state_label(self, delivery: WebhookDelivery) -> str:
        """Return the state, coloured."""
        return label(delivery.get_state_display(), _TONES[DeliveryState(delivery.state)])

    @display(description="Tries")
    def tries(self, delivery: WebhookDelivery) -> int:
        """Return how often it was tried."""
        return delivery.attempts

    @display(description="Answer")
    def answer(self, delivery: WebhookDelivery) -> str:
        """Return what came of the latest try."""
        if delivery.last_error:
            return delivery.last_error
        return f"It answered {delivery.last_status}." if delivery.last_status else "–"

    @display(description="Next try")
    def next_try(self, delivery: WebhookDelivery) -> str:
        """Return when it is tried again."""
        return since(delivery.next_at)

    @display(description="Delivered")
    def delivered(self, delivery: WebhookDelivery) -> str:
        """Return how long ago the receiver took it."""
        return since(delivery.delivered_at)

    @display(description="Message")
    def payload(self, delivery: WebhookDelivery) -> str:
        """Return what is sent, in lines."""
        told = json.dumps(delivery.message.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="kw-code" tabindex="0">{}</pre>', told)
