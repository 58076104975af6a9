"""The admin's page “Why”: may this member read this document, now or then, and by which way?

It shows paths, ids and the names of groups and places; no title and no text. Each look is recorded.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from typing_extensions import override
from unfold import widgets

from apps import audit
from apps.acls import circumstances, class_rules
from apps.acls.circumstances import Circumstances
from apps.acls.explain_parts import Explanation
from apps.connections.models import Connection
from apps.documents import explain_at, explain_picture, page_permissions
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

_TEXT = widgets.UnfoldAdminTextInputWidget


class WhyForm(forms.Form):
    """Who, what and when."""

    member = forms.EmailField(
        label="Member", help_text="The e-mail address of the account.", widget=_TEXT()
    )
    document = forms.CharField(
        label="Document", max_length=4096, help_text="Its path or its id.", widget=_TEXT()
    )
    at = forms.DateTimeField(
        label="At (UTC)",
        required=False,
        help_text="For example 2026-05-04 15:30. Empty: now.",
        error_messages={"invalid": "Enter a valid date and time, such as 2026-05-04 15:30."},
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        widget=_TEXT(),
    )

    def clean_member(self) -> Membership:
        """Return the membership, an ended one too."""
        found = Membership.objects.select_related("user").filter(
            tenant_id=required_tenant_id(), user__email__iexact=self.cleaned_data["member"]
        )
        member: Membership | None = found.first()
        if member is None:
            raise forms.ValidationError("Nobody in this organisation has this address.")
        return member

    def clean_document(self) -> Document:
        """Return the document; one that was deleted where none with its path is there."""
        named = self.cleaned_data["document"].strip()
        latest_first = (F("deleted_at").desc(nulls_first=True), "-pk")
        known = Document.objects.of_the_organisation().defer("title").order_by(*latest_first)
        try:
            found = list(known.filter(uuid=UUID(named)))
        except ValueError:
            found = list(known.filter(path=named)[:2])
        if not found:
            raise forms.ValidationError("There is no document with this path or id.")
        if [each.deleted_at for each in found] == [None, None]:
            raise forms.ValidationError("Several sources have this path: give the document's id.")
        return found[0]

    def clean_at(self) -> datetime | None:
        """Return the time in UTC."""
        at: datetime | None = self.cleaned_data["at"]
        return at.replace(tzinfo=UTC) if at else None

    @override
    def clean(self) -> dict[str, Any]:
        """Explain what was asked, and refuse a time that nobody knows of."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            # Of the person's session nothing is known, and the admin's own says nothing about it.
            with circumstances.bound(Circumstances()):
                cleaned["explanation"] = explain_at.explain(
                    cleaned["member"].user, cleaned["document"], cleaned["at"]
                )
        except InvalidInput as error:
            self.add_error("at", f"{error.message} {error.hint}")
        return cleaned


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer the question in the address, or show the empty form.

    Args:
        request: of somebody whom the admin has let in.
        context: what every page of the admin shows.
    """
    page_permissions.require(request, "documents.view_document", "tenants.view_membership")
    asked = {
        name: request.GET[name] for name in ("member", "document", "at") if name in request.GET
    }
    form = WhyForm(asked if "member" in asked else None, initial=asked)
    context |= {"title": "Why somebody may read a document", "form": form}
    if form.is_bound and form.is_valid():
        context |= _answered(request, form.cleaned_data)
    return TemplateResponse(request, "admin/explain/why.html", context)


def _answered(request: HttpRequest, asked: dict[str, Any]) -> dict[str, Any]:
    member, document = asked["member"], asked["document"]
    explanation: Explanation = asked["explanation"]
    audit.record(
        "permissions.explained",
        tenant_id=member.tenant_id,
        actor_id=request.user.pk,
        target=document,
        user_id=member.user_id,
        at=explanation.at.isoformat(),
        verdict=explanation.verdict,
    )
    sources = dict(Connection.objects.values_list("realm", "name"))
    return {
        "member": member,
        "document": document,
        "is_now": asked["at"] is None,
        "explanation": explanation,
        "missing": [explain_picture.with_names(each, sources) for each in explanation.missing],
        "is_for_the_session": not explanation.verdict and _is_barred(document),
        "ways": explain_picture.ways(
            explanation.clauses, member.user.email, document.path, sources
        ),
    }


def _is_barred(document: Document) -> bool:
    """Return whether a rule asks for something that only a session can fulfil."""
    with circumstances.bound(Circumstances()):
        return document.classification not in class_rules.allowed_classes()
