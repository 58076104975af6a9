"""How documents of a Slack workspace are named, and how its timestamps count days.

* `C0ABC:1700000000.000100` is a thread, by the channel and the timestamp of its first message.
* `C0ABC:2026-11-22` is what was written in a channel on one day (UTC) outside of threads.
* `F0ABC` is a file.
* `C0ABC` alone is the channel itself: a place, no document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_CHANNEL = r"[CDG][A-Z0-9]{2,}"
_NAME = re.compile(
    rf"(?P<file>F[A-Z0-9]{{2,}})|(?P<channel>{_CHANNEL})"
    r"(?::(?:(?P<ts>[0-9]{10}\.[0-9]{6})|(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})))?"
)
# Of the digits of a timestamp, what an hour's messages and those of a day and more have in common.
BLOCK_S = 100_000
_BLOCK_DIGITS = 5
EPOCH = "0000000000.000000"


@dataclass(frozen=True, slots=True)
class Name:
    """An external id, taken apart; what it does not name is empty.

    Attributes:
        ts: of the first message of a thread.
        day: as YYYY-MM-DD.
    """

    file: str = ""
    channel: str = ""
    ts: str = ""
    day: str = ""


def parse(external_id: str) -> Name | None:
    """Return what an external id names; None if it is none of this connector's."""
    found = _NAME.fullmatch(external_id)
    if found is None:
        return None
    name = Name(**{part: text or "" for part, text in found.groupdict().items()})
    return name if not name.day or _is_date(name.day) else None


def thread_id(channel: str, ts: str) -> str:
    """Return the external id of a thread."""
    return f"{channel}:{ts}"


def day_id(channel: str, day: str) -> str:
    """Return the external id of a channel's day."""
    return f"{channel}:{day}"


def channel_prefix(channel: str) -> str:
    """Return what the ids of all documents of a channel begin with."""
    return f"{channel}:"


def block_prefixes(channel: str, start_s: int, end_s: int) -> list[str]:
    """Return what the ids of all threads that began within a span of time begin with.

    Args:
        channel: where.
        start_s: seconds since 1970, a multiple of `BLOCK_S`.
        end_s: the last second.
    """
    blocks = range(start_s // BLOCK_S, end_s // BLOCK_S + 1)
    return [f"{channel}:{block:0{_BLOCK_DIGITS}}" for block in blocks]


def moment(ts: str) -> datetime:
    """Return when something was written."""
    seconds, _, micros = ts.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros or 0))


def day_of(ts: str) -> str:
    """Return the day of a timestamp, in UTC."""
    return moment(ts).date().isoformat()


def start_of(day: str) -> str:
    """Return the timestamp at which a day begins."""
    return ts_at(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC))


def end_of(day: str) -> str:
    """Return the timestamp at which the next day begins."""
    return start_of((date.fromisoformat(day) + timedelta(days=1)).isoformat())


def just_before(ts: str) -> str:
    """Return the timestamp before: Slack's `oldest` leaves out the moment itself."""
    return ts_at(moment(ts) - timedelta(microseconds=1))


def ts_at(when: datetime) -> str:
    """Return a moment as Slack writes it."""
    past = max(when, datetime.fromtimestamp(0, UTC)) - datetime.fromtimestamp(0, UTC)
    seconds = past.days * 86_400 + past.seconds
    return f"{seconds:010d}.{past.microseconds:06d}"


def at_s(seconds: int) -> datetime | None:
    """Return a moment told in seconds since 1970; None for 0, which Slack tells for unknown."""
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _is_date(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
