"""What every provider's settings form offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms


class SettingsForm(forms.Form):
    """The settings of one kind of source, checked; a provider names their fields.

    Attributes:
        identity_fields: the settings that say which source it is. They never change: what was
            synced from one source must not come under the rules of another.
        picked_field: the field that a picker fills (`OffersChoices`): ids of choices, as a JSON
            list; empty where nothing is picked.
        acting_field: the field that names the person for whom a service account acts at first;
            asked for when one is connected.
    """

    identity_fields: ClassVar[tuple[str, ...]] = ()
    picked_field: ClassVar[str] = ""
    acting_field: ClassVar[str] = ""

    def __init__(self, *args: Any, tenant_slug: str = "", **kwargs: Any) -> None:
        self.tenant_slug = tenant_slug
        super().__init__(*args, **kwargs)

    @classmethod
    def to_fields(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Translate stored settings into the values of the fields."""
        return {name: settings[name] for name in cls.base_fields if name in settings}

    def to_settings(self) -> dict[str, Any]:
        """Translate the valid form into what `Connection.settings` stores."""
        return dict(self.cleaned_data)
