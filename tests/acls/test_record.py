"""What a connector says becomes rows: once, in order of observation, and only where it differs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from django.db import transaction

from apps.acls import policy, record, resolve
from apps.acls.errors import BrokenTree
from apps.acls.models import Acl, AclEntry, Claim, Closure, Edge, Line, PermissionChange, Principal
from apps.connections.protocol import (
    Mode,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemotePrincipal,
)
from apps.tenants.context import tenant_context
from tests.acls.reads import in_threads, inside, read
from tests.world import World

REALM = "folder"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER, EARLIER = NOON + timedelta(minutes=1), NOON - timedelta(minutes=1)


def person(email: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, email, label=email, email=email)


def group(name: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.GROUP, name, label=name.title())


def listed(name: str, *members: RemotePrincipal) -> RemoteGroup:
    return RemoteGroup(group(name), members)


def place(
    path: str, *readers: RemotePrincipal, parent: str | None = ".", cut: bool = False
) -> RemoteAcl:
    return RemoteAcl(
        path,
        f"/{path}",
        parent=None if path == "." else parent,
        mode=Mode.CUT if cut else Mode.ADD,
        entries=tuple(RemoteEntry(reader) for reader in readers),
    )


ADA, BO = person("ada@acme.example"), person("bo@acme.example")
GROUPS = (listed("staff", ADA, BO), listed("finance", group("leads")), listed("leads", ADA))
PLACES = (
    place(".", group("staff")),
    place("finance", group("finance"), cut=True),
    place("finance/plans", parent="finance"),
)


def readable(world: World) -> dict[str, set[str]]:
    """Return the places that each person may read, by the policies that name one place."""
    ids = dict(Acl.objects.filter(realm=REALM).values_list("external_id", "pk"))
    policies = {path: policy.policy_for([[pk]]) for path, pk in ids.items()}
    found = {u.name: set(resolve.compute(u).ids.tolist()) for u in (world.ada, world.bo)}
    return {name: {p for p, pk in policies.items() if pk in seen} for name, seen in found.items()}


def everything() -> list[object]:
    """Return what permissions rest on, without the times of observation."""
    return [
        sorted(Edge.objects.values_list("member_id", "group_id", "expires_at")),
        sorted(
            AclEntry.objects.values_list("pk", "content_object_id", "group_id", "permission_id")
        ),
        sorted(Acl.objects.values_list("pk", "external_id", "parent_id", "mode"), key=str),
        sorted(Line.objects.values_list("acl_id", "ancestor_id", "distance", "cut")),
        sorted(Closure.objects.values_list("group_id", "ancestor_id")),
        sorted(Principal.objects.values_list("pk", "external_id", "email", "members_known")),
        sorted(Claim.objects.filter(ended_at=None).values_list("user_id", "principal_id")),
    ]


def test_manifest_becomes_readable_places(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        assert readable(world) == {"Ada": {".", "finance", "finance/plans"}, "Bo": {"."}}


def test_the_same_observation_again_changes_nothing_and_logs_nothing(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        before, logged = everything(), PermissionChange.objects.count()
        for at in (NOON, LATER):
            record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=at, complete=True)
        assert everything() == before
        assert PermissionChange.objects.count() == logged


def test_an_older_observation_never_overwrites_a_newer_one(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=LATER)
        before = everything()
        record.apply(
            REALM,
            groups=[listed("finance", BO), listed("leads")],
            acls=[place(".", BO), place("finance", BO), place("finance/plans", BO)],
            observed_at=NOON,
        )
        assert everything() == before


def test_observations_in_any_order_end_at_the_newest(world: World) -> None:
    old = {"groups": [listed("staff", BO)], "acls": [place(".", group("staff"))]}
    new = {"groups": [listed("staff", ADA)], "acls": [place(".", BO)]}
    with tenant_context(world.acme):
        for realm, order in (
            ("a", [(old, EARLIER), (new, NOON)]),
            ("b", [(new, NOON), (old, EARLIER)]),
        ):
            for told, at in order:
                record.apply(realm, observed_at=at, **told)  # type: ignore[arg-type]
        ends = [
            (
                set(Edge.objects.filter(group__realm=r).values_list("member__email", flat=True)),
                set(
                    AclEntry.objects.filter(content_object__realm=r).values_list(
                        "group__principal__email", flat=True
                    )
                ),
            )
            for r in ("a", "b")
        ]
        assert ends == [({"ada@acme.example"}, {"bo@acme.example"})] * 2


def test_a_complete_observation_makes_other_places_plain_and_other_groups_empty(
    world: World,
) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        record.apply("other", acls=[place(".", ADA)], observed_at=NOON)
        record.apply(
            REALM,
            groups=[listed("staff", ADA, BO)],
            acls=[place(".", group("staff"))],
            observed_at=LATER,
            complete=True,
        )
        assert set(Edge.objects.values_list("group__external_id", flat=True)) == {"staff"}
        assert not Acl.objects.filter(mode="cut").exists()
        assert AclEntry.objects.filter(content_object__realm="other").count() == 1
        assert readable(world) == {
            name: {".", "finance", "finance/plans"} for name in ("Ada", "Bo")
        }
        # What was not listed counts as seen: an older listing does not bring it back.
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        assert Edge.objects.count() == 2 and not Acl.objects.filter(mode="cut").exists()


def test_a_moved_subtree_takes_its_places_along(world: World) -> None:
    tree = [place("."), place("a", ADA), place("b", BO), place("a/x"), place("a/x/y", parent="a/x")]
    tree[3] = place("a/x", parent="a")
    with tenant_context(world.acme):
        record.apply(REALM, acls=tree, observed_at=NOON)
        assert readable(world)["Ada"] == {"a", "a/x", "a/x/y"}
        record.apply(REALM, acls=[place("a/x", parent="b")], observed_at=LATER)
        assert readable(world) == {"Ada": {"a"}, "Bo": {"b", "a/x", "a/x/y"}}


@pytest.mark.parametrize(
    "acls",
    [
        [place("child", parent="nowhere")],
        [place("a", parent="b"), place("b", parent="a")],
    ],
)
def test_places_that_are_no_tree_are_refused(world: World, acls: list[RemoteAcl]) -> None:
    with tenant_context(world.acme), pytest.raises(BrokenTree), transaction.atomic():
        record.apply(REALM, acls=acls, observed_at=NOON)


def test_a_group_that_no_list_told_of_denies_everybody_and_allows_nobody(world: World) -> None:
    with tenant_context(world.acme):
        deny = RemoteEntry(group("secret"), is_allowed=False)
        mixed = RemoteAcl("m", "/m", entries=(RemoteEntry(ADA, ord=1), deny))
        record.apply(
            REALM, acls=[mixed, place("n", group("secret"), parent=None)], observed_at=NOON
        )
        assert readable(world) == {"Ada": set(), "Bo": set()}
        record.apply(REALM, groups=[listed("secret", BO)], observed_at=LATER)
        assert readable(world) == {"Ada": {"m"}, "Bo": {"n"}}


def test_a_group_whose_list_is_withheld_keeps_no_member(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)
        withheld = RemoteGroup(group("staff"), is_known=False)
        record.apply(REALM, groups=[withheld], observed_at=LATER)
        assert readable(world)["Bo"] == set()


def test_of_two_entries_for_one_principal_the_denial_counts(world: World) -> None:
    twice = RemoteAcl("t", "/t", entries=(RemoteEntry(ADA), RemoteEntry(ADA, is_allowed=False)))
    with tenant_context(world.acme):
        for acl in (twice, RemoteAcl("t", "/t", entries=twice.entries[::-1])):
            record.apply(REALM, acls=[acl], observed_at=NOON)
            assert readable(world)["Ada"] == set()


def test_ids_beyond_what_an_index_holds_stay_apart(world: World) -> None:
    long = ["ä" * 2000 + end for end in ("1", "2")]
    with tenant_context(world.acme):
        ids = record.apply(
            REALM,
            acls=[place(long[0], ADA, parent=None), place(long[1], parent=None)],
            observed_at=NOON,
        )
        assert ids[long[0]] != ids[long[1]]
        first, second = policy.policies_for_places(REALM, [((long[0],),), ((long[1],),)])
        assert resolve.compute(world.ada).ids.tolist() == [first] and first != second


def test_policies_of_unknown_places_admit_nobody(world: World) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, acls=[place(".", ADA)], observed_at=NOON)
        ids = policy.policies_for_places(
            REALM, [((".",),), (), (("gone",),), ((".",), ("gone",)), ((".", "gone"),)]
        )
        assert ids == [ids[0], policy.nobody(), policy.nobody(), policy.nobody(), ids[0]]


def test_two_syncs_that_meet_new_names_at_once_agree(committed_world: World) -> None:
    acme = committed_world.acme

    def sync() -> None:
        with inside(acme):
            record.apply(REALM, groups=GROUPS, acls=PLACES, observed_at=NOON)

    in_threads(sync, sync, sync)
    with inside(acme):
        assert Acl.objects.count() == 3 and Principal.objects.count() == 5
        finance = policy.policies_for_places(REALM, [(("finance",),)])[0]
    assert read(acme, committed_world.ada) == {finance}
    assert read(acme, committed_world.bo) == set()


def test_ten_thousand_places_take_seconds(world: World) -> None:
    acls = [place(".", group("staff"))]
    for n in range(10_000):
        parent = "." if n < 100 else f"d{n % 100}" if n < 1000 else f"d{n % 900 + 100}"
        acls.append(place(f"d{n}", person(f"p{n % 500}@acme.example"), parent=parent))
    with tenant_context(world.acme):
        started = monotonic()
        record.apply(REALM, groups=GROUPS, acls=acls, observed_at=NOON)
        first = monotonic() - started
        record.apply(REALM, groups=GROUPS, acls=acls, observed_at=LATER, complete=True)
        again = monotonic() - started - first
        assert Line.objects.count() > 30_000
    assert first < 60 and again < 40, (first, again)  # row by row it would be many minutes


def test_nesting_a_large_group_writes_a_row_per_group_above(world: World) -> None:
    with tenant_context(world.acme):
        outer = [listed(f"o{n}", *([group(f"o{n - 1}")] if n else [])) for n in range(50)]
        crowd = listed("crowd", *(person(f"p{n}@x.example") for n in range(10_000)))
        record.apply(REALM, groups=[*outer, crowd], observed_at=NOON)
        rows = Closure.objects.count()
        started = monotonic()
        record.apply(REALM, groups=[listed("o0", group("crowd"))], observed_at=LATER)
        assert Closure.objects.count() == rows + 50
        assert monotonic() - started < 1
