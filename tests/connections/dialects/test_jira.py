"""Jira: who browses, who is in the level, and who sees a restricted comment."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import jira
from apps.connections.protocol import RemoteAcl, RemotePolicy
from tests.connections.dialects.engine import Company, company, crowded, group, person
from tests.world import World

PEOPLE = ("ada", "bo", "cy")
EVERYBODY = [person(name) for name in PEOPLE]


def tell(made: Company, *acls: RemoteAcl) -> None:
    made.tell([jira.project("A", [person("ada")]), *acls])


def test_who_browses_the_project_reads_its_issues(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(made)
        assert made.readers(jira.policy("A", "A-1")) == {"ada"}


def test_a_reporter_browses_an_own_issue_where_the_scheme_says_so(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(made, jira.own_people("A-1", [person("bo")]), jira.own_people("A-2", [person("cy")]))
        assert made.readers(jira.policy("A", "A-1", browsed_by_own_people=True)) == {"ada", "bo"}
        assert made.readers(jira.policy("A", "A-2", browsed_by_own_people=True)) == {"ada", "cy"}
        assert made.readers(jira.policy("A", "A-1")) == {"ada"}


def test_a_security_level_narrows_the_project(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(
            made,
            jira.security_level("A", "10", [person("bo"), person("cy")]),
            jira.security_level("A", "11", EVERYBODY),
        )
        assert made.readers(jira.policy("A", "A-1", level_id="10")) == set()
        assert made.readers(jira.policy("A", "A-1", level_id="11")) == {"ada"}


def test_a_level_that_holds_the_reporter_opens_to_whom_the_project_opens(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(
            made,
            jira.security_level("A", "10", []),
            jira.issue_in_level("10", "A-1", [person("ada"), person("bo")]),
        )
        wanted = jira.policy("A", "A-1", level_id="10", level_names_issue_people=True)
        assert made.readers(wanted) == {"ada"}
        # Another issue's reporter is nobody here.
        other = jira.policy("A", "A-2", level_id="10", level_names_issue_people=True)
        assert made.readers(other) == set()


def test_a_level_nobody_told_of_closes_the_issue(world: World) -> None:
    with company(world, PEOPLE) as made:
        tell(made)
        assert made.readers(jira.policy("A", "A-1", level_id="10")) == set()


def test_a_level_by_role_holds_other_people_in_each_project(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell(
            [
                jira.project("A", EVERYBODY),
                jira.project("B", EVERYBODY),
                jira.security_level("A", "10", [person("ada")]),
                jira.security_level("B", "10", [person("bo")]),
            ]
        )
        assert made.readers(jira.policy("A", "A-1", level_id="10")) == {"ada"}
        assert made.readers(jira.policy("B", "B-1", level_id="10")) == {"bo"}


def test_a_restricted_comment_is_for_its_role_in_its_own_project(world: World) -> None:
    in_a = jira.role_visibility("A", "Developers", [person("ada")])
    in_b = jira.role_visibility("B", "Developers", [person("bo")])
    with company(world, PEOPLE) as made:
        made.tell([jira.project("A", EVERYBODY), jira.project("B", EVERYBODY), in_a, in_b])
        assert made.readers(jira.policy("A", "A-1", visible_to=in_a)) == {"ada"}
        assert made.readers(jira.policy("B", "B-1", visible_to=in_b)) == {"bo"}


def test_a_restricted_comment_is_for_its_group_and_not_for_a_role_of_that_name(
    world: World,
) -> None:
    by_group = jira.group_visibility("staff", group("staff"))
    by_role = jira.role_visibility("A", "staff", [person("cy")])
    with company(world, PEOPLE) as made:
        made.tell([jira.project("A", EVERYBODY), by_group, by_role], {group("staff"): ["bo"]})
        assert made.readers(jira.policy("A", "A-1", visible_to=by_group)) == {"bo"}
        assert made.readers(jira.policy("A", "A-1", visible_to=by_role)) == {"cy"}


def test_a_comment_needs_the_level_of_its_issue_too(world: World) -> None:
    seen = jira.role_visibility("A", "Developers", EVERYBODY)
    with company(world, PEOPLE) as made:
        made.tell(
            [jira.project("A", EVERYBODY), jira.security_level("A", "10", [person("bo")]), seen]
        )
        assert made.readers(jira.policy("A", "A-1", level_id="10", visible_to=seen)) == {"bo"}


@dataclass(frozen=True)
class Issue:
    """One issue in a project of its own, or a restricted comment on it."""

    project: set[str]
    own: set[str]
    level: set[str]
    role: set[str]
    browses: bool
    has_level: bool
    level_has_own: bool
    is_comment: bool

    def admits(self, who: str) -> bool:
        browses = who in self.project or (self.browses and who in self.own)
        in_level = who in self.level or (self.level_has_own and who in self.own)
        sees = not self.is_comment or who in self.role
        return browses and (in_level or not self.has_level) and sees

    def told(self, key: str) -> tuple[list[RemoteAcl], RemotePolicy]:
        visible = jira.role_visibility(key, "r", map(person, self.role))
        acls = [
            jira.project(key, map(person, self.project)),
            jira.own_people(f"{key}-1", map(person, self.own)),
            jira.security_level(key, "1", map(person, self.level)),
            jira.issue_in_level("1", f"{key}-1", map(person, self.own)),
            visible,
        ]
        return acls, jira.policy(
            key,
            f"{key}-1",
            browsed_by_own_people=self.browses,
            level_id="1" if self.has_level else "",
            level_names_issue_people=self.level_has_own,
            visible_to=visible if self.is_comment else None,
        )


names, flag = st.sets(st.sampled_from(PEOPLE)), st.booleans()
issues = st.lists(
    st.builds(Issue, names, names, names, names, flag, flag, flag, flag), min_size=10, max_size=20
)


@given(told=issues)
@crowded
def test_an_issue_needs_browsing_level_and_visibility(world: World, told: list[Issue]) -> None:
    made_of = [issue.told(f"P{n}") for n, issue in enumerate(told)]
    with company(world, PEOPLE) as made:
        made.tell(acl for acls, _ in made_of for acl in acls)
        assert made.all_readers([policy for _, policy in made_of]) == [
            {who for who in PEOPLE if issue.admits(who)} for issue in told
        ]
