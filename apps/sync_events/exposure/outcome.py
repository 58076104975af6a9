"""Works out what a source has told: what comes in, who would gain what, what is public.

Before the first document of it is stored. Reads top to bottom: fold the pages, say who there is,
ask what each would read, and write the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from apps.acls.models import NESTING_KINDS
from apps.acls.principals import Name
from apps.connections.protocol import PrincipalKind
from apps.sync_events.exposure import evaluate, fold, lines, people, reports
from apps.sync_events.exposure.evaluate import Flow, Verdicts, World
from apps.sync_events.exposure.fold import Told
from apps.sync_events.exposure.models import ExposureLine, ExposureReport
from apps.sync_events.exposure.observed import NOBODY, Observed
from apps.sync_events.exposure.people import Subject

# Paths shown of each finding.
PATHS = 20
# The finding that no member would read a document; others are kinds of public.
NOBODY_READS: Name = ("nobody", "")
EVERYONE: Name = (PrincipalKind.EVERYONE.value, "")
MEMBERS: Name = (PrincipalKind.MEMBERS.value, "")
LINK: Name = (PrincipalKind.LINK.value, "")


@dataclass(frozen=True, slots=True)
class Found:
    """What is known in the end; the lines and numbers of the report are made of it.

    Attributes:
        policies: numbers of the source's policies -> numbers of the state's.
        verdicts: of the members, in their order.
        findings: the policies of each kind of public, and of `NOBODY_READS`.
        unmatched: identities that nobody holds -> documents that wait for them.
        unknown: groups whose members are unknown -> likewise.
        paths: finding -> a few paths.
    """

    told: Told
    policies: NDArray[np.int64]
    verdicts: Verdicts
    findings: Mapping[Name, frozenset[int]]
    unmatched: Mapping[Name, int]
    unknown: Mapping[Name, int]
    paths: Mapping[Name, list[str]]

    def documents_of(self, finding: Name) -> int:
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
        told = fold.told_by(report)
    clauses = list(told.gathered.policies)
    now, numbers = evaluate.world_of(told.observed, [NOBODY, *clauses], timezone.now())
    policies = np.array([numbers[one] for one in clauses] or [0], np.int64)
    flow = _flow(told, policies)
    after = fold.subjects_of(told.claims, told.members, told.observed)
    public = _public(told.observed)
    verdicts = evaluate.verdicts(
        told.was,
        now,
        [
            *zip(told.was_claims, after, strict=True),
            *((Subject(), subject) for subject in public.values()),
        ],
        flow,
        counted=len(told.members),
        tracked=range(len(told.members), len(told.members) + len(public)),
    )
    admitting = dict(zip(public, verdicts.admitting.values(), strict=True))
    findings = _findings(admitting, verdicts)
    waiting = _waiting(told, now, flow, admitting[MEMBERS])
    return Found(
        told=told,
        policies=policies,
        verdicts=verdicts,
        findings=findings,
        unmatched={name: n for name, n in waiting.items() if name[0] == PrincipalKind.USER},
        unknown={name: n for name, n in waiting.items() if name[0] in NESTING_KINDS},
        paths=_paths(report, told, policies, findings),
    )


def _public(observed: Observed) -> dict[Name, Subject]:
    """Return people whom nobody has named one by one, as kinds; all but guests are members."""
    full = _full_member(observed)
    links = people.dynamic(observed, [PrincipalKind.LINK])
    return {
        EVERYONE: Subject(people.dynamic(observed, [PrincipalKind.EVERYONE])),
        MEMBERS: Subject(full),
        LINK: Subject((*full, *links)),
        **{
            name: Subject((*full, name))
            for name in people.dynamic(observed, [PrincipalKind.DOMAIN])
        },
    }


def _full_member(observed: Observed) -> tuple[Name, ...]:
    return people.dynamic(observed, [PrincipalKind.EVERYONE, PrincipalKind.MEMBERS])


def _findings(
    admitting: Mapping[Name, frozenset[int]], verdicts: Verdicts
) -> dict[Name, frozenset[int]]:
    """Return what each kind of public would read, without what is public to more people."""
    found = {name: policies - admitting[MEMBERS] for name, policies in admitting.items()}
    found[EVERYONE] = admitting[EVERYONE]
    found[MEMBERS] = admitting[MEMBERS] - admitting[EVERYONE]
    found[NOBODY_READS] = frozenset(np.flatnonzero(verdicts.readers == 0).tolist())
    return found


def _waiting(
    told: Told, now: World, flow: Flow, for_all_members: frozenset[int]
) -> dict[Name, int]:
    """Return what a member would gain by being one whom nobody is yet.

    What all members read anyway waits for nobody.
    """
    known = told.observed.principals
    names = [
        name
        for name, one in known.items()
        if one.is_alive
        and (
            (name[0] == PrincipalKind.USER and name not in told.claims.live)
            or (name[0] in NESTING_KINDS and not one.is_known)
        )
    ]
    full = _full_member(told.observed)
    keeps = ~np.isin(flow.after, list(for_all_members))
    verdicts = evaluate.verdicts(
        told.was,
        now,
        [(Subject(), Subject((*full, name))) for name in names],
        Flow(flow.before[keeps], flow.after[keeps], flow.documents[keeps]),
        counted=0,
    )
    return dict(zip(names, verdicts.documents.tolist(), strict=True))


def _flow(told: Told, policies: NDArray[np.int64]) -> Flow:
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
    policies: NDArray[np.int64],
    findings: Mapping[Name, frozenset[int]],
) -> dict[Name, list[str]]:
    """Return a few paths of each finding."""
    found: dict[Name, dict[str, None]] = {finding: {} for finding in findings}
    for one in fold.pages_of(report):
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
