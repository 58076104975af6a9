"""The settings of a connected Drive, as people enter them."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from typing_extensions import override

from apps.connections.errors import SettingsRejected
from apps.connections.providers.google_drive.settings import MyDrives, scope_of
from apps.connections.settings_form import SettingsForm


class DriveSettingsForm(SettingsForm):
    """What is synced, and what links mean."""

    # The one field that is filled by picking (see `OffersChoices`).
    picked_field: ClassVar[str] = "chosen"
    acting_field: ClassVar[str] = "admin"

    chosen = forms.JSONField(
        label="Folders and drives",
        required=False,
        initial=list,
        widget=forms.HiddenInput,
        help_text="Nothing picked: everything that the account may read.",
    )
    lists_links = forms.BooleanField(
        label="Find what anyone with the link may read",
        required=False,
        help_text="All members find such documents (guests excepted), also those to whom nobody"
        " has sent the link.",
    )
    lists_domain_links = forms.BooleanField(
        label="Find what a whole domain may read with the link",
        required=False,
        help_text="Everybody in that domain finds such documents. Needs a service account, since"
        " only the Directory tells who is in a domain.",
    )
    honours_restrictions = forms.BooleanField(
        label="Leave out what readers must not download",
        required=False,
        initial=True,
        help_text="Documents whose owner switched off downloading, printing and copying are listed"
        " by name only.",
    )
    admin = forms.EmailField(
        label="Administrator",
        required=False,
        help_text="Who may list people and groups: a service account asks in this person's name."
        " An account of one person asks the Directory only when its own address stands here.",
    )
    my_drives = forms.ChoiceField(
        label="My Drives",
        required=False,
        initial=MyDrives.ALL.value,
        choices=[
            (MyDrives.ALL.value, "Of everybody"),
            (MyDrives.GROUP.value, "Of the members of a group"),
            (MyDrives.NONE.value, "Of nobody: shared drives only"),
        ],
        help_text="For service accounts; with an account of one person it is theirs.",
    )
    group = forms.EmailField(
        label="Group",
        required=False,
        help_text="The address of the group whose members' My Drives are synced.",
    )

    def clean_chosen(self) -> list[str]:
        """Refuse what is no choice."""
        chosen = self.cleaned_data["chosen"] or []
        try:
            scope_of(chosen)
        except SettingsRejected as error:
            raise ValidationError("Pick folders and drives from the list.") from error
        return sorted(set(chosen))

    def clean_my_drives(self) -> str:
        """Take the usual where nothing was said."""
        return self.cleaned_data["my_drives"] or MyDrives.ALL.value

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for the group where one is meant."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("my_drives") == MyDrives.GROUP and not cleaned.get("group"):
            self.add_error("group", "Say which group.")
        return cleaned
