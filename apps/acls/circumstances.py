"""How somebody asks: with a second factor or without, from which address, at what time.

Bound for one request, or for one question of a chat, and never kept. Where nothing is bound (tasks,
commands, the check API) there was no second factor and there is no address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What rules for classes ask for.

    Attributes:
        has_mfa: the person has passed a second factor in this session.
        address: of the client; None where it is not known for certain.
        at: the moment to judge by; None: that of each statement.
    """

    has_mfa: bool = False
    address: IPv4Address | IPv6Address | None = None
    at: datetime | None = None


_UNKNOWN = Circumstances()
_current: ContextVar[Circumstances] = ContextVar("kenward_circumstances", default=_UNKNOWN)


def current() -> Circumstances:
    """Return what is bound."""
    return _current.get()


@contextmanager
def bound(circumstances: Circumstances) -> Iterator[None]:
    """Bind circumstances to this thread or task, and to what it starts."""
    token = _current.set(circumstances)
    try:
        yield
    finally:
        _current.reset(token)
