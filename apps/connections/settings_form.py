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
    """

    identity_fields: ClassVar[tuple[str, ...]] = ()

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
