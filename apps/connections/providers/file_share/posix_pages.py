"""Who may read a folder's files as the file system says: each file's list, and each folder's `x`.

The folders from the connected one down to the file count; those above the connected folder are
taken for passable. One clause more stands in every policy: a place that is open to everyone while
this connection reads by the file system, and that a page of any other kind of readers closes, since
it does not name it. So a connection that is switched to other readers leaves nothing open by the
old ones, before any file is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from apps.connections.dialects import posix
from apps.connections.dialects.audiences import EVERYONE, MEMBERS
from apps.connections.dialects.posix import Inode
from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import (
    Mode,
    Page,
    Problem,
    RemoteAcl,
    RemoteEntry,
    RemotePolicy,
    RemotePrincipal,
)
from apps.connections.providers.file_share import accounts, listing, permissions
from apps.connections.providers.file_share.listing import Batch, as_problem
from apps.connections.providers.file_share.location import FolderSettings
from apps.connections.providers.file_share.walk import FoundFile, Root

PAGE_FILES = 500

IN_FORCE = RemoteAcl(
    "posix",
    "The file system says who reads",
    mode=Mode.CUT,
    entries=(RemoteEntry(EVERYONE),),
)
_NOBODY: RemotePolicy = ()


class FileSystemReaders:
    """The lists of one page: files as they come, each folder looked at once."""

    def __init__(self, root: Root, settings: FolderSettings) -> None:
        self._root = root
        self._others = others_of(settings)
        self._folders: dict[str, RemoteAcl] = {}
        self._files: dict[Inode, RemoteAcl] = {}

    def of(self, found: FoundFile) -> tuple[RemotePolicy, list[RemoteAcl]]:
        """Return the policy of a file, and the values that it names.

        Raises:
            ItemGone: a folder above it is not there any more.
            ItemForbidden: the permissions of the file or of a folder cannot be read.
        """
        lists = [self._file(found)]
        for folder in permissions.ancestors(permissions.enclosing(found.path)):
            if folder not in self._folders:
                inode = self._root.folder_access(folder)
                self._folders[folder] = posix.directory_passers(inode, others=self._others)
            lists.append(self._folders[folder])
        clauses = dict.fromkeys((one.external_id,) for one in lists)
        return ((IN_FORCE.external_id,), *clauses), lists

    def _file(self, found: FoundFile) -> RemoteAcl:
        if found.access is None:
            raise ItemForbidden("Its permissions were not read.", external_id=found.path)
        if found.access not in self._files:
            self._files[found.access] = posix.file_readers(found.access, others=self._others)
        return self._files[found.access]


def others_of(settings: FolderSettings) -> tuple[RemotePrincipal, ...]:
    """Return whom the bits of others are for."""
    return (posix.ACCOUNTS, MEMBERS) if settings.others_are_members else (posix.ACCOUNTS,)


def first_page(root: Root) -> Page:
    """Return the page that comes before all files: the groups, and that the file system decides.

    It looks at all files to learn which ids there are: the user database may list fewer than it
    knows, and whoever is new on a file belongs to those who have an account.
    """
    observed_at = datetime.now(UTC)
    uids: set[int] = set()
    gids: set[int] = set()
    count = 0
    folders: set[str] = set()
    for batch in listing.batches(root, limit=PAGE_FILES):
        for folder, names in batch.files:
            inodes = [f.access for f in _look(root, folder, names) if isinstance(f, FoundFile)]
            count += len(names)
            new = set(permissions.ancestors(folder)) - folders
            folders |= new
            inodes += [_folder(root, path) for path in new]
            for inode in filter(None, inodes):
                uids.update([inode.owner, *_ids(inode, posix.Tag.USER)])
                gids.update([inode.group, *_ids(inode, posix.Tag.GROUP)])
    root.require_unchanged()
    return Page(
        observed_at,
        groups=accounts.groups(uids, gids),
        acls=(IN_FORCE,),
        are_acls_complete=True,
        total_items=count,
    )


def file_pages(root: Root, settings: FolderSettings) -> Iterator[Page]:
    """Yield who may read each file now, without any content."""
    for batch in listing.batches(root, limit=PAGE_FILES):
        yield _page(root, settings, batch)


def _page(root: Root, settings: FolderSettings, batch: Batch) -> Page:
    observed_at = datetime.now(UTC)
    readers = FileSystemReaders(root, settings)
    told: list[tuple[str, RemotePolicy]] = []
    values: dict[str, RemoteAcl] = {}
    problems: list[Problem] = []
    for folder, names in batch.files:
        for found in _look(root, folder, names):
            try:
                if isinstance(found, ItemForbidden):
                    raise found
                policy, lists = readers.of(found)
            except ItemGone:
                continue
            except ItemForbidden as forbidden:
                path = found.path if isinstance(found, FoundFile) else found.external_id
                told.append((path, _NOBODY))
                problems.append(as_problem(forbidden))
            else:
                told.append((found.path, policy))
                values |= {one.external_id: one for one in lists}
    root.require_unchanged()
    return Page(
        observed_at,
        acls=tuple(values.values()),
        item_policies=tuple(told),
        problems=tuple(problems),
    )


def _look(root: Root, folder: str, names: list[str]) -> list[FoundFile | ItemForbidden]:
    try:
        return list(root.look(folder, names))
    except ItemGone:
        return []
    except ItemForbidden as forbidden:
        return [
            ItemForbidden(str(forbidden), external_id=listing.joined(folder, name))
            for name in names
        ]


def _folder(root: Root, path: str) -> Inode | None:
    try:
        return root.folder_access(path)
    except (ItemGone, ItemForbidden):
        return None


def _ids(inode: Inode, tag: posix.Tag) -> list[int]:
    return [line.id for line in inode.acl if line.tag == tag and line.id is not None]
