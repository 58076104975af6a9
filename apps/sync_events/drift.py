"""Asks sources whether our answers are theirs, counts where they are not, and has it repaired.

choose pairs → ask us and the source → where they differ, let what is under way arrive and ask both
again → count, explain and repair what still differs

What an IT admin holds back is no drift. Nor is what a change under way explains: it is asked about
again when the runs that re-read the item are done. Nothing is re-read before that on account of the
check, since that would mend the very drift that it is to count.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps import audit
from apps.acls import explain, freshness
from apps.connections import ages
from apps.connections.models import Connection
from apps.connections.protocol import Problem
from apps.sync_events import drift_held, drift_sample, events, runs, schedule
from apps.sync_events.drift_models import DriftCheck, DriftMismatch
from apps.sync_events.drift_sample import Judged
from apps.sync_events.models import UNFINISHED, ChangeHint, SyncRun

# How often a connection is checked, and while something is to be repaired.
EVERY = timedelta(hours=1)
EVERY_WHILE_OPEN = timedelta(minutes=5)
# How long a change may take to be noticed, and how long its runs are waited for.
NOTICED_WITHIN = timedelta(seconds=10)
ARRIVES_WITHIN = timedelta(minutes=10)


def work(rng: random.Random | None = None) -> None:
    """Take every check of the bound tenant that is due a step further."""
    rng = rng or random.SystemRandom()
    with transaction.atomic():
        sources = list(Connection.objects.syncing().filter(owner=None).select_related("tenant"))
    for source in sources:
        if ages.can_be_asked(source.kind):
            _take_further(source, rng)


def begin(source: Connection, rng: random.Random) -> DriftCheck | None:
    """Ask about a sample; return the check, or None where another worker is at it."""
    try:
        with transaction.atomic():
            check = DriftCheck.objects.create(
                tenant_id=source.tenant_id,
                connection=source,
                ask_again_at=timezone.now() + NOTICED_WITHIN,
            )
    except IntegrityError:  # one_drift_check_at_a_time
        return None
    with transaction.atomic():
        left = DriftMismatch.objects.filter(connection=source, repaired_at=None)
        known = list(left.values_list("user_id", "document_id"))
    asked = {
        (pair.user.pk, pair.document.pk): pair
        for pair in [*drift_sample.pairs(known), *drift_sample.sample(source, rng)]
    }
    judged = _unheld(source, drift_sample.judge(source, list(asked.values())))
    disputed = [_ids(one) for one in judged if one.theirs not in (None, one.ours)]
    with transaction.atomic():
        _count(check, judged)
        check.asked, check.disputed = len(judged), disputed
        check.finished_at = None if disputed else timezone.now()
        check.save()
        _close(source, judged)
    return check


def finish(check: DriftCheck) -> None:
    """Ask once more about what was disputed; count, explain and repair what still is."""
    source = check.connection
    judged = _unheld(source, drift_sample.judge(source, drift_sample.pairs(check.disputed)))
    wrong = [one for one in judged if one.theirs not in (None, one.ours)]
    with transaction.atomic():
        _count(check, judged)
        check.leaks = sum(one.ours for one in wrong)
        check.losses = len(wrong) - check.leaks
        check.disputed, check.finished_at = [], timezone.now()
        check.save()
        _close(source, judged)
        _repair(source, [_keep(check, one) for one in wrong])
        if check.leaks:
            events.record(source, _alarm(check), run=None)


def repair(mismatches: Iterable[DriftMismatch], *, actor_id: int) -> int:
    """Have the source's answer read anew for these, as a person asked; return how many."""
    by_source: dict[int, list[DriftMismatch]] = {}
    for one in mismatches:
        by_source.setdefault(one.connection_id, []).append(one)
    with transaction.atomic():
        for of_source in by_source.values():
            source = of_source[0].connection
            _repair(source, of_source)
            audit.record(
                "drift.repair_requested",
                tenant_id=source.tenant_id,
                actor_id=actor_id,
                target=source,
                mismatches=[one.pk for one in of_source],
            )
    return sum(map(len, by_source.values()))


