"""The proof again, with hypothesis choosing what happens and shrinking what goes wrong.

`prove_permissions` draws its changes from one seed, at length. Here each step is a rule, so that a
disagreement comes down to the shortest history that still shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from random import Random

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.accounts.models import User
from apps.acls.models import Closure, Edge, Principal
from apps.ops.proof import company as companies
from apps.ops.proof import run
from apps.ops.proof.company import Company
from apps.ops.proof.sources import DIALECTS
from apps.tenants.context import current_tenant_id

USERS = 3
# Every so many steps the company in which nothing happened is asked too.
OTHER_EVERY = 5
Act = Callable[[Company, list[User], Random], str]

_numbers = itertools.count(1)
randoms = st.randoms(use_true_random=False)
mixes = st.lists(st.sampled_from(sorted(DIALECTS)), min_size=1, max_size=3, unique=True)
relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Companies(RuleBasedStateMachine):
    """Two companies with the same people, in the same database."""

    tally = run.Tally()

    def __init__(self) -> None:
        super().__init__()
        self.both: list[Company] = []
        self.users: list[User] = []
        self.touched: list[Company] = []
        self.done = "founded"

    # The first content comes from a seed: that much drawn one by one would exceed what an example
    # may hold, and hypothesis' favourite values make companies in which nobody reads anything.
    @initialize(seed=st.integers(0, 2**32), mix=mixes)
    def found(self, seed: int, mix: list[str]) -> None:
        rng, number = Random(seed), next(_numbers)  # noqa: S311  the same seed, the same company
        self.users = [
            User.objects.create_user(f"p{n}-{number}@stateful.example") for n in range(USERS)
        ]
        self.both = [
            companies.found(f"{name}-{number}", self.users, dialects, rng)
            for name, dialects in (("one", mix), ("other", mix[:1]))
        ]
        self.touched = self.both

    def _do(self, act: Act, which: int, rng: Random) -> None:
        company = self.both[which]
        self.done = act(company, self.users, rng)
        companies.follow(company)
        type(self).tally.steps += 1
        is_all = self.tally.steps % OTHER_EVERY == 0
        self.touched = self.both if is_all else [company]

    @rule(which=st.sampled_from([0, 0, 1]), times=st.integers(1, 3), rng=randoms)
    def a_source_changes(self, which: int, times: int, rng: Random) -> None:
        for _ in range(times):
            self._do(run._change_source, which, rng)

    @rule(which=st.sampled_from([0, 0, 1]), rng=randoms)
    def an_identity_is_given_or_taken(self, which: int, rng: Random) -> None:
        self._do(run._give_or_take, which, rng)

    @rule(which=st.sampled_from([0, 0, 1]), rng=randoms)
    def somebody_comes_or_goes(self, which: int, rng: Random) -> None:
        self._do(run._come_or_go, which, rng)

    @rule(which=st.sampled_from([0, 0, 1]), rng=randoms)
    def somebody_is_made_a_guest_or_a_member(self, which: int, rng: Random) -> None:
        self._do(run._guest_or_not, which, rng)

    @rule(which=st.sampled_from([0, 0, 1]), rng=randoms)
    def time_passes(self, which: int, rng: Random) -> None:
        self._do(run._pass_time, which, rng)

    @rule(which=st.sampled_from([0, 0, 1]), rng=randoms)
    def a_source_falls_silent_or_confirms(self, which: int, rng: Random) -> None:
        self._do(run._fall_silent_or_confirm, which, rng)

    def teardown(self) -> None:
        assert current_tenant_id() is None
        assert not connection.in_atomic_block

    @invariant()
    def kenward_answers_as_the_sources_do(self) -> None:
        found = [sentence for each in self.touched for sentence in self._disagreements(each)]
        assert found == [], f"after {self.done}"
        self.touched = []

    def _disagreements(self, company: Company) -> Iterator[str]:
        for user in self.users:
            yield from run.compare(company, user, self.tally)
        yield from run.compare_checks(company, self.users)
        explained = self.users[self.tally.steps % USERS]
        yield from run.compare_explanations(company, explained, self.tally)

    @invariant()
    def the_closure_is_the_recomputed_one(self) -> None:
        for company in self.both:
            with company.open():
                assert set(Closure.objects.values_list("group_id", "ancestor_id")) == _recomputed()


def _recomputed() -> set[tuple[int, int]]:
    nesting = Principal.objects.filter(kind__in=("group", "domain"))
    groups = set(nesting.values_list("pk", flat=True))
    edges = set(Edge.objects.filter(member__in=groups).values_list("member_id", "group_id"))
    found = {(group, group) for group in groups}
    while more := {(g, above) for g, a in found for member, above in edges if member == a} - found:
        found |= more
    return found


def _run(*, examples: int, steps: int) -> int:
    """Return how many steps were taken."""
    before = Companies.tally.steps
    profile = settings(relaxed, max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(Companies, settings=profile)
    return Companies.tally.steps - before


def test_kenward_answers_as_the_sources_whatever_hypothesis_thinks_of(
    transactional_db: None,
) -> None:
    assert _run(examples=2, steps=10) > 5


@pytest.mark.slow
def test_kenward_answers_as_the_sources_for_two_thousand_steps(transactional_db: None) -> None:
    taken = 0
    while taken < 2000:
        taken += _run(examples=12, steps=60)
    assert taken >= 2000
