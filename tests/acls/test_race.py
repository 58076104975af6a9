"""Grants and revocations under concurrent readers: nothing leaks after an acknowledged commit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import monotonic, sleep

from apps.acls import membership, policy
from apps.acls.models import Acl, Principal
from tests.acls.reads import in_threads, inside, read
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.world import World

DURATION_S = 3.0


@dataclass
class Turn:
    """What one writer has last had acknowledged; `number` grows before each grant begins."""

    number: int = 0
    is_closed: bool = False


@dataclass
class Race:
    world: World
    turns: dict[int, Turn] = field(default_factory=dict)
    stop_at: float = 0
    reads: int = 0
    revocations: int = 0
    leaks: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_on(self) -> bool:
        return monotonic() < self.stop_at

    def read(self) -> None:
        while self.is_on():
            before = {p: (t.number, t.is_closed) for p, t in self.turns.items()}
            seen = read(self.world.acme, self.world.ada)
            with self.lock:
                self.reads += 1
                for pk, (number, was_closed) in before.items():
                    same = self.turns[pk].number == number
                    self.leaks += was_closed and same and pk in seen

    def write(self, policy_id: int, grant: object, revoke: object) -> None:
        turn = self.turns[policy_id]
        while self.is_on():
            turn.number, turn.is_closed = turn.number + 1, False
            with inside(self.world.acme):
                grant()  # type: ignore[operator]
                sleep(0.002)
            sleep(0.01)
            with inside(self.world.acme):
                revoke()  # type: ignore[operator]
                sleep(0.002)
            turn.is_closed = True
            self.revocations += 1
            sleep(0.005)


def test_nothing_leaks_after_the_commit_of_a_revocation(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        me, group, outer = principal(acme, "user", "ada"), principal(acme), principal(acme)
        claim(committed_world.ada, me)
        entry(by_edge := acl(acme), group)
        above, by_place = acl(acme), acl(acme)
        entry(above, me)
        entry(by_nesting := acl(acme), outer)
        edge(me, inner := principal(acme))
        first, second, third = policy.policies_for(
            [[[a.pk]] for a in (by_edge, by_place, by_nesting)]
        )
    race = Race(committed_world, {pk: Turn() for pk in (first, second, third)})
    race.stop_at = monotonic() + DURATION_S

    def put(parent: Acl | None) -> None:
        Acl.objects.filter(pk=by_place.pk).update(parent=parent)

    def nest(member: Principal, into: Principal) -> None:
        membership.add(group=into, members=[member], actor=None)

    def take(member: Principal, out_of: Principal) -> None:
        membership.remove(group=out_of, members=[member], actor=None)

    in_threads(
        lambda: race.write(first, lambda: nest(me, group), lambda: take(me, group)),
        lambda: race.write(second, lambda: put(above), lambda: put(None)),
        lambda: race.write(third, lambda: nest(inner, outer), lambda: take(inner, outer)),
        race.read,
        race.read,
        race.read,
    )
    assert race.leaks == 0
    assert race.revocations > 30
    assert race.reads > 100
