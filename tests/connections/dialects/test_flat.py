"""GitHub, Linear, Trello, Zendesk, SQL: one list for each thing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from apps.connections.dialects import flat
from apps.connections.dialects.flat import Reader
from apps.connections.protocol import Level
from tests.connections.dialects.engine import AHEAD, PAST, company, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "gus")


def test_a_private_repository_is_for_its_collaborators(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([flat.readers("repo", [Reader(person("ada")), Reader(group("team"))])])
        made.tell([], {group("team"): ["gus"]})
        assert made.readers((("repo",),)) == {"ada", "gus"}


def test_what_is_open_to_the_organisation_is_closed_to_guests_who_are_not_listed(
    world: World,
) -> None:
    with company(world, PEOPLE, guests=["gus"]) as made:
        made.tell(
            [
                flat.readers("open", [], all_members=True),
                flat.readers("invited", [Reader(person("gus"))], all_members=True),
            ]
        )
        assert made.readers((("open",),)) == {"ada", "bo"}
        assert made.readers((("invited",),)) == {"ada", "bo", "gus"}


def test_a_row_without_readers_is_nobodys(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([flat.readers("row", [])])
        assert made.readers((("row",),)) == set()


@pytest.mark.parametrize(
    ("starts_at", "expires_at", "reads"),
    [
        (None, None, True),
        (PAST, AHEAD, True),
        (AHEAD, None, False),
        (None, PAST, False),
        (PAST - timedelta(hours=1), PAST, False),
    ],
    ids=["without times", "under way", "has not begun", "has ended", "began and ended"],
)
def test_an_invitation_counts_while_it_lasts(
    world: World, starts_at: datetime | None, expires_at: datetime | None, reads: bool
) -> None:
    listed = [Reader(person("ada"), starts_at=starts_at, expires_at=expires_at)]
    with company(world, PEOPLE) as made:
        made.tell([flat.readers("board", listed)])
        assert made.readers((("board",),)) == ({"ada"} if reads else set())


def test_levels_are_kept_and_the_widest_of_several_counts() -> None:
    told = flat.readers(
        "repo",
        [
            Reader(person("ada"), Level.READ),
            Reader(person("ada"), Level.WRITE),
            Reader(person("bo"), Level.COMMENT),
        ],
        all_members=True,
    )
    assert {e.principal.external_id: e.level for e in told.entries} == {
        "ada": Level.WRITE,
        "bo": Level.COMMENT,
        "members": Level.READ,
    }


@pytest.mark.parametrize(
    ("visibility", "is_open"),
    [
        ("public", True),
        ("internal", True),
        ("enterprise", True),
        ("org", False),  # Trello: a Workspace, whose members are listed
        ("private", False),
        ("restricted", False),  # Linear: within a private team
        ("Public", False),
        ("unheard-of", False),
        ("", False),
    ],
)
def test_an_unknown_visibility_opens_nothing(visibility: str, is_open: bool) -> None:
    assert flat.is_for_all_members(visibility) is is_open


@pytest.mark.parametrize(
    ("role", "level"),
    [
        ("admin", Level.WRITE),
        ("maintain", Level.WRITE),
        ("write", Level.WRITE),
        ("triage", Level.COMMENT),
        ("read", Level.READ),
        ("a custom role", Level.READ),
        ("none", None),
        ("", None),
    ],
)
def test_a_role_of_github_is_its_level_or_no_reading(role: str, level: Level | None) -> None:
    assert flat.github_level(role) is level
