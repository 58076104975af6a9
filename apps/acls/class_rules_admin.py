"""Rules for classes in the admin: second factor, networks and hours."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.http import HttpRequest
from typing_extensions import override
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from apps.acls.classes import Classification
from apps.acls.models import AccessRule, Weekday
from apps.audit.model_admin import TenantModelAdmin
from apps.tenants.context import required_tenant_id

_MOST_NETWORKS = 100


class AccessRuleForm(forms.ModelForm[AccessRule]):
    """One rule; networks one to a line."""

    networks = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One to a line, such as 10.20.0.0/16 or 2001:db8::/32. Empty: from anywhere.",
    )
    weekdays = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        choices=Weekday.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None chosen: on every day.",
    )
    time_zone = forms.ChoiceField(
        choices=[(zone, zone) for zone in sorted(available_timezones())],
        initial="UTC",
        widget=UnfoldAdminSelectWidget(),
        help_text="Of the days and hours.",
    )

    class Meta:
        model = AccessRule
        fields = (
            "classification", "requires_mfa", "networks", "weekdays", "from_time", "to_time",
            "time_zone",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["networks"] = "\n".join(self.instance.networks)

    def clean_networks(self) -> list[str]:
        """Return the networks as the database compares them."""
        told = str(self.cleaned_data["networks"]).replace(",", " ").split()
        if len(told) > _MOST_NETWORKS:
            raise ValidationError(f"A rule has at most {_MOST_NETWORKS} networks.")
        found = []
        for word in told:
            try:
                found.append(str(ip_network(word, strict=False)))
            except ValueError as error:
                raise ValidationError(f"“{word}” is no network, such as 10.20.0.0/16.") from error
        return list(dict.fromkeys(found))

    def clean_time_zone(self) -> str:
        """Refuse a zone that the database, which judges by it, does not know."""
        zone = str(self.cleaned_data["time_zone"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s)", [zone])
            if not cursor.fetchone()[0]:
                raise ValidationError("The database does not know this time zone.")
        return zone

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse half of the hours, and a rule that asks for nothing."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return told
        start, end = told["from_time"], told["to_time"]
        if (start is None) != (end is None) or (start is not None and start == end):
            raise ValidationError("Give both “from” and “until”, at different times, or neither.")
        asks = (told["requires_mfa"], told["networks"], told["weekdays"], start is not None)
        if not any(asks):
            raise ValidationError("A rule asks for something: a factor, networks, days or hours.")
        return told


@admin.register(AccessRule)
class AccessRuleAdmin(TenantModelAdmin):
    """The rules of the active tenant: each one narrows, from its saving on."""

    page_title = "Rules for classes"
    form = AccessRuleForm
    list_display = ("holds_for", "second_factor", "networks_shown", "hours_shown")
    ordering = ("id",)
    sortable_by = ()
    empty_hint = (
        "Without a rule a document's class narrows nothing. Rules open nothing either: whoever"
        " may not read a document at its source never reads it here."
    )

    @override
    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Save the rule in the active tenant."""
        form.instance.tenant_id = required_tenant_id()
        super().save_model(request, obj, form, change)

    @display(description="Holds for")
    def holds_for(self, rule: AccessRule) -> str:
        """Return the classes in words."""
        names = [each.label for each in Classification]
        return ", ".join(names[Classification.values.index(rule.classification) :])

    @display(description="Second factor")
    def second_factor(self, rule: AccessRule) -> str:
        """Return whether one is asked for."""
        return "Needed" if rule.requires_mfa else "Not needed"

    @display(description="From networks")
    def networks_shown(self, rule: AccessRule) -> str:
        """Return the networks."""
        return ", ".join(rule.networks) or "Anywhere"

    @display(description="When")
    def hours_shown(self, rule: AccessRule) -> str:
        """Return days and hours."""
        days = ", ".join(Weekday(day).label for day in sorted(rule.weekdays))
        if rule.from_time is None or rule.to_time is None:
            return f"{days} ({rule.time_zone})" if days else "Always"
        hours = f"{rule.from_time:%H:%M}–{rule.to_time:%H:%M}"
        return f"{days or 'Every day'}, {hours} ({rule.time_zone})"
