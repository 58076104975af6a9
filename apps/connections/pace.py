"""How fast one connection may ask its source, counted in Redis for all processes together.

A token bucket keeps to the rate; a source that asks for rest (429) is left alone by every lane; and
after failures in a row the circuit opens, so that a source that is down is not asked all the time.
Without Redis there is no pace to keep, and nobody asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import redis
from django.conf import settings

from apps.connections.errors import SourceUnavailable

log = logging.getLogger(__name__)

# Failures in a row that open the circuit, for how long at first, and at most (seconds).
FAILURES = 5
OPEN_S = 15
OPEN_AT_MOST_S = 300
# After so long without a word, a connection's counts are forgotten (seconds).
_KEPT_S = 3600
# Token bucket by the generic cell rate algorithm (ITU-T I.371): one stored time per bucket.
# KEYS: bucket, rest, open, failures. ARGV: seconds between requests, burst, seconds to keep them.
# Returns seconds to wait, milliseconds that the circuit stays open, and failures in a row, as text.
_TAKE = """
local failures = redis.call('GET', KEYS[4]) or '0'
local open = redis.call('PTTL', KEYS[3])
if open > 0 then return {'0', tostring(open), failures} end
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rest = redis.call('PTTL', KEYS[2])
if rest > 0 then return {tostring(rest / 1000), '0', failures} end
local gap, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = due - now - gap * (burst - 1)
if wait > 0 then return {tostring(wait), '0', failures} end
redis.call('SET', KEYS[1], string.format('%.6f', due + gap), 'EX', ARGV[3])
return {'0', '0', failures}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of one connection.

    Args:
        name: of the connection, unique in the installation.
        requests_per_s: in the long run.
        burst: at once, after a pause.
    """

    name: str
    requests_per_s: float
    burst: int
    # What Redis told with the last request, so that most answers need not be told back.
    _seen: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def wait_s(self) -> float:
        """Take one request if it may be sent now.

        Returns:
            0 when it may; otherwise how long to wait before asking again (seconds).

        Raises:
            SourceUnavailable: the circuit is open, or the pace cannot be known.
        """
        try:
            names = ("bucket", "rest", "open", "failures")
            keys = [self._key(name) for name in names]
            told = _client().eval(_TAKE, 4, *keys, 1 / self.requests_per_s, self.burst, _KEPT_S)
        except redis.RedisError as error:
            raise SourceUnavailable(
                "Kenward cannot count its requests just now, so it sends none.", detail=repr(error)
            ) from error
        wait_s, open_ms, failures = map(float, told)
        self._seen["failures"] = failures
        if open_ms > 0:
            raise SourceUnavailable(
                "The source has failed several times in a row and is left alone for a while.",
                hint=f"It is asked again in {open_ms / 1000:.0f} seconds.",
            )
        return wait_s

    def rest(self, seconds: float) -> None:
        """Leave the source alone for a while, whoever wants to ask it."""
        self._try(lambda client: client.set(self._key("rest"), 1, px=max(1, int(seconds * 1000))))

    def succeeded(self) -> None:
        """Forget failures, where there were any: the source answers."""
        if self._seen.pop("failures", 0):
            self._try(lambda client: client.delete(self._key("failures")))

    def failed(self) -> None:
        """Count a failure, and open the circuit after several; each time for longer."""

        def count(client: redis.Redis) -> object:
            failures = int(client.incr(self._key("failures")))
            client.expire(self._key("failures"), _KEPT_S)
            if failures >= FAILURES:
                open_s = min(OPEN_S * 2 ** min(failures - FAILURES, 8), OPEN_AT_MOST_S)
                client.set(self._key("open"), 1, ex=open_s)
            self._seen["failures"] = failures
            return failures

        self._try(count)

    def _key(self, what: str) -> str:
        return f"kenward:pace:{self.name}:{what}"

    def _try(self, act: Callable[[redis.Redis], object]) -> None:
        try:
            act(_client())
        except redis.RedisError as error:  # the next request is not sent, see `wait_s`
            log.warning("the pace of a connection cannot be kept: %s", error)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
