"""Requests and answers held against Google's own descriptions of its APIs (discovery format)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from apps.ops.sandbox.journal import Entry

SPECS = Path(__file__).resolve().parents[3] / "shared" / "provider_specs"
DRIVE = SPECS / "google_drive.json"
DIRECTORY = SPECS / "google_admin_directory.json"

Description = Mapping[str, Any]


@cache
def description(path: Path) -> Description:
    """Return a description, or skip the test where it is not on this machine."""
    if not path.is_file():
        pytest.skip("the official descriptions (../shared/provider_specs) are not on this machine")
    found: Description = json.loads(path.read_text())
    return found


def methods(described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield all methods, those of nested resources too."""
    yield from described.get("methods", {}).values()
    for resource in described.get("resources", {}).values():
        yield from methods(resource)


def method_of(entry: Entry, described: Description) -> Mapping[str, Any]:
    """Return the method that a request calls; AssertionError if the API has no such path."""
    for method in methods(described):
        path = "/" + described["servicePath"] + (method.get("flatPath") or method["path"])
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))
        if method["httpMethod"] == entry.method and re.fullmatch(pattern, entry.path):
            found: Mapping[str, Any] = method
            return found
    raise AssertionError(f"{described['id']} has no {entry.method} {entry.path}")


def check_request(entry: Entry, described: Description) -> None:
    """Hold a request against the description: path, parameters, their types, body.

    Raises:
        AssertionError: it would be wrong at Google.
    """
    method = method_of(entry, described)
    known = {**described["parameters"], **method.get("parameters", {})}
    given: dict[str, list[str]] = {}
    for name, value in entry.query:
        given.setdefault(name, []).append(value)
    for name, parameter in known.items():
        if parameter["location"] == "query" and parameter.get("required"):
            assert name in given, f"{method['id']} needs {name}"
    for name, values in given.items():
        assert name in known, f"{method['id']} has no parameter {name}"
        assert len(values) == 1 or known[name].get("repeated"), f"{name} was given twice"
        for value in values:
            _check_parameter(name, value, known[name])
    if entry.json is not None:
        assert "request" in method, f"{method['id']} takes no body"
        _check(entry.json, method["request"], described, str(method["id"]))


def check_answer(method_id: str, body: object, described: Description) -> None:
    """Hold the JSON of an answer against the description; unknown keys are refused.

    Raises:
        AssertionError: Google would not answer like this, or there is no such method.
    """
    for method in methods(described):
        if method["id"] == method_id:
            assert "response" in method, f"{method_id} answers without a body"
            _check(body, method["response"], described, method_id)
            return
    raise AssertionError(f"{described['id']} has no method {method_id}")


def _check_parameter(name: str, value: str, parameter: Mapping[str, Any]) -> None:
    kind = parameter["type"]
    if kind == "boolean":
        assert value in {"true", "false"}, f"{name}={value} is not a boolean"
    if kind == "integer":
        assert re.fullmatch(r"-?\d+", value), f"{name}={value} is no number"
        lowest, highest = parameter.get("minimum", value), parameter.get("maximum", value)
        assert int(lowest) <= int(value) <= int(highest), f"{name}={value} is out of range"
    if "enum" in parameter:
        assert value in parameter["enum"], f"{name}={value} is none of {parameter['enum']}"


def _check(body: object, schema: Mapping[str, Any], described: Description, where: str) -> None:
    definitions = {name: _schema(each) for name, each in described["schemas"].items()}
    whole = {**_schema(schema), "$defs": definitions}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    errors = jsonschema.Draft202012Validator(whole, format_checker=checker).iter_errors(body)
    found = [f"{error.json_path}: {error.message}" for error in errors]
    assert not found, f"{where}: " + "; ".join(found)


def _schema(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a schema in discovery format."""
    if "$ref" in described:
        return {"$ref": f"#/$defs/{described['$ref']}"}
    if described.get("type", "any") == "any":
        return {}
    schema: dict[str, Any] = {"type": described["type"]}
    if described["type"] == "object":
        more = described.get("additionalProperties")
        inner = described.get("properties", {})
        schema["properties"] = {name: _schema(each) for name, each in inner.items()}
        schema["additionalProperties"] = _schema(more) if more else False
    if described["type"] == "array":
        schema["items"] = _schema(described["items"])
    if described.get("format") in {"int64", "uint64"}:
        # JSON numbers are too short for them: Google writes them as text.
        schema["pattern"] = r"^-?\d+$"
    if described.get("format") == "date-time":
        schema["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
    if "enum" in described:
        schema["enum"] = described["enum"]
    return schema
