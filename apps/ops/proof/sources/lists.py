"""Sources that keep a whole ordered list on each item: NTFS, WebDAV.

Each answers by the access check of its own specification.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from random import Random

from typing_extensions import override

from apps.connections.dialects import ntfs, webdav
from apps.connections.protocol import RemoteAcl, RemotePolicy, RemotePrincipal
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import GROUPS, TreeSource, plain_principals

_WHOM = (*PEOPLE, *GROUPS)


class ListedTree(TreeSource):
    """A tree whose files and folders each hold a list of their own."""

    acts = "lllllljmf"

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self.start(rng)
        for _ in range(20):
            self.change(rng, datetime.now().astimezone())

    @override
    def pass_time(self, by: timedelta) -> None:
        """Do nothing: these lists know no times."""

    @abstractmethod
    def start(self, rng: Random) -> None:
        """Prepare what the lists are kept in."""

    @override
    def change_own(self, act: str, rng: Random, now: datetime) -> str:
        """Change the list of some node."""
        return self.change_list(rng, rng.choice(self.tree.nodes))

    @abstractmethod
    def change_list(self, rng: Random, node: str) -> str:
        """Change the list of a node."""

    @abstractmethod
    def policy(self, file: str) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return a file's policy, and the values that it names."""

    def principals(self) -> dict[str, RemotePrincipal]:
        """Return how the source calls people and groups."""
        return plain_principals()

    @override
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
