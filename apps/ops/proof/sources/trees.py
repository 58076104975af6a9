"""Sources with folders that pass on what they grant: Drive, Box, Dropbox, SharePoint.

Each keeps shares in its own terms and answers by walking up from the file. Nothing denies.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from typing_extensions import override

from apps.connections.dialects import box, drive, dropbox, sharepoint
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemotePrincipal
from apps.ops.proof.source import PEOPLE, Asker, Told
from apps.ops.proof.sources.directory import GROUPS, TreeSource, plain_principals

_WHOM = (*PEOPLE, *GROUPS)


@dataclass(frozen=True)
class Share:
    """Who has which role on a node, and until when; the words are the source's."""

    whom: str
    role: str
    ends: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Return whether it still counts."""
        return self.ends is None or self.ends > now


@dataclass
class Node:
    """A folder or a file: its own shares, and whether it cuts off what lies above."""

    shares: dict[str, Share] = field(default_factory=dict)
    is_cut: bool = False
    link: str = ""


class SharedTree(TreeSource):
    """What the four have in common. `roles` are all that occur, `reading` those that read."""

    acts = "sssssuuucljmmf"
    roles: tuple[str, ...] = ()
    reading: frozenset[str] = frozenset()
    passes_cuts: frozenset[str] = frozenset()
    links: tuple[str, ...] = ("",)
    open_links: frozenset[str] = frozenset()

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        now = datetime.now().astimezone()
        self.lists_links = rng.random() < 0.5
        self.nodes: dict[str, Node] = {}
        for _ in range(25):
            self.change(rng, now)

    def node(self, name: str) -> Node:
        """Return what is set on a folder or file."""
        return self.nodes.setdefault(name, Node())

    @override
    def change_own(self, act: str, rng: Random, now: datetime) -> str:
        """Share, unshare, cut or inherit, or set another link."""
        name = rng.choice(self.tree.nodes)
        here = self.node(name)
        if act == "s":
            return self._share(rng, now, name, here)
        if act == "u" and here.shares:
            gone = here.shares.pop(rng.choice(sorted(here.shares)))
            return f"{name} is not shared with {gone.whom} any more"
        if act == "c":
            here.is_cut = not here.is_cut
            return f"{name} {'cuts' if here.is_cut else 'inherits'}"
        if act == "l":
            here.link = rng.choice(self.links)
            return f"{name} has the link “{here.link}”"
        return "nothing"

    @override
    def pass_time(self, by: timedelta) -> None:
        """Move the ends."""
        for here in self.nodes.values():
            for whom, share in here.shares.items():
                here.shares[whom] = replace(share, ends=share.ends and share.ends - by)

    @override
    def told(self) -> Told:
        """Tell every node, and that a file follows its own place."""
        return Told(
            items={name: ((name,),) for name in self.tree.files},
            principals=tuple(plain_principals().values()),
            groups=self.directory.groups(plain_principals()),
            acls=tuple(self.place(name) for name in self.tree.nodes),
        )

    @override
    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Walk up: the first share that reads is enough, past a cut only some roles are."""
        if item not in self.tree.files:
            return False
        is_cut = False
        for name in self.tree.upwards(item):
            here = self.node(name)
            counting = self.passes_cuts if is_cut else self.reading
            named = {
                share.whom
                for share in here.shares.values()
                if share.is_live(now) and share.role in counting
            }
            if self.directory.is_one_of(asker, named):
                return True
            is_open = here.link in self.open_links and not is_cut
            if is_open and self.lists_links and not asker.is_guest:
                return True
            is_cut = is_cut or here.is_cut
        return False

    @abstractmethod
    def place(self, name: str) -> RemoteAcl:
        """Return a node as the connector tells it."""

    def _share(self, rng: Random, now: datetime, name: str, here: Node) -> str:
        ends = now + timedelta(hours=rng.choice([-1, 1, 2])) if rng.random() < 0.2 else None
        share = Share(rng.choice(_WHOM), rng.choice(self.roles), ends)
        here.shares[share.whom] = share
        return f"{name} is shared with {share.whom} as {share.role} until {share.ends}"


