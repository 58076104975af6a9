"""What most sources have in common in the proof: people, nested groups, and a tree of places."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import ClassVar

from apps.connections.protocol import PrincipalKind, RemoteGroup, RemotePrincipal
from apps.ops.proof.source import PEOPLE, Asker, Told

GROUPS = tuple(f"team-{number}" for number in range(1, 5))


class Directory:
    """Groups of people and groups, all members known; circles may occur."""

    def __init__(self, rng: Random) -> None:
        self._members: dict[str, set[str]] = {
            name: set(rng.sample(PEOPLE, k=rng.randint(0, 3))) for name in GROUPS
        }

    def change(self, rng: Random) -> str:
        """Let somebody, or a group, join or leave a group."""
        group = rng.choice(GROUPS)
        member = rng.choice([name for name in (*PEOPLE, *GROUPS) if name != group])
        self._members[group] ^= {member}
        return f"{member} {'joins' if member in self._members[group] else 'leaves'} {group}"

    def is_one_of(self, asker: Asker, names: set[str]) -> bool:
        """Return whether the person is named, or is in a group that is."""
        return any(
            not self._people(name, frozenset()).isdisjoint(asker.identities) for name in names
        )

    def fill(self, group: str) -> None:
        """Make everybody a member of a group."""
        self._members[group] = set(PEOPLE)

    def groups(self, principals: dict[str, RemotePrincipal]) -> tuple[RemoteGroup, ...]:
        """Return the groups as a connector tells them.

        Args:
            principals: how the source calls each person and group.
        """
        return tuple(
            RemoteGroup(principals[name], tuple(principals[each] for each in sorted(members)))
            for name, members in self._members.items()
        )

    def _people(self, name: str, seen: frozenset[str]) -> set[str]:
        if name in seen:
            return set()
        if name not in self._members:
            return {name}
        found: set[str] = set()
        for member in self._members[name]:
            found |= self._people(member, seen | {name})
        return found


def plain_principals() -> dict[str, RemotePrincipal]:
    """Return people and groups under their own names."""
    people = {name: RemotePrincipal(PrincipalKind.USER, name, name) for name in PEOPLE}
    return people | {name: RemotePrincipal(PrincipalKind.GROUP, name, name) for name in GROUPS}


class Tree:
    """Folders below a root, and files in them."""

    def __init__(self, rng: Random, *, folders: int = 5, files: int = 5) -> None:
        self.folders = ["root", *(f"folder-{n}" for n in range(1, folders + 1))]
        self.parents: dict[str, str | None] = {"root": None}
        for number, name in enumerate(self.folders[1:], start=1):
            self.parents[name] = rng.choice(self.folders[:number])
        self._made = 0
        self.files: list[str] = []
        for _ in range(files):
            self.add_or_remove_file(rng)

    @property
    def nodes(self) -> list[str]:
        """Return folders and files, each after what it lies in."""
        return [*self._folders_downwards(), *self.files]

    def upwards(self, node: str) -> Iterator[str]:
        """Yield a node and what it lies in, up to the root."""
        step: str | None = node
        while step is not None:
            yield step
            step = self.parents[step]

    def move(self, rng: Random) -> str:
        """Move a folder or a file somewhere else."""
        node = rng.choice([*self.folders[1:], *self.files])
        places = [each for each in self.folders if node not in self.upwards(each)]
        self.parents[node] = rng.choice(places)
        return f"{node} moves to {self.parents[node]}"

    def add_or_remove_file(self, rng: Random) -> str:
        """Add a file, or remove one when there are enough."""
        if len(self.files) >= 6:
            gone = rng.choice(self.files)
            self.files.remove(gone)
            del self.parents[gone]
            return f"{gone} is gone"
        self._made += 1
        name = f"file-{self._made}"
        self.files.append(name)
        self.parents[name] = rng.choice(self.folders)
        return f"{name} is new in {self.parents[name]}"

    def _folders_downwards(self) -> list[str]:
        return sorted(self.folders, key=lambda name: len(list(self.upwards(name))))


class TreeSource(ABC):
    """A source with a tree and a directory, beside what its own kind adds.

    Attributes:
        dialect: its name.
        acts: a letter for each kind of change, as often as it is likely: `j` is somebody who joins
            or leaves a group, `m` a move, `f` a file that comes or goes, any other the source's
            own.
    """

    dialect: ClassVar[str]
    acts: ClassVar[str]

    def __init__(self, rng: Random) -> None:
        self.tree = Tree(rng)
        self.directory = Directory(rng)

    def identity(self, person: str) -> str:
        """Return the name itself."""
        return person

    def change(self, rng: Random, now: datetime) -> str:
        """Change something at random."""
        act = rng.choice(self.acts)
        if act == "j":
            return self.directory.change(rng)
        if act == "m":
            return self.tree.move(rng)
        if act == "f":
            return self.tree.add_or_remove_file(rng)
        return self.change_own(act, rng, now)

    @abstractmethod
    def pass_time(self, by: timedelta) -> None:
        """Let every stored time lie so much earlier."""

    @abstractmethod
    def change_own(self, act: str, rng: Random, now: datetime) -> str:
        """Change what only this kind of source has, and return what."""

    @abstractmethod
    def told(self) -> Told:
        """Return what the source tells now."""

    @abstractmethod
    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by the source's own rules."""
