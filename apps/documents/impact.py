"""What a change of permissions means: how many documents open or close to how many people.

Two states are compared by policies and by classes of people (`acls.whatif_verdicts`), so that the
cost follows what has changed and not how many documents and people there are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable, QueryCanceled

from apps.acls.whatif_verdicts import Verdicts, policies_concerned, verdicts
from apps.documents.models import Document
from apps.errors import Unavailable

# How many documents and people are named.
SAMPLE = 50
_SAVEPOINTS = ("SAVEPOINT", "ROLLBACK", "RELEASE")


class TooLarge(Unavailable):
    """What a change means could not be computed in the time that is given for it."""

    code = "impact_too_large"


@dataclass(frozen=True, slots=True)
class Move:
    """A document that a change gives another policy."""

    document_id: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Side:
    """What is gained, or lost.

    Attributes:
        documents: that somebody gains (loses); each counts once.
        documents_for_all: of these, those that every full member reads after (before) the change,
            and did not before (after) it.
        people: who gain (lose) at least one document.
        sample_documents: ids of the first few.
        sample_people: likewise.
    """

    documents: int = 0
    documents_for_all: int = 0
    people: int = 0
    sample_documents: tuple[int, ...] = ()
    sample_people: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change opens and what it closes."""

    gained: Side
    lost: Side


def of(
    change: Callable[[], Sequence[Move]],
    *,
    acls: Collection[int] = (),
    principals: Collection[int] = (),
    limit_s: float,
) -> Impact:
    """Make a change, compute what it means, and take it back. Nothing of it stays.

    Args:
        change: writes in the current transaction, and returns which documents it has given
            another policy.
        acls: existing ones whose entries, parent or mode it changes.
        principals: existing ones whose memberships it changes, or whether their members are known.
        limit_s: for everything together, waiting for locks included (seconds). What the change
            locks keeps syncs waiting, and with them what they take away.

    Raises:
        TooLarge: it takes longer, or rows are locked by somebody else.
    """
    with _bounded(limit_s):
        # Asked on both sides: what a membership leads to is another thing afterwards.
        policies = policies_concerned(acls, principals)
        with _taken_back():
            moves = change()
            policies |= policies_concerned(acls, principals)
            policies |= {pk for move in moves for pk in (move.before, move.after)}
            after = verdicts(policies)
        before = verdicts(policies)
        back = [Move(move.document_id, move.after, move.before) for move in moves]
        return Impact(gained=_side(before, after, moves), lost=_side(after, before, back))


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def _bounded(limit_s: float) -> Iterator[None]:
    ends_at = time.monotonic() + limit_s

    def in_time(run: Callable[..., Any], sql: str, *more: Any) -> Any:
        if sql.startswith(_SAVEPOINTS):  # the way back is always open
            return run(sql, *more)
        left_ms = int((ends_at - time.monotonic()) * 1000)
        if left_ms <= 0:
            raise _too_large()
        # Past Django's wrappers: one of them is this function.
        connection.connection.execute(
            "SELECT set_config('statement_timeout', %s, true)", [str(left_ms)]
        )
        return run(sql, *more)

    try:
        with transaction.atomic():
            with connection.execute_wrapper(in_time):
                yield
            # The setting goes with the savepoint: nothing else is written in it.
            transaction.set_rollback(True)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled | LockNotAvailable):
            raise _too_large() from error
        raise


def _too_large() -> TooLarge:
    return TooLarge(
        "What this would change could not be computed in time.",
        hint="Choose a smaller change, or try again when no sync is running.",
    )


def _side(worse: Verdicts, better: Verdicts, moves: Sequence[Move]) -> Side:
    """Return what `better` has over `worse`; moves go from the worse to the better policy."""
    pairs = Counter(
        (worse.class_of.get(user), class_of) for user, class_of in better.class_of.items()
    )
    gains = {pair: better.of(pair[1]) - worse.of(pair[0]) for pair in pairs}
    counted = _counted({pk for gain in gains.values() for pk in gain}, moves)
    moved = {
        pair: {
            move.document_id
            for move in moves
            if move.after in better.of(pair[1]) and move.before not in worse.of(pair[0])
        }
        for pair in pairs
    }
    gaining = {pair for pair in pairs if moved[pair] or not counted.keys().isdisjoint(gains[pair])}
    opened = {pk for pk in counted if any(pk in gains[pair] for pair in gaining)}
    opened_moves = {pk for pair in gaining for pk in moved[pair]}
    for_all, moves_for_all = _for_all(worse, better, moves)
    return Side(
        documents=sum(counted[pk] for pk in opened) + len(opened_moves),
        documents_for_all=sum(counted[pk] for pk in opened & for_all)
        + len(opened_moves & moves_for_all),
        people=sum(pairs[pair] for pair in gaining),
        sample_documents=_sample_documents(opened, opened_moves, moves),
        sample_people=tuple(
            user
            for user in sorted(better.class_of)
            if (worse.class_of.get(user), better.class_of[user]) in gaining
        )[:SAMPLE],
    )


def _for_all(worse: Verdicts, better: Verdicts, moves: Sequence[Move]) -> tuple[set[int], set[int]]:
    """Return the policies, and the moved documents, that all full members read only in `better`."""
    had, have = _common(worse), _common(better)
    moved = {m.document_id for m in moves if m.after in have and m.before not in had}
    return have - had, moved


def _common(state: Verdicts) -> set[int]:
    classes = {state.class_of[user] for user in state.full_members}
    return set.intersection(*(set(state.of(one)) for one in classes)) if classes else set()


def _counted(policies: Collection[int], moves: Sequence[Move]) -> dict[int, int]:
    """Return how many live documents carry each policy: without moved ones, and without zeros."""
    live = Document.objects.live().filter(policy_id__in=policies)
    live = live.exclude(pk__in=[move.document_id for move in moves])
    found = live.order_by().values("policy_id").annotate(n=Count("pk"))
    return dict(found.values_list("policy_id", "n"))


def _sample_documents(
    policies: Collection[int], moved: Collection[int], moves: Sequence[Move]
) -> tuple[int, ...]:
    live = Document.objects.live().filter(policy_id__in=policies)
    live = live.exclude(pk__in=[move.document_id for move in moves]).order_by("path", "pk")
    return (*sorted(moved), *live.values_list("pk", flat=True)[:SAMPLE])[:SAMPLE]
