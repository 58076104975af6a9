"""How long it takes from a change of sharing at the source until search shows it.

A Kenward as its user starts it, with its web server, workers and beat, is connected to the
simulated Drive; a person asks through the search page, polled. The clock starts before the source
is told to change, and stops with the first answer that shows it.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import numpy as np
from typing_extensions import override

from apps.ops.embedded_paths import APPLICATION, OWNER, postgres_url, redis_url
from benchmarks.report import Figure
from benchmarks.sync_company import BO, TEAM, Size
from benchmarks.sync_peer import Peer
from benchmarks.sync_talk import Talker
from benchmarks.sync_targets import Targets, made, sentence
from benchmarks.web import signed_in
from tests.e2e.running import Running, clean_environment

_ASKED_EVERY_S = 0.02
_GIVE_UP_S = 120
# Until everything is synced and indexed for the first time (seconds).
_GIVE_UP_FIRST_S = 600
# Beside what a poll waits for anyway; and with a webhook, alone (seconds).
_BOUND_S = 5


@dataclass(frozen=True)
class Rounds:
    """How often, and by which clocks.

    Attributes:
        webhook: changes of each kind by webhook.
        polling: the same by polling.
        poll_s: between two polls.
        groups: changes of a group's members, of each kind.
        age_s: for how long permissions count then; they are swept after half of it.
        files: in the company, beside what is changed.
    """

    webhook: int = 20
    polling: int = 20
    poll_s: int = 10
    groups: int = 5
    age_s: int = 60
    files: int = 200


@dataclass(frozen=True)
class Change:
    """A change at the source and what it is to do to a search."""

    name: str
    act: Callable[[], object]
    word: str
    shows: bool


@dataclass
class _Kenward(Running):
    """A Kenward without the sample company; its people have one password."""

    password: str = ""

    @override
    def passwords(self) -> dict[str, str]:
        return {BO: self.password}


def all_of(rounds: Rounds) -> Iterator[Figure]:
    """Measure by webhook, by polling, and a group's members by the sweep of permissions."""
    size = Size(rounds.files, max(10, rounds.files // 10), people=8)
    with tempfile.TemporaryDirectory() as folder, Peer(size) as peer:
        targets = made(peer)
        kenward = _Kenward(Path(folder) / "var")
        kenward.environment |= {
            "KENWARD_SOURCE_HOSTS": peer.host,
            "KENWARD_PUBLIC_URL": kenward.url,
        }
        with (
            _started(kenward),
            Talker("benchmarks.sync_account", environment=_environment(kenward)) as account,
        ):
            kenward.password = account.ask("connect", peer.told)
            files = len(peer.ask("files"))
            _wait_for(account, searchable=files, waiting=0, unfinished=0)
            asked = _Asked(signed_in(kenward, BO), peer, targets.kept.word)
            yield from _by_webhook(asked, account, targets, rounds)
            peer.ask("silence")
            yield from _by_polling(asked, account, targets, rounds)
            yield from _by_group(asked, account, targets, rounds)


def _by_webhook(
    asked: _Asked, account: Talker, targets: Targets, rounds: Rounds
) -> Iterator[Figure]:
    logs = sum(map(len, asked.peer.ask("places").values()))
    account.ask("subscribe")
    _wait_for(account, watched=logs, unfinished=0)
    took, mark = dict[str, list[float]](), asked.peer.ask("mark")
    for number in range(rounds.webhook):
        for change in _both(asked.peer, targets, number):
            took.setdefault(change.name, []).extend(asked.until_seen([change]))
            time.sleep(0.2)
    _wait_for(account, unfinished=0)
    requests = sum(asked.peer.requests(mark).values()) / sum(map(len, took.values()))
    settings = {"logs": logs, "documents": rounds.files, "requests_per_change": round(requests, 1)}
    for name, seconds in took.items():
        yield from _latency(f"webhook: {name}", seconds, _BOUND_S, settings)


def _by_polling(
    asked: _Asked, account: Talker, targets: Targets, rounds: Rounds
) -> Iterator[Figure]:
    """Change a file and a folder at once, at any time between two polls."""
    account.ask("clocks", poll_s=rounds.poll_s)
    chance, took = random.Random(4), dict[str, list[float]]()  # noqa: S311
    for number in range(rounds.polling):
        share_file, unshare_file, share_folder, unshare_folder = _both(asked.peer, targets, number)
        for pair in ((share_file, share_folder), (unshare_file, unshare_folder)):
            time.sleep(chance.uniform(0, rounds.poll_s))
            for change, seconds in zip(pair, asked.until_seen(pair), strict=True):
                took.setdefault(change.name, []).append(seconds)
    account.ask("clocks")
    settings = {"poll_interval_s": rounds.poll_s, "documents": rounds.files}
    for name, seconds_of in took.items():
        bound = rounds.poll_s + _BOUND_S
        yield from _latency(f"polling: {name}", seconds_of, bound, settings)


def _by_group(asked: _Asked, account: Talker, targets: Targets, rounds: Rounds) -> Iterator[Figure]:
    """Change who is in a group, of which no log of Google's tells."""
    word = targets.group.word
    account.ask("clocks", age_s=rounds.age_s)
    period_s = rounds.age_s / 2
    chance, took = random.Random(5), dict[str, list[float]]()  # noqa: S311
    ways = (("into a group", "add_member", True), ("out of a group", "remove_member", False))
    for _ in range(rounds.groups):
        for name, verb, shows in ways:
            change = Change(name, partial(asked.peer.ask, verb, TEAM, BO), word, shows)
            time.sleep(chance.uniform(0, period_s))
            took.setdefault(name, []).extend(asked.until_seen([change]))
    account.ask("clocks")
    for name, seconds in took.items():
        yield from _latency(f"sweep of permissions: {name}", seconds, None, {"period_s": period_s})


@dataclass(frozen=True)
class _Asked:
    """The person who searches, and the source at which things are changed.

    Attributes:
        kept: a word that the person always finds, unless everything is hidden.
    """

    client: httpx2.Client
    peer: Peer
    kept: str

    def until_seen(self, changes: Sequence[Change]) -> list[float]:
        """Make changes at once, and return after how many seconds each is seen by search."""
        started = []
        for change in changes:
            started.append(time.monotonic())
            change.act()
        took: dict[int, float] = {}
        while len(took) < len(changes):
            for number, change in enumerate(changes):
                if number not in took and self._is_seen(change):
                    took[number] = time.monotonic() - started[number]
            if time.monotonic() - started[0] > _GIVE_UP_S:
                missing = [each.name for n, each in enumerate(changes) if n not in took]
                raise SystemExit(f"not seen after {_GIVE_UP_S} s: {', '.join(missing)}")
            time.sleep(_ASKED_EVERY_S)
        return [took[number] for number in range(len(changes))]

    def _is_seen(self, change: Change) -> bool:
        if change.shows:
            return self.shows(change.word)
        return not self.shows(change.word) and self.shows(self.kept)

    def shows(self, word: str) -> bool:
        """Return whether a search for a word finds its sentence."""
        page = self.client.get("/search/", params={"q": word}).raise_for_status().text
        return sentence(word) in re.sub(r"</?mark>", "", page)


def _both(peer: Peer, targets: Targets, number: int) -> Iterator[Change]:
    """Yield a file shared and unshared with the person, then a folder."""
    for what, of in (("file", targets.files), ("folder", targets.folders)):
        target = of[number % len(of)]
        for verb, shows in (("share", True), ("unshare", False)):
            yield Change(
                f"{verb}d {what} {'appears' if shows else 'disappears'}",
                partial(peer.ask, verb, target.id, BO),
                target.word,
                shows,
            )


@contextmanager
def _started(kenward: Running) -> Iterator[None]:
    kenward.start("--no-sample")
    try:
        kenward.wait_for("ready ", timeout_s=180)
        yield
    finally:
        kenward.stop()


def _environment(kenward: Running) -> dict[str, str]:
    """Return what leads a process to a running Kenward's database, secrets and Redis."""
    return clean_environment(
        DATABASE_URL=postgres_url(kenward.data_dir, OWNER),
        DATABASE_APP_URL=postgres_url(kenward.data_dir, APPLICATION),
        REDIS_URL=redis_url(kenward.data_dir),
        KENWARD_DATA_DIR=str(kenward.data_dir),
        KENWARD_ENV="development",
        DJANGO_SETTINGS_MODULE="config.settings",
        **kenward.environment,
    )


def _wait_for(account: Talker, **wanted: int) -> None:
    until = time.monotonic() + _GIVE_UP_FIRST_S
    while time.monotonic() < until:
        state: dict[str, int] = account.ask("state")
        if all(state[name] == count for name, count in wanted.items()):
            return
        time.sleep(0.5)
    raise SystemExit(f"not so after {_GIVE_UP_FIRST_S} s: {wanted}, but {state}")


def _latency(
    name: str, seconds: list[float], bound: float | None, settings: Mapping[str, object]
) -> list[Figure]:
    settings = {**settings, "rounds": len(seconds)}
    values = {
        "median": float(np.percentile(seconds, 50)),
        "p95": float(np.percentile(seconds, 95)),
        "maximum": max(seconds),
    }
    return [
        Figure(
            f"{name}, {what}",
            round(value, 3),
            "s",
            bound if what == "p95" else None,
            settings=settings,
        )
        for what, value in values.items()
    ]