class DriveSource(SharedTree):
    """Google Drive."""

    dialect = "drive"
    roles = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader", "listed")
    reading = frozenset(roles) - {"listed"}
    passes_cuts = frozenset({"organizer"})
    links = ("", "anyone", "domain")
    open_links = frozenset({"anyone"})

    def place(self, name: str) -> RemoteAcl:
        """Return a file or folder."""
        here = self.node(name)
        told = [
            drive.Permission(
                share.whom,
                "group" if share.whom in GROUPS else "user",
                "reader" if share.role == "listed" else share.role,
                view="metadata" if share.role == "listed" else "",
                expires_at=share.ends,
            )
            for share in here.shares.values()
        ]
        if here.link:
            told.append(drive.Permission("link", here.link, "reader", domain="proof.example"))
        return drive.readers(
            name,
            told,
            parent=self.tree.parents[name],
            inherited_permissions_disabled=here.is_cut,
            listed_links=self.open_links if self.lists_links else (),
        )


class BoxSource(SharedTree):
    """Box: nothing cuts off, whatever is set."""

    dialect = "box"
    roles = ("owner", "co-owner", "editor", "viewer", "previewer", "uploader", "viewer uploader")
    reading = frozenset(roles) - {"uploader"}
    passes_cuts = reading
    links = ("", "open", "company", "collaborators")
    open_links = frozenset({"open", "company"})

    def place(self, name: str) -> RemoteAcl:
        """Return a file or folder."""
        here = self.node(name)
        here.is_cut = False
        told = [
            box.Collaboration(plain_principals()[s.whom], s.role, expires_at=s.ends)
            for s in here.shares.values()
        ]
        return box.readers(
            name,
            told,
            parent=self.tree.parents[name],
            shared_link=here.link,
            lists_links=self.lists_links,
        )


class DropboxSource(SharedTree):
    """Dropbox Business."""

    dialect = "dropbox"
    roles = ("owner", "editor", "viewer", "viewer_no_comment", "traverse", "no_access")
    reading = frozenset(roles) - {"traverse", "no_access"}
    links = ("", "public", "team", "members", "no_one")
    open_links = frozenset({"public", "team"})

    def place(self, name: str) -> RemoteAcl:
        """Return a file or folder."""
        here = self.node(name)
        told = [
            dropbox.Member(plain_principals()[s.whom], s.role, expires_at=s.ends)
            for s in here.shares.values()
        ]
        return dropbox.readers(
            name,
            told,
            parent=self.tree.parents[name],
            no_inherit=here.is_cut,
            link_audience=here.link,
            lists_links=self.lists_links,
        )


# The names of role definitions, and the low bits of what each permits.
_DEFINITIONS = {
    "Full Control": 0x27,
    "Edit": 0x27,
    "Read": 0x21,
    "Limited Access": 0x20,
    "View Only": 0x1,  # lists without opening
}
_ADMIN = "site admin"


class SharePointSource(SharedTree):
    """SharePoint: an object without a break has no assignments; site admins pass every break."""

    dialect = "sharepoint"
    roles = (*_DEFINITIONS, _ADMIN)
    reading = frozenset({"Full Control", "Edit", "Read", _ADMIN})
    passes_cuts = frozenset({_ADMIN})
    links = ("", "anonymous", "organization", "existingAccess")
    open_links = frozenset({"anonymous", "organization"})

    def place(self, name: str) -> RemoteAcl:
        """Return an object; admins stand on the site alone, and shares there do not end."""
        here = self.node(name)
        for whom, share in list(here.shares.items()):
            if share.role == _ADMIN and name != "root":
                del here.shares[whom]
            elif share.ends is not None:
                here.shares[whom] = replace(share, ends=None)
        admins = [s.whom for s in here.shares.values() if s.role == _ADMIN]
        links = sharepoint.SharingLink(here.link) if here.link else None
        return sharepoint.readers(
            name,
            [
                sharepoint.RoleAssignment(_login(s.whom), _DEFINITIONS[s.role])
                for s in here.shares.values()
                if s.role in _DEFINITIONS
            ],
            site_admins=[_login(whom) for whom in admins],
            parent=self.tree.parents[name],
            has_unique_role_assignments=here.is_cut,
            links=sharepoint.entries_of(links, lists_links=self.lists_links) if links else (),
        )


def _login(whom: str) -> RemotePrincipal:
    kind = PrincipalKind.GROUP if whom in GROUPS else PrincipalKind.USER
    return RemotePrincipal(kind, whom, whom)
