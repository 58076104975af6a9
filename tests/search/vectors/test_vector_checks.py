"""The start fails where the database cannot search vectors as Kenward relies on."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connections

from apps.ops import health
from apps.search.vectors import vector_checks, vector_index, vector_plan

pytestmark = pytest.mark.django_db


def messages() -> list[str]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [str(message.msg) for message in found if str(message.id).startswith("search.")]


def test_database_as_it_is_set_up_passes() -> None:
    assert vector_checks.problems() == []
    assert messages() == []


def test_setting_that_the_database_does_not_know_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(vector_plan.SETTINGS, "hnsw.iterative_scan", "sideways")
    assert len(messages()) == 1
    assert "hnsw.iterative_scan = sideways" in messages()[0]


def test_setting_that_pgvector_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vector_plan.SETTINGS, "hnsw.foresight", "on")
    assert any("hnsw.foresight" in message for message in messages())


def test_old_pgvector_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_checks, "_LEAST_VERSION", (99, 0))
    assert "99.0" in messages()[0]


def test_check_leaves_databases_alone_that_nobody_named() -> None:
    found = checks.run_checks(tags=[checks.Tags.database], databases=[])
    assert not [message for message in found if str(message.id).startswith("search.")]


def test_health_says_whether_vectors_can_be_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert health._vectors()
    monkeypatch.setitem(vector_plan.SETTINGS, "hnsw.iterative_scan", "sideways")
    assert not health._vectors()


@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_command_indexes_the_vectors_of_another_model() -> None:
    call_command("index_vectors", verbosity=0)
    call_command("index_vectors", dimension=12, verbosity=0)
    try:
        assert vector_index._is_valid(12)
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"DROP INDEX {vector_index.name(12)}")


def test_command_refuses_what_no_index_can_hold() -> None:
    with pytest.raises(CommandError, match="5000"):
        call_command("index_vectors", dimension=5000, verbosity=0)
