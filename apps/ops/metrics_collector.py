"""What /metrics reads from the database when it is scraped: one registry for all such numbers.

A source of numbers is a function that yields metric families; `register` adds it. It runs in a
transaction of its own, with no tenant bound, and may use functions of the database that hand out
numbers without rows. One that fails is left out and logged: the other numbers still come.
"""

from __future__ import annotations

import logging
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


def _asked(source: Source) -> list[Metric]:
    try:
        with transaction.atomic():
            return list(source())
    except Error:
        log.exception("metrics of %s", source.__name__)
        return []
