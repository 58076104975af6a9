"""Slack: whoever is in a channel where it stands; public ones are for full members too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import slack
from apps.connections.dialects.audiences import MEMBERS
from apps.connections.protocol import Level
from tests.connections.dialects.engine import company, crowded, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "gus")
GUESTS = ("gus",)


def test_a_public_channel_is_for_full_members_who_never_joined_it(world: World) -> None:
    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell([slack.channel("C1", [person("ada")], is_private=False)])
        assert made.readers(slack.policy(["C1"])) == {"ada", "bo"}


def test_a_guest_reads_only_channels_they_are_in(world: World) -> None:
    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell(
            [
                slack.channel("C1", [person("gus")], is_private=False),
                slack.channel("C2", [], is_private=False),
            ]
        )
        assert made.readers(slack.policy(["C1"])) == {"ada", "bo", "gus"}
        assert made.readers(slack.policy(["C2"])) == {"ada", "bo"}


def test_a_private_channel_is_for_its_members(world: World) -> None:
    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell([slack.channel("G1", [person("bo"), person("gus")], is_private=True)])
        assert made.readers(slack.policy(["G1"])) == {"bo", "gus"}


def test_a_channel_made_private_is_closed_to_who_is_not_in_it(world: World) -> None:
    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell([slack.channel("C1", [person("ada")], is_private=False)])
        assert made.readers(slack.policy(["C1"])) == {"ada", "bo"}
        made.tell([slack.channel("C1", [person("ada")], is_private=True)])
        assert made.readers(slack.policy(["C1"])) == {"ada"}


def test_a_file_is_for_everybody_in_any_channel_where_it_stands(world: World) -> None:
    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell(
            [
                slack.channel("G1", [person("ada")], is_private=True),
                slack.channel("D1", [person("gus")], is_private=True),
            ]
        )
        assert made.readers(slack.policy(["G1", "D1", "G1"])) == {"ada", "gus"}


def test_what_stands_in_no_channel_is_nobodys(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([slack.channel("C1", [], is_private=False)])
        assert made.readers(slack.policy([])) == set()
        assert made.readers(slack.policy(["untold"])) == set()


def test_a_public_channel_of_one_workspace_is_for_that_workspace(world: World) -> None:
    with company(world, PEOPLE) as made:
        here = slack.channel("C1", [], is_private=False, full_members=group("T1"))
        made.tell([here], {group("T1"): ["bo"]})
        assert made.readers(slack.policy(["C1"])) == {"bo"}


def test_whoever_is_in_a_channel_writes_and_the_others_read() -> None:
    told = slack.channel("C1", [person("ada")], is_private=False, label="general")
    assert {e.principal: e.level for e in told.entries} == {
        person("ada"): Level.WRITE,
        MEMBERS: Level.READ,
    }
    assert told.label == "general"


names = st.sampled_from(["C1", "C2", "C3", "untold"])


@given(
    told=st.dictionaries(
        names.filter(lambda name: name != "untold"),
        st.tuples(st.sets(st.sampled_from(PEOPLE)), st.booleans()),
    ),
    files=st.lists(st.lists(names, max_size=3), min_size=10, max_size=20),
)
@crowded
def test_a_file_is_read_where_it_stands(
    world: World, told: dict[str, tuple[set[str], bool]], files: list[list[str]]
) -> None:
    def reads(who: str, standing: list[str]) -> bool:
        known = [told[channel] for channel in standing if channel in told]
        return any(who in inside or not (private or who in GUESTS) for inside, private in known)

    with company(world, PEOPLE, guests=GUESTS) as made:
        made.tell(
            slack.channel(name, map(person, members), is_private=is_private)
            for name, (members, is_private) in told.items()
        )
        assert made.all_readers([slack.policy(standing) for standing in files]) == [
            {who for who in PEOPLE if reads(who, standing)} for standing in files
        ]
