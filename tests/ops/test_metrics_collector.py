"""What /metrics reads from the database: numbers per connection, without a name or a row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from apps.connections.models import Connection
from apps.documents import canary_planting
from apps.ops import metrics_collector
from apps.sync_events.drift_models import DriftCheck
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import source
from tests.world import World

Labels = tuple[tuple[str, str], ...]


def scraped() -> dict[tuple[str, Labels], float]:
    """Return what is exported, by name and labels."""
    text = Client().get("/metrics").content.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_connection_tells_its_age_and_its_mismatches(world: World) -> None:
    minutes_ago = timezone.now() - timedelta(minutes=3)
    with tenant_context(world.acme):
        drive = source(world.acme, "drive", permissions_confirmed_at=minutes_ago)
        DriftCheck.objects.create(
            tenant=world.acme,
            connection=drive,
            ask_again_at=minutes_ago,
            finished_at=minutes_ago,
            agreed=36,
            leaks=1,
            losses=3,
        )
    with tenant_context(world.umbra):
        wiki = source(world.umbra, "wiki")
    found = scraped()
    ours: Labels = (("connection", str(drive.uuid)), ("tenant", "acme"))
    assert 180 <= found["kenward_permission_age_seconds", ours] < 240
    assert found["kenward_permission_answers_checked_total", ours] == 40
    for kind, count in (("leak", 1), ("loss", 3)):
        labels = (ours[0], ("kind", kind), ours[1])
        assert found["kenward_permission_mismatches_total", labels] == count
    theirs: Labels = (("connection", str(wiki.uuid)), ("tenant", "umbra"))
    assert math.isinf(found["kenward_permission_age_seconds", theirs])
    assert drive.name not in str(found)


def test_the_hidden_connection_of_the_canaries_is_not_among_them(world: World) -> None:
    with tenant_context(world.acme):
        drive = source(world.acme, "drive")
        canary_planting.plant()
        hidden = Connection.with_canaries.exclude(pk=drive.pk).get()
    told = {value for _, labels in scraped() for name, value in labels if name == "connection"}
    assert str(drive.uuid) in told and str(hidden.uuid) not in told


def test_nothing_stays_bound_after_a_scrape(world: World) -> None:
    with tenant_context(world.umbra):
        source(world.umbra, "wiki")
    with tenant_context(world.acme):
        list(metrics_collector.permissions())
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM connections_connection")
            assert cursor.fetchone() == (0,)


def test_a_source_that_fails_is_left_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterable[Metric]:
        raise DatabaseError("no such function")

    def whole() -> Iterable[Metric]:
        return [GaugeMetricFamily("kenward_test_whole", "A number.", value=7)]

    before = list(metrics_collector._sources)
    try:
        metrics_collector.register(broken)
        assert metrics_collector.register(whole) is metrics_collector.register(whole)
        found = scraped()
    finally:
        metrics_collector._sources[:] = before
    assert found["kenward_test_whole", ()] == 7
    assert "metrics of broken" in caplog.text
