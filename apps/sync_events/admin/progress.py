"""The parts of a run that change while it works, as HTML; a page shows them and asks again."""

from __future__ import annotations

from datetime import timedelta

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.model_admin import label
from apps.sync_events.models import RunState, SyncRun

_TONES = {
    RunState.QUEUED: "",
    RunState.RUNNING: "info",
    RunState.SUCCEEDED: "success",
    RunState.PARTIAL: "warning",
    RunState.FAILED: "danger",
    RunState.CANCELLED: "",
}
PARTS = ("state", "progress", "changes", "problems", "duration")


def part(run: SyncRun, name: str) -> SafeString:
    """Return one part in the element that the page's script keeps up to date.

    Args:
        run: as it is now.
        name: one of `PARTS`.
    """
    return format_html(
        '<span class="kw-live" data-run="{}" data-part="{}">{}</span>',
        run.pk,
        name,
        _html(run, name),
    )


def parts(run: SyncRun) -> dict[str, str]:
    """Return the HTML of every part, and what to say aloud when the state changes."""
    found = {name: str(_html(run, name)) for name in PARTS}
    return {**found, "spoken": f"{run.connection.name}: {run.get_state_display()}"}


def row(run: SyncRun) -> dict[str, object]:
    """Return what a short list shows of a run, kept up to date."""
    return {
        "pk": run.pk,
        "connection": run.connection.name,
        "lane": run.get_lane_display().lower(),
        "state": part(run, "state"),
        "progress": part(run, "progress"),
    }


def _html(run: SyncRun, name: str) -> SafeString | str:
    if name == "state":
        return SafeString(label(run.get_state_display(), _TONES[RunState(run.state)]))
    if name == "progress":
        return render_to_string("admin/sync_events/progress.html", {"run": run, **_share(run)})
    if name == "changes":
        return format_html(
            '<span class="kw-nowrap" title="added, updated, deleted">+{} ~{} −{}</span>',
            run.added,
            run.updated,
            run.deleted,
        )
    return str(run.problems) if name == "problems" else _duration(run)


def _share(run: SyncRun) -> dict[str, object]:
    is_known = bool(run.total) and run.state in (RunState.QUEUED, RunState.RUNNING)
    return {
        "percent": min(100, round(100 * run.seen / run.total)) if is_known and run.total else None,
        "is_running": run.state == RunState.RUNNING,
    }


def _duration(run: SyncRun) -> str:
    if run.started_at is None:
        return "–"
    seconds = int(((run.finished_at or timezone.now()) - run.started_at).total_seconds())
    return str(timedelta(seconds=max(0, seconds))) if seconds >= 60 else f"{max(0, seconds)} s"
