"""After a restore, a promotion or a move no set counts that was cached before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from apps.acls import placement, policy, set_cache
from tests.acls.reads import cached, inside, passes, read
from tests.acls.small_worlds import acl, claim, entry, principal
from tests.world import World

# The parts of the label, in its order, and how each differs in another run of the database.
PARTS: dict[str, Callable[[str], str]] = {
    "placement, after a restore of the tenant": lambda part: part[::-1],
    "timeline, after a promotion": lambda part: f"{int(part, 16) + 1:08X}",
    "database, after a move within the server": lambda part: str(int(part) + 1),
    "system, after a move to another server": lambda part: str(int(part) + 1),
    "start, after a data folder was copied back": lambda part: str(float(part) - 60),
}


@pytest.fixture
def granted(committed_world: World) -> int:
    acme = committed_world.acme
    with inside(acme):
        claim(committed_world.ada, me := principal(acme, "user"))
        entry(place := acl(acme), me)
        return policy.policy_for([[place.pk]])


@pytest.mark.parametrize("part", PARTS)
def test_a_set_is_void_with_another(committed_world: World, granted: int, part: str) -> None:
    acme, ada = committed_world.acme, committed_world.ada
    before = cached(acme, ada)
    assert passes(acme, before)
    parts = before.incarnation.split(":")
    assert len(parts) == len(PARTS)
    number = list(PARTS).index(part)
    parts[number] = PARTS[part](parts[number])
    assert not passes(acme, replace(before, incarnation=":".join(parts)))


def test_a_set_from_before_a_restore_is_neither_found_nor_passed(
    committed_world: World, granted: int
) -> None:
    acme, ada = committed_world.acme, committed_world.ada
    before = cached(acme, ada)
    with inside(acme):
        old = set_cache.key(placement.incarnation(), acme.pk, ada.pk)
        placement.renew()
        new = set_cache.key(placement.incarnation(), acme.pk, ada.pk)
    assert old != new
    assert set_cache.get(old) is not None and set_cache.get(new) is None
    # Even where it is put in the way, the guard refuses it and the rows decide.
    set_cache.put(new, replace(before, ids=before.ids + 1))
    assert not passes(acme, before)
    assert read(acme, ada) == {granted}
