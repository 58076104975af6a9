"""The rows of held changes: what waits, and what an IT admin has decided about."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from apps import audit
from apps.acls.models import HeldChange, HeldPart, HoldState
from apps.connections.models import Connection
from apps.documents.impact import Impact
from apps.errors import InvalidInput
from apps.sync_events import runs, schedule, tasks
from apps.sync_events.holds_page import Widening
from apps.sync_events.models import SyncRun

_ITEM = "item:"
_OPEN = (HoldState.WAITING, HoldState.AGREED, HoldState.REFUSED)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is known about widenings of one source, by (subject, fingerprint)."""

    states: Mapping[tuple[str, str], str]

    def of(self, widening: Widening) -> str | None:
        """Return waiting, agreed or refused; None for a widening that is new."""
        return self.states.get((widening.subject, widening.fingerprint))


def decided(source: Connection, subjects: Collection[str]) -> Decided:
    """Return what is known about the widenings of these subjects."""
    parts = _open_parts(source).filter(subject__in=subjects).order_by("pk")
    rows = parts.values_list("subject", "fingerprint", "change__state")
    return Decided({(subject, fingerprint): state for subject, fingerprint, state in rows})


def settle(source: Connection, told: Collection[str], held: Collection[Widening]) -> int:
    """End what a page has settled: applied, replaced by another wish, or taken back.

    Args:
        source: the connection.
        told: all subjects that the page said something about.
        held: the widenings among them that stay held.

    Returns:
        how many parts have ended.
    """
    stays = {(one.subject, one.fingerprint) for one in held}
    parts = _open_parts(source).filter(subject__in=list(told))
    rows = parts.values_list("pk", "subject", "fingerprint", "change_id")
    ended = {pk: change for pk, *what, change in rows if tuple(what) not in stays}
    if not ended:
        return 0
    waiting = list(_locked_waiting(source).filter(pk__in=set(ended.values())))
    HeldPart.objects.filter(pk__in=ended).update(ended_at=timezone.now())
    for change in waiting:
        is_empty = not change.parts.filter(ended_at=None).exists()
        change.state = HoldState.WITHDRAWN if is_empty else change.state
        change.fingerprint = uuid.uuid4().hex
        change.save(update_fields=["state", "fingerprint"])
    return len(ended)


def hold(
    source: Connection,
    widenings: Iterable[Widening],
    impact: Impact | None,
    *,
    observed_at: datetime,
) -> HeldChange:
    """Let widenings wait, together with those of the source that wait already.

    Args:
        source: the connection.
        widenings: of which none is held so far.
        impact: what all that waits would mean; None where that could not be computed.
        observed_at: taken before the source was asked.
    """
    numbers = _numbers(impact)
    # With another fingerprint, since who has looked at it before has not seen this.
    change, _ = _locked_waiting(source).update_or_create(
        tenant_id=source.tenant_id,
        connection=source,
        state=HoldState.WAITING,
        defaults={**numbers, "observed_at": observed_at, "fingerprint": uuid.uuid4().hex},
    )
    added = HeldPart.objects.bulk_create(_part(change, one) for one in widenings)
    audit.record(
        "permissions.held",
        tenant_id=source.tenant_id,
        target=change,
        connection=str(source.uuid),
        parts=len(added),
        documents=numbers["documents"],
        people=numbers["people"],
    )
    return change


def _part(change: HeldChange, widening: Widening) -> HeldPart:
    return HeldPart(
        tenant_id=change.tenant_id,
        change=change,
        subject=widening.subject,
        fingerprint=widening.fingerprint,
        wants=[list(line) for line in widening.wants],
    )


def recount(source: Connection, impact: Impact | None) -> None:
    """Bring the numbers of what waits up to date; what it consists of stays the same."""
    waiting = HeldChange.objects.filter(connection=source, state=HoldState.WAITING)
    waiting.update(**_numbers(impact))


def decide(change: HeldChange, *, agrees: bool, seen: str, actor_id: int) -> None:
    """Agree to a held change, or refuse it. What is agreed to is asked of the source again.

    Args:
        change: one that waits.
        agrees: it may be applied; otherwise it stays held until the source says something else.
        seen: the fingerprint that the person was shown.
        actor_id: the IT admin.

    Raises:
        InvalidInput: it does not wait any more, or has changed since the person has seen it.
    """
    with transaction.atomic():
        now = HeldChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
        if now.state != HoldState.WAITING or now.fingerprint != seen:
            raise InvalidInput(
                "The source has said something else meanwhile.",
                hint="Look at what it would open now, then decide.",
            )
        now.state = HoldState.AGREED if agrees else HoldState.REFUSED
        now.decided_at, now.decided_by_id = timezone.now(), actor_id
        now.save(update_fields=["state", "decided_at", "decided_by"])
        audit.record(
            "permissions.agreed" if agrees else "permissions.refused",
            tenant_id=now.tenant_id,
            actor_id=actor_id,
            target=now,
            connection=str(now.connection.uuid),
            documents=now.documents,
            people=now.people,
        )
        if agrees:
            ask_again(now, actor_id=actor_id)


def ask_again(change: HeldChange, *, actor_id: int) -> None:
    """Ask the source for its permissions, and for the items of a held change, once more."""
    source = change.connection
    by_hand = SyncRun.Trigger.PERSON
    asked = [schedule.request_permissions(source, trigger=by_hand, actor_id=actor_id)]
    items = change.parts.filter(ended_at=None, subject__startswith=_ITEM)
    names = [name.removeprefix(_ITEM) for name in items.values_list("subject", flat=True)]
    if names:
        asked.append(runs.note_changes(source, names))
    for run in asked:
        tasks.send_run(source.tenant_id, run.pk, run.lane)


def _open_parts(source: Connection) -> models.QuerySet[HeldPart]:
    is_open = Q(change__connection=source, change__state__in=_OPEN)
    return HeldPart.objects.filter(is_open, ended_at=None)


def _locked_waiting(source: Connection) -> models.QuerySet[HeldChange]:
    """Return what waits, locked before its parts: nobody decides about it while it changes.

    Whoever comes after a decision does not find it here any more.
    """
    return HeldChange.objects.select_for_update(of=("self",)).filter(
        connection=source, state=HoldState.WAITING
    )


def _numbers(impact: Impact | None) -> dict[str, object]:
    if impact is None:
        return {"documents": None, "people": None, "documents_for_all": None}
    return {
        "documents": impact.gained.documents,
        "people": impact.gained.people,
        "documents_for_all": impact.gained.documents_for_all,
        "sample_documents": list(impact.gained.sample_documents),
        "sample_people": list(impact.gained.sample_people),
    }
