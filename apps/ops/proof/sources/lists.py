"""Sources that keep a whole ordered list on each item: NTFS, POSIX, WebDAV.

Each answers by the access check of its own specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from apps.connections.dialects import ntfs, posix, webdav
from apps.connections.protocol import (
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import GROUPS, Directory, Tree, plain_principals

_WHOM = (*PEOPLE, *GROUPS)


class ListedTree:
    """A tree whose files and folders each hold a list of their own."""

    def __init__(self, rng: Random) -> None:
        self.tree = Tree(rng)
        self.directory = Directory(rng)
        self.start(rng)
        for _ in range(20):
            self.change(rng, datetime.now().astimezone())

    def start(self, rng: Random) -> None:
        """Prepare what the lists are kept in."""

    def identity(self, person: str) -> str:
        """Return the name itself."""
        return person

    def change(self, rng: Random, now: datetime) -> str:
        """Change a list, a group or the tree."""
        act = rng.choice("lllllljmf")
        if act == "j":
            return self.directory.change(rng)
        if act == "m":
            return self.tree.move(rng)
        if act == "f":
            return self.tree.add_or_remove_file(rng)
        return self.change_list(rng, rng.choice(self.tree.nodes))

    def change_list(self, rng: Random, node: str) -> str:
        """Change the list of a node."""
        raise NotImplementedError

    def pass_time(self, by: timedelta) -> None:
        """Do nothing: these lists know no times."""

    def policy(self, file: str) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return a file's policy, and the values that it names."""
        raise NotImplementedError

    def principals(self) -> dict[str, RemotePrincipal]:
        """Return how the source calls people and groups."""
        return plain_principals()

    def told(self) -> Told:
        """Tell each file with its values."""
        policies = {name: self.policy(name) for name in self.tree.files}
        values = {acl.external_id: acl for _, acls in policies.values() for acl in acls}
        return Told(
            items={name: remote for name, (remote, _) in policies.items()},
            principals=tuple(self.principals().values()),
            groups=self.directory.groups(self.principals()),
            acls=tuple(values.values()),
        )


_EVERYBODY = "S-1-1-0"
_MASKS = {"read": 0x1, "write": 0x2, "traverse": 0x20, "all": 0x10000000, "generic": 0x80000000}


class NtfsSource(ListedTree):
    """A Windows share; AccessCheck of MS-DTYP 2.5.3.2 for one asked right."""

    dialect = "ntfs"

    def start(self, rng: Random) -> None:
        """Begin with a share that everybody may use, and lists that are empty."""
        self.lists: dict[str, list[ntfs.Ace] | None] = {}
        self.owners: dict[str, str] = {}
        self.share: list[ntfs.Ace] | None = [ntfs.Ace(_EVERYBODY, 0x1)]
        self.bypasses = rng.random() < 0.5

    def change_list(self, rng: Random, node: str) -> str:
        """Put another list on a node, or on the share itself."""
        made: list[ntfs.Ace] | None = [self._ace(rng) for _ in range(rng.randint(0, 5))]
        if rng.random() < 0.05:
            made = None
        if rng.random() < 0.1:
            self.share = made
            return f"the share has {made}"
        self.lists[node] = made
        self.owners[node] = rng.choice(PEOPLE)
        return f"{node} has {made}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Ask the share, the file, and each folder unless everybody bypasses the traverse check."""
        if item not in self.tree.files:
            return False
        folders = [] if self.bypasses else list(self.tree.upwards(item))[1:]
        return (
            self._check(self.share, "", asker, 0x1)
            and self._check(self._list(item), self.owners.get(item, ""), asker, 0x1)
            and all(
                self._check(self._list(name), self.owners.get(name, ""), asker, 0x20)
                for name in folders
            )
        )

    def policy(self, file: str) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return the file's policy."""
        own = self._value(file, self._list(file), ntfs.Right.READ_DATA)
        share = self._value("", self.share, ntfs.Right.READ_DATA)
        folders = [
            self._value(name, self._list(name), ntfs.Right.TRAVERSE)
            for name in ([] if self.bypasses else list(self.tree.upwards(file))[1:])
        ]
        return ntfs.policy(own, share=share, folders=folders), [own, share, *folders]

    def _list(self, node: str) -> list[ntfs.Ace] | None:
        return self.lists.get(node, [])

    def _value(self, node: str, dacl: list[ntfs.Ace] | None, right: ntfs.Right) -> RemoteAcl:
        descriptor = ntfs.SecurityDescriptor(self.owners.get(node, ""), dacl)
        return ntfs.list_for(descriptor, right=right, people=PEOPLE)

    def _check(self, dacl: list[ntfs.Ace] | None, owner: str, asker: Asker, right: int) -> bool:
        if dacl is None:
            return not asker.is_guest
        generic = {0x1: 0x90000000, 0x20: 0x30000000}[right]
        for ace in dacl:
            if ace.flags & 0x8 or not ace.mask & (right | generic):
                continue
            if self._is_named(owner if ace.sid == "S-1-3-4" else ace.sid, asker, ace.type == 1):
                return ace.type == 0
        return False

    def _is_named(self, sid: str, asker: Asker, is_denial: bool) -> bool:  # noqa: FBT001  private
        if sid == _EVERYBODY:
            return is_denial or not asker.is_guest
        seen = asker.to_denials if is_denial else asker
        # Of the share nobody is told to be the owner; whom an unknown denial names, nobody knows.
        return self.directory.is_one_of(seen, {sid}) if sid in _WHOM else is_denial

    def _ace(self, rng: Random) -> ntfs.Ace:
        return ntfs.Ace(
            rng.choice([*_WHOM, _EVERYBODY, "S-1-3-4"]),
            _MASKS[rng.choice(["read", "read", "read", "write", "traverse", "all", "generic"])],
            type=rng.choice([0, 0, 0, 1]),
            flags=rng.choice([0, 0, 0, 0x10, 0x8]),
        )


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


class WebDavSource(ListedTree):
    """A WebDAV server; RFC 3744, section 6: the first entry that speaks of the principal."""

    dialect = "webdav"

    def start(self, rng: Random) -> None:
        """Begin with empty lists."""
        self.lists: dict[str, list[webdav.Ace]] = {}

    def change_list(self, rng: Random, node: str) -> str:
        """Put another list on a node."""
        self.lists[node] = [
            webdav.Ace(
                rng.choice([*_WHOM, "DAV:all"]),
                frozenset({rng.choice(["DAV:read", "DAV:read", "DAV:all", "DAV:write"])}),
                is_grant=rng.random() < 0.7,
                is_inverted=rng.random() < 0.05,
            )
            for _ in range(rng.randint(0, 5))
        ]
        return f"{node} has {self.lists[node]}"

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Go through the list in order; an inverted entry cannot be kept, so it opens nothing."""
        speaking = [
            ace
            for ace in self.lists.get(item, [])
            if ace.privileges & {"DAV:read", "DAV:all"} and item in self.tree.files
        ]
        if any(ace.is_inverted for ace in speaking):
            return False
        for ace in speaking:
            seen = asker if ace.is_grant else asker.to_denials
            if ace.principal == "DAV:all" or self.directory.is_one_of(seen, {ace.principal}):
                return ace.is_grant
        return False

    def policy(self, file: str) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return the file's own list."""
        own = webdav.readers(self.lists.get(file, []), people=PEOPLE, groups=GROUPS)
        return ((own.external_id,),), [own]
