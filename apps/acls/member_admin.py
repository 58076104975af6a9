"""The members of the tenant, in the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from apps.accounts import second_factor
from apps.accounts.models import User
from apps.acls import members
from apps.audit.model_admin import TenantModelAdmin, label, since
from apps.errors import InvalidInput
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership, Role


class NewMemberForm(forms.ModelForm[Membership]):
    """A person by e-mail address, who may be new to Kenward."""

    email = forms.EmailField(label="E-mail address", widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For somebody new; who has an account keeps their own name.",
    )

    class Meta:
        model = Membership
        fields = ("role", "department", "is_guest")
        labels = {"is_guest": "Guest"}

    def clean_email(self) -> str:
        """Refuse who is a member already."""
        email = str(self.cleaned_data["email"]).strip().lower()
        # One's own memberships of other tenants are visible, too.
        found = Membership.objects.filter(tenant_id=required_tenant_id(), user__email=email)
        if found.exists():
            raise ValidationError("This person is a member already.")
        return email


class MemberForm(forms.ModelForm[Membership]):
    """Role and end of a membership."""

    class Meta:
        model = Membership
        fields = ("role", "department", "is_guest", "is_active")
        labels = {"is_active": "Active", "is_guest": "Guest"}
        help_texts = {"is_active": "Without it the person reads nothing here from now on."}


@admin.register(Membership)
class MembershipAdmin(TenantModelAdmin):
    """Adds members, changes roles and ends memberships."""

    page_title = "Members"
    row_names = ("member", "members")
    list_display = ("email", "name", "role", "state", "guest", "member_since")
    list_filter = ("role", "is_active", "is_guest")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    search_help_text = "Search by name or e-mail address"
    ordering = ("user__email",)
    sortable_by = ("email", "member_since")
    add_fieldsets: Any = ((None, {"fields": ("email", "name", "role", "department", "is_guest")}),)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "email",
                    "name",
                    "role",
                    "department",
                    "is_guest",
                    "is_active",
                    "member_since",
                )
            },
        ),
    )

    actions = ("take_second_factor_away",)

    # Links to the preview, which stands above this app.
    change_form_outer_after_template: Any = "admin/preview/member.html"

    @override
    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Membership]:
        """Return this tenant's: one's own rows of other tenants are visible too."""
        found: models.QuerySet[Membership] = super().get_queryset(request)
        return found.filter(tenant=getattr(request, "tenant", None))

    def object_actions(self, request: HttpRequest, obj: Membership) -> Iterable[str]:
        """Offer to take the second factor away from somebody else who has one."""
        is_own = obj.user_id == request.user.pk
        can = not is_own and second_factor.has_one(obj.user)
        return ("take_second_factor_away",) if can else ()

    @admin.action(description="Take second factor away", permissions=["change"])
    def take_second_factor_away(
        self, request: HttpRequest, queryset: models.QuerySet[Membership]
    ) -> None:
        """Let people who lost their second factor set up another one."""
        actor = User.objects.get(email=request.user.get_username())
        for membership in queryset.select_related("user"):
            try:
                second_factor.take_away(
                    user=membership.user, actor=actor, tenant_id=membership.tenant_id
                )
            except InvalidInput as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                told = f"{membership.user.email} signs in with the password alone from now on."
                self.message_user(request, told, messages.SUCCESS)

    @display(description="E-mail address", ordering="user__email")
    def email(self, membership: Membership) -> str:
        """Return the address that the person signs in with."""
        return membership.user.email

    @display(description="Name")
    def name(self, membership: Membership) -> str:
        """Return the person's name."""
        return membership.user.name or "–"

    @display(description="State", ordering="is_active")
    def state(self, membership: Membership) -> str:
        """Return whether the membership holds."""
        return label("Active", "success") if membership.is_active else label("Ended", "")

    @display(description="Guest")
    def guest(self, membership: Membership) -> str:
        """Return a word for guests alone: to be none is nothing to be warned of."""
        return "Guest" if membership.is_guest else "–"

    @display(description="Member since", ordering="created_at")
    def member_since(self, membership: Membership) -> str:
        """Return how long ago the membership began."""
        return since(membership.created_at)

    @override
    def get_readonly_fields(
        self, request: HttpRequest, obj: Membership | None = None
    ) -> tuple[str, ...]:
        """Return who it is about; and of one's own membership, what would lock one out."""
        if obj is None:
            return ()
        is_own = obj.user_id == request.user.pk
        return ("email", "name", "member_since", *(("role", "is_active") if is_own else ()))

    @override
    def get_form(
        self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kw: Any
    ) -> Any:
        """Return the form for a new member, or for one that is there."""
        return super().get_form(
            request, obj, change, **{**kw, "form": MemberForm if obj else NewMemberForm}
        )

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Add or change; both are recorded there."""
        actor = User.objects.get(email=request.user.get_username())
        if change:
            members.change(membership=form.instance, fields=form.changed_data, actor=actor)
            return
        told = form.cleaned_data
        added = members.add(
            email=told["email"],
            name=told["name"],
            role=Role(told["role"]),
            is_guest=told["is_guest"],
            department=told["department"],
            actor=actor,
        )
        made = form.instance
        made.pk, made.tenant_id, made.user = added.pk, added.tenant_id, added.user
