"""Connecting an account by something that is pasted: a key file, an API key, an installation."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from unfold import widgets

from apps.connections import providers
from apps.connections.connect import Grant
from apps.connections.credentials import service_account, tokens
from apps.connections.credentials.models import AuthConfig, AuthMethod, Credential
from apps.connections.errors import SettingsRejected
from apps.connections.secret_widgets import SecretInput, SecretTextarea

_ASKED_FOR = {
    AuthMethod.SERVICE_ACCOUNT: ("Key file", "The whole JSON file, as the source gave it."),
    AuthMethod.API_KEY: ("API key", "As the source shows it when the key is made."),
    AuthMethod.APP: ("Installation ID", "The number in the address of the app's installation."),
}


class KeyForm(forms.Form):
    """What one configuration needs to connect an account without a sign-in.

    Args:
        config: the configuration.
        is_new: whether a connection is made, which needs a name.
    """

    name = forms.CharField(max_length=200, widget=widgets.UnfoldAdminTextInputWidget())
    key = forms.CharField(max_length=20_000, strip=True)
    acting_for = forms.EmailField(
        label="Act for",
        max_length=254,
        widget=widgets.UnfoldAdminEmailInputWidget(),
        help_text="The address of an administrator of the source, by whom people and groups are"
        " listed.",
    )

    def __init__(self, *args: Any, config: AuthConfig, is_new: bool, **kwargs: Any) -> None:
        kwargs["auto_id"] = f"id_{config.pk}_%s"  # several stand on one page
        super().__init__(*args, **kwargs)
        self._config = config
        method = AuthMethod(config.method)
        self.fields["key"].label, self.fields["key"].help_text = _ASKED_FOR[method]
        takes_file = method == AuthMethod.SERVICE_ACCOUNT
        self.fields["key"].widget = SecretTextarea() if takes_file else SecretInput()
        if not (takes_file and self._acting_field):
            del self.fields["acting_for"]
        if not is_new:
            del self.fields["name"]

    @property
    def _acting_field(self) -> str:
        return providers.load(self._config.kind).settings_form.acting_field

    def grant(self) -> Grant:
        """Return what was pasted as a grant, asked for a token where it gives one.

        Raises:
            ConnectorError: it is none, or the source does not accept it.
        """
        method, pasted = self._config.method, self.cleaned_data["key"]
        if method == AuthMethod.SERVICE_ACCOUNT:
            key = _parsed(pasted)
            service_account.require_key(key)
            acting_for = self.cleaned_data.get("acting_for", "")
            settings = {self._acting_field: acting_for} if acting_for else {}
            kept = {"secret": json.dumps({"key": key})}
            return Grant(self._config, kept, settings, subject=str(key["client_email"]))
        if method == AuthMethod.APP:
            return Grant(self._config, self._installed(pasted))
        return Grant(self._config, {"secret": json.dumps({"api_key": pasted})})

    def _installed(self, installation_id: str) -> dict[str, Any]:
        provider = providers.remote(self._config.kind)
        if provider is None:
            raise SettingsRejected("This kind of source needs no account.")
        secret = json.dumps({"installation_id": installation_id})
        return tokens.fresh(Credential(config=self._config, secret=secret), provider.sign_in)


def _parsed(pasted: str) -> dict[str, Any]:
    try:
        key = json.loads(pasted)
    except ValueError:
        key = None
    return key if isinstance(key, dict) else {}
