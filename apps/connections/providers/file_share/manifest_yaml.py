"""Reads the small part of YAML that a manifest needs, with the line of every value.

Works on the parser's events, because whoever writes a manifest is not trusted with the machine:
composing nested nodes recurses in C (a megabyte of “[” kills the process), aliases multiply, tags
construct objects, and YAML's own loaders let the last of two equal keys win.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from apps.connections.providers.file_share.manifest_error import ManifestInvalid

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The deepest a manifest goes is groups → name → members → one of them.
_MAX_DEPTH = 8
_PLAIN = {"true": True, "false": False, "null": None, "~": None, "": None}

# The steps from the root of the document to a value: keys and list positions.
Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been read yet."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


@dataclass(slots=True)
class Document:
    """The value of a YAML document.

    Attributes:
        value: mappings, lists, texts, whole numbers, booleans and None.
        lines: the line of every value, from 1, by its path.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str) -> Document:
    """Return the one document of a YAML text.

    Only plain `true` and `false`, whole numbers and nothing (`null`, `~`) are more than text: a
    group may be called `no` or `2026-10-01`.

    Raises:
        ManifestInvalid: no valid YAML, equal keys, an anchor, alias or tag, or too deep a nesting.
    """
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ManifestInvalid(error.problem or "this is not YAML", line=line) from error
    except yaml.YAMLError as error:
        raise ManifestInvalid("a character is not allowed in YAML", line=1) from error
    return reader.document


class _Reader:
    """Builds the document's value from the parser's events."""

    def __init__(self) -> None:
        self.document = Document()
        self._stack: list[_Open] = []
        self._has_document = False

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            if self._has_document:
                raise ManifestInvalid("there is a second document after “---”", line=line)
            self._has_document = True
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            _refuse(event, line)
            self._take_value(event, line)

    def _take_value(self, event: Any, line: int) -> None:
        value = _value_of(event)
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            parent.key = _new_key(event, parent.value, line)
            return
        path = self._place(parent, value)
        self.document.lines[path] = line
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._stack) == _MAX_DEPTH:
                raise ManifestInvalid("the values are nested too deeply", line=line)
            self._stack.append(_Open(value, path))

    def _place(self, parent: _Open | None, value: Any) -> Path:
        """Put a value into the mapping or list around it and return its path."""
        if parent is None:
            self.document.value = value
            return ()
        if isinstance(parent.value, list):
            parent.value.append(value)
            return (*parent.path, len(parent.value) - 1)
        key, parent.key = parent.key or "", None
        parent.value[key] = value
        return (*parent.path, key)


def _refuse(event: Any, line: int) -> None:
    """Refuse what has no place in a manifest, and what no database can store."""
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise ManifestInvalid("anchors (&) and aliases (*) are not allowed", line=line)
    if event.tag is not None:
        raise ManifestInvalid("tags (!) are not allowed", line=line)
    if isinstance(event, yaml.ScalarEvent) and any("\ud800" <= c <= "\udfff" for c in event.value):
        raise ManifestInvalid("half a character is not allowed", line=line)


def _new_key(event: Any, mapping: dict[str, Any], line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise ManifestInvalid("a key must be text", line=line)
    key: str = event.value
    if key in mapping:
        raise ManifestInvalid(f"“{key}” stands here a second time", line=line)
    return key


def _value_of(event: Any) -> Any:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    text: str = event.value
    if not event.implicit[0]:  # quoted or a block: text, whatever it looks like
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
