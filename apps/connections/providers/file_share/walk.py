"""Reads a folder without ever following a link.

Every path is opened component by component below an open folder (openat with O_NOFOLLOW), so that
swapping a folder for a link between two looks leads nowhere: there is no second look by name.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from apps.connections.dialects.posix import Inode
from apps.connections.errors import ItemForbidden, ItemGone, SettingsRejected, SourceUnavailable
from apps.connections.providers.file_share import inodes, system_errors
from apps.connections.providers.file_share.manifest import LOOK_ALIKES, MAX_PATH_BYTES

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a pipe that took a file's place would hold the reader for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as the file system describes it; `path` is relative to the root.

    Attributes:
        access: what decides about reading it; None unless the root was opened to tell it.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    access: Inode | None = None


@dataclass(slots=True)
class Listing:
    """The names in one folder, sorted; hidden ones and lock files are left out.

    Attributes:
        links: symbolic links, which are never followed.
        manifests: what is called like a manifest.
        unusable: names that are not UTF-8, or whose path is too long to be stored.
    """

    files: list[str]
    folders: list[str]
    links: list[str]
    manifests: list[str]
    unusable: list[str]


class Root:
    """An open connected folder. All paths are relative to it, with “/”, and "" is itself."""

    def __init__(self, path: str, fd: int, *, tells_access: bool = False) -> None:
        self.path = path
        self._fd = fd
        self._tells_access = tells_access

    def require_unchanged(self) -> None:
        """Prove that the folder still stands where it was opened.

        A folder that was deleted or unmounted looks empty to who still holds it open.

        Raises:
            ConnectorError: it does not.
        """
        fd = _open_root(self.path)
        try:
            if not os.path.sameopenfile(fd, self._fd):
                raise SourceUnavailable("The connected folder was replaced while it was read.")
        finally:
            os.close(fd)

    def listing(self, folder: str) -> Listing:
        """Return what is in a folder.

        Raises:
            ItemGone: it is not there any more, or not a folder.
            ItemForbidden: Kenward may not read it.
            SourceUnavailable: the file system does not answer.
        """
        listing = Listing([], [], [], [], [])
        with (
            system_errors.translated(folder),
            self._folder(folder, _FOLDER) as fd,
            os.scandir(fd) as entries,
        ):
            for entry in entries:
                _sort_into(listing, folder, entry)
        for names in (listing.files, listing.folders, listing.links, listing.manifests):
            names.sort()
        return listing

    def look(self, folder: str, names: list[str]) -> Iterator[FoundFile | ItemForbidden]:
        """Describe files of one folder; one that has vanished is left out.

        Raises:
            ItemGone: the folder is not there any more.
            ItemForbidden: Kenward may not read the folder.
            SourceUnavailable: the file system does not answer.
        """
        with system_errors.translated(folder), self._folder(folder, _STEP) as fd:
            for name in names:
                try:
                    yield _look_at(fd, folder, name, tells_access=self._tells_access)
                except ItemForbidden as forbidden:
                    yield forbidden
                except ItemGone:
                    continue

    def folder_access(self, folder: str) -> Inode:
        """Return what decides about passing through a folder.

        Raises:
            ItemGone: it is not there any more.
            ItemForbidden: Kenward may not look, or cannot read its permissions.
            SourceUnavailable: the file system does not answer.
        """
        with system_errors.translated(folder), self._folder(folder, _STEP) as fd:
            return inodes.of_folder(fd, folder)

    def is_folder(self, path: str) -> bool:
        """Return whether the path is a folder (True) or a file (False).

        Raises:
            ItemGone: it is neither, or a link.
            ItemForbidden: Kenward may not look.
            SourceUnavailable: the file system does not answer.
        """
        folder, _, name = path.rpartition("/")
        with system_errors.translated(path), self._folder(folder, _STEP) as fd:
            mode = os.lstat(name, dir_fd=fd).st_mode if name else stat.S_IFDIR
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise ItemGone("This is not a file any more.", external_id=path)
        return stat.S_ISDIR(mode)

    @contextmanager
    def opened_file(self, path: str) -> Iterator[BinaryIO]:
        """Open a file for reading.

        Raises:
            ItemGone: it is not there any more, or not a file.
            ItemForbidden: Kenward may not read it.
            SourceUnavailable: the file system does not answer.
        """
        with system_errors.translated(path):
            file = system_errors.Content(self.descriptor(path), path)
        with cast(BinaryIO, io.BufferedReader(file)) as content:
            yield content

    def descriptor(self, path: str) -> int:
        """Open a file for reading and return its descriptor.

        Raises:
            OSError: as the system says it; ENXIO for what is no regular file.
        """
        folder, _, name = path.rpartition("/")
        with self._folder(folder, _STEP) as fd:
            file = os.open(name, _FILE, dir_fd=fd)
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))

    def leads_outside(self, path: str) -> bool:
        """Return whether a link's target lies outside the folder. Only for telling of it."""
        target = os.path.realpath(f"{self.path}/{path}")
        return target != self.path and not target.startswith(f"{self.path.rstrip('/')}/")

    @contextmanager
    def _folder(self, path: str, flags: int) -> Iterator[int]:
        fd = _descend(self._fd, path.split("/") if path else ["."], flags)
        try:
            yield fd
        finally:
            os.close(fd)


