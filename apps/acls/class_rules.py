"""Which classes of documents this session may see: rules narrow per request, and never widen.

The rules are judged inside each statement that finds or releases, by the rows as they are then. So
no decision is ever kept, and a rule holds from its commit on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.acls import circumstances
from apps.acls.classes import ORDERED, Classification
from apps.acls.models import AccessRule
from apps.tenants.context import required_tenant_id

# The wall clock of the rule, counted from where its hours begin: hours past midnight belong to the
# day before.
_SINCE_BEGIN = (
    "(coalesce(%(scope_at)s::timestamptz, statement_timestamp()) AT TIME ZONE r.time_zone)"
    " - coalesce(r.from_time, '00:00')::interval"
)
_LENGTH = (
    "CASE WHEN r.from_time IS NULL THEN interval '24 hours'"
    " WHEN r.to_time > r.from_time THEN r.to_time - r.from_time"
    " ELSE r.to_time - r.from_time + interval '24 hours' END"
)
_MFA = "(NOT r.requires_mfa OR %(scope_has_mfa)s::boolean)"
_NETWORK = (
    "(cardinality(r.networks) = 0 OR %(scope_address)s::inet <<= ANY (r.networks::text[]::cidr[]))"
)
_HOURS = (
    f"(({_SINCE_BEGIN})::time - time '00:00' < {_LENGTH} AND (cardinality(r.weekdays) = 0"
    f" OR extract(isodow FROM {_SINCE_BEGIN}) = ANY (r.weekdays)))"
)
# Stands in the WHERE of everything that reads documents for somebody; PostgreSQL computes it once
# per statement. What is neither true nor false has not passed.
ALLOWED = f"""(SELECT coalesce(array_agg(class.name), ARRAY[]::text[])
    FROM unnest({ORDERED}) WITH ORDINALITY AS class(name, rank)
    WHERE NOT EXISTS (
        SELECT FROM acls_accessrule r WHERE r.tenant_id = %(scope_tenant)s::bigint
            AND array_position({ORDERED}, r.classification::text) <= class.rank
            AND ({_MFA} AND {_NETWORK} AND {_HOURS}) IS NOT TRUE))"""  # noqa: S608  constants


@dataclass(frozen=True, slots=True)
class Missing:
    """What the tenant's rules ask for that this session lacks, whatever there is to find."""

    second_factor: bool = False
    network: bool = False
    hours: bool = False

    def __bool__(self) -> bool:
        return self.second_factor or self.network or self.hours


def params() -> dict[str, Any]:
    """Return what `ALLOWED` takes, without the tenant."""
    now = circumstances.current()
    return {
        "scope_has_mfa": now.has_mfa,
        "scope_address": str(now.address) if now.address is not None else None,
        "scope_at": now.at,
    }


def allowed_classes() -> list[str]:
    """Return the classes that the bound tenant's rules let this session see at this moment.

    For choosing a plan and for telling people; each statement judges for itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {ALLOWED}", {**params(), "scope_tenant": required_tenant_id()})
        allowed: list[str] = cursor.fetchone()[0]
    return allowed


def conditions_of(classification: str) -> Missing:
    """Return what the bound tenant's rules ask of any session for a class, whether met or not.

    Args:
        classification: of a document.
    """
    known = list(Classification)
    milder = known[: known.index(Classification(classification)) + 1]
    rules = AccessRule.objects.filter(tenant_id=required_tenant_id(), classification__in=milder)
    return Missing(
        second_factor=any(rule.requires_mfa for rule in rules),
        network=any(rule.networks for rule in rules),
        hours=any(rule.weekdays or rule.from_time is not None for rule in rules),
    )


def are_all_allowed() -> bool:
    """Return whether no rule keeps anything from this session at this moment."""
    return len(allowed_classes()) == len(Classification)


def missing() -> Missing:
    """Return what this session would have to bring to see documents of every class."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(bool_or({_MFA} IS NOT TRUE), false),"  # noqa: S608  constants
            f" coalesce(bool_or({_NETWORK} IS NOT TRUE), false),"
            f" coalesce(bool_or({_HOURS} IS NOT TRUE), false)"
            " FROM acls_accessrule r WHERE r.tenant_id = %(scope_tenant)s::bigint",
            {**params(), "scope_tenant": required_tenant_id()},
        )
        return Missing(*cursor.fetchone())
