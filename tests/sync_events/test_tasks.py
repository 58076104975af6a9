"""What a worker sends once a run has ended: read from the broker, as the next worker would."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.connections import providers
from apps.sync_events import runs, schedule, tasks
from apps.sync_events.engine import Outcome
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from tests.sync_events.broker import sent
from tests.sync_events.folder import Folder


def kept(folder: Folder) -> list[tuple[str, list[int]]]:
    """Return what keeps the subscriptions of the folder's tenant."""
    return [(tasks.keep_subscriptions.name, [folder.tenant.pk])]


def run_of(folder: Folder, lane: Lane, *, is_sweep: bool = True) -> SyncRun:
    with tenant_context(folder.tenant), transaction.atomic():
        return runs.request(
            folder.connection, lane, trigger=SyncRun.Trigger.PERSON, is_sweep=is_sweep
        )


def end(run: SyncRun) -> None:
    assert tasks.run(run.tenant_id, run.pk, run.lane) == Outcome.ENDED
    with tenant_context(run.tenant_id), transaction.atomic():
        assert not schedule.claimable_runs(), "nothing of it is left to be sent"


def test_after_a_listing_subscriptions_are_kept(folder: Folder) -> None:
    folder.write(plan="# Plan")
    end(run_of(folder, Lane.CONTENT))
    assert sorted(folder.documents()) == ["plan.md"]
    assert sent() == kept(folder)


@pytest.mark.parametrize(("lane", "is_sweep"), [(Lane.PERMISSIONS, True), (Lane.CONTENT, False)])
def test_after_anything_else_nothing_is_kept(folder: Folder, lane: Lane, is_sweep: bool) -> None:
    end(run_of(folder, Lane.CONTENT))
    assert sent() == kept(folder), "of the listing before"
    end(run_of(folder, lane, is_sweep=is_sweep))
    assert sent() == []


def test_a_listing_that_goes_on_keeps_nothing_before_its_end(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = iter((0.0, 0.0))  # each ends after a page; the third is long enough
    monkeypatch.setattr(providers, "slice_s", lambda kind: next(slices, 3600.0))
    folder.write(plan="# Plan")
    listing = run_of(folder, Lane.CONTENT)
    for _ in range(2):
        assert tasks.run(listing.tenant_id, listing.pk, listing.lane) == Outcome.MORE
        assert sent() == [(tasks.run.name, [listing.tenant_id, listing.pk, listing.lane])]
    end(listing)
    assert sent() == kept(folder)
