"""How fast a run goes, how long it still takes or what it waits for, in words for an admin."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.connections.models import ConnectionState
from apps.sync_events import pace
from apps.sync_events.models import UNFINISHED, Lane, RunState, SyncRun

_MINUTE_S, _HOUR_S = 60, 3600
# From here on a rate has no decimals (per second).
_WHOLE_FROM = 10


def line(run: SyncRun, now: datetime | None = None) -> str:
    """Return what is to be said below a run's progress; nothing once it has ended.

    Args:
        run: from `pace.with_expectations`, with its connection.
        now: aware; the present where it is not given.
    """
    now = now or timezone.now()
    if run.state not in UNFINISHED:
        return ""
    if run.connection.state != ConnectionState.ACTIVE:
        return "waits until the connection is resumed"
    if run.not_before is not None and run.not_before > now:
        return _waiting(run, run.not_before)
    if run.stuck_at is not None:
        at = run.progressed_at or run.started_at or run.created_at
        return format_html("nothing stored since {}", _clock(at))
    if run.state == RunState.QUEUED:
        return "waits for a worker"
    return _going(run, now)


def is_going(run: SyncRun) -> bool:
    """Return whether a run is being worked on just now, as far as anybody can tell."""
    waits = run.not_before is not None and run.not_before > timezone.now()
    is_held = waits or run.stuck_at is not None
    is_active = run.connection.state == ConnectionState.ACTIVE
    return run.state == RunState.RUNNING and is_active and not is_held


def remaining(seconds: float | None) -> str:
    """Return how long something still takes, roughly: nobody knows it to the second."""
    if seconds is None:
        return "no estimate yet"
    if seconds < _MINUTE_S:
        return "less than a minute left"
    if seconds < 1.5 * _HOUR_S:
        return f"about {round(seconds / _MINUTE_S)} min left"
    return f"about {round(seconds / _HOUR_S):,} h left"


def _going(run: SyncRun, now: datetime) -> str:
    found = pace.of(run, now)
    said = [_rate(run, found.per_second)] if found.per_second is not None else []
    if run.is_sweep:
        said.append(remaining(found.remaining_s))
    # A line breaks after the dot.
    return "\N{NO-BREAK SPACE}· ".join(said)


def _rate(run: SyncRun, per_second: float) -> str:
    unit = "documents" if run.lane == Lane.CONTENT else "pages"
    if per_second >= _WHOLE_FROM:
        return f"{per_second:,.0f} {unit}/s"
    return f"{per_second:.1f} {unit}/s" if per_second >= 0.1 else f"less than 0.1 {unit}/s"


def _waiting(run: SyncRun, until: datetime) -> SafeString:
    if pace.is_limited(run):
        return format_html("waits until {} because the source asked for it", _clock(until))
    return format_html("tries again at {}", _clock(until))


def _clock(at: datetime) -> SafeString:
    exact = timezone.localtime(at)
    is_today = exact.date() == timezone.localtime().date()
    shown = f"{exact:%H:%M}" if is_today else f"{exact:%Y-%m-%d %H:%M}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        f"{exact:%Y-%m-%d %H:%M:%S %Z}",
        shown,
    )
