"""How far the changes of a workspace are read: Slack keeps no log, so these are our own marks.

* `places` which channels are synced, and what the list of channels told of each
* `channel:C1` how far a channel was read, when its last days were last read again, and what reading
  of it is begun and not ended
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apps.connections.errors import CursorExpired
from apps.connections.providers.slack.documents import Place
from apps.connections.providers.slack.records import Channel

PLACES = "places"
_CHANNEL = "channel:"
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Scan:
    """A reading of a span of a channel that takes several steps.

    Attributes:
        oldest: the timestamp from which on.
        started_at: from before Slack was first asked.
        place: where it goes on.
    """

    oldest: str
    started_at: datetime
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a channel is read.

    Attributes:
        read_to: the timestamp up to which its news are read.
        window_at: when its last days were last read again as a whole.
        is_read: whether it could be read at all; if not, all of it is still to be read.
        scan: the reading that is begun and not ended.
    """

    read_to: str
    window_at: datetime
    is_read: bool
    scan: Scan | None = None

    def told(self) -> str:
        """Return it as it is stored."""
        parts: dict[str, Any] = {
            "read_to": self.read_to,
            "window_at": self.window_at.isoformat(),
            "is_read": self.is_read,
        }
        if self.scan is not None:
            scan, place = self.scan, self.scan.place
            started_at = scan.started_at.isoformat()
            parts["scan"] = [scan.oldest, started_at, place.day, place.before]
        return json.dumps(parts)


def mark(told: str) -> Mark:
    """Read a stored mark.

    Raises:
        CursorExpired: it is none of this connector's.
    """
    try:
        parts = json.loads(told)
        scan = None
        if "scan" in parts:
            oldest, started_at, day, before = map(str, parts["scan"])
            scan = Scan(_ts(oldest), _moment(started_at), Place(day, before))
        window_at = _moment(parts["window_at"])
        return Mark(_ts(parts["read_to"]), window_at, parts["is_read"] is True, scan)
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown() from error


def name_of(channel_id: str) -> str:
    """Return the name of a channel's mark."""
    return f"{_CHANNEL}{channel_id}"


def marks(told: Mapping[str, str]) -> dict[str, Mark]:
    """Read the marks among positions, by channel and in their order.

    Raises:
        CursorExpired: one of the positions is none of this connector's.
    """
    found = {}
    for name, position in told.items():
        if name.startswith(_CHANNEL):
            found[name.removeprefix(_CHANNEL)] = mark(position)
        elif name != PLACES:
            raise _unknown()
    return found


def places(told: str) -> dict[str, str]:
    """Read which channels were synced, with their shapes.

    Raises:
        CursorExpired: it is none of this connector's.
    """
    try:
        found = json.loads(told)
        return {str(name): str(shape) for name, shape in found.items()}
    except (AttributeError, ValueError) as error:
        raise _unknown() from error


def told_places(shapes: Mapping[str, str]) -> str:
    """Return which channels are synced as it is stored."""
    return json.dumps(shapes, sort_keys=True)


def shape(channel: Channel) -> str:
    """Return what changes when the list of channels tells something new of one.

    The number of members is in it, so that most comings and goings are seen without asking.
    """
    told = (channel.kind, channel.name, channel.is_archived, channel.is_shared, channel.size)
    return hashlib.sha256(repr((*told, channel.is_member)).encode()).hexdigest()[:16]


def _ts(told: Any) -> str:
    if isinstance(told, str) and _TS.fullmatch(told):
        return told
    raise ValueError(told)


def _moment(told: Any) -> datetime:
    when = datetime.fromisoformat(told)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _unknown() -> CursorExpired:
    return CursorExpired("A stored position is not one of this connector's.")
