"""How often a connection asks its source, and when it leaves it alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import time
from typing import Any
from zoneinfo import available_timezones

from apps.connections.models import Connection

# Most often and most rarely that everything is compared with the source (seconds).
MIN_SWEEP_INTERVAL_S = 60
MAX_SWEEP_INTERVAL_S = 7 * 24 * 3600
# Most often and most rarely that a source is asked what has changed (seconds).
MIN_POLL_INTERVAL_S = 10
MAX_POLL_INTERVAL_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Schedule:
    """What an admin decides about the times of one connection.

    Attributes:
        sweep_interval_s: how often everything is compared (seconds).
        poll_interval_s: how often the source is asked what has changed (seconds).
        quiet_from: since when in a day nothing is compared; None: there are no such hours.
        quiet_until: until when; before `quiet_from`, it is of the next day.
        quiet_zone: by the clock of which time zone (IANA).
    """

    sweep_interval_s: int
    poll_interval_s: int
    quiet_from: time | None = None
    quiet_until: time | None = None
    quiet_zone: str = "UTC"

    def fields(self) -> dict[str, Any]:
        """Return it as fields of a `Connection`."""
        return asdict(self)


def of(connection: Connection) -> Schedule:
    """Return what is stored."""
    return Schedule(
        connection.sweep_interval_s,
        connection.poll_interval_s,
        connection.quiet_from,
        connection.quiet_until,
        connection.quiet_zone,
    )


def zones() -> list[str]:
    """Return the names of all time zones that this machine knows, UTC first."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name)]
