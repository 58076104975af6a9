"""Brings stored documents up to date with rules that have changed.

Up to ALL_AT_ONCE documents follow in the transaction that changes the rules. Beyond that they
follow in batches: those that become stricter in a first pass, all others in a second one. Until a
batch has reached a document, its earlier class holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from apps.documents import classification
from apps.documents.models import ClassificationRule, Document, Reclassification
from apps.tenants.context import required_tenant_id

ALL_AT_ONCE = 10_000
BATCH = 2_000


@contextmanager
def changing_rules(*, all_at_once: int = ALL_AT_ONCE) -> Iterator[None]:
    """Let the block change the tenant's rules, then have the documents follow.

    Both in the caller's transaction: pages of syncs that classify by the old rules are waited for,
    and the next ones see the new rules.

    Args:
        all_at_once: live documents up to which none waits for a batch.
    """
    classification.lock_rules()
    yield
    _renumber()
    _start(all_at_once)


def _start(all_at_once: int) -> None:
    is_small = Document.objects.live()[: all_at_once + 1].count() <= all_at_once
    if is_small:
        classification.apply_rules("true", {})
    now = timezone.now()
    last = Document.objects.aggregate(last=Max("pk"))["last"] or 0
    Reclassification.objects.update_or_create(
        tenant_id=required_tenant_id(),
        defaults={
            "is_tightening": not is_small,
            "after_id": last if is_small else 0,
            "up_to_id": last,
            "started_at": now,
            "finished_at": now if is_small else None,
        },
    )


def unfinished() -> Reclassification | None:
    """Return what is being applied, or None when every document is up to date."""
    return Reclassification.objects.filter(finished_at=None).first()


def step(*, batch: int = BATCH) -> bool:
    """Work on the next documents in a transaction of its own; return whether more are left.

    Args:
        batch: documents at most.
    """
    with transaction.atomic():
        classification.lock_rules()
        todo = Reclassification.objects.filter(finished_at=None)
        work = todo.select_for_update().first()
        if work is None:
            return False
        ahead = Document.objects.filter(pk__gt=work.after_id, pk__lte=work.up_to_id)
        here = ahead.order_by("pk").values("pk")[:batch]
        last = here.aggregate(last=Max("pk"))["last"]
        if last is not None:
            classification.apply_rules(
                "d.id > %(after)s AND d.id <= %(last)s",
                {"after": work.after_id, "last": last},
                only_stricter=work.is_tightening,
            )
            work.after_id = last
        elif work.is_tightening:
            work.is_tightening, work.after_id = False, 0
        else:
            work.finished_at = timezone.now()
        work.save()
        return work.finished_at is None


def progress(work: Reclassification) -> int:
    """Return how much of the work is done, in percent."""
    share = min(work.after_id / max(work.up_to_id, 1), 1.0)
    return int(50 * share) if work.is_tightening else int(50 + 50 * share)


def _renumber() -> None:
    """Number the rules 1, 2, 3 … in their order."""
    moved = []
    for position, rule in enumerate(ClassificationRule.objects.order_by("position", "pk"), start=1):
        if rule.position != position:
            rule.position = position
            moved.append(rule)
    ClassificationRule.objects.bulk_update(moved, ["position"])
