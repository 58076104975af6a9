"""What monitoring is told, without signing in."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client

from apps.ops import health


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_answers", health._Answers())


def test_live_asks_nothing_of_the_database(client: Client) -> None:
    # Without the mark django_db, any query here raises.
    response = client.get("/health/live")
    assert (response.status_code, response.content) == (200, b"ok")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_ready_names_the_parts_that_do_not_answer(client: Client) -> None:
    response = client.get("/health/ready")
    assert response.status_code == 503
    body = response.json()
    assert body["ready"] is False
    assert body["parts"]["database"]
    assert body["parts"]["redis"]
    assert body["parts"]["workers"] is False  # none runs in this test


@pytest.mark.django_db
def test_a_dead_redis_is_an_answer_and_not_an_error(
    client: Client, settings: LazySettings, tmp_path: object
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["parts"]["redis"] is False


@pytest.mark.django_db
def test_answers_are_kept_so_that_asking_costs_little(client: Client) -> None:
    asked: list[int] = []

    def counted() -> bool:
        asked.append(1)
        return True

    health._PARTS["counted"] = counted
    try:
        for _ in range(5):
            assert client.get("/health/ready").json()["parts"]["counted"]
    finally:
        del health._PARTS["counted"]
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_takes_only_reads(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
