"""The manifest of a connected folder, `kenward.yaml`: who may read what. Pure: bytes to values."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from apps.connections.providers.file_share import manifest_yaml
from apps.connections.providers.file_share.manifest_error import ManifestInvalid

NAME = "kenward.yaml"
# What somebody may have meant to be one: never indexed either, since it names people.
LOOK_ALIKES = frozenset({NAME, "kenward.yml"})
MAX_BYTES = 1_000_000
# A path is part of database keys, which cannot be much longer (bytes of UTF-8).
MAX_PATH_BYTES = 2000

_RULES = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "readers": {"type": "array", "items": {"$ref": "#/$defs/name"}},
            "inherit": {"type": "boolean"},
            "labels": {"type": "array", "items": {"$ref": "#/$defs/label"}, "maxItems": 50},
        },
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Who may read a folder that Kenward connects (kenward.yaml)",
    "type": "object",
    "required": ["version"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 1},
        "groups": {
            "type": "object",
            "propertyNames": {
                "minLength": 1,
                "maxLength": 200,
                "not": {"pattern": "[@\\x00-\\x1f\\x7f]"},
            },
            "additionalProperties": {
                "type": "object",
                "required": ["members"],
                "additionalProperties": False,
                "properties": {
                    "label": {"$ref": "#/$defs/name"},
                    "members": {"type": "array", "items": {"$ref": "#/$defs/name"}},
                },
            },
        },
        "folders": _RULES,
        "files": _RULES,
    },
    "$defs": {
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 254,
            "not": {"pattern": "[\\x00-\\x1f\\x7f]"},
        },
        "label": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "not": {"pattern": "[\\x00-\\x1f\\x7f]"},
        },
    },
}
_VALIDATOR = Draft202012Validator(SCHEMA)

_COMPLAINTS = {
    "const": "the version must be 1",
    "maxLength": "a text is too long",
    "minLength": "a text is empty",
    "maxItems": "the list is too long",
    "minProperties": "a rule needs “readers”, “inherit” or “labels”",
    "not": "a group's name contains “@”, which marks a person, or a name an invisible character",
}
_KINDS = {
    "array": "a list ([…])",
    "boolean": "true or false",
    "object": "keys with values",
    "string": "text (put it in quotes)",
}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people; members are e-mail addresses and names of groups."""

    name: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who reads one folder or file beside those whom it inherits.

    Attributes:
        path: as written in the manifest; empty for the root.
        inherits: whether readers of the folder around it read it too.
        line: where the manifest says so.
        labels: words for the class of what lies there; a folder's hold for all below it.
    """

    path: str
    readers: tuple[str, ...]
    inherits: bool
    line: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a valid manifest says; rules by their path in composed form (see `composed`)."""

    groups: dict[str, Group] = field(default_factory=dict)
    folders: dict[str, Rule] = field(default_factory=dict)
    files: dict[str, Rule] = field(default_factory=dict)


def composed(text: str) -> str:
    """Return the form (Unicode NFC) in which paths and names are compared.

    The same “é” may be one character or two: which one a file's name has depends on the system
    that wrote it, and nobody sees the difference.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestInvalid: with the line and the reason.
    """
    if len(content) > MAX_BYTES:
        raise ManifestInvalid(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestInvalid("the text is not UTF-8", line=line) from error
    document = manifest_yaml.read(text)
    if (violation := best_match(_VALIDATOR.iter_errors(document.value))) is not None:
        path, reason = _complaint(violation)
        raise ManifestInvalid(reason, line=document.line_of(path))
    return Manifest(
        groups=_groups(document),
        folders=_rules(document, "folders"),
        files=_rules(document, "files"),
    )


def _complaint(violation: ValidationError) -> tuple[manifest_yaml.Path, str]:
    """Return where the schema is violated, and how, in the words of somebody who edits the file."""
    keyword, path = str(violation.validator), tuple(violation.absolute_path)
    wanted: Any = violation.validator_value
    keys: Any = violation.instance
    where = f" (in {' → '.join(map(str, path))})" if path else ""
    if keyword == "type":
        return path, f"this must be {_KINDS[wanted]}{where}"
    if keyword == "additionalProperties":
        schema: Any = violation.schema
        strange = next(key for key in keys if key not in schema["properties"])
        return (*path, strange), f"the key “{strange}” means nothing here{where}"
    if keyword == "required":
        missing = next(key for key in wanted if key not in keys)
        return path, f"the key “{missing}” is missing{where}"
    return path, f"{_COMPLAINTS[keyword]}{where}"


def _groups(document: manifest_yaml.Document) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for written, told in document.value.get("groups", {}).items():
        name, line = composed(written), document.line_of(("groups", written))
        if name != name.strip() or name in groups:
            raise ManifestInvalid(f"the group's name “{written}” is not usable", line=line)
        members = tuple(composed(member) for member in told["members"])
        groups[name] = Group(name, told.get("label", name), members)
    return groups


def _rules(document: manifest_yaml.Document, section: str) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for written, told in document.value.get(section, {}).items():
        line = document.line_of((section, written))
        path = _checked_path(written, is_folder=section == "folders", line=line)
        if composed(path) in rules:
            raise ManifestInvalid(f"“{written}” has a second rule", line=line)
        readers = tuple(composed(reader) for reader in told.get("readers", []))
        labels = tuple(composed(label) for label in told.get("labels", []))
        rules[composed(path)] = Rule(path, readers, told.get("inherit", True), line, labels)
    return rules


def _checked_path(written: str, *, is_folder: bool, line: int) -> str:
    """Return the path without the trailing slash that a folder may have; "" for the root."""
    if is_folder and written in {".", "./"}:
        return ""
    path = written.removesuffix("/") if is_folder else written
    is_below = not any(step in {"", ".", ".."} for step in path.split("/")) and "\0" not in path
    if not is_below or len(path.encode()) > MAX_PATH_BYTES:
        raise ManifestInvalid(
            f"“{written}” is not a path below this folder, written without “..” and “./”",
            line=line,
        )
    return path
