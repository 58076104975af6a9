"""The published schemas: served to anybody, valid themselves, closed but for the fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from apps.connections import fields_schemas, providers
from apps.connections.protocol import ItemKind
from apps.connections.providers.file_share.connector import FileShare
from apps.documents import record_schemas
from tests.connections.conformance.worked_example import NotesFeed
from tests.documents.record_schemas import KINDS, problems, served
from tests.world import World, signed_in

DOCS = Path(__file__).parents[2] / "docs" / "records.md"


def objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every schema within a schema that describes an object by its properties."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def documented() -> list[dict[str, Any]]:
    """Return the examples of the documentation."""
    blocks = re.findall("```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return [json.loads(text) for text in blocks]


@pytest.mark.parametrize("name", record_schemas.names())
def test_schema_is_one_and_names_itself(name: str) -> None:
    schema = served(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{name}.json", "relative: it is wherever it was fetched from"


def test_there_is_one_for_each_kind_of_item() -> None:
    assert set(KINDS) == {kind.value for kind in ItemKind}
    assert set(record_schemas.names()) == {*KINDS, "item", "permissions"}
    for kind in KINDS:
        assert served(kind)["properties"]["kind"] == {"const": kind}


def test_nothing_is_allowed_that_is_not_described_but_in_the_fields() -> None:
    described = [(name, one) for name in record_schemas.names() for one in objects(served(name))]
    open_ones = [
        (name, one.get("description", ""))
        for name, one in described
        if one["additionalProperties"] is not False
    ]
    assert [name for name, _ in open_ones] == ["item"]
    assert "/schemas/v1/fields/" in open_ones[0][1]
    for _, one in described:
        assert one["additionalProperties"] or set(one["required"]) == set(one["properties"])


def test_schemas_need_no_sign_in_and_may_be_kept(client: Client) -> None:
    response = client.get("/schemas/v1/file.json")
    assert response["Content-Type"] == "application/schema+json"
    assert "public" in response["Cache-Control"] and "max-age=3600" in response["Cache-Control"]
    assert response["Access-Control-Allow-Origin"] == "*"
    again = client.get("/schemas/v1/file.json", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


def test_signed_in_people_get_them_too(world: World) -> None:
    assert signed_in(world.ada).get("/schemas/v1/page.json").status_code == 200


@pytest.mark.parametrize("path", ["no-such", "fields/no-such", "fields/canary", "fields/proof"])
def test_no_other_name_is_served(client: Client, path: str) -> None:
    assert client.get(f"/schemas/v1/{path}.json").status_code == 404


@pytest.mark.parametrize("kind", sorted(providers.REGISTRY))
def test_each_provider_describes_its_fields(kind: str) -> None:
    schema = served(f"fields/{kind}")
    Draft202012Validator.check_schema(schema)
    assert (schema["$id"], schema["type"]) == (f"{kind}.json", "object")
    assert "required" not in schema, "what does not fit is left out (documents.source_fields)"


class Telling(FileShare):
    """A connector that says what fields its items have."""

    fields_schema: ClassVar[Mapping[str, Any]] = {"properties": {"starred": {"type": "boolean"}}}


def schema_of(connector: type, monkeypatch: pytest.MonkeyPatch) -> Draft202012Validator:
    """Register a connector, and return what its fields are held against."""
    path = f"{connector.__module__}.{connector.__qualname__}"
    monkeypatch.setitem(providers.REGISTRY, "told", ("Told", path))
    return Draft202012Validator(fields_schemas.of("told"))


def test_a_connector_declares_its_fields_on_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    is_valid = schema_of(Telling, monkeypatch).is_valid
    assert is_valid({}) and is_valid({"starred": True})
    assert not is_valid({"starred": "yes"}) and not is_valid({"other": 1})


def test_who_declares_nothing_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schema_of(NotesFeed, monkeypatch).is_valid({"anything": 1})


def test_examples_of_the_documentation_are_valid() -> None:
    examples = [
        json.loads(text) for text in re.findall("```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    ]
    assert [one["kind"] for one in examples] == list(KINDS)
    assert {one["kind"]: problems(one) for one in examples} == {kind: [] for kind in KINDS}


def test_validators_refuse_what_is_wrong() -> None:
    record = documented()[0]
    assert problems({**record, "more": 1})
    assert problems({**record, "id": "7"})
    assert problems({**record, "created_at": "2026-01-01T00:00:00+01:00"})
    assert problems({**record, "permissions": {**record["permissions"], "public": "world"}})
    assert problems({**record, "metadata": {**record["metadata"], "class": "secret"}})
