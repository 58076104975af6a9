"""Managed domains in the admin: an IT admin adds one or takes one away."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.accounts.models import User
from apps.acls import people_domains
from apps.acls.claims import Claimed
from apps.audit.model_admin import TenantModelAdmin, since
from apps.errors import InvalidInput
from apps.tenants.models import ManagedDomain


class ManagedDomainForm(forms.ModelForm[ManagedDomain]):
    """A domain; saving the form manages it, so that a refusal stands beside the field."""

    domain = forms.CharField(
        max_length=253,
        widget=UnfoldAdminTextInputWidget,
        help_text="What follows the @. From then on its addresses count only when your directory "
        "(single sign-on or SCIM) says whose they are. Other members lose at once what such an "
        "address alone has opened to them. Subdomains are domains of their own.",
    )

    class Meta:
        model = ManagedDomain
        fields = ("domain",)

    def clean_domain(self) -> str:
        """Refuse what is no domain of a company, and what is managed already."""
        try:
            return people_domains.checked(self.cleaned_data["domain"])
        except InvalidInput as refused:
            raise ValidationError(str(refused)) from refused


@admin.register(ManagedDomain)
class ManagedDomainAdmin(TenantModelAdmin):
    """The domains of the tenant's own directory."""

    page_title = "Managed domains"
    form = ManagedDomainForm
    list_display = ("unicode_domain", "created_by", "managed_since")
    list_select_related = ("created_by",)
    search_fields = ("domain", "unicode_domain")
    search_help_text = "Search by domain"
    ordering = ("domain",)
    fields = ("domain",)
    empty_hint = "Any member who verifies an address holds the identities that carry it."

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: another domain is another row."""
        return False

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Manage the domain and say what that has ended; recorded there."""
        made, claimed = people_domains.manage(
            domain=form.cleaned_data["domain"], actor=_actor(request)
        )
        form.instance.pk, form.instance.tenant_id = made.pk, made.tenant_id
        form.instance.unicode_domain = made.unicode_domain
        self._tell(request, claimed)

    @override
    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Release the domain and say what that has begun; recorded there."""
        if isinstance(obj, ManagedDomain):
            self._tell(request, people_domains.release(managed=obj, actor=_actor(request)))

    @display(description="Managed since", ordering="created_at")
    def managed_since(self, domain: ManagedDomain) -> str:
        """Return how long ago it began."""
        return since(domain.created_at)

    def _tell(self, request: HttpRequest, claimed: Claimed) -> None:
        told = f"Matches that ended by this: {claimed.ended}; that began: {claimed.started}."
        self.message_user(request, told, messages.WARNING if claimed.ended else messages.INFO)


def _actor(request: HttpRequest) -> User:
    return User.objects.get(email=request.user.get_username())
