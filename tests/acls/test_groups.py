"""Groups of a source: nesting, circles, renames, deletion, unknown members, and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import policy, record, resolve
from apps.acls.models import AclEntry, Closure, Edge, PermissionChange, Principal
from apps.connections.protocol import RemoteAcl, RemoteEntry, RemoteGroup, RemotePrincipal
from apps.tenants.context import tenant_context
from tests.acls.test_record import ADA, BO, EARLIER, LATER, NOON, REALM, group, listed, place
from tests.undone import undone
from tests.world import World

MINUTE = timedelta(minutes=1)
relaxed = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def example(world: World) -> Iterator[None]:
    with tenant_context(world.acme), undone():
        yield


def readers(world: World, external_id: str = ".") -> set[str]:
    """Return who reads by this place."""
    [pk] = policy.policies_for_places(REALM, [((external_id,),)])
    people = (world.ada, world.bo)
    return {u.name for u in people if pk in resolve.compute(u).ids.tolist()}


def denying(name: str) -> RemoteAcl:
    """Return a place that everybody whom Kenward knows reads, without the members of a group."""
    entries = (RemoteEntry(group(name), is_allowed=False), *(RemoteEntry(p, ord=1) for p in PEOPLE))
    return RemoteAcl("denied", "/denied", entries=entries)


PEOPLE = (ADA, BO)


@pytest.mark.parametrize("depth", [1, 6, 60])
def test_groups_nest_to_any_depth(world: World, depth: int) -> None:
    chain = [listed(f"g{n}", group(f"g{n + 1}")) for n in range(depth)]
    with tenant_context(world.acme):
        record.apply(
            REALM,
            groups=[*chain, listed(f"g{depth}", ADA)],
            acls=[place(".", group("g0"))],
            observed_at=NOON,
        )
        assert readers(world) == {"Ada"}
        record.apply(REALM, groups=[listed(f"g{depth // 2}")], observed_at=LATER)
        assert readers(world) == set()


def test_a_circle_of_groups_shares_its_members(world: World) -> None:
    circle = [listed("a", group("b")), listed("b", group("c"), ADA), listed("c", group("a"), BO)]
    with tenant_context(world.acme):
        record.apply(REALM, groups=circle, acls=[place(".", group("a"))], observed_at=NOON)
        assert readers(world) == {"Ada", "Bo"}
        opened = [listed("b", ADA)]
        record.apply(REALM, groups=opened, observed_at=LATER)
        assert readers(world) == {"Ada"}


def test_a_renamed_group_keeps_what_it_was_granted(world: World) -> None:
    renamed = RemoteGroup(replace(group("staff"), label="Everybody here"), (ADA,))
    with tenant_context(world.acme):
        told = [place(".", group("staff"))]
        record.apply(REALM, groups=[listed("staff", ADA)], acls=told, observed_at=NOON)
        before = list(AclEntry.objects.values("pk", "group_id")), Principal.objects.count()
        record.apply(REALM, groups=[renamed], observed_at=LATER)
        assert before == (
            list(AclEntry.objects.values("pk", "group_id")),
            Principal.objects.count(),
        )
        assert str(Principal.objects.get(external_id="staff")) == "Everybody here"
        assert readers(world) == {"Ada"}


def test_a_deleted_group_holds_nobody_and_its_entries_stay(world: World) -> None:
    nested = [listed("staff", ADA), listed("all", group("staff"), BO)]
    told = [place(".", group("all")), place("own", group("staff"), parent=None), denying("staff")]
    with tenant_context(world.acme):
        record.apply(REALM, groups=nested, acls=told, observed_at=NOON)
        assert (readers(world), readers(world, "own")) == ({"Ada", "Bo"}, {"Ada"})
        assert readers(world, "denied") == {"Bo"}
        entries = AclEntry.objects.count()
        record.apply(REALM, deleted_groups=[group("staff")], observed_at=LATER)
        assert (readers(world), readers(world, "own")) == ({"Bo"}, set())
        assert readers(world, "denied") == {"Ada", "Bo"}
        assert AclEntry.objects.count() == entries


def test_to_delete_a_group_twice_changes_nothing_more(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(
            REALM,
            groups=[listed("staff", ADA)],
            acls=[place(".", group("staff"))],
            observed_at=NOON,
        )
        record.apply(REALM, deleted_groups=[group("staff")], observed_at=LATER)
        logged, rows = PermissionChange.objects.count(), list(Principal.objects.values())
        for at in (LATER, NOON, LATER + MINUTE):
            record.apply(REALM, deleted_groups=[group("staff")], observed_at=at)
        assert (logged, rows) == (
            PermissionChange.objects.count(),
            list(Principal.objects.values()),
        )


def test_an_older_deletion_does_not_bury_a_newer_list(world: World) -> None:
    with tenant_context(world.acme):
        told = [place(".", group("staff"))]
        record.apply(REALM, groups=[listed("staff", ADA)], acls=told, observed_at=NOON)
        record.apply(REALM, deleted_groups=[group("staff")], observed_at=EARLIER)
        assert readers(world) == {"Ada"}


def test_an_older_list_does_not_revive_a_deleted_group(world: World) -> None:
    with tenant_context(world.acme):
        told = [place(".", group("staff"))]
        record.apply(REALM, acls=told, observed_at=EARLIER)
        record.apply(REALM, deleted_groups=[group("staff")], observed_at=LATER)
        record.apply(REALM, groups=[listed("staff", ADA)], acls=told, observed_at=NOON)
        assert readers(world) == set() and Edge.objects.count() == 0


def test_a_group_that_comes_back_denies_everybody_until_its_list_is_seen(world: World) -> None:
    with tenant_context(world.acme):
        told = [place(".", group("staff")), denying("staff")]
        record.apply(REALM, groups=[listed("staff", ADA)], acls=told, observed_at=NOON)
        record.apply(REALM, deleted_groups=[group("staff")], observed_at=LATER)
        record.apply(REALM, acls=told, observed_at=LATER + MINUTE)
        assert (readers(world), readers(world, "denied")) == (set(), set())
        record.apply(REALM, groups=[listed("staff", BO)], observed_at=LATER + 2 * MINUTE)
        assert (readers(world), readers(world, "denied")) == ({"Bo"}, {"Ada"})


def test_a_group_that_is_listed_and_deleted_on_one_page_is_deleted(world: World) -> None:
    with tenant_context(world.acme):
        for at in (NOON, LATER):
            record.apply(
                REALM,
                groups=[listed("staff", ADA), listed("all", group("staff"))],
                deleted_groups=[group("staff")],
                acls=[place(".", group("staff"))],
                observed_at=at,
            )
            assert readers(world) == set() and Edge.objects.count() == 0


def test_a_group_may_have_members_whom_nobody_here_knows(world: World) -> None:
    stranger = RemotePrincipal(ADA.kind, "ext-4711", label="Somebody", email="x@elsewhere.example")
    with tenant_context(world.acme):
        record.apply(
            REALM,
            groups=[listed("staff", stranger, ADA)],
            acls=[place(".", group("staff"))],
            observed_at=NOON,
        )
        assert readers(world) == {"Ada"}
        assert Edge.objects.count() == 2


def test_a_membership_ends_by_itself(world: World) -> None:
    past, ahead = timezone.now() - MINUTE, timezone.now() + timedelta(hours=1)
    with tenant_context(world.acme):
        for end, seen in ((past, {"Bo"}), (ahead, {"Ada", "Bo"})):
            staff = RemoteGroup(group("staff"), (ADA, BO), ends=((ADA, end), (BO, ahead)))
            record.apply(REALM, groups=[staff], acls=[place(".", group("staff"))], observed_at=NOON)
            assert readers(world) == seen
            assert Edge.objects.get(member__external_id=ADA.external_id).expires_at == end
        twice = RemoteGroup(group("staff"), (ADA,), ends=((ADA, ahead), (ADA, past)))
        record.apply(REALM, groups=[twice], observed_at=LATER)
        assert readers(world) == set()


def test_an_end_of_somebody_who_is_no_member_makes_nobody_one(world: World) -> None:
    ahead = timezone.now() + timedelta(hours=1)
    with tenant_context(world.acme):
        staff = RemoteGroup(group("staff"), (BO,), ends=((ADA, ahead),))
        told = [place(".", group("staff")), place("x", ADA, parent=None)]
        record.apply(REALM, groups=[staff], acls=told, observed_at=NOON)
        assert readers(world) == {"Bo"}


# Random histories: what is stored equals what the newest words say, after every step.

NAMES = ("a", "b", "c", "d")
words = st.tuples(
    st.sampled_from(["list", "list", "list", "delete"]),
    st.sampled_from(NAMES),
    st.sets(st.sampled_from([*NAMES, "ada", "bo"]), max_size=4),
    st.integers(0, 12),
)


@dataclass
class Said:
    """The newest word on each group, kept by plain rules: the engine's second opinion."""

    lists: dict[str, tuple[int, set[str] | None]] = field(default_factory=dict)

    def take(self, word: tuple[str, str, set[str], int]) -> None:
        kind, name, members, minute = word
        if minute >= self.lists.get(name, (-1, None))[0]:
            self.lists[name] = (minute, None if kind == "delete" else members - {name})

    def edges(self, dead: set[str]) -> set[tuple[str, str]]:
        told = {(m, g) for g, (_, members) in self.lists.items() for m in members or ()}
        return {(member, name) for member, name in told if name not in dead}


