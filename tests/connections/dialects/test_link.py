"""Links: found by nobody, or listed by opting in, and never for guests."""

from __future__ import annotations

from datetime import timedelta

from apps.connections.dialects import granting, link
from apps.connections.dialects.audiences import LINK, MEMBERS
from apps.connections.protocol import Level, RemoteEntry
from tests.connections.dialects.engine import NOW, company, person
from tests.world import World

PEOPLE = ("ada", "bo", "gus")
FILE = (("file",),)


def test_what_has_a_link_is_found_by_nobody_whom_it_does_not_name(world: World) -> None:
    with company(world, PEOPLE, guests=["gus"]) as made:
        made.tell([granting.place("file", [link.entry(), RemoteEntry(person("bo"))])])
        assert made.readers(FILE) == {"bo"}


def test_a_link_is_listed_for_members_only_when_opted_in_and_never_for_guests(
    world: World,
) -> None:
    with company(world, PEOPLE, guests=["gus"]) as made:
        made.tell([granting.place("file", [link.entry(lists=True)])])
        assert made.readers(FILE) == {"ada", "bo"}
        made.tell([granting.place("file", [link.entry(lists=False)])])
        assert made.readers(FILE) == set()


def test_a_listed_link_that_has_ended_lists_nothing(world: World) -> None:
    with company(world, PEOPLE) as made:
        ended = link.entry(lists=True, expires_at=NOW - timedelta(minutes=1))
        lasts = link.entry(lists=True, expires_at=NOW + timedelta(hours=1))
        made.tell([granting.place("file", [ended]), granting.place("other", [lasts])])
        assert made.readers(FILE) == set()
        assert made.readers((("other",),)) == set(PEOPLE)


def test_a_link_keeps_what_it_lets_people_do() -> None:
    assert link.entry(level=Level.WRITE) == RemoteEntry(LINK, level=Level.WRITE)
    assert link.entry(lists=True, level=Level.COMMENT) == RemoteEntry(MEMBERS, level=Level.COMMENT)
    assert link.entry().level is Level.READ
