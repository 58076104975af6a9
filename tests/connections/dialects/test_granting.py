"""Sources that only allow: chains of places against small evaluators of their own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import box, drive, dropbox, granting, link, sharepoint
from apps.connections.dialects.audiences import LINK, MEMBERS
from apps.connections.dialects.drive import Permission
from apps.connections.protocol import Level, Mode, PrincipalKind, RemoteEntry, RemotePrincipal
from tests.connections.dialects.engine import company, group, person, relaxed
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
NOW = datetime.now(UTC)
PAST, AHEAD = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
READING_ROLES = {"owner", "organizer", "fileOrganizer", "writer", "commenter", "reader"}


def policy_of(name: str) -> tuple[tuple[str, ...], ...]:
    return ((name,),)


# Drive

permissions = st.builds(
    Permission,
    st.sampled_from([*PEOPLE, "team"]),
    st.just("user"),
    st.sampled_from([*sorted(READING_ROLES), "publishedReader"]),
    view=st.sampled_from(["", "", "", "metadata", "published"]),
    expires_at=st.sampled_from([None, None, PAST, AHEAD]),
    is_deleted=st.sampled_from([False, False, False, True]),
).map(lambda p: replace(p, type="group") if p.id == "team" else p)
chain = st.lists(
    st.tuples(st.lists(permissions, max_size=4, unique_by=lambda p: p.id), st.booleans()),
    min_size=1,
    max_size=4,
)


def drive_reads(chain_up: Sequence[tuple[list[Permission], bool]], who: str) -> bool:
    """Return the answer of Drive, from the file up: limited access leaves owners and managers."""
    is_cut = False
    for own, limits in chain_up:
        for p in own:
            is_me = p.id == who or (p.id == "team" and who in {"ada", "cy"})
            opens = p.role in READING_ROLES and not p.view and not p.is_deleted
            lasts = p.expires_at is None or p.expires_at > NOW
            passes = not is_cut or p.role in {"owner", "organizer"}
            if is_me and opens and lasts and passes:
                return True
        is_cut = is_cut or limits
    return False


@given(told=chain)
@relaxed
def test_drive_reads_along_the_chain(
    world: World, told: list[tuple[list[Permission], bool]]
) -> None:
    places = [
        drive.readers(
            f"f{n}",
            own,
            parent=f"f{n + 1}" if n + 1 < len(told) else None,
            inherited_permissions_disabled=limits,
        )
        for n, (own, limits) in enumerate(told)
    ]
    with company(world, PEOPLE) as made:
        made.tell(places, {group("team"): ("ada", "cy")})
        read = made.readers(policy_of("f0"))
        assert read == {who for who in PEOPLE if drive_reads(told, who)}


def test_drive_keeps_levels_and_leaves_inherited_permissions_to_their_place() -> None:
    told = drive.readers(
        "f",
        [
            Permission("ada", "user", "writer"),
            Permission("bo", "user", "commenter"),
            Permission("cy", "user", "reader", is_inherited=True),
        ],
    )
    assert {e.principal.external_id: e.level for e in told.entries} == {
        "ada": Level.WRITE,
        "bo": Level.COMMENT,
    }


@pytest.mark.parametrize(
    ("kind", "discovers", "opted_in", "principal"),
    [
        ("anyone", False, False, PrincipalKind.LINK),
        ("anyone", False, True, PrincipalKind.MEMBERS),
        ("domain", False, False, PrincipalKind.LINK),
        ("domain", True, False, PrincipalKind.DOMAIN),
        ("anyone", True, False, PrincipalKind.EVERYONE),
    ],
)
def test_links_are_no_lists(
    kind: str, discovers: bool, opted_in: bool, principal: PrincipalKind
) -> None:
    told = Permission("x", kind, "reader", domain="acme.example", allow_file_discovery=discovers)
    [entry] = drive.readers("f", [told], lists_links=opted_in).entries
    assert entry.principal.kind == principal


def test_what_has_a_link_is_listed_for_nobody_or_for_all_but_guests(world: World) -> None:
    with company(world, PEOPLE, guests=["cy"]) as made:
        made.tell(
            [
                granting.place("closed", [link.entry()]),
                granting.place("open", [link.entry(lists=True)]),
            ]
        )
        assert made.readers(policy_of("closed")) == set()
        assert made.readers(policy_of("open")) == {"ada", "bo"}


# Box and Dropbox

box_roles = st.sampled_from(
    ["owner", "co-owner", "editor", "viewer", "previewer", "uploader", "previewer uploader", "new"]
)
collaborations = st.lists(
    st.builds(
        box.Collaboration,
        st.sampled_from(PEOPLE).map(person),
        box_roles,
        st.sampled_from(["accepted", "accepted", "pending", "rejected"]),
        st.sampled_from([None, PAST, AHEAD]),
    ),
    max_size=5,
)


@given(file=collaborations, folder=collaborations)
@relaxed
def test_box_reads_by_the_waterfall(
    world: World, file: list[box.Collaboration], folder: list[box.Collaboration]
) -> None:
    def reads(who: str) -> bool:
        return who == "cy" or any(
            c.accessible_by.external_id == who
            and c.status == "accepted"
            and c.role not in {"uploader", "new"}
            and (c.expires_at is None or c.expires_at > NOW)
            for c in (*file, *folder)
        )

    with company(world, PEOPLE) as made:
        made.tell(
            [
                box.readers("file", file, parent="folder", owner=person("cy")),
                box.readers("folder", folder),
            ]
        )
        assert made.readers(policy_of("file")) == {who for who in PEOPLE if reads(who)}


members = st.lists(
    st.builds(
        dropbox.Member,
        st.sampled_from(PEOPLE).map(person),
        st.sampled_from(
            ["owner", "editor", "viewer", "viewer_no_comment", "traverse", "no_access"]
        ),
        st.booleans(),
    ),
    max_size=5,
)


@given(inner=members, outer=members, no_inherit=st.booleans())
@relaxed
def test_dropbox_reads_what_is_inherited_unless_cut(
    world: World, inner: list[dropbox.Member], outer: list[dropbox.Member], no_inherit: bool
) -> None:
    counted = [*inner, *([] if no_inherit else outer)]
    with company(world, PEOPLE) as made:
        made.tell(
            [
                dropbox.readers("inner", inner, parent="outer", no_inherit=no_inherit),
                dropbox.readers("outer", outer),
            ]
        )
        assert made.readers(policy_of("inner")) == {
            m.principal.external_id
            for m in counted
            if not m.is_inherited and m.access_type not in {"traverse", "no_access"}
        }


# SharePoint

GUID = "0f0e0d0c-0000-4000-8000-00000000abcd"
READS, LIMITED = sharepoint.VIEW_LIST_ITEMS | sharepoint.OPEN_ITEMS, 0x10000


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        (f"c:0t.c|tenant|{GUID}", f"entra:{GUID}"),
        (f"c:0o.c|federateddirectoryclaimprovider|{GUID}", f"entra:{GUID}"),
        (f"c:0o.c|federateddirectoryclaimprovider|{GUID}_o", f"entra-owners:{GUID}"),
        (f"c:0-.f|rolemanager|spo-grid-all-users/{GUID}", "members"),
        ("c:0(.s|true", "everyone"),
        ("i:0#.f|membership|Ada@acme.example", "ada@acme.example"),
        (f"c:0t.c|tenant|{GUID}_o", None),
        ("c:0!.s|windows", None),
        ("SHAREPOINT\\system", None),
        ("", None),
    ],
)
def test_a_claim_is_whom_it_names_or_nobody(claim: str, name: str | None) -> None:
    found = sharepoint.principal_of(claim)
    assert (found.external_id if found else None) == name


assignments = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from([READS, LIMITED, READS | 4, 0x1])),
    max_size=4,
)


@given(levels=st.lists(st.tuples(assignments, st.booleans()), min_size=1, max_size=4))
@relaxed
def test_sharepoint_reads_from_the_last_break(
    world: World, levels: list[tuple[list[tuple[str, int]], bool]]
) -> None:
    def reads(who: str) -> bool:
        if who == "cy":  # a site admin
            return True
        for own, breaks in levels:
            if any(name == who and bits & READS == READS for name, bits in own):
                return True
            if breaks:
                return False
        return False

    last = len(levels) - 1
    with company(world, PEOPLE) as made:
        made.tell(
            sharepoint.readers(
                f"o{n}",
                [sharepoint.RoleAssignment(person(name), bits) for name, bits in own],
                parent=None if n == last else f"o{n + 1}",
                has_unique_role_assignments=breaks,
                site_admins=[person("cy")] if n == last else [],
            )
            for n, (own, breaks) in enumerate(levels)
        )
        assert made.readers(policy_of("o0")) == {who for who in PEOPLE if reads(who)}


def test_sharepoint_groups_are_known_within_their_site_only(world: World) -> None:
    here, there = (sharepoint.site_group(site, 5, "Members") for site in ("hr", "sales"))
    with company(world, PEOPLE) as made:
        made.tell(
            [sharepoint.readers("hr", [sharepoint.RoleAssignment(here, READS)])],
            groups={here: {"ada"}, there: {"bo"}},
        )
        assert made.readers(policy_of("hr")) == {"ada"}


@pytest.mark.parametrize(
    ("told", "principals"),
    [
        (sharepoint.SharingLink("anonymous"), [LINK]),
        (sharepoint.SharingLink("organization", has_password=True), []),
        (sharepoint.SharingLink("users", granted_to=(person("ada"),)), [person("ada")]),
        (sharepoint.SharingLink("existingAccess"), []),
        (sharepoint.SharingLink("something new"), []),
    ],
)
def test_sharing_links(told: sharepoint.SharingLink, principals: list[RemotePrincipal]) -> None:
    assert [entry.principal for entry in sharepoint.entries_of(told)] == principals


# Joining allowances

moments = st.sampled_from(
    [None, PAST, NOW - timedelta(minutes=1), NOW + timedelta(minutes=1), AHEAD]
)
entries = st.lists(
    st.builds(
        RemoteEntry,
        st.just(person("ada")),
        starts_at=moments,
        expires_at=moments,
        is_sticky=st.booleans(),
        level=st.sampled_from(Level),
    ),
    min_size=1,
    max_size=4,
)


@given(told=entries, minutes=st.integers(-120, 120), is_cut=st.booleans())
def test_joined_allowances_never_allow_more_than_the_single_ones(
    told: list[RemoteEntry], minutes: int, is_cut: bool
) -> None:
    at = NOW + timedelta(minutes=minutes, seconds=7)

    def level(of: Sequence[RemoteEntry]) -> int:
        live = [
            int(e.level)
            for e in of
            if (e.starts_at is None or e.starts_at <= at)
            and (e.expires_at is None or e.expires_at > at)
            and (e.is_sticky or not is_cut)
        ]
        return max(live, default=0)

    [joined] = granting.merged(told)
    assert level([joined]) <= level(told)


def test_of_several_allowances_the_one_that_lasts_longest_is_kept() -> None:
    ends, stays = (
        RemoteEntry(person("ada"), expires_at=AHEAD, level=Level.WRITE),
        RemoteEntry(person("ada")),
    )
    assert granting.merged([ends, stays]) == granting.merged([stays, ends]) == (stays,)
    assert granting.place("x", [RemoteEntry(MEMBERS)], cuts=True).mode == Mode.CUT


def test_an_order_that_once_made_a_difference() -> None:
    later = [
        RemoteEntry(person("ada"), starts_at=NOW, level=level)
        for level in (Level.WRITE, Level.COMMENT)
    ]
    told = [*later, RemoteEntry(person("ada"), expires_at=NOW, level=Level.WRITE)]
    for order in permutations(told):
        assert granting.merged(order) == granting.merged(told)


@given(told=entries, order=st.randoms())
def test_what_is_kept_does_not_depend_on_the_order_in_which_it_is_told(
    told: list[RemoteEntry], order: Any
) -> None:
    assert granting.merged(order.sample(told, len(told))) == granting.merged(told)
