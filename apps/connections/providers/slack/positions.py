"""How far the changes of a workspace are read: Slack keeps no log, so these are our own marks.

Names and values are texts, as the engine stores them:

* `channel:C1` the newest timestamp that was read of a channel
* `place:C1` what the list of channels told of it: whether it was readable, and a digest of the rest
* `window:C1` when its last days were last read again, for edits, deletions and late replies
* `scan:C1` a reading that is begun and not ended: from when, since when, and where it goes on
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apps.connections.errors import CursorExpired
from apps.connections.providers.slack import names
from apps.connections.providers.slack.documents import Place
from apps.connections.providers.slack.records import Channel

_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
_SCAN_PARTS = 4


@dataclass(frozen=True, slots=True)
class Scan:
    """A reading of a channel that takes several steps.

    Attributes:
        oldest: the timestamp from which on.
        started_at: from before Slack was first asked.
        place: where it goes on.
    """

    oldest: str
    started_at: datetime
    place: Place = field(default_factory=Place)

    def told(self) -> str:
        """Return it as it is stored."""
        return "|".join(
            (self.oldest, self.started_at.isoformat(), self.place.day, self.place.before)
        )


def scan(told: str) -> Scan:
    """Read a stored reading.

    Raises:
        CursorExpired: it is none.
    """
    parts = told.split("|")
    if len(parts) != _SCAN_PARTS or not _TS.fullmatch(parts[0]):
        raise _unknown()
    return Scan(parts[0], moment(parts[1]), Place(parts[2], parts[3]))


def moment(told: str) -> datetime:
    """Read a stored time.

    Raises:
        CursorExpired: it is none.
    """
    try:
        when = datetime.fromisoformat(told)
    except ValueError as error:
        raise _unknown() from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def read_to(told: str) -> str:
    """Read how far a channel was read.

    Raises:
        CursorExpired: it is not told as this connector does.
    """
    if not _TS.fullmatch(told):
        raise _unknown()
    return told


def shape(channel: Channel) -> str:
    """Return what changes when the list of channels tells something new of one.

    It begins with whether the account is in it: who comes in reads what was written before. The
    number of members is in it, so that most comings and goings are seen without asking for them.
    """
    told = (channel.kind, channel.name, channel.is_archived, channel.is_shared, channel.size)
    digest = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    return f"{'in' if channel.is_member else 'out'}-{digest}"


def was_in(told: str) -> bool:
    """Return whether the account was in a channel, by its stored shape."""
    return told.startswith("in-")


def channels_in(positions: Iterable[str]) -> list[str]:
    """Return the channels that positions name, in their order."""
    found = (each.partition(":")[2] for each in positions)
    return list(dict.fromkeys(each for each in found if names.parse(each)))


def dropped(channel_id: str) -> Mapping[str, None]:
    """Return the positions of a channel that is followed no more."""
    return {f"{kind}:{channel_id}": None for kind in ("channel", "place", "window", "scan")}


def _unknown() -> CursorExpired:
    return CursorExpired("A stored position is not one of this connector's.")
