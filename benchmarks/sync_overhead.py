"""What the connector layer's client costs for each request, against plain httpx2."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
from typing_extensions import override

from apps.connections.http import SourceClient
from apps.connections.pace import Pace
from benchmarks.report import Figure

_UNPACED = 1_000_000
_WARMING = 200


@dataclass(frozen=True)
class _Key:
    """Signs with a token that does not end."""

    def headers(self) -> Mapping[str, str]:
        return {"authorization": "Bearer none"}

    def was_refused(self) -> bool:
        return False


class _Free(Pace):
    """A pace that nobody counts."""

    @override
    def wait_s(self) -> float:
        return 0.0

    @override
    def succeeded(self) -> None:
        return


def all_of(url: str, *, rounds: int, limit_s: float) -> Iterator[Figure]:
    """Ask for the same tiny answer in turn: plainly, through the client, and without its pace.

    Args:
        url: that answers with a small JSON object.
        rounds: of the three, at most.
        limit_s: after which no further round begins (seconds).
    """
    with httpx2.Client(trust_env=False) as bare:
        ways: dict[str, Callable[[], object]] = {
            "bare": lambda: bare.get(url, headers={"authorization": "Bearer none"}).json(),
            "client": lambda: counted.get(url),
            "free": lambda: free.get(url),
        }
        hosts = {urlsplit(url).netloc}
        counted = SourceClient(hosts, _Key(), Pace(f"benchmark-{uuid4()}", _UNPACED, _UNPACED))
        free = SourceClient(hosts, _Key(), _Free("", 1, 1))
        took = _in_turn(ways, rounds, limit_s)
    medians = {name: statistics.median(seconds) * 1000 for name, seconds in took.items()}
    settings: dict[str, float] = {
        "requests": sum(map(len, took.values())),
        **{f"{name}_ms": round(value, 4) for name, value in medians.items()},
    }
    added = medians["client"] - medians["bare"]
    counting = medians["client"] - medians["free"]
    yield Figure("bare httpx2, one request, median", round(medians["bare"], 3), "ms")
    yield Figure(
        "added by the connector layer, median",
        round(added, 3),
        "ms",
        peer="bare httpx2",
        ratio=round(medians["client"] / medians["bare"], 2),
        settings=settings,
    )
    yield Figure("of it for the pace, in Redis", round(counting, 3), "ms")


def _in_turn(
    ways: Mapping[str, Callable[[], object]], rounds: int, limit_s: float
) -> dict[str, list[float]]:
    """Return the seconds of each request; every round begins with another way."""
    for act in ways.values():
        for _ in range(_WARMING):
            act()
    took: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    until = time.monotonic() + limit_s
    for number in range(rounds):
        if time.monotonic() > until:
            break
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            started = time.perf_counter()
            ways[name]()
            took[name].append(time.perf_counter() - started)
    return took
