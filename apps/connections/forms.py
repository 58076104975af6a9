"""The form of the admin's connection page: the connection's own fields and its provider's."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from django import forms
from typing_extensions import override
from unfold import widgets

from apps.connections import ages, providers, schedules
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection, WhenStale
from apps.connections.protocol import ChecksAccess, FollowsChanges
from apps.connections.providers import Provider
from apps.connections.schedules import Schedule

_STAYS = "It stays as it is. Connect another one as a new connection, and pause this one."


class ConnectionForm(forms.ModelForm[Connection]):
    """A connection of one kind; `connection_form` adds the provider's fields."""

    kind: ClassVar[str]
    provider: ClassVar[type[Provider]]
    tenant_slug: ClassVar[str]

    class Meta:
        model = Connection
        fields = [
            "name", "sweep_interval_s", "poll_interval_s", "quiet_from", "quiet_until",
            "quiet_zone", "permissions_max_age_s", "when_stale", "hold_above",
        ]  # fmt: skip
        labels = {
            "sweep_interval_s": "Compare all every (seconds)",
            "poll_interval_s": "Ask for changes every (seconds)",
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
            "quiet_zone": "Time zone of the quiet hours",
            "permissions_max_age_s": "Permissions hold for (seconds)",
            "when_stale": "Documents after that",
            "hold_above": "Hold what opens more than (documents)",
        }
        help_texts = {
            "poll_interval_s": "Beside what the source reports by itself.",
            "quiet_from": "In quiet hours nothing is compared; what takes access away is still"
            " heard. Empty: there are none.",
            "permissions_max_age_s": "How long it counts who may read what, once the source has"
            " confirmed it.",
            "hold_above": "A sync that would let somebody read more documents than this waits under"
            " “Held changes” for an IT admin. Empty: nothing waits. What takes access away never"
            " waits.",
        }
        widgets = {
            "name": widgets.UnfoldAdminTextInputWidget(),
            "sweep_interval_s": widgets.UnfoldAdminIntegerFieldWidget(),
            "poll_interval_s": widgets.UnfoldAdminIntegerFieldWidget(),
            "quiet_from": widgets.UnfoldAdminTextInputWidget(attrs={"type": "time"}),
            "quiet_until": widgets.UnfoldAdminTextInputWidget(attrs={"type": "time"}),
            "quiet_zone": widgets.UnfoldAdminSelectWidget(),
            "permissions_max_age_s": widgets.UnfoldAdminIntegerFieldWidget(),
            "when_stale": widgets.UnfoldAdminSelectWidget(),
            "hold_above": widgets.UnfoldAdminIntegerFieldWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings: dict[str, Any] = {}
        # Left empty they stay what they are, or become what a new connection starts with.
        for name in ("permissions_max_age_s", "when_stale", "poll_interval_s", "quiet_zone"):
            self.fields[name].required = False
        if not issubclass(self.provider, ChecksAccess):
            del self.fields["when_stale"]
        if not issubclass(self.provider, FollowsChanges):
            del self.fields["poll_interval_s"]
        if self.instance.pk is not None:
            stored = self.provider.settings_form.to_fields(self.instance.settings)
            self.initial = {**stored, **self.initial}
            for name in self.provider.settings_form.identity_fields:
                self.fields[name].disabled = True
                self.fields[name].help_text = _STAYS

    def clean_name(self) -> str:
        """Refuse a name that another connection of the tenant has."""
        name: str = self.cleaned_data["name"]
        if Connection.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another connection has this name.")
        return name

    def clean_sweep_interval_s(self) -> int:
        """Keep sweeps from running all the time, and from being forgotten."""
        interval_s: int = self.cleaned_data["sweep_interval_s"]
        least, most = schedules.MIN_SWEEP_INTERVAL_S, schedules.MAX_SWEEP_INTERVAL_S
        if not least <= interval_s <= most:
            raise forms.ValidationError(f"Choose between {least} and {most} seconds.")
        return interval_s

    def clean_poll_interval_s(self) -> int:
        """Keep the source from being asked all the time; empty keeps what is set."""
        interval_s: int | None = self.cleaned_data["poll_interval_s"]
        least, most = schedules.MIN_POLL_INTERVAL_S, schedules.MAX_POLL_INTERVAL_S
        if interval_s is None:
            return self.instance.poll_interval_s
        if not least <= interval_s <= most:
            raise forms.ValidationError(f"Choose between {least} and {most} seconds.")
        return interval_s

    def clean_quiet_zone(self) -> str:
        """Keep what is set when nothing is chosen."""
        return self.cleaned_data["quiet_zone"] or self.instance.quiet_zone

    def clean_quiet_until(self) -> time | None:
        """Refuse half of the quiet hours, and hours that never begin or never end."""
        start: time | None = self.cleaned_data.get("quiet_from")
        end: time | None = self.cleaned_data["quiet_until"]
        if "quiet_from" not in self.errors and (start is None) != (end is None):
            raise forms.ValidationError("Say both when the quiet hours begin and when they end.")
        if start is not None and start == end:
            raise forms.ValidationError("Choose another time than the one at which they begin.")
        return end

    def schedule(self) -> Schedule:
        """Return what the valid form says about the times."""
        told = self.cleaned_data
        poll_interval_s = told.get("poll_interval_s", self.instance.poll_interval_s)
        return Schedule(
            told["sweep_interval_s"], poll_interval_s,
            told["quiet_from"], told["quiet_until"], told["quiet_zone"],
        )  # fmt: skip

    def clean_permissions_max_age_s(self) -> int:
        """Keep permissions from lapsing between two syncs, and from counting for ever."""
        age_s: int | None = self.cleaned_data["permissions_max_age_s"]
        if age_s is None:
            return self.instance.permissions_max_age_s
        if not ages.MIN_AGE_S <= age_s <= ages.MAX_AGE_S:
            raise forms.ValidationError(
                f"Choose between {ages.MIN_AGE_S} and {ages.MAX_AGE_S} seconds."
            )
        return age_s

    def clean_when_stale(self) -> str:
        """Keep what is set when nothing is chosen."""
        return self.cleaned_data["when_stale"] or self.instance.when_stale

    def permission_terms(self) -> ages.PermissionTerms:
        """Return what the valid form says about the permissions."""
        told = self.cleaned_data
        return ages.PermissionTerms(
            max_age_s=told["permissions_max_age_s"],
            when_stale=told.get("when_stale", WhenStale.HIDE),
            hold_above=told["hold_above"],
        )

    @override
    def clean(self) -> dict[str, Any]:
        """Let the provider check its settings, and the source whether it can be reached."""
        cleaned = super().clean() or self.cleaned_data
        asked = self.provider.settings_form(
            self._told() | self._picked(), tenant_slug=self.tenant_slug
        )
        for field, errors in asked.errors.as_data().items():
            if field not in self.errors:
                self.add_error(field if field in self.fields else None, errors)
        if asked.is_valid():
            self.settings = asked.to_settings()
            try:
                providers.with_settings(
                    self.kind,
                    self.settings,
                    tenant_slug=self.tenant_slug,
                    connection=self.instance if self.instance.pk else None,
                ).check()
            except ConnectorError as error:
                self.add_error(None, str(error))
        return cleaned

    def _picked(self) -> dict[str, Any]:
        """Return what the picker has stored: it has a page of its own."""
        form = self.provider.settings_form
        stored = form.to_fields(self.instance.settings)
        return {name: stored[name] for name in (form.picked_field,) if name in stored}

    def _told(self) -> dict[str, Any]:
        """Return what was entered, and of what cannot be changed what is stored."""
        return {
            name: self.get_initial_for_field(field, name)
            if field.disabled
            else field.widget.value_from_datadict(self.data, self.files, name)
            for name, field in self.fields.items()
        }


def connection_form(kind: str, *, tenant_slug: str) -> type[ConnectionForm]:
    """Return the form of a kind of source, with its provider's fields in the admin's dress."""
    provider = providers.load(kind)
    form = provider.settings_form()
    fields = {
        name: _dressed(field) for name, field in form.fields.items() if name != form.picked_field
    }
    zones = forms.ChoiceField(
        label="Time zone of the quiet hours",
        choices=[(name, name) for name in schedules.zones()],
        initial="UTC",
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    return type(
        "ConnectionForm",
        (ConnectionForm,),
        {
            **fields,
            "quiet_zone": zones,
            "kind": kind,
            "provider": provider,
            "tenant_slug": tenant_slug,
        },
    )


def _dressed(field: forms.Field) -> forms.Field:
    if isinstance(field, forms.BooleanField):
        field.widget = widgets.UnfoldBooleanSwitchWidget(attrs=field.widget.attrs)
    elif isinstance(field, forms.ChoiceField):
        field.widget = widgets.UnfoldAdminSelectWidget(choices=list(field.widget.choices))
    elif isinstance(field, forms.BooleanField):
        # A text field's “no” would be true.
        field.widget = widgets.UnfoldBooleanSwitchWidget()
    elif isinstance(field.widget, forms.Textarea):
        field.widget = widgets.UnfoldAdminTextareaWidget(attrs=field.widget.attrs)
    else:
        field.widget = widgets.UnfoldAdminTextInputWidget(attrs=field.widget.attrs)
    field.widget.is_required = field.required
    return field
