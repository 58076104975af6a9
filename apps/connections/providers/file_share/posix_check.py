"""Whether the file system lets a person read a file just now, asked of a fresh look at the disk.

The kernel's own steps for one account, one after the other; it shares nothing with the lists that
`dialects.posix` tells the sync, so that one can be held against the other.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence

from apps.connections.dialects.posix import Inode, Tag
from apps.connections.errors import ItemForbidden
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.file_share.location import FolderSettings
from apps.connections.providers.file_share.walk import FoundFile, Root

_READ, _EXECUTE = 4, 1


def by_file_system(
    root: Root, settings: FolderSettings, path: str, principals: Sequence[RemotePrincipal]
) -> bool | None:
    """Return whether one of a person's accounts reads a file; None where that cannot be said.

    An account that the user database does not know has groups that nobody can list, and a person
    with several accounts reads as all of them at once: both are left open here.
    """
    uids = sorted({_uid(p) for p in principals if p.kind == PrincipalKind.USER} - {-1})
    if not uids:
        is_member = any(p.kind == PrincipalKind.MEMBERS for p in principals)
        return None if settings.others_are_members and is_member else False
    try:
        people = [pwd.getpwuid(uid) for uid in uids]
    except KeyError:
        return None
    verdicts = {
        _reads(root, path, uid, set(os.getgrouplist(person.pw_name, person.pw_gid)))
        for uid, person in zip(uids, people, strict=True)
    }
    return verdicts.pop() if len(verdicts) == 1 else None


def _reads(root: Root, path: str, uid: int, gids: set[int]) -> bool:
    folder, _, name = path.rpartition("/")
    found = next(iter(root.look(folder, [name])), None)
    if not isinstance(found, FoundFile) or found.access is None:
        return False
    steps = folder.split("/") if folder else []
    above = ["/".join(steps[:n]) for n in range(len(steps) + 1)]
    try:
        passes = all(permits(root.folder_access(one), uid, gids, _EXECUTE) for one in above)
    except ItemForbidden:
        return False
    return passes and permits(found.access, uid, gids, _READ)


def permits(inode: Inode, uid: int, gids: set[int], want: int) -> bool:
    """Return what the kernel answers one account (see fs/namei.c, acl_permission_check).

    Args:
        inode: owner, group, mode and ACL.
        uid: the account.
        gids: its groups, the primary one included.
        want: one of the bits 4 (read), 2 (write) and 1 (execute).
    """
    if uid == 0:
        return True
    if uid == inode.owner:
        return bool(inode.mode >> 6 & want)
    if inode.acl and inode.mode & 0o070:
        return _by_acl(inode, uid, gids, want)
    shift = 3 if inode.group in gids else 0
    return bool(inode.mode >> shift & want)


def _by_acl(inode: Inode, uid: int, gids: set[int], want: int) -> bool:
    mask = next((line.perm for line in inode.acl if line.tag == Tag.MASK), 7)
    for line in inode.acl:
        if line.tag == Tag.USER and line.id == uid:
            return bool(line.perm & mask & want)
    in_a_group = False
    for line in inode.acl:
        gid = inode.group if line.tag == Tag.GROUP_OBJ else line.id
        if line.tag in {Tag.GROUP_OBJ, Tag.GROUP} and gid in gids:
            in_a_group = True
            if line.perm & want:
                return bool(line.perm & mask & want)
    return not in_a_group and bool(inode.mode & want)


def _uid(principal: RemotePrincipal) -> int:
    kind, _, number = principal.external_id.partition(":")
    return int(number) if kind == "uid" and number.isdecimal() else -1
