"""Inputs of the admin for secrets: what is stored, or was entered before, is never shown again."""

from __future__ import annotations

from typing import Any

from typing_extensions import override
from unfold import widgets


class SecretInput(widgets.UnfoldAdminPasswordWidget):
    """One line."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "new-password", **(attrs or {})}, render_value=False)


class SecretTextarea(widgets.UnfoldAdminTextareaWidget):
    """Several lines, as of a key file."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        told = {"autocomplete": "off", "spellcheck": "false", "rows": 4, **(attrs or {})}
        super().__init__(told)

    @override
    def format_value(self, value: Any) -> str:
        """Show nothing, whatever was entered."""
        return ""
