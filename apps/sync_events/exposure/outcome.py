"""Works out what a source has told: what comes in, who would gain what, what is public.

Before the first document of it is stored. Reads top to bottom: what is stored now, what the pages
make of it, who is who, what each would read, and the report's lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from apps.acls.principals import Name
from apps.connections.protocol import PrincipalKind, Problem
from apps.sync_events.exposure import evaluate, lines, people, reports, stored, wire
from apps.sync_events.exposure.evaluate import Flow, World
from apps.sync_events.exposure.items import Gathered, Listing
from apps.sync_events.exposure.models import ExposureLine, ExposurePage, ExposureReport
from apps.sync_events.exposure.observed import NOBODY, Observed
from apps.sync_events.exposure.people import Claims, Member, Subject

# Pages that are read together.
_PAGES = 50
# Paths shown of each public finding.
PATHS = 20
# Problems that are kept whole; others are counted.
PROBLEMS = 200
# The finding that no member would read a document; others are numbers of subjects.
NOBODY_READS = -1


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


@dataclass(frozen=True, slots=True)
class Who:
    """Everybody and every kind of people that the report tells of, as numbers of subjects.

    Attributes:
        subjects: members first.
        unmatched: identities that nobody holds.
        unknown: groups whose members are unknown.
        public: kinds of public, and domains.
    """

    subjects: list[tuple[Subject, Subject]]
    unmatched: dict[Name, int]
    unknown: dict[Name, int]
    public: dict[Name, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known in the end; the lines and numbers of the report are made of it.

    Attributes:
        policies: numbers of the source's policies -> numbers of the state's.
        verdicts: in the order of the subjects.
        findings: the policies of each kind of public, and of `NOBODY_READS`.
        paths: finding -> a few paths.
    """

    told: Told
    who: Who
    policies: np.ndarray[Any, np.dtype[np.int64]]
    verdicts: evaluate.Verdicts
    findings: Mapping[int, frozenset[int]]
    paths: Mapping[int, list[str]]

    def documents_of(self, finding: int) -> int:
        """Return how many documents a finding is about."""
        per_policy = np.bincount(self.policies[self.told.listing.policies], minlength=1)
        return int(sum(per_policy[n] for n in self.findings[finding] if n < len(per_policy)))


def make(report: ExposureReport, token: UUID) -> None:
    """Finish a report of which everything is told.

    Raises:
        ClaimLost: somebody else works on it, or it was cancelled.
        ContractBroken: a sync could not store what the source tells.
    """
    found = find(report)
    with transaction.atomic():
        current = reports.locked(report.pk, token)
        ExposureLine.objects.filter(report=current).delete()
        ExposureLine.objects.bulk_create(lines.of(current, found), batch_size=1_000)
        reports.finish(current, lines.result(current, found))


def find(report: ExposureReport) -> Found:
    """Return what the kept pages of a report mean; reads alone."""
    with transaction.atomic():
        told = _told(report)
    who = _who(told)
    clauses = list(told.gathered.policies)
    now, numbers = evaluate.world_of(told.observed, [NOBODY, *clauses], timezone.now())
    policies = np.array([numbers[one] for one in clauses] or [0], np.int64)
    verdicts = evaluate.verdicts(
        told.was,
        now,
        who.subjects,
        _flow(told, policies),
        counted=len(told.members),
        tracked=tuple(who.public.values()),
    )
    findings = _findings(who, verdicts)
    return Found(
        told=told,
        who=who,
        policies=policies,
        verdicts=verdicts,
        findings=findings,
        paths=_paths(report, told, policies, findings),
    )


def _findings(who: Who, verdicts: evaluate.Verdicts) -> dict[int, frozenset[int]]:
    """Return what each kind of public would read, without what is public to more people."""
    found = dict(verdicts.admitting)
    everyone = who.public[PrincipalKind.EVERYONE.value, ""]
    full = who.public[PrincipalKind.MEMBERS.value, ""]
    found[full] -= found[everyone]
    found[NOBODY_READS] = frozenset(np.flatnonzero(verdicts.readers == 0).tolist())
    return found