def _at(minute: int) -> datetime:
    return datetime(2026, 1, 1, 12, minute, tzinfo=UTC)


def _tell(word: tuple[str, str, set[str], int]) -> None:
    kind, name, members, minute = word
    known = {"ada": ADA, "bo": BO}
    if kind == "delete":
        record.apply(REALM, deleted_groups=[group(name)], observed_at=_at(minute))
        return
    inside = [known.get(member) or group(member) for member in sorted(members)]
    record.apply(REALM, groups=[listed(name, *inside)], observed_at=_at(minute))


def _closed() -> set[tuple[str, str]]:
    rows = Closure.objects.values_list("group__external_id", "ancestor__external_id")
    return {(str(g), str(a)) for g, a in rows}


def _edges() -> set[tuple[str, str]]:
    rows = Edge.objects.values_list("member__external_id", "group__external_id")
    return {(str(m).partition("@")[0], str(g)) for m, g in rows}


def _recomputed(edges: set[tuple[str, str]], groups: set[str]) -> set[tuple[str, str]]:
    found = {(name, name) for name in groups}
    while True:
        more = {(g, above) for g, a in found for member, above in edges if member == a} - found
        if not more:
            return found
        found |= more


@given(history=st.lists(words, min_size=1, max_size=10))
@relaxed
def test_the_closure_is_the_recomputed_one_after_every_word(
    world: World, history: list[tuple[str, str, set[str], int]]
) -> None:
    with example(world):
        for word in history:
            _tell(word)
            groups = Principal.objects.filter(kind="group")
            names = set(groups.values_list("external_id", flat=True))
            assert _closed() == _recomputed(_edges(), names)


@given(history=st.lists(words, min_size=1, max_size=8, unique_by=lambda w: (w[1], w[3])))
@relaxed
def test_no_group_has_members_but_those_of_its_newest_list(
    world: World, history: list[tuple[str, str, set[str], int]]
) -> None:
    said = Said()
    with example(world):
        for word in history:
            _tell(word)
            said.take(word)
            _tell(word)  # a page may be retried
            dead = {p.external_id for p in Principal.objects.exclude(deleted_at=None)}
            # A group that died and came back is in others again only when these are listed again.
            assert _edges() <= said.edges(dead)
            for name, (_, members) in said.lists.items():
                stored = {m for m, g in _edges() if g == name and m not in NAMES}
                wanted = set(members or ()) - set(NAMES)
                assert stored == (set() if name in dead else wanted)
