"""The page “What would change if”: a change is tried out, counted, and taken back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps import audit
from apps.accounts.models import User
from apps.acls.whatif import Attempt
from apps.connections.models import Connection
from apps.documents import impact, page_permissions
from apps.documents.impact_form import WhatIfForm
from apps.documents.models import Document
from apps.errors import KenwardError
from apps.tenants.context import required_tenant_id

# How long a try may take, waiting for locks included (seconds): meanwhile syncs wait for its locks.
LIMIT_S = 2.0
# Locks are taken by it, so looking is not enough: this is for those who look after the source.
_PERMISSIONS = (
    "connections.change_connection",
    "acls.view_acl",
    "acls.view_principal",
    "documents.view_document",
)


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the form and, once it is sent, what the change would open and close.

    Args:
        request: of somebody whom the admin has let in.
        context: what every page of the admin shows.
    """
    page_permissions.require(request, *_PERMISSIONS)
    form = WhatIfForm(request.POST or None)
    context |= {"title": "What would change if", "form": form}
    if form.is_valid() and form.attempt is not None:
        try:
            found = tried(form.attempt)
        except KenwardError as error:
            form.add_error(None, str(error))
        else:
            _record(request, form, form.attempt, found)
            context |= {"gained": shown(found.gained), "lost": shown(found.lost)}
    return TemplateResponse(request, "admin/whatif/whatif.html", context)


def tried(attempt: Attempt, *, limit_s: float = LIMIT_S) -> impact.Impact:
    """Return what a change would mean; nothing of it stays.

    Args:
        attempt: the change.
        limit_s: for all of it (seconds).

    Raises:
        InvalidInput: there is nothing to change.
        TooLarge: it cannot be computed in time.
    """

    def change() -> list[impact.Move]:
        attempt.apply()
        return []

    return impact.of(change, acls=attempt.acls, principals=attempt.principals, limit_s=limit_s)


def shown(side: impact.Side) -> dict[str, Any]:
    """Return the numbers with the paths and the addresses of the first few."""
    sample = Document.objects.of_the_organisation().filter(pk__in=side.sample_documents)
    documents = sample.order_by("path", "pk")
    people = User.objects.filter(pk__in=side.sample_people).order_by("email")
    return {
        "side": side,
        "documents": list(documents.values("path", "uuid", "connection__name")),
        "people": list(people.values_list("email", flat=True)),
    }


def _record(request: HttpRequest, form: WhatIfForm, attempt: Attempt, found: impact.Impact) -> None:
    source: Connection = form.cleaned_data["source"]
    audit.record(
        "permissions.simulated",
        tenant_id=required_tenant_id(),
        actor_id=request.user.pk,
        target=source,
        change=form.cleaned_data["change"],
        **attempt.named,
        documents_gained=found.gained.documents,
        documents_lost=found.lost.documents,
    )