@contextmanager
def opened(
    path: str, *, is_mount_point: bool = False, tells_access: bool = False
) -> Iterator[Root]:
    """Open a connected folder.

    Args:
        path: absolute, without links.
        is_mount_point: whether a disk must be mounted there.
        tells_access: whether files are described with their owner, group, mode and ACL.

    Raises:
        SettingsRejected: it is no folder, leads through a link, or may not be read.
        SourceUnavailable: it is not there just now; its documents stay as they are.
    """
    if is_mount_point and not os.path.ismount(path):
        raise SourceUnavailable(
            "No disk is mounted at the connected folder just now.", hint="Mount it again."
        )
    fd = _open_root(path)
    try:
        yield Root(path, fd, tells_access=tells_access)
    finally:
        os.close(fd)


def is_skipped(name: str) -> bool:
    """Return whether a file or folder is left out by its name: hidden, or Office's lock file."""
    return name.startswith((".", "~$"))


def _open_root(path: str) -> int:
    steps = [step for step in path.split("/") if step] or ["."]
    try:
        start = os.open("/", _STEP)
        try:
            return _descend(start, steps, _FOLDER)
        finally:
            os.close(start)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise SourceUnavailable(
                "The connected folder is not there.", hint="Check its path, and that it is mounted."
            ) from error
        if error.errno in system_errors.GONE:
            raise SettingsRejected(
                "The path is not a folder, or leads through a link now.",
                hint="Save the connection again with the folder that is meant.",
            ) from error
        if error.errno in system_errors.FORBIDDEN:
            raise SettingsRejected(
                "Kenward may not read the folder.",
                hint="Give the user that Kenward runs as the right to read it.",
            ) from error
        raise system_errors.unavailable(error) from error


def _descend(start: int, steps: list[str], flags: int) -> int:
    """Open a folder step by step, no step through a link, and return its descriptor."""
    fd = start
    try:
        for number, step in enumerate(steps, start=1):
            inner = os.open(step, flags if number == len(steps) else _STEP, dir_fd=fd)
            if fd != start:
                os.close(fd)
            fd = inner
    except OSError:
        if fd != start:
            os.close(fd)
        raise
    return fd


def _look_at(fd: int, folder: str, name: str, *, tells_access: bool) -> FoundFile:
    path = f"{folder}/{name}" if folder else name
    with system_errors.translated(path):
        found = os.lstat(name, dir_fd=fd)
        if not stat.S_ISREG(found.st_mode):
            raise ItemGone("This is not a file any more.", external_id=path)
        if not os.access(name, os.R_OK, dir_fd=fd, effective_ids=True, follow_symlinks=False):
            raise system_errors.forbidden(path)
        access = inodes.of_file(fd, name, path) if tells_access else None
    return FoundFile(path, found.st_size, found.st_mtime_ns, found.st_ino, access)


def _sort_into(listing: Listing, folder: str, entry: os.DirEntry[str]) -> None:
    name = entry.name
    if is_skipped(name):
        return
    if not fits(folder, name):
        listing.unusable.append(name)
    elif name.casefold() in LOOK_ALIKES:
        listing.manifests.append(name)
    elif entry.is_symlink():
        listing.links.append(name)
    elif entry.is_dir(follow_symlinks=False):
        listing.folders.append(name)
    elif entry.is_file(follow_symlinks=False):
        listing.files.append(name)


def fits(folder: str, name: str) -> bool:
    """Return whether the path can be stored: it is UTF-8 and not too long."""
    try:
        return len(folder.encode()) + 1 + len(name.encode()) <= MAX_PATH_BYTES
    except UnicodeEncodeError:
        return False
