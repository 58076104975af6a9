"""What is wrong with a manifest that cannot be used."""

from __future__ import annotations

from apps.errors import InvalidInput


class ManifestInvalid(InvalidInput):
    """A manifest says nothing that can be relied on, so nobody may read its folder.

    Args:
        reason: half a sentence, for the admin.
        line: where, from 1; None when it is about the whole file.
    """

    code = "manifest_invalid"

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{where}{reason}")
