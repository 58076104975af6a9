"""Salesforce: the object's right, and then the default, View All, or a share. An upper bound."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from apps.connections import dialects, providers
from apps.connections.dialects import salesforce
from apps.connections.dialects.salesforce import Share
from apps.connections.protocol import Level, RemoteAcl
from tests.connections.dialects.engine import Company, company, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "cy", "di")
EVERYBODY = group("all internal users")
CASE = salesforce.policy("Case", "500")


def tell(made: Company, *acls: RemoteAcl, default: str = "Private", right: str = "") -> None:
    holders = [person(right)] if right else [EVERYBODY]
    made.tell(
        [
            salesforce.object_right("Case", holders),
            salesforce.default("Case", default, EVERYBODY, [person("di")]),
            *acls,
        ],
        {EVERYBODY: PEOPLE},
    )


def test_a_private_record_is_for_its_owner_the_roles_above_and_view_all(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(made, salesforce.record("500", person("ada"), managers=[person("bo")]))
        assert made.readers(CASE) == {"ada", "bo", "di"}


def test_nobody_reads_records_of_an_object_they_have_no_right_to(world: World) -> None:
    with company(world, PEOPLE) as made:
        record = salesforce.record("500", person("ada"), managers=[person("bo")])
        tell(made, record, default="Read", right="bo")
        assert made.readers(CASE) == {"bo"}


def test_a_share_counts_by_its_access_level(world: World) -> None:
    shares = [Share(person("bo"), "Read"), Share(person("cy"), "None"), Share(group("q"), "Edit")]
    record = salesforce.record("500", person("ada"), shares)
    with company(world, PEOPLE) as made:
        tell(made, record)
        assert made.readers(CASE) == {"ada", "bo", "di"}
    assert {e.principal.external_id: e.level for e in record.entries} == {
        "ada": Level.WRITE,
        "bo": Level.READ,
        "q": Level.WRITE,
    }


def test_a_level_that_is_not_known_shares_nothing() -> None:
    record = salesforce.record("500", person("ada"), [Share(person("bo"), "unheard-of")])
    assert [entry.principal for entry in record.entries] == [person("ada")]


@pytest.mark.parametrize(
    ("model", "level"),
    [
        ("Read", Level.READ),
        ("ReadWrite", Level.WRITE),
        ("ReadWriteTransfer", Level.WRITE),
        ("FullAccess", Level.WRITE),
        ("Private", None),
        ("ControlledByParent", None),
        ("unheard-of", None),
        ("", None),
    ],
)
def test_only_a_public_default_opens_to_everybody(model: str, level: Level | None) -> None:
    told = salesforce.default("Case", model, EVERYBODY, [])
    assert [(e.principal, e.level) for e in told.entries] == ([(EVERYBODY, level)] if level else [])


def test_a_record_nobody_told_of_is_for_those_of_the_default_alone(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(made)
        assert made.readers(CASE) == {"di"}


def test_no_connector_uses_a_dialect_whose_live_check_nothing_enforces() -> None:
    names = [module.name for module in pkgutil.iter_modules(dialects.__path__)]
    modules = {name: import_module(f"{dialects.__name__}.{name}") for name in names}
    bounds = {name for name, module in modules.items() if hasattr(module, "NEEDS_LIVE_CHECK")}
    assert bounds == {"salesforce"}
    [folder] = providers.__path__
    sources = {path: path.read_text() for path in Path(folder).rglob("*.py")}
    using = {path: text for path, text in sources.items() if "connections.dialects" in text}
    assert using, "the folder connector uses dialects, and was not found"
    for path, text in using.items():
        assert not bounds & set(re.findall(r"\w+", text)), f"{path}: see dialects/salesforce.py"
