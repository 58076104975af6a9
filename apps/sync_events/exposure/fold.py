"""Folds all pages of a report over what is stored of the connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils import timezone

from apps.connections.protocol import Problem
from apps.sync_events.exposure import evaluate, people, stored, wire
from apps.sync_events.exposure.evaluate import World
from apps.sync_events.exposure.items import Gathered, Listing
from apps.sync_events.exposure.models import ExposurePage, ExposureReport
from apps.sync_events.exposure.observed import NOBODY, Observed
from apps.sync_events.exposure.people import Claims, Member, Subject

# Pages that are read together.
_PAGES = 50
# Problems that are kept whole; others are counted.
PROBLEMS = 200


@dataclass(slots=True)
class Told:
    """Everything that the pages say together, and what was stored before them.

    Attributes:
        was: the state now, with the numbers of its stored policies.
        unseen: stored policies -> live documents that the source did not tell of.
    """

    observed: Observed
    claims: Claims
    listing: Listing
    gathered: Gathered
    was: World
    was_claims: list[Subject]
    was_numbers: dict[int, int]
    unseen: dict[int, int]
    members: list[Member]
    problems: list[Problem] = field(default_factory=list)
    problem_counts: Counter[str] = field(default_factory=Counter)


def told_by(report: ExposureReport) -> Told:
    """Fold all pages over what is stored."""
    source = report.connection
    observed, claims = stored.observed(source.realm), people.stored(source.realm)
    members = people.members()
    live = stored.documents(source)
    clauses = stored.clauses(live)
    was, numbers = evaluate.world_of(observed, [NOBODY, *clauses.values()], timezone.now())
    was_claims = subjects_of(claims, members, observed)
    gathered = Gathered()
    problems: list[Problem] = []
    counts: Counter[str] = Counter()
    for one in pages_of(report):
        claims.settle(observed.take(one.page), observed)
        gathered.take(one, observed)
        counts.update(problem.code for problem in one.page.problems)
        problems += one.page.problems[: PROBLEMS - len(problems)]
    if gathered.has_prefixes:
        gathered.find_prefixed(pages_of(report))
    listing = gathered.listing()
    # Of a source that was looked at in part nobody knows what has gone.
    seen = Counter(listing.before.tolist())
    expected = {} if report.is_truncated else live
    return Told(
        observed=observed,
        claims=claims,
        listing=listing,
        gathered=gathered,
        was=was,
        was_claims=was_claims,
        was_numbers={pk: numbers[clauses.get(pk, NOBODY)] for pk in live},
        unseen={pk: n - seen[pk] for pk, n in expected.items() if n > seen[pk]},
        members=members,
        problems=problems,
        problem_counts=counts,
    )


def pages_of(report: ExposureReport) -> Iterator[wire.Told]:
    """Yield what was told, in its order."""
    kept = ExposurePage.objects.filter(report=report).order_by("number")
    for told in kept.values_list("told", flat=True).iterator(chunk_size=_PAGES):
        yield wire.unpack(told)


def subjects_of(claims: Claims, members: list[Member], observed: Observed) -> list[Subject]:
    """Return what each member is in the source, by these claims."""
    identities = claims.identities()
    return [claims.subject_of(member, observed, identities) for member in members]
