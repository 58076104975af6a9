"""Sources where several conditions must hold at once: Confluence, Jira, Salesforce."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from typing_extensions import override

from apps.connections.dialects import confluence, jira, salesforce
from apps.connections.protocol import RemoteAcl, RemotePolicy, RemotePrincipal
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import GROUPS, TreeSource, plain_principals

_WHOM = (*PEOPLE, *GROUPS)
_BY_NAME = plain_principals()


class NamedSets(TreeSource):
    """Sets of people and groups by name, which documents need one or several of."""

    acts = "sssssjmfo"

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self.sets: dict[str, set[str]] = {}
        for _ in range(30):
            self.change(rng, datetime.now().astimezone())

    @override
    def pass_time(self, by: timedelta) -> None:
        """Do nothing: nothing here ends."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of all sets there can be."""

    @override
    def change_own(self, act: str, rng: Random, now: datetime) -> str:
        """Put somebody into a set or take them out, or change what only this source has."""
        if act == "o":
            return self.change_otherwise(rng)
        name, whom = rng.choice(self.names()), rng.choice(_WHOM)
        self.sets.setdefault(name, set())
        self.sets[name] ^= {whom}
        return f"{name} {'gains' if whom in self.sets[name] else 'loses'} {whom}"

    def change_otherwise(self, rng: Random) -> str:
        """Change what only this source has."""
        return "nothing"

    def holds(self, name: str, asker: Asker) -> bool:
        """Return whether the person is in a set."""
        return self.directory.is_one_of(asker, self.sets.get(name, set()))

    def remote(self, name: str) -> list[RemotePrincipal]:
        """Return a set as principals."""
        return [_BY_NAME[each] for each in sorted(self.sets.get(name, set()))]

    def tell(self, items: Mapping[str, RemotePolicy], acls: list[RemoteAcl]) -> Told:
        """Return everything with people and groups."""
        return Told(
            items=items,
            principals=tuple(_BY_NAME.values()),
            groups=self.directory.groups(_BY_NAME),
            acls=tuple(acls),
        )


class ConfluenceSource(NamedSets):
    """Site access, the space, and every restricted page above: all of them must admit."""

    dialect = "confluence"

    def names(self) -> list[str]:
        """Return the site, two spaces, and the restriction of each page."""
        return ["site", "site", "site", "space-0", "space-0", "space-1", *self.tree.nodes]

    def change_otherwise(self, rng: Random) -> str:
        """Lift a restriction."""
        node = rng.choice(self.tree.nodes)
        self.sets.pop(node, None)
        return f"{node} is not restricted"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Ask the site, the space and each restriction on the way up."""
        if item not in self.tree.files:
            return False
        restricted = [node for node in self.tree.upwards(item) if node in self.sets]
        return all(self.holds(name, asker) for name in ["site", self._space(item), *restricted])

    def told(self) -> Told:
        """Tell site, spaces and restrictions."""
        restricted = {
            file: [node for node in self.tree.upwards(file) if node in self.sets]
            for file in self.tree.files
        }
        acls = [confluence.site(self.remote("site"))]
        acls += [confluence.space(key, self.remote(key)) for key in ("space-0", "space-1")]
        acls += [
            confluence.restriction(node, self.remote(node))
            for node in self.tree.nodes
            if node in self.sets
        ]
        items = {
            file: confluence.policy(self._space(file), nodes) for file, nodes in restricted.items()
        }
        return self.tell(items, acls)

    def _space(self, file: str) -> str:
        return f"space-{int(file.rpartition('-')[2]) % 2}"


class JiraSource(NamedSets):
    """(Project, or the issue's own people) and the security level."""

    dialect = "jira"

    def names(self) -> list[str]:
        """Return two projects, two levels, a role for comments, and each issue's people."""
        fixed = ["project-0", "project-0", "project-1", "level-0", "level-1", "role"]
        return [*fixed, *self.tree.files]

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by project scheme, security level and the comment's visibility."""
        if item not in self.tree.files:
            return False
        number = self._number(item)
        is_own = self.holds(item, asker)
        browses = self.holds(f"project-{number % 2}", asker) or (number % 3 == 0 and is_own)
        level = f"level-{number % 2}"
        is_in_level = number % 4 == 0 or self.holds(level, asker) or (number % 3 == 0 and is_own)
        sees_comment = number % 5 != 0 or self.holds("role", asker)
        return browses and is_in_level and sees_comment

    def told(self) -> Told:
        """Tell projects, levels, and issues; each fifth is a restricted comment."""
        acls = [jira.project(key, self.remote(key)) for key in ("project-0", "project-1")]
        acls += [
            jira.security_level(
                f"project-{number}", f"level-{number}", self.remote(f"level-{number}")
            )
            for number in (0, 1)
        ]
        comments = [
            jira.role_visibility(f"project-{number}", "role", self.remote("role"))
            for number in (0, 1)
        ]
        acls += comments
        items = {}
        for file in self.tree.files:
            number = self._number(file)
            level, names_own = f"level-{number % 2}", number % 3 == 0
            acls.append(jira.own_people(file, self.remote(file)))
            acls.append(jira.issue_in_level(level, file, self.remote(file)))
            items[file] = jira.policy(
                f"project-{number % 2}",
                file,
                browsed_by_own_people=names_own,
                level_id="" if number % 4 == 0 else level,
                level_names_issue_people=names_own,
                visible_to=comments[number % 2] if number % 5 == 0 else None,
            )
        return self.tell(items, acls)

    def _number(self, file: str) -> int:
        return int(file.rpartition("-")[2])


class SalesforceSource(NamedSets):
    """The right to the object, and the default or a share; owners and their managers share."""

    dialect = "salesforce"
    _default = "Private"

    def names(self) -> list[str]:
        """Return who holds the object's right, who views all, and each record's shares."""
        return ["right", "right", "right", "view-all", *self.tree.files]

    def change_otherwise(self, rng: Random) -> str:
        """Change the organisation-wide default."""
        self._default = rng.choice(["Private", "Private", "Read", "ReadWrite", "New"])
        return f"the default is {self._default}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by right, default, View All, owner and shares."""
        if item not in self.tree.files or not self.holds("right", asker):
            return False
        is_public = self._default in {"Read", "ReadWrite"}
        return (
            (is_public and bool(asker.identities))
            or self.holds("view-all", asker)
            or self.holds(item, asker)
            or self.directory.is_one_of(asker, {self._owner(item)})
        )

    def told(self) -> Told:
        """Tell the object's right, the default, and each record."""
        everybody = GROUPS[0]
        self.directory.fill(everybody)
        acls = [
            salesforce.object_right("Case", self.remote("right")),
            salesforce.default("Case", self._default, _BY_NAME[everybody], self.remote("view-all")),
        ]
        acls += [
            salesforce.record(
                file,
                _BY_NAME[self._owner(file)],
                [salesforce.Share(each, "Read") for each in self.remote(file)],
            )
            for file in self.tree.files
        ]
        return self.tell({file: salesforce.policy("Case", file) for file in self.tree.files}, acls)

    def _owner(self, file: str) -> str:
        return PEOPLE[int(file.rpartition("-")[2]) % len(PEOPLE)]
