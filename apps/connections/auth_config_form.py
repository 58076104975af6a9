"""The form of an auth configuration: the client that Kenward is at a source, and what it may."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from typing_extensions import override
from unfold import widgets

from apps.connections import endpoints, providers
from apps.connections.credentials import app_installation
from apps.connections.credentials.models import AuthConfig, AuthMethod
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import SettingsRejected
from apps.connections.secret_widgets import SecretInput, SecretTextarea

SECRETS = ("client_secret", "signing_secret")
_ENDPOINT = "endpoint_"
# With these a client of our own is known at the source.
_WITH_CLIENT = (AuthMethod.OAUTH, AuthMethod.APP)


class AuthConfigForm(forms.ModelForm[AuthConfig]):
    """A configuration of one kind; `auth_config_form` adds the addresses that may be overridden."""

    kind: ClassVar[str]
    sign_in: ClassVar[SignIn]

    # Not the model's own fields: those would carry what is stored into the page.
    client_secret = forms.CharField(required=False, strip=True, max_length=10_000)
    signing_secret = forms.CharField(
        required=False, strip=True, max_length=1_000, widget=SecretInput()
    )

    class Meta:
        model = AuthConfig
        fields = ["name", "method", "client_id", "allows_writes", "is_for_employees", "is_active"]
        widgets = {
            "name": widgets.UnfoldAdminTextInputWidget(),
            "method": widgets.UnfoldAdminSelectWidget(),
            "client_id": widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "allows_writes": widgets.UnfoldBooleanSwitchWidget(),
            "is_for_employees": widgets.UnfoldBooleanSwitchWidget(),
            "is_active": widgets.UnfoldBooleanSwitchWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        methods = [(method.value, method.label) for method in self.sign_in.methods]
        self.fields["method"] = forms.ChoiceField(
            label="Way in", choices=methods, widget=widgets.UnfoldAdminSelectWidget(choices=methods)
        )
        if self.instance.pk and self.instance.credentials.exists():
            self.fields["method"].disabled = True
            self.fields["method"].help_text = "It stays: accounts are connected this way."
        takes_key = AuthMethod.APP in self.sign_in.methods
        secret = self.fields["client_secret"]
        secret.label = "Client secret, or the app's private key" if takes_key else "Client secret"
        secret.widget = SecretTextarea() if takes_key else SecretInput()
        self.fields["signing_secret"].label = "Signing secret"
        for name in SECRETS:
            is_set = bool(getattr(self.instance, name))
            self.fields[name].help_text = (
                "It is set, and shown to nobody. Empty: it stays." if is_set else "Not set."
            )
        if not set(_WITH_CLIENT) & set(self.sign_in.methods):
            del self.fields["client_id"], self.fields["client_secret"]
        if not self.sign_in.signs_deliveries:
            del self.fields["signing_secret"]
        if not self.sign_in.suits_employees:
            del self.fields["is_for_employees"]
        if not self.sign_in.write_scopes:
            del self.fields["allows_writes"]
        for name, value in self.instance.endpoints.items():
            self.initial[f"{_ENDPOINT}{name}"] = value

    def clean_name(self) -> str:
        """Refuse a name that another configuration of the tenant has."""
        name: str = self.cleaned_data["name"]
        if AuthConfig.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another configuration has this name.")
        return name

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for what the way in needs, and refuse addresses that may not be asked."""
        cleaned = super().clean() or self.cleaned_data
        method = cleaned.get("method")
        has_secret = bool(cleaned.get("client_secret") or self.instance.client_secret)
        if method in _WITH_CLIENT and not cleaned.get("client_id"):
            self._complain("client_id", "The source gives it when the client is made there.")
        if method in _WITH_CLIENT and not has_secret:
            self._complain("client_secret", "The source gives it when the client is made there.")
        if method == AuthMethod.APP and cleaned.get("client_secret"):
            self._check(lambda: app_installation.require_key(cleaned["client_secret"]))
        self._check(lambda: endpoints.resolved(self.sign_in.endpoints, self.overrides()))
        return cleaned

    def overrides(self) -> dict[str, str]:
        """Return the addresses that were entered, by the provider's names for them."""
        if not settings.KENWARD_SOURCE_HOSTS:
            return dict(self.instance.endpoints)
        told = {
            name: self.cleaned_data.get(f"{_ENDPOINT}{name}") for name in self.sign_in.endpoints
        }
        return {name: url.rstrip("/") for name, url in told.items() if url}

    @override
    def save(self, commit: bool = True) -> AuthConfig:
        """Take over what was entered; a secret that was left empty stays."""
        self.instance.kind = self.kind
        self.instance.endpoints = self.overrides()
        for name in SECRETS:
            if self.cleaned_data.get(name):
                setattr(self.instance, name, self.cleaned_data[name])
        return super().save(commit)

    def _complain(self, field: str, problem: str) -> None:
        if field not in self.errors:
            self.add_error(field if field in self.fields else None, problem)

    def _check(self, act: Any) -> None:
        try:
            act()
        except SettingsRejected as error:
            self.add_error(None, f"{error.message} {error.hint}".strip())


def auth_config_form(kind: str) -> type[AuthConfigForm]:
    """Return the form of a kind of source that is signed in to.

    Raises:
        SettingsRejected: there is no such kind, or it needs no account.
    """
    provider = providers.remote(kind)
    if provider is None:
        raise SettingsRejected("This kind of source needs no account.")
    fields = {
        f"{_ENDPOINT}{name}": forms.URLField(
            label=f"Address “{name}”",
            required=False,
            assume_scheme="https",
            widget=widgets.UnfoldAdminURLInputWidget(),
            help_text=f"Empty: {own}",
        )
        for name, own in provider.sign_in.endpoints.items()
        if settings.KENWARD_SOURCE_HOSTS
    }
    return type(
        "AuthConfigForm",
        (AuthConfigForm,),
        {**fields, "kind": kind, "sign_in": provider.sign_in},
    )
