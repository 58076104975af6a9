"""People of the whole installation, as a platform operator sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.decorators import display

from apps.accounts.models import User
from apps.audit.model_admin import OperatorAdmin
from apps.tenants.context import tenant_context, user_context
from apps.tenants.models import Membership


class UserForm(forms.ModelForm[User]):
    """A person without a password: they set it themselves, by e-mail."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_superuser")
        labels = {"is_superuser": "Platform operator"}
        help_texts = {
            "is_active": "Without it the person cannot sign in, to no organisation.",
            "is_superuser": "Runs the installation and enters organisations; each time is audited.",
        }

    def clean_email(self) -> str:
        """Write the address in lower case, as it is stored."""
        return str(self.cleaned_data["email"]).strip().lower()


@admin.register(User)
class UserAdmin(OperatorAdmin):
    """Adds people and takes away their sign-in."""

    page_title = "Accounts"
    form = UserForm
    list_display = ("email", "name", "is_active", "operator", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("email",)

    @display(description="Operator", boolean=True)
    def operator(self, user: User) -> bool:
        """Return whether the person runs the installation."""
        return user.is_superuser

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Return the address once it is given; and of oneself, what would lock one out."""
        if obj is None:
            return ()
        return ("email", "is_active", "is_superuser") if obj.pk == request.user.pk else ("email",)

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save; a new person has no password, and an address that is still to be verified."""
        user = form.instance
        if not change:
            user.set_unusable_password()
        super().save_model(request, user, form, change)
        if not change:
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)

    @override
    def trail_of(self, obj: models.Model) -> Iterator[int]:
        """Yield every organisation that the person belongs to."""
        with user_context(obj.pk):
            # Ended memberships, too: their tenants keep what the person did.
            own = Membership.objects.filter(user_id=obj.pk)
            tenant_ids = list(own.values_list("tenant_id", flat=True))
        for tenant_id in tenant_ids:
            with tenant_context(tenant_id):
                yield tenant_id
