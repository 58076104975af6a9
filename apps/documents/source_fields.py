"""What one source alone knows of an item, as it is stored: JSON values, and not too much of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.documents.blocks import cleaned

# Of the JSON text in UTF-8, with its braces. Fields lie in the document's own row, which every list
# reads; a source that has more to say has text.
MAX_BYTES: Final = 16 * 1024
# Of lists and objects within one field.
MAX_DEPTH: Final = 8
# What JSON numbers keep exactly in every reader of them.
_LARGEST: Final = 2**53 - 1


class _Unusable(Exception):
    """It is no JSON value, or too deep."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The fields to store.

    Attributes:
        fields: whole fields, in the order in which the connector gave them.
        left_out: names of those that did not fit any more, or are no JSON values.
    """

    fields: dict[str, Any]
    left_out: tuple[str, ...] = ()


def kept(told: Mapping[str, Any]) -> Kept:
    """Return the fields that are stored of an item: whole ones, as many as `MAX_BYTES` take.

    A field is never cut in two, and one that does not fit does not keep the smaller ones behind it
    out. Text is cleaned as PostgreSQL takes it, numbers that JSON does not know are left out.

    Args:
        told: as the connector gave them, the most useful ones first.
    """
    fields: dict[str, Any] = {}
    left_out: list[str] = []
    room = MAX_BYTES - len("{}")
    for told_name, told_value in told.items():
        name = cleaned(str(told_name))
        try:
            value = _value(told_value, MAX_DEPTH)
        except _Unusable:
            left_out.append(name)
            continue
        needed = _size(name) + _size(value) + len(": , ")
        if needed > room or name in fields:
            left_out.append(name)
            continue
        fields[name] = value
        room -= needed
    return Kept(fields, tuple(left_out))


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST else str(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if depth and isinstance(value, Mapping):
        return {cleaned(str(name)): _value(one, depth - 1) for name, one in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_value(one, depth - 1) for one in value]
    raise _Unusable
