"""Addresses that an IT admin has confirmed for members, in the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from apps.accounts.models import User
from apps.acls import people_aliases
from apps.acls.models import ConfirmedAlias
from apps.audit.model_admin import TenantModelAdmin, label, since
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership


class AliasForm(forms.ModelForm[ConfirmedAlias]):
    """A member and a further address of theirs."""

    member = forms.EmailField(
        label="Member",
        widget=UnfoldAdminEmailInputWidget,
        help_text="The address that the member signs in with.",
    )
    address = forms.EmailField(
        label="Further address",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget,
        help_text="The member's alone: never that of a list or a shared mailbox.",
    )

    actor: ClassVar[User]  # who fills it in: the admin makes a form class for each request

    class Meta:
        model = ConfirmedAlias
        fields = ("address",)

    def clean_member(self) -> User:
        """Find the member."""
        email = str(self.cleaned_data["member"]).strip().lower()
        usable = Membership.objects.usable().filter(tenant_id=required_tenant_id())
        found = usable.filter(user__email=email).select_related("user").first()
        if found is None:
            raise ValidationError("No active member signs in with this address.")
        return found.user

    def clean_address(self) -> str:
        """Refuse what somebody else has, one's own, and what the directory decides about."""
        address = str(self.cleaned_data["address"]).strip().lower()
        try:
            people_aliases.check(
                address=address, user=self.cleaned_data.get("member"), actor=self.actor
            )
        except InvalidInput as refused:
            raise ValidationError(str(refused)) from refused
        return address


@admin.register(ConfirmedAlias)
class ConfirmedAliasAdmin(TenantModelAdmin):
    """Adds confirmed addresses and ends them; none is deleted."""

    page_title = "Confirmed addresses"
    form = AliasForm
    list_display = ("address", "member_email", "state", "admin_name", "confirmed")
    list_select_related = ("user", "confirmed_by")
    search_fields = ("address", "user__email", "user__name")
    search_help_text = "Search by address or member"
    ordering = ("address", "-pk")
    fields = ("member", "address")
    actions = ("end",)
    empty_hint = "For members who have further addresses in a source and cannot verify them."

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what a new one asks for, or what one says."""
        if obj is None:
            return ("member", "address")
        return ("address", "member_email", "state", "admin_name", "confirmed", "ended")

    @override
    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[ConfirmedAlias]]:
        """Tell the form who fills it in."""
        made = super().get_form(request, obj, change, **kwargs)
        return type(made.__name__, (made,), {"actor": _actor(request)})

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: another address is another row."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what was confirmed, and by whom, stays on record."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role lets this person end one."""
        return request.user.has_perm("acls.change_confirmedalias")

    @override
    def object_actions(self, request: HttpRequest, obj: ConfirmedAlias) -> Iterable[str]:
        """Offer to end what stands."""
        return ("end",) if obj.ended_at is None else ()

    @admin.action(description="End", permissions=["act"])
    def end(self, request: HttpRequest, queryset: QuerySet[ConfirmedAlias]) -> None:
        """Take the chosen addresses from their members at once."""
        chosen = list(queryset.filter(ended_at=None))
        for alias in chosen:
            people_aliases.end(alias=alias, actor=_actor(request))
        self.message_user(request, f"Addresses ended: {len(chosen)}.", messages.SUCCESS)

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Confirm the address; recorded there."""
        told = form.cleaned_data
        made = people_aliases.confirm(
            user=told["member"], address=told["address"], actor=_actor(request)
        )
        form.instance.pk, form.instance.tenant_id = made.pk, made.tenant_id
        form.instance.user = made.user

    @display(description="Confirmed by")
    def admin_name(self, alias: ConfirmedAlias) -> str:
        """Return who confirmed it, without a link: the accounts are for operators alone."""
        return str(alias.confirmed_by) if alias.confirmed_by else "–"

    @display(description="Confirmed", ordering="created_at")
    def confirmed(self, alias: ConfirmedAlias) -> str:
        """Return how long ago it was confirmed."""
        return since(alias.created_at)

    @display(description="Ended")
    def ended(self, alias: ConfirmedAlias) -> str:
        """Return how long ago it was taken back."""
        return since(alias.ended_at)

    @display(description="Member", ordering="user__email")
    def member_email(self, alias: ConfirmedAlias) -> str:
        """Return the address that the member signs in with."""
        return alias.user.email

    @display(description="State")
    def state(self, alias: ConfirmedAlias) -> str:
        """Return whether it stands."""
        return label("Ended", "") if alias.ended_at else label("Counts", "success")


def _actor(request: HttpRequest) -> User:
    return User.objects.get(email=request.user.get_username())
