"""Drive: a chain of places against a small evaluator of its own rules, and what links are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import drive, granting, link
from apps.connections.dialects.drive import Permission
from apps.connections.protocol import Level, PrincipalKind
from tests.connections.dialects.engine import AHEAD, NOW, PAST, company, group, policy_of, relaxed
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
READING_ROLES = {"owner", "organizer", "fileOrganizer", "writer", "commenter", "reader"}

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
    """Return the answer of Drive, from the file up: limited access leaves the managers above."""
    is_cut = False
    for own, limits in chain_up:
        for p in own:
            is_me = p.id == who or (p.id == "team" and who in {"ada", "cy"})
            opens = p.role in READING_ROLES and not p.view and not p.is_deleted
            lasts = p.expires_at is None or p.expires_at > NOW
            passes = not is_cut or p.role == "organizer"
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


def test_links_within_a_domain_are_listed_for_that_domain_where_wanted() -> None:
    told = Permission("x", "domain", "reader", domain="acme.example")
    [entry] = drive.readers("f", [told], listed_links={"domain"}).entries
    assert (entry.principal.kind, entry.principal.external_id) == ("domain", "acme.example")
    anyone = Permission("anyoneWithLink", "anyone", "reader")
    [entry] = drive.readers("f", [anyone], listed_links={"domain"}).entries
    assert entry.principal.kind == PrincipalKind.LINK


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
    [entry] = drive.readers("f", [told], listed_links={kind} if opted_in else ()).entries
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
