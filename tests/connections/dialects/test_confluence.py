"""Confluence: the site, the space, and every restricted page on the way must let somebody in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import confluence
from apps.connections.protocol import RemotePolicy, RemotePrincipal
from tests.connections.dialects.engine import company, crowded, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
EVERYBODY = [person(name) for name in PEOPLE]


def test_an_unrestricted_page_is_for_the_readers_of_its_space(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell(
            [confluence.site(EVERYBODY), confluence.space("HR", [person("ada"), group("staff")])],
            {group("staff"): ["bo"]},
        )
        assert made.readers(confluence.policy("HR")) == {"ada", "bo"}


def test_a_right_in_the_space_is_nothing_without_access_to_the_site(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([confluence.site([person("bo")]), confluence.space("HR", EVERYBODY)])
        assert made.readers(confluence.policy("HR")) == {"bo"}


def test_a_restricted_ancestor_closes_the_page_below_it(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell(
            [
                confluence.site(EVERYBODY),
                confluence.space("HR", EVERYBODY),
                confluence.restriction("above", [person("ada"), person("bo")]),
                confluence.restriction("page", [person("bo"), person("cy")]),
            ]
        )
        assert made.readers(confluence.policy("HR", ["above"])) == {"ada", "bo"}
        assert made.readers(confluence.policy("HR", ["page", "above"])) == {"bo"}


def test_a_restriction_does_not_open_a_space(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell(
            [
                confluence.site(EVERYBODY),
                confluence.space("HR", [person("ada")]),
                confluence.restriction("page", EVERYBODY),
            ]
        )
        assert made.readers(confluence.policy("HR", ["page"])) == {"ada"}


def test_a_restriction_nobody_told_of_closes_the_page(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([confluence.site(EVERYBODY), confluence.space("HR", EVERYBODY)])
        assert made.readers(confluence.policy("HR", ["untold"])) == set()


def test_a_space_nobody_told_of_is_closed(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([confluence.site(EVERYBODY)])
        assert made.readers(confluence.policy("HR")) == set()


names = st.sets(st.sampled_from([*PEOPLE, "staff"]))


@given(
    site=names,
    spaces=st.lists(names, min_size=1, max_size=3),
    pages=st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.none() | names, max_size=4)),
        min_size=10,
        max_size=20,
    ),
)
@crowded
def test_a_page_needs_every_set_on_its_way(
    world: World,
    site: set[str],
    spaces: list[set[str]],
    pages: list[tuple[int, list[set[str] | None]]],
) -> None:
    def holds(named: set[str], who: str) -> bool:
        return who in named or ("staff" in named and who != "cy")

    def told(named: set[str]) -> list[RemotePrincipal]:
        return [group(n) if n == "staff" else person(n) for n in sorted(named)]

    acls = [confluence.site(told(site))]
    acls += [confluence.space(str(n), told(named)) for n, named in enumerate(spaces)]
    policies: list[RemotePolicy] = []
    expected: list[set[str]] = []
    for page, (number, way) in enumerate(pages):
        space = number % len(spaces)
        restricted = {f"{page}-{n}": named for n, named in enumerate(way) if named is not None}
        acls += [confluence.restriction(one, told(named)) for one, named in restricted.items()]
        policies.append(confluence.policy(str(space), list(restricted)))
        needed = [site, spaces[space], *restricted.values()]
        expected.append({who for who in PEOPLE if all(holds(named, who) for named in needed)})
    with company(world, PEOPLE) as made:
        made.tell(acls, {group("staff"): ["ada", "bo"]})
        assert made.all_readers(policies) == expected
