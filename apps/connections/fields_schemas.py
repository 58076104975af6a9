"""The JSON Schema of the fields that a kind of source tells besides what all kinds tell.

A connector's class declares it beside its settings:

    fields_schema: ClassVar[Mapping[str, Any]] = {
        "properties": {"starred": {"type": "boolean", "description": "Marked by its owner."}},
    }

Only what is said under `properties` is allowed then. Nothing in it may be `required`: a field that
does not fit is left out (`documents.source_fields`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.connections import providers
from apps.connections.errors import SettingsRejected
from apps.errors import NotFound

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def of(kind: str) -> dict[str, Any]:
    """Return the schema of `RemoteItem.fields` of one kind of source, complete by itself.

    Args:
        kind: as `Connection.kind` has it. One that declares nothing is described as an object of
            which nothing is promised.

    Raises:
        NotFound: this installation knows no such kind.
    """
    try:
        provider = providers.load(kind)
    except SettingsRejected as error:
        raise NotFound(error.message) from error
    declared: Mapping[str, Any] | None = getattr(provider, "fields_schema", None)
    schema = {
        "$schema": _DIALECT,
        "$id": f"{kind}.json",
        "title": f"Fields of {providers.label_of(kind)}",
        "type": "object",
    }
    if declared is None:
        return {**schema, "description": "This source promises nothing of its fields."}
    return {**schema, "additionalProperties": False, **declared}
