"""Rules for classes: judged by the database as by a reading of the rule, and they only narrow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import circumstances, class_rules
from apps.acls.circumstances import Circumstances
from apps.acls.class_rules import Missing
from apps.acls.classes import Classification
from apps.acls.models import AccessRule
from apps.tenants.context import tenant_context
from tests.undone import undone
from tests.world import World

ALL = Classification.values
# A Monday. Berlin is an hour ahead of UTC then, Auckland thirteen.
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    with tenant_context(world.acme):
        yield world


def rule(world: World, classification: str = "restricted", **fields: Any) -> AccessRule:
    return AccessRule.objects.create(tenant=world.acme, classification=classification, **fields)


def allowed(**told: Any) -> list[str]:
    with circumstances.bound(Circumstances(**told)):
        return class_rules.allowed_classes()


def test_without_rules_nothing_is_barred(acme: World) -> None:
    assert class_rules.allowed_classes() == ALL and class_rules.are_all_allowed()
    assert not class_rules.missing()


def test_rule_holds_for_its_class_and_every_stricter_one(acme: World) -> None:
    rule(acme, "confidential", requires_mfa=True)
    assert allowed() == ["public", "internal"]
    assert allowed(has_mfa=True) == ALL
    assert not class_rules.are_all_allowed()


def test_where_nothing_is_bound_no_second_factor_and_no_network_counts(acme: World) -> None:
    rule(acme, requires_mfa=True)
    rule(acme, "confidential", networks=["0.0.0.0/0", "::/0"])
    assert class_rules.allowed_classes() == ["public", "internal"]
    assert class_rules.missing() == Missing(second_factor=True, network=True)


@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        ("10.20.3.4", True),
        ("10.21.0.0", False),
        ("2001:db8::7", True),
        ("2001:db9::7", False),
        (None, False),
    ],
)
def test_networks(acme: World, address: str | None, is_inside: bool) -> None:
    rule(acme, networks=["10.20.0.0/16", "2001:db8::/32"])
    at = ip_address(address) if address else None
    assert ("restricted" in allowed(address=at)) is is_inside


@pytest.mark.parametrize(
    ("hours_after_monday", "is_open"),
    [
        (6.9, False),  # 07:54 in Berlin
        (7, True),
        (15.99, True),
        (16, False),
        (4 * 24 + 12, True),
        (5 * 24 + 12, False),  # Saturday
    ],
)
def test_office_hours_in_their_time_zone(
    acme: World, hours_after_monday: float, is_open: bool
) -> None:
    rule(
        acme,
        weekdays=[1, 2, 3, 4, 5],
        from_time=time(8),
        to_time=time(17),
        time_zone="Europe/Berlin",
    )
    at = MONDAY + timedelta(hours=hours_after_monday)
    assert ("restricted" in allowed(at=at)) is is_open


def test_hours_past_midnight_belong_to_the_day_they_began_on(acme: World) -> None:
    rule(acme, weekdays=[5], from_time=time(22), to_time=time(6))
    friday = MONDAY + timedelta(days=4)
    hours = {h: "restricted" in allowed(at=friday + timedelta(hours=h)) for h in range(-24, 48)}
    assert [h for h, is_open in hours.items() if is_open] == list(range(22, 30))


def test_rules_of_another_tenant_say_nothing(acme: World) -> None:
    with tenant_context(acme.umbra):
        AccessRule.objects.create(
            tenant=acme.umbra, classification="public", networks=["10.0.0.0/8"]
        )
        assert class_rules.allowed_classes() == []
    assert class_rules.allowed_classes() == ALL


@pytest.mark.parametrize(
    "broken",
    [{"from_time": time(8)}, {"from_time": time(8), "to_time": time(8)}, {"classification": "x"}],
)
def test_database_refuses_half_a_rule(acme: World, broken: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(acme, **broken)


_NETWORKS = ["10.0.0.0/8", "10.20.0.0/16", "192.168.1.7/32", "2001:db8::/32"]
_ADDRESSES = [None, "10.1.2.3", "10.20.9.9", "192.168.1.7", "2001:db8::1", "8.8.8.8"]
_quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
_hours = st.one_of(
    st.just((None, None)), st.tuples(_quarters, _quarters).filter(lambda h: h[0] != h[1])
)
_rules = st.fixed_dictionaries(
    {
        "classification": st.sampled_from(ALL),
        "requires_mfa": st.booleans(),
        "networks": st.lists(st.sampled_from(_NETWORKS), max_size=2, unique=True),
        "weekdays": st.lists(st.integers(1, 7), max_size=4, unique=True),
        "hours": _hours,
        "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
    }
)
_moments = st.integers(0, 400 * 96).map(lambda n: MONDAY + timedelta(minutes=15 * n))


def is_reachable(rule: dict[str, Any], has_mfa: bool, address: str | None) -> bool:
    if rule["requires_mfa"] and not has_mfa:
        return False
    networks = [ip_network(network) for network in rule["networks"]]
    here = ip_address(address) if address else None
    return not networks or any(here is not None and here in network for network in networks)


def is_open(rule: dict[str, Any], at: datetime) -> bool:
    """Judge as somebody with a watch on the wall would, without any arithmetic of ours."""
    local = at.astimezone(ZoneInfo(rule["time_zone"]))
    began, clock, (start, end) = local.isoweekday(), local.time(), rule["hours"]
    if start is not None and start < end and not start <= clock < end:
        return False
    if start is not None and start > end and clock < start:
        if clock >= end:
            return False
        began = 7 if began == 1 else began - 1  # last night's hours are not over yet
    return not rule["weekdays"] or began in rule["weekdays"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rules=st.lists(_rules, max_size=4),
    has_mfa=st.booleans(),
    address=st.sampled_from(_ADDRESSES),
    at=_moments,
)
def test_database_judges_as_a_reading_of_the_rules_and_each_rule_only_narrows(
    world: World, rules: list[dict[str, Any]], has_mfa: bool, address: str | None, at: datetime
) -> None:
    told = {"has_mfa": has_mfa, "address": ip_address(address) if address else None, "at": at}
    with tenant_context(world.acme), undone():
        before = allowed(**told)
        assert before == ALL
        for number, each in enumerate(rules, start=1):
            fields = {k: v for k, v in each.items() if k != "hours"}
            start, end = each["hours"]
            rule(world, from_time=start, to_time=end, **fields)
            now = allowed(**told)
            expected = [
                name
                for rank, name in enumerate(ALL)
                if all(
                    is_reachable(r, has_mfa, address) and is_open(r, at)
                    for r in rules[:number]
                    if ALL.index(r["classification"]) <= rank
                )
            ]
            assert now == expected
            assert set(now) <= set(before)  # another rule opens nothing
            assert now == ALL[: len(now)]  # and no stricter class is more open than a laxer one
            before = now
        assert set(allowed(at=at)) <= set(before)  # nothing is won by leaving something out
