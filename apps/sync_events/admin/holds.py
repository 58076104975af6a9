"""Held changes: what a sync would open, for an IT admin to agree to. Ids and paths only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from typing_extensions import override
from unfold.decorators import display

from apps.accounts.models import User
from apps.acls.models import HeldChange, HoldState
from apps.audit.model_admin import EvidenceAdmin, label, since
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.sync_events import holds_changes
from apps.sync_events.admin import hold_words
from apps.sync_events.admin.runs import actor_of

# Places, groups and items that a page lists.
PARTS_ON_PAGE = 200
_TONES = {
    HoldState.WAITING: "warning",
    HoldState.AGREED: "success",
    HoldState.REFUSED: "danger",
    HoldState.REPLACED: "",
    HoldState.WITHDRAWN: "",
}
_OPEN_IT_FIRST = "Open a held change and look at what it would open: it is decided there."


@admin.register(HeldChange)
class HeldChangeAdmin(EvidenceAdmin):
    """What waits, the latest first, and what was decided."""

    page_title = "Held changes"
    list_display = ("source", "state_label", "opens", "to_people", "held", "decided")
    list_filter = ("connection", "state")
    list_select_related = ("connection", "decided_by")
    ordering = ("-held_at", "-id")
    sortable_by = ()
    fields = ("source", "state_label", "opens", "to_people", "held", "observed", "decided")
    actions = ("agree", "refuse", "count_again")
    change_form_outer_before_template: Any = "admin/holds/decide.html"
    change_form_outer_after_template: Any = "admin/holds/parts.html"
    empty_hint = (
        "No change waits for you. Give a connection a number at “Hold what opens more than”: a sync"
        " that would let somebody read more documents than that waits here until you agree."
    )

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person decide."""
        return request.user.has_perm("acls.change_heldchange")

    @override
    def object_actions(self, request: HttpRequest, obj: HeldChange) -> Iterable[str]:
        """Offer to decide about what waits."""
        return ("agree", "refuse", "count_again") if obj.state == HoldState.WAITING else ()

    @admin.action(description="Agree: let it happen", permissions=["act"])
    def agree(self, request: HttpRequest, queryset: QuerySet[HeldChange]) -> None:
        """Let the chosen change happen, exactly as it was shown."""
        self._decide(request, queryset, agrees=True)

    @admin.action(description="Refuse: keep it closed", permissions=["act"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[HeldChange]) -> None:
        """Keep the chosen change from happening until the source says something else."""
        self._decide(request, queryset, agrees=False)

    @admin.action(description="Count again", permissions=["act"])
    def count_again(self, request: HttpRequest, queryset: QuerySet[HeldChange]) -> None:
        """Ask the sources of the chosen changes for their permissions now."""
        waiting = queryset.filter(state=HoldState.WAITING).select_related("connection")
        for change in waiting:
            holds_changes.ask_again(change, actor_id=actor_of(request))
        self.message_user(request, "The source is asked again.", messages.SUCCESS)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[HeldChange], *, agrees: bool
    ) -> None:
        seen, chosen = request.POST.get("fingerprint", ""), list(queryset[:2])
        if not seen or len(chosen) != 1:
            self.message_user(request, _OPEN_IT_FIRST, messages.WARNING)
            return
        actor_id = actor_of(request)
        try:
            holds_changes.decide(chosen[0], agrees=agrees, seen=seen, actor_id=actor_id)
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        said = (
            "Agreed. The source is asked again, and what it says then is applied."
            if agrees
            else "Refused. It stays closed until the source says something else."
        )
        self.message_user(request, said, messages.SUCCESS)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what it consists of, and the first few documents and people."""
        if isinstance(change := kwargs.get("obj"), HeldChange):
            parts = change.parts.order_by("pk")
            if change.state == HoldState.WAITING:  # what does not wait any more is not agreed to
                parts = parts.filter(ended_at=None)
            shown = list(parts[:PARTS_ON_PAGE])
            context["parts"] = hold_words.in_words(shown, change.connection.realm)
            context["part_count"], context["shown_count"] = parts.count(), len(shown)
            context["hold_documents"] = Document.objects.of_the_organisation().filter(
                pk__in=change.sample_documents
            ).order_by("path").values("path", "uuid")  # fmt: skip
            people = User.objects.filter(pk__in=change.sample_people).order_by("email")
            context["hold_people"] = list(people.values_list("email", flat=True))
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Source")
    def source(self, change: HeldChange) -> str:
        """Return the connection."""
        return change.connection.name

    @display(description="State")
    def state_label(self, change: HeldChange) -> str:
        """Return the state, coloured."""
        return label(change.get_state_display(), _TONES[HoldState(change.state)])

    @display(description="Would open")
    def opens(self, change: HeldChange) -> str:
        """Return how many documents it would open, and how many of them to everyone."""
        if change.documents is None:
            return "More than could be counted"
        for_all = f", {change.documents_for_all:,} to everyone" if change.documents_for_all else ""
        return f"{change.documents:,} document{pluralize(change.documents)}{for_all}"

    @display(description="To")
    def to_people(self, change: HeldChange) -> str:
        """Return how many people it would let read at least one document more."""
        if change.people is None:
            return "–"
        return f"{change.people:,} {pluralize(change.people, 'person,people')}"

    @display(description="Held")
    def held(self, change: HeldChange) -> str:
        """Return how long ago it began to wait."""
        return since(change.held_at)

    @display(description="Last said by the source")
    def observed(self, change: HeldChange) -> str:
        """Return how long ago the source last said so."""
        return since(change.observed_at)

    @display(description="Decided by")
    def decided(self, change: HeldChange) -> str:
        """Return who decided, or that nobody has."""
        return change.decided_by.email if change.decided_by else "–"
