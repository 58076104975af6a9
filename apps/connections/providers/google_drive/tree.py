"""Folders as places, looked up as far as a page needs them: who reads what, and the path of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from apps.connections.errors import ContractBroken, ItemForbidden, ItemGone
from apps.connections.protocol import RemoteAcl, RemotePolicy
from apps.connections.providers.google_drive import permissions
from apps.connections.providers.google_drive.answers import FOLDER, File, Grant
from apps.connections.providers.google_drive.logs import Log, Logs
from apps.connections.providers.google_drive.permissions import Own

# What is known of a folder is asked again after this time: a long listing goes on meanwhile.
_FRESH = timedelta(seconds=60)
# From this many folders on that a page does not know, all of a log's are listed at once.
_MANY = 20
# Google nests shared drives to 100 levels.
_MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Node:
    """A folder, a shared drive, or the root of a My Drive.

    Attributes:
        acl: its place; the one above it is `parent`'s, or there is none.
        effective: its effective grants; None where they are not known.
        is_told: whether its place grants what Drive does; False where the permissions are hidden.
        observed_at: before the first request on which any of this rests.
    """

    file: File
    acl: RemoteAcl
    path: str
    observed_at: datetime
    parent: Node | None = None
    effective: tuple[Grant, ...] | None = None
    is_told: bool = True

    def line(self) -> Iterator[Node]:
        """Yield the folder and those above it."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def places(self) -> Iterator[RemoteAcl]:
        """Yield the folder's place and those above it, on which it rests."""
        for node in self.line():
            yield node.acl
            if node.acl.parent is None:
                return


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an item stands.

    Attributes:
        acl: its own place, where it has one.
        folder: that it is in, as far as it is visible.
        rests: whether the policy rests on the folder's place.
    """

    policy: RemotePolicy
    path: str
    observed_at: datetime
    acl: RemoteAcl | None = None
    folder: Node | None = None
    rests: bool = False


@dataclass
class Tree:
    """The folders that one run has met.

    Args:
        logs: of the account.
    """

    logs: Logs
    _files: dict[str, tuple[File, datetime]] = field(default_factory=dict)
    _nodes: dict[str, Node] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)

    def learn(self, log: Log, files: list[File], observed_at: datetime) -> None:
        """Keep the folders of a page, and list a log's folders where the page needs many others."""
        for file in files:
            if file.is_folder and self.logs.covers(log, file):
                self._keep(file, observed_at)
        wanted = {file.parent for file in files if file.parent and file.parent != log.drive_id}
        if log.name in self._listed or len(wanted - self._files.keys()) < _MANY:
            return
        self._listed.add(log.name)
        query, page = f"mimeType = '{FOLDER}' and {self.logs.query(log)}", ""
        while True:
            asked_at = datetime.now(UTC)
            listed = log.client.files(query, drive_id=log.drive_id, page=page)
            for file in listed.files:
                if self.logs.covers(log, file):
                    self._keep(file, asked_at)
            page = listed.next
            if not page:
                return

    def forget(self, folder_id: str) -> None:
        """Look a folder up anew when it is needed again."""
        self._files.pop(folder_id, None)
        self._nodes.pop(folder_id, None)

    def place(self, file: File, log: Log, observed_at: datetime) -> Placed:
        """Return where an item stands.

        Args:
            file: as a log's reader sees it.
            log: whose reader that is.
            observed_at: before it was asked for.

        Raises:
            ItemGone: it has vanished since.
        """
        folder = self._above(file, log)
        granted, _, is_told = self._granted(file, log, folder)
        above = folder if folder is not None and _inherits(folder, is_told=is_told) else None
        times = [observed_at, *([folder.observed_at] if folder else [])]
        path = f"{folder.path if folder else self._loose(log)}/{file.name}"
        if above is not None and granted.is_plain:
            return Placed(((above.acl.external_id,),), path, min(times), None, folder, rests=True)
        acl = self._acl(file, granted, above)
        rests = above is not None
        return Placed(((acl.external_id,),), path, min(times), acl, folder, rests)

    def node(self, folder_id: str, log: Log) -> Node | None:
        """Return a folder as its own log sees it; None where the log's reader does not see it."""
        return self._node(folder_id, log, _MAX_DEPTH)

    def node_of(self, file: File, log: Log, observed_at: datetime) -> Node:
        """Return the folder that a listing or a change has just shown."""
        self.forget(file.id)
        self._keep(file, observed_at)
        return self._built(file, observed_at, log, _MAX_DEPTH)

    def _node(self, folder_id: str, log: Log, depth: int) -> Node | None:
        if depth == 0:
            raise ContractBroken("Google shows folders that lie in each other.")
        known = self._nodes.get(folder_id)
        if known is not None and datetime.now(UTC) - known.observed_at < _FRESH:
            return known
        if folder_id == log.drive_id:
            return self._drive(log)
        found = self._file(folder_id, log)
        if found is None:
            return None
        file, observed_at = found
        if not self.logs.covers(log, file) and (not file.parent or file.grants is None):
            file, log = self._as_owner_sees(file, log)
        return self._built(file, observed_at, log, depth)

    def _as_owner_sees(self, file: File, log: Log) -> tuple[File, Log]:
        """Return somebody else's folder with what its owner sees of it, and whom to ask further.

        Of what lies in another person's folder, the owner may not see where it is.
        """
        try:
            owner_log = self.logs.of_file(file)
        except (ItemGone, ItemForbidden):
            owner_log = None
        seen = self._file(file.id, owner_log, is_sure=True) if owner_log else None
        if seen is None or owner_log is None:
            return file, log
        if file.parent and not seen[0].parent:
            return replace(file, grants=seen[0].grants), log
        return seen[0], owner_log

    def _built(self, file: File, observed_at: datetime, log: Log, depth: int) -> Node:
        parent = self._node(file.parent, log, depth - 1) if file.parent else None
        if parent is None and file.is_mine and not file.parent:
            return self._root(file, log, observed_at)
        granted, effective, is_told = self._granted(file, log, parent)
        above = parent if parent is not None and _inherits(parent, is_told=is_told) else None
        node = Node(
            file,
            self._acl(file, granted, above),
            f"{parent.path if parent else self._loose(log)}/{file.name}",
            min([observed_at, *([parent.observed_at] if parent else [])]),
            parent,
            effective,
            is_told,
        )
        self._nodes[file.id] = node
        return node

    def _drive(self, log: Log) -> Node:
        observed_at = datetime.now(UTC)
        found = self.logs.drive_grants(log.drive_id)
        grants = self._named(permissions.only(log.asks_as) if found is None else found)
        file = File(log.drive_id, log.label, FOLDER, drive_id=log.drive_id)
        granted = permissions.own(grants, above=None, has_parent=False)
        acl = self._acl(file, granted, None)
        node = Node(file, acl, log.label, observed_at, None, grants, found is not None)
        self._nodes[log.drive_id] = node
        return node

    def _root(self, file: File, log: Log, observed_at: datetime) -> Node:
        """Return the root of a My Drive, which cannot be shared; or an orphan, which can."""
        grants = self._named(file.grants or ())
        granted = permissions.own(grants, above=None, has_parent=False)
        is_orphan = len(granted.grants) > 1
        label = f"{log.label}/{file.name}" if is_orphan else log.label
        acl = self._acl(file, granted, None, label=label)
        if not is_orphan:
            acl = replace(acl, external_id=my_drive(log.home))
        node = Node(file, acl, label, observed_at, None, grants)
        self._nodes[file.id] = node
        return node

    def _above(self, file: File, log: Log) -> Node | None:
        return self._node(file.parent, log, _MAX_DEPTH) if file.parent else None

    def _granted(
        self, file: File, log: Log, folder: Node | None
    ) -> tuple[Own, tuple[Grant, ...] | None, bool]:
        """Return what an item grants by itself, its effective grants, and if they are visible."""
        has_none = file.has_own_grants is False and not file.is_limited
        if file.drive_id and has_none and folder is not None:  # just what the folder grants
            return Own(()), folder.effective, folder.is_told
        grants = file.grants
        if grants is None and file.drive_id:
            grants = self._shared_drive_grants(file, log)
        seen = self._named(permissions.only(log.asks_as) if grants is None else grants)
        is_told = grants is not None
        inherits = folder is not None and _inherits(folder, is_told=is_told)
        granted = permissions.own(
            seen,
            above=folder.effective if folder is not None and inherits else None,
            has_parent=inherits,
            is_limited=file.is_limited,
        )
        return granted, seen, is_told

    def _shared_drive_grants(self, file: File, log: Log) -> tuple[Grant, ...] | None:
        try:
            return log.client.grants(file.id)
        except ItemForbidden:
            return None

    def _acl(self, file: File, granted: Own, above: Node | None, *, label: str = "") -> RemoteAcl:
        return permissions.place(
            file.id,
            granted,
            label=label or file.name,
            parent=above.acl.external_id if above else None,
            listed_links=self.logs.settings.listed_links,
        )

    def _named(self, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        return tuple(self.logs.people.named(grant) for grant in grants)

    def _file(
        self, folder_id: str, log: Log, *, is_sure: bool = False
    ) -> tuple[File, datetime] | None:
        """Return a folder; None where the log's reader does not see it."""
        known = self._files.get(folder_id)
        if known is not None and not is_sure and datetime.now(UTC) - known[1] < _FRESH:
            return known
        observed_at = datetime.now(UTC)
        try:
            file = log.client.file(folder_id)
        except (ItemGone, ItemForbidden):
            return None
        if self.logs.covers(log, file) or is_sure:
            self._keep(file, observed_at)
        return file, observed_at

    def _keep(self, file: File, observed_at: datetime) -> None:
        self._files[file.id] = (file, observed_at)

    @staticmethod
    def _loose(log: Log) -> str:
        """Return the path of what lies in no folder that the reader sees."""
        return log.label if log.drive_id else "Shared with me"


def my_drive(home: str) -> str:
    """Return the external id of the place that somebody's whole My Drive is."""
    return f"my-drive:{home.partition(':')[2]}"


def _inherits(folder: Node, *, is_told: bool) -> bool:
    """Return whether a folder's place stands for what an item inherits from it.

    Where only the folder's permissions are hidden, the item's own list says more.
    """
    return folder.is_told or not is_told
