"""The parts of a run that change while it works, as HTML; a page shows them and asks again."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q, QuerySet
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.model_admin import label
from apps.sync_events import pace
from apps.sync_events.admin import pace_words
from apps.sync_events.models import UNFINISHED, Lane, RunState, SyncRun

_TONES = {
    RunState.QUEUED: "",
    RunState.RUNNING: "info",
    RunState.SUCCEEDED: "success",
    RunState.PARTIAL: "warning",
    RunState.FAILED: "danger",
    RunState.CANCELLED: "",
}
PARTS = ("state", "progress", "changes", "problems", "duration")
# A glyph that few fonts have; the admin brings one of its own.
_KEY = SafeString('<span class="material-symbols-outlined kw-key">key</span>')
# What a run changed, with the sign before each number and the words for those who hear them.
_CHANGES = (
    ("+", "added", "new"),
    ("~", "updated", "changed"),
    ("→", "moved", "moved"),
    ("−", "deleted", "gone"),
    (_KEY, "permissions_changed", "permissions changed"),
)


def part(run: SyncRun, name: str) -> SafeString:
    """Return one part in the element that the page's script keeps up to date.

    Args:
        run: as it is now, from `shown`.
        name: one of `PARTS`.
    """
    return format_html(
        '<span class="kw-live" data-run="{}" data-part="{}"{}>{}</span>',
        run.pk,
        name,
        SafeString(" data-unfinished" if run.state in UNFINISHED else ""),
        _html(run, name),
    )


def shown(runs: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
    """Load with runs what their parts say of them."""
    return pace.with_expectations(runs).select_related("connection")


def parts(run: SyncRun) -> dict[str, str | bool]:
    """Return the HTML of every part, whether more is to come, and what to say of a new state."""
    found: dict[str, str | bool] = {name: str(_html(run, name)) for name in PARTS}
    found["unfinished"] = run.state in UNFINISHED
    return {**found, "spoken": f"{run.connection.name}: {_state(run)}"}


def newer_than(run_id: int) -> int:
    """Return how many runs of the bound tenant are newer than one, but for looks at logs.

    Those are many, and one that hears of nothing is deleted at its end.
    """
    looks = Q(trigger=SyncRun.Trigger.POLL, is_sweep=False, state__in=UNFINISHED)
    return SyncRun.objects.filter(pk__gt=run_id).exclude(looks).count()


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
        tone = "danger" if is_stuck(run) else _TONES[RunState(run.state)]
        return SafeString(label(_state(run), tone))
    if name == "progress":
        return render_to_string("admin/sync_events/progress.html", {"run": run, **_share(run)})
    if name == "changes":
        return _changes(run)
    return str(run.problems) if name == "problems" else _duration(run)


def is_stuck(run: SyncRun) -> bool:
    """Return whether a run is under way and gets nowhere."""
    return run.stuck_at is not None and run.state in UNFINISHED


def _state(run: SyncRun) -> str:
    return f"Stuck: {run.get_state_display().lower()}" if is_stuck(run) else run.get_state_display()


def _changes(run: SyncRun) -> SafeString:
    counts = [(sign, getattr(run, name), words) for sign, name, words in _CHANGES]
    found = [one for one in counts if one[1]]
    if not found:
        return format_html('<span class="kw-hint">{}</span>', "None")
    signs = format_html_join(
        " ", '<span class="kw-nowrap">{}{}</span>', ((s, intcomma(n)) for s, n, _ in found)
    )
    words = ", ".join(f"{intcomma(number)} {said}" for _, number, said in found)
    return format_html(
        '<span aria-hidden="true" title="{}">{}</span><span class="kw-hidden">{}</span>',
        words,
        signs,
        words,
    )


def _share(run: SyncRun) -> dict[str, object]:
    is_unfinished = run.state in UNFINISHED
    found = pace.of(run) if is_unfinished else None
    is_known = found is not None and found.expected is not None and run.is_sweep
    expected = found.expected if found is not None and is_known else None
    # More than last time: nobody knows how many more, unless the source says so.
    is_beyond = expected is not None and pace.done(run) > expected
    counted = expected if expected is not None and not is_beyond else pace.done(run)
    return {
        "percent": round(100 * pace.done(run) / expected) if expected and not is_beyond else None,
        "is_running": pace_words.is_going(run),
        "done": pace.done(run),
        "expected": None if is_beyond else expected,
        "is_told": found is not None and found.is_told,
        "unit": "" if run.lane == Lane.CONTENT else pluralize(counted, " page, pages"),
        "line": pace_words.line(run),
    }


def _duration(run: SyncRun) -> str:
    if run.started_at is None:
        return "–"
    seconds = int(((run.finished_at or timezone.now()) - run.started_at).total_seconds())
    return str(timedelta(seconds=max(0, seconds))) if seconds >= 60 else f"{max(0, seconds)} s"
