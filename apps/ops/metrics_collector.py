"""What /metrics reads from the database when it is scraped: one registry for all such numbers.

A source of numbers is a function that yields metric families; `register` adds it. It runs in a
transaction of its own, with no tenant bound, and may use functions of the database that hand out
numbers without rows. One that fails is left out and logged: the other numbers still come.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator

from django.db import Error, connection, transaction
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

Source = Callable[[], Iterable[Metric]]

_sources: list[Source] = []


def register(source: Source) -> Source:
    """Have a function asked at every scrape; usable as a decorator, once per function."""
    if source not in _sources:
        _sources.append(source)
    return source


class DatabaseCollector(Collector):
    """Asks every registered source."""

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: that would ask the database while the program loads."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all sources."""
        for source in _sources:
            yield from _asked(source)


def install() -> None:
    """Add the collector to what /metrics exports; the app does so once, when it is ready."""
    REGISTRY.register(DatabaseCollector())


@register
def permissions() -> Iterable[Metric]:
    """Yield how old each connection's permissions are, and how they compare with the source."""
    labels = ("tenant", "connection")
    age = GaugeMetricFamily(
        "kenward_permission_age_seconds",
        "Time since the permissions of a connection were confirmed; +Inf while they are not.",
        labels=labels,
    )
    checked = CounterMetricFamily(
        "kenward_permission_answers_checked",
        "Answers of Kenward that were held against the source's own.",
        labels=labels,
    )
    mismatches = CounterMetricFamily(
        "kenward_permission_mismatches",
        "Answers that differed: leak, where Kenward alone allowed, or loss, where it alone denied.",
        labels=(*labels, "kind"),
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM kenward_permission_numbers()")
        for tenant, uuid, age_s, asked, leaks, losses in cursor.fetchall():
            names = (tenant, str(uuid))
            age.add_metric(names, age_s)
            checked.add_metric(names, asked)
            mismatches.add_metric((*names, "leak"), leaks)
            mismatches.add_metric((*names, "loss"), losses)
    return age, checked, mismatches


@register
def syncing() -> Iterable[Metric]:
    """Yield how far each connection is behind its source, and its runs."""
    labels = ("tenant", "connection")
    ages = {
        "compared": "Time since everything was compared with the source; +Inf: never.",
        "asked": "Time since the source was asked for its changes; absent where it keeps no log.",
        "told": "Time since the source last sent word by itself; absent where it never has.",
    }
    gauges = {
        name: GaugeMetricFamily(f"kenward_sync_{name}_age_seconds", text, labels=labels)
        for name, text in ages.items()
    }
    lag = GaugeMetricFamily(
        "kenward_sync_lag_seconds",
        "Age of the oldest change that the source reported and that is not stored (store), and of"
        " the oldest document that is not in the index (index); 0: none waits.",
        labels=(*labels, "waits_for"),
    )
    runs = GaugeMetricFamily(
        "kenward_sync_runs", "Runs that are being worked on, or stuck.", labels=(*labels, "state")
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM kenward_sync_numbers()")
        for tenant, uuid, compared, asked, told, reported, index, running, stuck in cursor:
            names = (tenant, str(uuid))
            gauges["compared"].add_metric(names, math.inf if compared is None else compared)
            for name, age in (("asked", asked), ("told", told)):
                if age is not None:
                    gauges[name].add_metric(names, age)
            lag.add_metric((*names, "store"), reported or 0.0)
            lag.add_metric((*names, "index"), index or 0.0)
            runs.add_metric((*names, "running"), running)
            runs.add_metric((*names, "stuck"), stuck)
    return (*gauges.values(), lag, runs)


def _asked(source: Source) -> list[Metric]:
    try:
        with transaction.atomic():
            return list(source())
    except Error:
        log.exception("metrics of %s", source.__name__)
        return []
