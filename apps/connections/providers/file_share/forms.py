"""The settings of a connected folder, as an IT admin enters them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from typing_extensions import override

from apps.connections.errors import SettingsRejected
from apps.connections.providers.file_share import location
from apps.connections.providers.file_share.location import Access
from apps.connections.settings_form import SettingsForm


class FolderSettingsForm(SettingsForm):
    """Which folder, and who may read it."""

    identity_fields = ("path",)

    path = forms.CharField(
        label="Folder",
        max_length=1000,
        help_text="The absolute path of a folder on the machine that Kenward runs on.",
    )
    access = forms.ChoiceField(
        label="Who may read it",
        choices=[
            (Access.MANIFEST.value, "Whom kenward.yaml in the folder names"),
            (Access.ALL_MEMBERS.value, "All members (guests excepted)"),
            (Access.LISTED.value, "Only the people listed below"),
            (Access.POSIX.value, "Whom the file system lets read (owner, group, mode, ACL)"),
        ],
    )
    audience = forms.CharField(
        label="Listed people",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="E-mail addresses, one per line. Used only with “Only the people listed below”.",
    )

    others_are_members = forms.BooleanField(
        label="“Others” are all members",
        required=False,
        help_text="Used only with “Whom the file system lets read”: files that others may read are"
        " for all members, also for those without an account on this machine (guests excepted).",
    )

    @classmethod
    @override
    def to_fields(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Write the audience as lines."""
        fields = super().to_fields(settings)
        if isinstance(fields.get("audience"), list | tuple):
            fields["audience"] = "\n".join(map(str, fields["audience"]))
        return fields

    def clean_path(self) -> str:
        """Follow links once, here, so that none leads anywhere else later."""
        try:
            path = location.resolved(self.cleaned_data["path"])
            location.require_allowed(path, tenant_slug=self.tenant_slug)
        except SettingsRejected as error:
            raise ValidationError(str(error)) from error
        return path

    def clean_audience(self) -> list[str]:
        """Split the addresses, and refuse what is none."""
        addresses = re.split(r"[\s,;]+", self.cleaned_data["audience"].strip().lower())
        for address in filter(None, addresses):
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"“{address}” is not an e-mail address.") from error
        return sorted({*filter(None, addresses)})

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse an audience of nobody, which can only be a slip."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("access") == Access.LISTED and cleaned.get("audience") == []:
            self.add_error("audience", "List at least one person.")
        return cleaned

    @override
    def to_settings(self) -> dict[str, Any]:
        """Remember also whether a disk is mounted at the folder."""
        stored = {**self.cleaned_data, "is_mount_point": os.path.ismount(self.cleaned_data["path"])}
        if stored["access"] != Access.POSIX:
            del stored["others_are_members"]
        return stored
