"""The proof can fail: an engine with one deliberate fault is found out within some steps.

Each fault is written into the texts of the engine's statements (`apps.acls.statement`), so that the
whole product, cache and explanations included, runs with it. To patch them is the point of these
tests: a proof that stays silent here would prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from apps.acls import statement
from apps.ops.proof import run
from tests.acls.races import rewritten

# What each of these says, decides; a fault takes it away. All texts that contain it change.
CUT = "AND (NOT l.cut OR hit.sticky)"
DENIALS = "(me.sure OR e.permission_id <> (SELECT id FROM allows))"
ONLY_ALLOWS = "(me.sure AND e.permission_id = (SELECT id FROM allows))"
ENDS = "WHERE e.expires_at IS NULL OR e.expires_at > statement_timestamp()\n)"
UNKNOWN = "AND NOT x.members_known"
CLAIMED = "AND c.ended_at IS NULL"
STICKY = "(NOT l.cut OR hit.sticky)"
BEGINS = "WHERE starts_at IS NULL OR starts_at <= statement_timestamp()"
CLAUSES = "HAVING count(DISTINCT c.clause) = c.clause_count"
GUESTS = "(d.kind = 'everyone' OR NOT m.is_guest)"
NEAREST = "HAVING min(l.distance::bigint * 65536 + hit.rank) %% 2 = 1"
LIVE = "i.is_active AND i.deleted_at IS NULL AS live"
MEMBERSHIP_ENDS = (
    "WHERE held.live AND (e.expires_at IS NULL OR e.expires_at > statement_timestamp())"
)
AGE = (
    "WHERE source.tenant_id = %(scope_tenant)s::bigint AND (source.permissions_confirmed_at IS NULL"
)


@dataclass(frozen=True)
class Fault:
    """A part of the statement, and what stands there instead.

    Attributes:
        steps: within which the proof has to notice.
    """

    part: str
    instead: str
    steps: int = 500


SOONEST: Mapping[str, Fault] = {
    "one clause is enough": Fault(CLAUSES, ""),
}
OTHERS: Mapping[str, Fault] = {
    "cuts are ignored": Fault(CUT, ""),
    "denials are ignored": Fault(DENIALS, ONLY_ALLOWS),
    "expiry of entries is ignored": Fault(ENDS, "WHERE true\n)"),
    "unknown groups are ignored": Fault(UNKNOWN, "AND false"),
    "ended claims go on": Fault(CLAIMED, ""),
    "nothing passes a cut": Fault(STICKY, "NOT l.cut"),
    "entries count before they begin": Fault(BEGINS, "WHERE true"),
    "guests count as members": Fault(GUESTS, "true"),
    "the nearest place does not come first": Fault(NEAREST, "HAVING min(hit.rank) %% 2 = 1"),
    "the order of entries is ignored": Fault(
        "min(ord * 2 + allow::int) AS rank", "min(allow::int) AS rank"
    ),
    "who is shut out keeps reading": Fault(LIVE, "i.deleted_at IS NULL AS live", steps=1_000),
    "memberships do not end": Fault(MEMBERSHIP_ENDS, "WHERE held.live"),
    "permissions have no age": Fault(AGE, AGE.replace("AND (", "AND false AND (")),
}


@pytest.fixture
def faulty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fault]:
    """Run the product with a fault in its statements, in this process alone."""
    fault: Fault = request.param
    texts = {
        name: text
        for name, text in vars(statement).items()
        if name in ("LABELLED_SET", "INLINE") and isinstance(text, str)
    }
    for name, text in texts.items():
        monkeypatch.setattr(statement, name, rewritten(text, fault.part, fault.instead))
    yield fault


def assert_found_out(fault: Fault) -> None:
    """Run until the first disagreement; some companies never come by what a fault touches."""
    steps = seed = 0
    while steps < fault.steps:
        seed += 1
        tally = run.prove(
            seed=seed,
            go_on=lambda tally: not tally.disagreements and tally.steps < 50,
            dialects=["algebra"],
        )
        steps += tally.steps
        if tally.disagreements:
            return
    pytest.fail(f"not noticed within {steps} steps")


def _named(faults: Mapping[str, Fault]) -> list[object]:
    return [pytest.param(fault, id=name) for name, fault in faults.items()]


@pytest.mark.parametrize("faulty", _named(SOONEST), indirect=True)
def test_the_proof_notices_that(transactional_db: None, faulty: Fault) -> None:
    assert_found_out(faulty)


@pytest.mark.slow
@pytest.mark.parametrize("faulty", _named(OTHERS), indirect=True)
def test_the_proof_notices_also_that(transactional_db: None, faulty: Fault) -> None:
    assert_found_out(faulty)
