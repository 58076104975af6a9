"""S3, Notion, exports: the list that an admin set nearest counts."""

from __future__ import annotations

from apps.connections.dialects import audience
from apps.connections.dialects.audiences import EVERYONE, MEMBERS
from apps.connections.protocol import Mode
from tests.connections.dialects.engine import company, group
from tests.world import World

ADA, BO, GUS = PEOPLE = ("ada@acme.example", "bo@acme.example", "gus@else.example")


def test_a_bucket_is_for_whom_the_admin_named(world: World) -> None:
    with company(world, PEOPLE) as made:
        told = audience.readers("bucket", [audience.person(ADA), group("team")])
        made.tell([told], {group("team"): [BO]})
        assert made.readers((("bucket",),)) == {ADA, BO}


def test_an_empty_list_admits_nobody(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([audience.readers("bucket", [])])
        assert made.readers((("bucket",),)) == set()


def test_the_nearest_list_counts_and_what_is_above_does_not(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell(
            [
                audience.readers("bucket", [MEMBERS]),
                audience.readers("bucket/pay", [audience.person(ADA)], parent="bucket"),
                audience.readers("bucket/shut", [], parent="bucket"),
            ]
        )
        assert made.readers((("bucket",),)) == set(PEOPLE)
        assert made.readers((("bucket/pay",),)) == {ADA}
        assert made.readers((("bucket/shut",),)) == set()


def test_all_members_are_not_the_guests(world: World) -> None:
    with company(world, PEOPLE, guests=[GUS]) as made:
        made.tell([audience.readers("staff", [MEMBERS]), audience.readers("all", [EVERYONE])])
        assert made.readers((("staff",),)) == {ADA, BO}
        assert made.readers((("all",),)) == {ADA, BO, GUS}


def test_an_address_is_one_person_however_the_admin_writes_it() -> None:
    assert audience.person("  Ada@ACME.example ") == audience.person(ADA)
    [entry] = audience.readers("b", [audience.person(ADA), audience.person(ADA.upper())]).entries
    assert entry.principal.email == ADA
    assert audience.readers("b", []).mode is Mode.CUT
