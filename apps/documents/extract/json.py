"""JSON and JSON lines: keys as headings, values as lines that name their keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from apps.documents.blocks import Block, ExtractedText, assemble, one_line
from apps.documents.extract import code
from apps.documents.extract.errors import Corrupt
from apps.documents.extract.sniff import SniffedFile

_DEEPEST_HEADING = 6
_LINE_EXTENSIONS = frozenset({"jsonl", "ndjson"})
# What an entry of a list calls itself.
_NAMES = ("title", "name", "id", "key", "label", "subject")
_MAX_NAME_CHARACTERS = 120
_MAX_DEPTH = 200
# A string is taken whole and not given back, so that an open one costs no second look.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
# Numbers stay as they are written.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def read(file: SniffedFile) -> ExtractedText:
    """Return the values; a file with comments or a fault in it is shown as it is written.

    Raises:
        Corrupt: it is nested deeper than anything that people write.
    """
    text = file.text.lstrip("\ufeff")
    _refuse_what_is_too_deep(text)
    try:
        if file.extension in _LINE_EXTENSIONS:
            return assemble(_records(_lines(text)))
        return assemble(_blocks(_value(text), 1))
    except ValueError:
        return _as_lines_or_source(text, file)


def _as_lines_or_source(text: str, file: SniffedFile) -> ExtractedText:
    try:
        return assemble(_records(_lines(text)))
    except ValueError:
        return code.read(file)


def _refuse_what_is_too_deep(text: str) -> None:
    depth = 0
    for found in _MARKS.finditer(text):
        depth += bool(found.group(1)) - bool(found.group(2))
        if depth > _MAX_DEPTH:
            raise Corrupt("The file is nested too deeply.")


def _value(text: str) -> Any:
    return _DECODER.decode(text)


def _lines(text: str) -> list[Any]:
    return [_value(line) for line in text.split("\n") if line.strip()]


def _blocks(value: Any, level: int) -> Iterator[Block]:
    if isinstance(value, dict):
        yield from _object(value, level)
    elif isinstance(value, list):
        yield from _records(value, level)
    else:
        yield Block("paragraph", _scalar(value))


def _object(value: dict[str, Any], level: int) -> Iterator[Block]:
    """Yield an object's plain values as lines, then what is in it under the key's heading."""
    plain = {key: each for key, each in value.items() if _is_plain(each)}
    yield Block("rows", "\n".join(f"{one_line(key)}: {_line(each)}" for key, each in plain.items()))
    for key, each in value.items():
        if key not in plain:
            yield Block("heading", one_line(key)[:_MAX_NAME_CHARACTERS] or "-", level)
            yield from _blocks(each, min(level + 1, _DEEPEST_HEADING))


def _records(values: list[Any], level: int = 1) -> Iterator[Block]:
    """Yield a line for each plain entry, and others under what they call themselves."""
    lines: list[str] = []
    for number, each in enumerate(values, start=1):
        if _is_plain(each) or (isinstance(each, dict) and all(map(_is_plain, each.values()))):
            lines.append(_line(each))
            continue
        yield Block("rows", "\n".join(lines))
        lines = []
        yield Block("heading", _name(each) or str(number), level)
        yield from _blocks(each, min(level + 1, _DEEPEST_HEADING))
    yield Block("rows", "\n".join(lines))


def _name(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    found = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    return one_line(found)[:_MAX_NAME_CHARACTERS]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(each, list | dict) for each in value)
    return not isinstance(value, dict)


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{one_line(key)}: {_line(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_scalar, value))
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return one_line(str(value))
