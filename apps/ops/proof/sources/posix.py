"""A file system: owner, group, mode bits and access ACLs, answered by the algorithm of acl(5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from apps.connections.dialects import posix
from apps.connections.protocol import RemoteAcl, RemoteGroup, RemotePolicy, RemotePrincipal
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import GROUPS
from apps.ops.proof.sources.lists import ListedTree


@dataclass
class _Inode:
    owner: int
    group: int
    mode: int
    acl: dict[tuple[str, int], int] = field(default_factory=dict)


class PosixSource(ListedTree):
    """A file system with mode bits and access ACLs; the algorithm of acl(5)."""

    dialect = "posix"

    def start(self, rng: Random) -> None:
        """Number people and groups as a directory does; nobody is root."""
        self.uids = {name: 1000 + number for number, name in enumerate(PEOPLE)}
        self.gids = {name: 2000 + number for number, name in enumerate(GROUPS)}
        self.inodes: dict[str, _Inode] = {}

    def identity(self, person: str) -> str:
        """Return the user id."""
        return f"uid:{1000 + PEOPLE.index(person)}"

    def principals(self) -> dict[str, RemotePrincipal]:
        """Return user and group ids."""
        people = {name: posix.user(uid, name) for name, uid in self.uids.items()}
        return people | {name: posix.group(gid, name) for name, gid in self.gids.items()}

    def told(self) -> Told:
        """Tell also who has an account at all: "others" are these."""
        told = super().told()
        everybody = tuple(posix.user(uid) for uid in self.uids.values())
        return Told(
            told.items,
            told.principals,
            (*told.groups, RemoteGroup(posix.ACCOUNTS, everybody)),
            acls=told.acls,
        )

    def change_list(self, rng: Random, node: str) -> str:
        """Change owner, group, mode and ACL."""
        modes = [0o755, 0o750, 0o700, 0o744, 0o640, 0o044, 0o077, 0o555, rng.randrange(0o1000)]
        made = _Inode(
            rng.choice([*self.uids.values()]), rng.choice([*self.gids.values()]), rng.choice(modes)
        )
        if rng.random() < 0.4:
            made.acl[("group", -1)] = rng.randrange(8)
            for _ in range(rng.randint(1, 3)):
                kind = rng.choice(["user", "group"])
                ids = self.uids if kind == "user" else self.gids
                made.acl[(kind, rng.choice([*ids.values()]))] = rng.randrange(8)
        self.inodes[node] = made
        return f"{node} is {made}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Ask for `r` on the file and for `x` on each directory above it.

        To a list, somebody who holds several accounts is all of them.
        """
        above = list(self.tree.upwards(item))[1:] if item in self.tree.files else []
        return (
            item in self.tree.files
            and self._access(item, asker, 4)
            and all(self._access(name, asker, 1) for name in above)
        )

    def _access(self, node: str, asker: Asker, want: int) -> bool:
        inode = self.inodes.get(node, _Inode(1000, 2000, 0o755))
        now, before = (self._speaking(inode, each) for each in (asker.identities, asker.former))
        # Who has been somebody is refused as they are, and allowed by others.
        owner, named, groups = (
            here + [bits for bits in there if not bits & want]
            for here, there in zip(now, before, strict=True)
        )
        if owner or named:
            return all(bits & want for bits in owner or named)
        if groups:
            return any(bits & want for bits in groups)
        return bool(asker.identities and inode.mode & want)

    def _speaking(self, inode: _Inode, people: frozenset[str]) -> tuple[list[int], ...]:
        """Return the bits that speak of somebody: as the owner, by name, by their groups."""
        uids = {self.uids[name] for name in people}
        asker = Asker(people, is_guest=False)
        gids = {self.gids[name] for name in GROUPS if self.directory.is_one_of(asker, {name})}
        mask = inode.mode >> 3 & 7
        acl = inode.acl if mask else {}
        named = [p & mask for (kind, ident), p in acl.items() if kind == "user" and ident in uids]
        owning = acl.get(("group", -1), mask) & mask
        groups = [owning] if inode.group in gids else []
        groups += [p & mask for (kind, i), p in acl.items() if kind == "group" and i in gids]
        owner = [inode.mode >> 6 & 7] if inode.owner in uids else []
        return owner, named, groups

    def policy(self, file: str) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return the file's list and the lists of the directories above it."""
        above = list(self.tree.upwards(file))[1:]
        values = [posix.file_readers(self._inode(file))]
        values += [posix.directory_passers(self._inode(name)) for name in above]
        return tuple(dict.fromkeys((each.external_id,) for each in values)), values

    def _inode(self, node: str) -> posix.Inode:
        inode = self.inodes.get(node, _Inode(1000, 2000, 0o755))
        lines = [
            posix.Line(
                posix.Tag.GROUP_OBJ
                if ident == -1
                else (posix.Tag.USER if kind == "user" else posix.Tag.GROUP),
                perm,
                None if ident == -1 else ident,
            )
            for (kind, ident), perm in inode.acl.items()
        ]
        if lines:
            lines.append(posix.Line(posix.Tag.MASK, inode.mode >> 3 & 7))
        return posix.Inode(inode.owner, inode.group, inode.mode, tuple(lines))