def _take_further(source: Connection, rng: random.Random) -> None:
    now = timezone.now()
    with transaction.atomic():
        checks = DriftCheck.objects.filter(connection=source).select_related("connection__tenant")
        last = checks.order_by("-started_at", "-pk").first()
        if last is not None and last.finished_at is None:
            is_ripe = last.ask_again_at <= now and not _is_under_way(source, last, now)
        else:
            is_due = last is None or now - last.started_at >= _period(source)
            # What is hidden for its age says nothing about whether it was understood.
            if not is_due or not freshness.is_fresh(source):
                return
            is_ripe, last = True, None
    if last is None:
        begin(source, rng)
    elif is_ripe:
        finish(last)


def _period(source: Connection) -> timedelta:
    is_open = DriftMismatch.objects.filter(connection=source, repaired_at=None).exists()
    return EVERY_WHILE_OPEN if is_open else EVERY


def _is_under_way(source: Connection, check: DriftCheck, now: datetime) -> bool:
    """Whether a change that could explain the difference has not arrived yet."""
    if now - check.started_at > ARRIVES_WITHIN:
        return False
    return (
        SyncRun.objects.filter(connection=source, state__in=UNFINISHED).exists()
        or ChangeHint.objects.filter(connection=source).exists()
    )


def _unheld(source: Connection, judged: Sequence[Judged]) -> list[Judged]:
    """Return what was judged, without refusals of ours that an IT admin wants.

    Where such a one was noted as a mismatch earlier, it is none any more.
    """
    refused = [one for one in judged if one.theirs and not one.ours]
    with transaction.atomic():
        held = drift_held.documents_of(source, {one.pair.document.pk for one in refused})
        wanted = {_ids(one) for one in refused if one.pair.document.pk in held}
        _note_as_mended(source, wanted)
    return [one for one in judged if _ids(one) not in wanted]


def _count(check: DriftCheck, judged: Sequence[Judged]) -> None:
    check.agreed += sum(one.theirs == one.ours for one in judged)
    check.unanswered += sum(one.theirs is None for one in judged)


def _close(source: Connection, judged: Sequence[Judged]) -> None:
    """Note as repaired what both sides now agree about."""
    _note_as_mended(source, {_ids(one) for one in judged if one.theirs == one.ours})


def _note_as_mended(source: Connection, pairs: set[tuple[int, int]]) -> None:
    left = DriftMismatch.objects.filter(connection=source, repaired_at=None)
    rows = left.values_list("pk", "user_id", "document_id")
    mended = [pk for pk, *pair in rows if tuple(pair) in pairs]
    DriftMismatch.objects.filter(pk__in=mended).update(repaired_at=timezone.now())


def _keep(check: DriftCheck, one: Judged) -> DriftMismatch:
    user_id, document_id = _ids(one)
    explained = explain.explain(one.pair.user, explain.Carried(one.pair.document.policy_id))
    said = {
        "ours": one.ours,
        "theirs": bool(one.theirs),
        "explanation": explained.sentence[:2000],
    }
    kept, _ = DriftMismatch.objects.update_or_create(
        tenant_id=check.tenant_id,
        user_id=user_id,
        document_id=document_id,
        repaired_at=None,
        defaults=said,
        create_defaults={**said, "found_by": check, "connection": check.connection},
    )
    return kept


def _repair(source: Connection, mismatches: Sequence[DriftMismatch]) -> None:
    if not mismatches:
        return
    schedule.request_permissions(source, trigger=SyncRun.Trigger.CHANGE)
    runs.note_changes(source, [one.document.external_id for one in mismatches])
    DriftMismatch.objects.filter(pk__in=[one.pk for one in mismatches]).update(
        repair_requested_at=timezone.now()
    )


def _alarm(check: DriftCheck) -> Problem:
    return Problem(
        "",
        "permission_drift",
        f"Kenward let people read {check.leaks} of {check.asked} sampled documents"
        " that the source itself denies them. Their permissions are being read anew.",
        hint="See Drift for each of them. If they stay, pause the connection:"
        " Kenward misreads its source.",
    )


def _ids(one: Judged) -> tuple[int, int]:
    return one.pair.user.pk, one.pair.document.pk
