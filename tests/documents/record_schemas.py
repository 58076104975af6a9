"""Validators over the schemas as they are served, and nothing else."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from apps.documents import record_schemas

_FORMATS = FormatChecker(["uuid"])


@_FORMATS.checks("date-time", ValueError)
def _is_time(value: object) -> bool:
    # What the pattern cannot say: the day and the hour exist.
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


KINDS = ("file", "page", "message", "record", "ticket")


def served(path: str) -> dict[str, Any]:
    """Return a schema as anybody gets it."""
    response = Client().get(f"/schemas/v1/{path}.json")
    assert response.status_code == 200, path
    schema: dict[str, Any] = json.loads(response.content)
    return schema


@cache
def _registry() -> Registry[Any]:
    # Relative references are looked up beside the schema that names them, as over HTTP.
    everything = [served(name) for name in record_schemas.names()]
    named = [(schema["$id"], Resource.from_contents(schema)) for schema in everything]
    registry: Registry[Any] = Registry().with_resources(named)
    return registry


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of a kind, or of `permissions`."""
    schema = _registry().contents(f"{name}.json")
    return Draft202012Validator(schema, registry=_registry(), format_checker=_FORMATS)


def problems(record: dict[str, Any]) -> list[str]:
    """Return what is wrong with a record by the schema of its kind."""
    # As it goes over the wire, so that a value which is no JSON shows.
    sent = json.loads(json.dumps(record, allow_nan=False))
    found = validator(sent["kind"]).iter_errors(sent)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]
