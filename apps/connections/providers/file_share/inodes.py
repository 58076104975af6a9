"""Reads owner, group, mode and access ACL of files and folders, without following links.

The mode and the ACL come by two calls. They are read again until owner, group and mode were the
same before and after, so that no mixture of two states is told.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from apps.connections.dialects import posix
from apps.connections.dialects.posix import Inode
from apps.connections.errors import ContractBroken, ItemForbidden, SourceUnavailable

_ACL = "system.posix_acl_access"
# Lists in other languages, which mode bits only approximate.
_FOREIGN = ("system.nfs4_acl", "system.cifs_acl", "system.richacl")
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP, errno.ENOTSUP})
_TRIES = 20


def of_file(folder_fd: int, name: str, path: str) -> Inode:
    """Return what decides about reading one file.

    Args:
        folder_fd: an open folder.
        name: of a file in it; a link is described itself.
        path: relative to the root, for messages.

    Raises:
        ItemForbidden: its permissions are in a language that Kenward does not read here.
        SourceUnavailable: they change faster than they can be read.
        OSError: as the system says it.
    """

    def look() -> os.stat_result:
        return os.lstat(name, dir_fd=folder_fd)

    def attribute(which: str) -> bytes:
        # There is no getxattr below an open folder; the last step still follows no link.
        return os.getxattr(f"/proc/self/fd/{folder_fd}/{name}", which, follow_symlinks=False)

    return _steady(look, attribute, path)


def of_folder(fd: int, path: str) -> Inode:
    """Return what decides about passing through an open folder (see `of_file`)."""

    def attribute(which: str) -> bytes:
        return os.getxattr(f"/proc/self/fd/{fd}", which)

    return _steady(lambda: os.fstat(fd), attribute, path)


def _steady(
    look: Callable[[], os.stat_result], attribute: Callable[[str], bytes], path: str
) -> Inode:
    before = look()
    for _ in range(_TRIES):
        acl = _acl(attribute, path)
        after = look()
        if _decisive(before) == _decisive(after):
            return Inode(after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode), acl)
        before = after
    raise SourceUnavailable("Permissions in the folder change faster than they can be read.")


def _decisive(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_uid, found.st_gid, found.st_mode, found.st_ino


def _acl(attribute: Callable[[str], bytes], path: str) -> tuple[posix.Line, ...]:
    try:
        return posix.parsed(attribute(_ACL))
    except ContractBroken as error:
        raise _unreadable(path) from error
    except OSError as error:
        if error.errno not in _NO_ACL:
            raise
        if error.errno != errno.ENODATA and any(_has(attribute, name) for name in _FOREIGN):
            raise _unreadable(path) from error
        return ()


def _has(attribute: Callable[[str], bytes], name: str) -> bool:
    try:
        return bool(attribute(name))
    except OSError as error:
        return error.errno not in _NO_ACL  # what cannot be looked at may be there


def _unreadable(path: str) -> ItemForbidden:
    return ItemForbidden(
        "The file system keeps permissions here in a form that Kenward does not read.",
        external_id=path,
        hint="Connect it as a Windows share, or let kenward.yaml say who may read it.",
    )
