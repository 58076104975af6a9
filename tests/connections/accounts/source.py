"""A small connector over the simulated Google, so that accounts are tested apart from Drive's own.

It lists the files of one account, and offers folders to pick from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar

from django import forms
from typing_extensions import override

from apps.connections.credentials.account import Account
from apps.connections.credentials.models import AuthMethod
from apps.connections.credentials.sign_in import SignIn
from apps.connections.errors import ItemGone, SettingsRejected
from apps.connections.protocol import (
    Capabilities,
    Choice,
    Cursor,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteItem,
    RemotePrincipal,
)
from apps.connections.settings_form import SettingsForm

KIND = "desk"
_ROOT = "https://www.googleapis.com/auth/"
READ = f"{_ROOT}drive.readonly"
WRITE = f"{_ROOT}drive"
_FOLDER = "application/vnd.google-apps.folder"
EVERYBODY = RemotePrincipal(PrincipalKind.MEMBERS, "members")


class DeskForm(SettingsForm):
    """Which folders; none means everything."""

    picked_field: ClassVar[str] = "folders"
    acting_field: ClassVar[str] = "admin"

    folders = forms.CharField(required=False, widget=forms.Textarea())
    admin = forms.CharField(label="Act for", required=False)
    archived = forms.BooleanField(label="Archived, too", required=False, initial=True)

    @classmethod
    @override
    def to_fields(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        fields = super().to_fields(settings)
        if isinstance(fields.get("folders"), list):
            fields["folders"] = json.dumps(fields["folders"])
        return fields

    def clean_folders(self) -> list[str]:
        return list(json.loads(self.cleaned_data["folders"] or "[]"))


class Desk:
    """The files of one account."""

    settings_form: ClassVar[type[SettingsForm]] = DeskForm
    sign_in: ClassVar[SignIn] = SignIn(
        methods=(AuthMethod.OAUTH, AuthMethod.SERVICE_ACCOUNT, AuthMethod.API_KEY, AuthMethod.APP),
        endpoints={
            "authorize": "https://accounts.desk.example/o/oauth2/v2/auth",
            "token": "https://accounts.desk.example/token",
            "revoke": "https://accounts.desk.example/revoke",
            "api": "https://api.desk.example",
        },
        read_scopes=(READ,),
        write_scopes=(WRITE,),
        extra={"access_type": "offline", "prompt": "consent"},
        setup=("Make a client of the type “Web application”.", "Register the address below."),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(requests_per_s=1000, burst=1000)

    def __init__(self, settings: Mapping[str, Any], *, account: Account) -> None:
        self._settings = settings
        self._account = account
        self._api = account.endpoints["api"]
        acting_as = settings.get("admin", "") if account.can_act_for_others else ""
        self._client = account.client(acting_as=acting_as)

    def item_space(self) -> str:
        return "desk"

    def identity(self) -> str:
        about = self._get("/drive/v3/about", fields="user")
        return str(about["user"]["emailAddress"])

    def check(self) -> None:
        self.identity()
        for folder in self._settings.get("folders") or ():
            try:
                self._get(f"/drive/v3/files/{folder}", item=folder)
            except ItemGone as error:
                raise SettingsRejected("A chosen folder is not there any more.") from error

    def choices(self, parent: str = "") -> Sequence[Choice]:
        query = f"'{parent or 'root'}' in parents and mimeType = '{_FOLDER}'"
        found = self._get("/drive/v3/files", q=query, fields="files(id,name)")["files"]
        return [Choice(each["id"], each["name"], has_children=True) for each in found]

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        at = datetime.now(UTC)
        query = f"mimeType != '{_FOLDER}' and trashed = false"
        fields = "files(id,name,version,mimeType,size)"
        found = self._get("/drive/v3/files", q=query, fields=fields, pageSize=1000)["files"]
        items = tuple(
            RemoteItem(
                each["id"], each["name"], f"Desk/{each['name']}", each["version"], (("all",),),
                mime_type=each["mimeType"], size_bytes=int(each.get("size", 0)),
            )
            for each in found
        )  # fmt: skip
        yield Page(at, items=items, acls=_PLACES)

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        yield Page(datetime.now(UTC), acls=_PLACES)

    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        at = datetime.now(UTC)
        self.identity()
        yield Page(at, acls=_PLACES, are_acls_complete=True)

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        address = f"{self._api}/drive/v3/files/{external_id}"
        with self._client.opened(address, {"alt": "media"}, item=external_id) as content:
            yield content

    def _get(self, path: str, *, item: str = "", **params: Any) -> Any:
        return self._client.get(f"{self._api}{path}", params, item=item)


_PLACES = (RemoteAcl("all", "All", entries=(RemoteEntry(EVERYBODY),)),)