def _told(report: ExposureReport) -> Told:
    """Fold all pages over what is stored."""
    source = report.connection
    observed, claims = stored.observed(source.realm), people.stored(source.realm)
    members = people.members()
    live = stored.documents(source)
    clauses = stored.clauses(live)
    was, numbers = evaluate.world_of(observed, [NOBODY, *clauses.values()], timezone.now())
    was_claims = _subjects(claims, members, observed)
    gathered = Gathered()
    problems: list[Problem] = []
    counts: Counter[str] = Counter()
    for one in _pages(report):
        claims.settle(observed.take(one.page), observed)
        gathered.take(one, observed)
        counts.update(problem.code for problem in one.page.problems)
        problems += one.page.problems[: PROBLEMS - len(problems)]
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


def _pages(report: ExposureReport) -> Iterator[wire.Told]:
    """Yield what was told, in its order."""
    kept = ExposurePage.objects.filter(report=report).order_by("number")
    for told in kept.values_list("told", flat=True).iterator(chunk_size=_PAGES):
        yield wire.unpack(told)


def _subjects(claims: Claims, members: list[Member], observed: Observed) -> list[Subject]:
    identities = claims.identities()
    return [claims.subject_of(member, observed, identities) for member in members]


def _who(told: Told) -> Who:
    observed = told.observed
    after = _subjects(told.claims, told.members, observed)
    subjects = list(zip(told.was_claims, after, strict=True))

    def added(names: dict[Name, Subject]) -> dict[Name, int]:
        first = len(subjects)
        subjects.extend((Subject(), one) for one in names.values())
        return {name: first + number for number, name in enumerate(names)}

    unmatched = {
        name: Subject((name,))
        for name, known in observed.principals.items()
        if name[0] == PrincipalKind.USER and known.is_alive and name not in told.claims.live
    }
    unknown = {
        name: Subject((name,))
        for name, known in observed.principals.items()
        if name[0] in (PrincipalKind.GROUP, PrincipalKind.DOMAIN)
        and known.is_alive
        and not known.is_known
    }
    return Who(
        subjects=subjects,
        unmatched=added(unmatched),
        unknown=added(unknown),
        public=added(_public(observed)),
    )


def _public(observed: Observed) -> dict[Name, Subject]:
    """Return the kinds of people that nobody has named one by one."""
    everyone = people.dynamic(observed, [PrincipalKind.EVERYONE])
    full = people.dynamic(observed, [PrincipalKind.EVERYONE, PrincipalKind.MEMBERS])
    links = people.dynamic(observed, [PrincipalKind.LINK])
    return {
        (PrincipalKind.EVERYONE.value, ""): Subject(everyone),
        (PrincipalKind.MEMBERS.value, ""): Subject(full),
        (PrincipalKind.LINK.value, ""): Subject(links),
        **{name: Subject((name,)) for name in people.dynamic(observed, [PrincipalKind.DOMAIN])},
    }


def _flow(told: Told, policies: np.ndarray[Any, np.dtype[np.int64]]) -> Flow:
    """Return how many documents go from which policy to which, those that go away included."""
    listing = told.listing
    numbers = {0: 0, **told.was_numbers}
    # A policy of a document that has gone since it was listed: nobody reads by it now.
    known, place = np.unique(listing.before, return_inverse=True)
    old = np.array([numbers.get(pk, 0) for pk in known.tolist()] or [0], np.int64)[place]
    new = policies[listing.policies]
    pairs, counts = np.unique(np.stack([old, new], axis=1), axis=0, return_counts=True)
    gone = [(told.was_numbers[pk], 0, n) for pk, n in told.unseen.items()]
    gone_rows = np.array(gone, np.int64).reshape(-1, 3)
    return Flow(
        before=np.concatenate([pairs[:, 0], gone_rows[:, 0]]),
        after=np.concatenate([pairs[:, 1], gone_rows[:, 1]]),
        documents=np.concatenate([counts, gone_rows[:, 2]]),
    )


@transaction.atomic
def _paths(
    report: ExposureReport,
    told: Told,
    policies: np.ndarray[Any, np.dtype[np.int64]],
    findings: Mapping[int, frozenset[int]],
) -> dict[int, list[str]]:
    """Return a few paths of each finding."""
    found: dict[int, dict[str, None]] = {finding: {} for finding in findings}
    for one in _pages(report):
        for row, path in one.sampled:
            policy = told.listing.policy_of(int(one.items.names[row]))
            if policy is None:
                continue
            number = int(policies[policy])
            for finding, paths in found.items():
                if len(paths) < PATHS and number in findings[finding]:
                    paths[path] = None
        if all(len(paths) >= PATHS for paths in found.values()):
            break
    return {finding: sorted(paths) for finding, paths in found.items()}
