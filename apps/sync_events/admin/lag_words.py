"""How far behind a source we are, in words for an admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.model_admin import label, since
from apps.sync_events.lag import Lag, Level, Point

TONES = {Level.FINE: "success", Level.LATE: "warning", Level.BAD: "danger"}
_LEVELS = {Level.FINE: "Up to date", Level.LATE: "Behind", Level.BAD: "Far behind"}
_LATENESS = {Level.FINE: "", Level.LATE: "late", Level.BAD: "much too late"}
_NAMES = {
    "confirmed": "Permissions confirmed",
    "compared": "Everything compared",
    "asked": "Asked what has changed",
    "told": "Last word from the source",
    "reported": "Oldest reported change not stored yet",
    "indexed": "Oldest document waiting for the index",
}
_NEVER = {
    "confirmed": "Not confirmed",
    "compared": "Never so far",
    "asked": "Never so far",
    "told": "None so far",
    "reported": "Nothing waits;",
    "indexed": "Nothing waits;",
}
_WAITING = ("reported", "indexed")


@dataclass(frozen=True, slots=True)
class Row:
    """One line about a source: what, when, how bad that is, and how it should be."""

    name: str
    when: str
    tone: str
    lateness: str
    promise: str


def rows(lag: Lag) -> list[Row]:
    """Return the lines of a connection's page."""
    return [
        Row(
            _NAMES[point.name],
            since(point.at) if point.at else _NEVER[point.name],
            TONES[point.level],
            _LATENESS[point.level],
            _promise(point),
        )
        for point in lag.points.values()
    ]


def summary(lag: Lag) -> dict[str, object]:
    """Return what the first page shows of a source."""
    oldest = [lag.points[name].at for name in _WAITING if lag.points[name].at]
    return {
        "lag": lag,
        "badge": badge(lag),
        "reason": reason(lag),
        "confirmed": since(lag.points["confirmed"].at),
        "asked": since(lag.points["asked"].at) if "asked" in lag.points else "",
        "told": since(lag.points["told"].at) if "told" in lag.points else "",
        "behind": span(timezone.now() - min(at for at in oldest if at)) if oldest else "",
    }


def badge(lag: Lag) -> SafeString:
    """Return the state in a coloured word."""
    if not lag.is_synced:
        return SafeString(label("Not kept up to date", ""))
    return SafeString(label(_LEVELS[lag.level], TONES[lag.level]))


def reason(lag: Lag) -> str:
    """Return why it is behind as one sentence, or an empty text: it is not."""
    if not lag.is_synced:
        return f"{lag.connection.get_state_display()}: nothing new arrives until it is resumed."
    return _sentence(lag.late[0]) if lag.late else ""


def short(lag: Lag) -> SafeString:
    """Return the state, and below it why."""
    said = reason(lag)
    under = format_html('<span class="kw-under">{}</span>', said) if said else ""
    return format_html("{}{}", badge(lag), under)


def span(length: timedelta) -> str:
    """Return a length of time in its largest whole unit, like “15 minutes”."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
    return "a moment"


def _sentence(point: Point) -> str:
    if point.at is None:
        return {
            "confirmed": "Its permissions are not confirmed, so its documents are hidden.",
            "compared": "It has never been compared in full so far.",
        }.get(point.name, "It has never been asked for its changes so far.")
    age = span(timezone.now() - point.at)
    every = _period(point.every or timedelta())
    return {
        "confirmed": f"Its permissions were confirmed {age} ago; it should be every {every}.",
        "compared": f"Everything was compared {age} ago; it should be every {every}.",
        "asked": f"It is not followed as often as it should: last asked {age} ago, not every"
        f" {every}.",
        "reported": f"A change that the source reported {age} ago is not stored yet.",
        "indexed": f"A document has been waiting for the index for {age}.",
    }[point.name]


def _promise(point: Point) -> str:
    if point.every is None:
        return ""
    if point.name in _WAITING:
        return f"none should wait longer than {span(point.every)}"
    return f"should be every {_period(point.every)}"


def _period(length: timedelta) -> str:
    return span(length).removeprefix("1 ")
