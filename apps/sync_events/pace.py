"""How fast a run goes and how long it still takes, as far as that can be known.

A run keeps how far it was at a few moments of the last minute. What is left is measured by the
source's own total or, where it tells none, by the last comparison that came to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, IntegerField, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Now
from django.utils import timezone

from apps.connections.errors import RateLimited
from apps.sync_events.models import UNFINISHED, Lane, RunState, SyncEvent, SyncRun

# The rate is that of so many seconds; of as many, at least, something has to be known.
WINDOW_S = 60.0
KNOWN_AFTER_S = 3.0
# Moments nearer to each other than this are one (seconds).
_APART_S = 4.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run goes.

    Attributes:
        done: documents seen, or pages of permissions read.
        expected: how many there are: the source's word, or as many as last time; None: unknown.
        is_told: whether the source itself said so.
        per_second: over the last minute; None while too little is known.
        remaining_s: seconds that it still takes at this rate; None: nobody can say.
    """

    done: int
    expected: int | None
    is_told: bool
    per_second: float | None
    remaining_s: float | None


def note(run: SyncRun, now: datetime | None = None) -> None:
    """Remember how far a run is at this moment; the caller, who holds its lock, saves it.

    Args:
        run: a page of it has been counted.
        now: aware; the present where it is not given.
    """
    at = (now or timezone.now()).timestamp()
    kept = [one for one in run.lately if at - one[0] <= WINDOW_S]
    if len(kept) > 1 and kept[-1][0] - kept[-2][0] < _APART_S:
        kept.pop()
    run.lately = [*kept, [round(at, 1), done(run)]]


def of(run: SyncRun, now: datetime | None = None) -> Pace:
    """Return how fast a run goes.

    Args:
        run: from `with_expectations`.
        now: aware; the present where it is not given.
    """
    is_told = bool(run.total) and run.lane == Lane.CONTENT
    expected = run.total if is_told else expected_as_before(run)
    rate = _rate(run, (now or timezone.now()).timestamp())
    left = expected - done(run) if expected is not None and run.is_sweep else None
    # More than last time: how many more nobody knows.
    remaining = left / rate if rate and left is not None and left > 0 else None
    return Pace(done(run), expected, is_told, rate, remaining)


def done(run: SyncRun) -> int:
    """Return how far a run is: in documents, or in pages where it reads permissions alone."""
    return run.seen if run.lane == Lane.CONTENT else run.pages


def with_expectations(runs: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
    """Add to runs what is known of those before them, and why they wait.

    `seen_before` and `pages_before` are of the last comparison of the same source that came to its
    end, for runs that are under way; `waits_for` is the code of the latest event of a run that
    is not to go on yet.
    """
    ended = SyncRun.objects.filter(
        connection_id=OuterRef("connection_id"),
        lane=OuterRef("lane"),
        is_sweep=True,
        state__in=(RunState.SUCCEEDED, RunState.PARTIAL),
        pk__lt=OuterRef("pk"),
    ).order_by("-created_at")
    told = SyncEvent.objects.filter(run_id=OuterRef("pk")).order_by("-pk").values("code")[:1]
    return runs.annotate(
        seen_before=_while_under_way(Subquery(ended.values("seen")[:1])),
        pages_before=_while_under_way(Subquery(ended.values("pages")[:1])),
        waits_for=Case(
            When(state__in=UNFINISHED, not_before__gt=Now(), then=Subquery(told)),
            default=None,
            output_field=CharField(),
        ),
    )


def expected_as_before(run: SyncRun) -> int | None:
    """Return how many there were the last time, or None: then nothing is expected."""
    name = "seen_before" if run.lane == Lane.CONTENT else "pages_before"
    found: int | None = getattr(run, name)  # AttributeError: not from `with_expectations`
    return found or None


def is_limited(run: SyncRun) -> bool:
    """Return whether a run waits because its source asked for it."""
    return getattr(run, "waits_for", None) == RateLimited.code


def _while_under_way(expression: Subquery) -> Case:
    return Case(
        When(state__in=UNFINISHED, is_sweep=True, then=expression),
        default=None,
        output_field=IntegerField(),
    )


def _rate(run: SyncRun, now: float) -> float | None:
    known = [one for one in run.lately if now - one[0] <= WINDOW_S]
    if run.state != RunState.RUNNING or len(known) < 2:
        return None
    began, at_first = known[0]
    if now - began < KNOWN_AFTER_S:
        return None
    return float((known[-1][1] - at_first) / (now - began))
