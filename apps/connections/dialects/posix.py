"""POSIX: owner, group, mode bits and access ACLs, on a file and on the directories above it.

acl(5), "Access check algorithm", and the kernel's own form of it (fs/namei.c, fs/posix_acl.c), with
which `tests/connections/dialects/test_posix_kernel.py` compares. In short: the owner's bits decide
for the owner, a named user's for that user, then one of the groups that allows, then no (a group
matched and none allowed), then the bits of others. The mask narrows named users and groups; while
it is empty the kernel does not look at the ACL at all, so that its named entries are as if they
were not there. Reading a file needs `r` on it and `x` on each directory above it.

An owner is not always a reader: with the mode 0077 everybody reads but the owner.

Root passes every check (CAP_DAC_OVERRIDE), also on network shares whose servers refuse root.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from apps.connections.dialects.value import value
from apps.connections.errors import ContractBroken
from apps.connections.protocol import (
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePrincipal,
)

_HEAD, _LINE = struct.Struct("<I"), struct.Struct("<HHI")
_VERSION = 2
_NO_ID = 0xFFFFFFFF


class Tag(IntEnum):
    """Whom a line of an ACL is for, by the kernel's numbers."""

    USER_OBJ = 0x01
    USER = 0x02
    GROUP_OBJ = 0x04
    GROUP = 0x08
    MASK = 0x10
    OTHER = 0x20


class Want(IntEnum):
    """The permission that is asked for."""

    EXECUTE = 1
    WRITE = 2
    READ = 4


class Rank(IntEnum):
    """The order in which the kernel looks."""

    OWNER = 0
    NAMED_USER = 1
    GROUP_ALLOWS = 2
    GROUP_DENIES = 3
    OTHER = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an ACL; `id` is a uid or gid for named users and groups, otherwise None."""

    tag: Tag
    perm: int
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Inode:
    """What the file system says of a file or directory.

    Attributes:
        mode: the permission bits, as `stat` gives them; other bits are not looked at.
        acl: the lines of the access ACL; empty when there is none beside the mode bits.
    """

    owner: int
    group: int
    mode: int
    acl: tuple[Line, ...] = ()


# Whoever has an account where the files lie. "Others" are these: whoever has none reads nothing
# there, whatever the mode bits say.
ACCOUNTS = RemotePrincipal(PrincipalKind.GROUP, "accounts", label="Everybody with an account")

_ROOT = 0


def user(uid: int, label: str = "") -> RemotePrincipal:
    """Return the principal of a user id; one whose name is unknown is called by its number."""
    return RemotePrincipal(PrincipalKind.USER, f"uid:{uid}", label=label)


def group(gid: int, label: str = "") -> RemotePrincipal:
    """Return the principal of a group id; one whose name is unknown is called by its number."""
    return RemotePrincipal(PrincipalKind.GROUP, f"gid:{gid}", label=label)


def parsed(attribute: bytes) -> tuple[Line, ...]:
    """Read the extended attribute `system.posix_acl_access`.

    Raises:
        ContractBroken: it has another form than acl(5)'s second version, so nothing is known.
    """
    size = len(attribute) - _HEAD.size
    if size < 0 or size % _LINE.size or _HEAD.unpack_from(attribute)[0] != _VERSION:
        raise ContractBroken("The file system's ACL has a form that Kenward does not know.")
    try:
        return tuple(
            Line(Tag(tag), perm & 7, None if ident == _NO_ID else ident)
            for tag, perm, ident in _LINE.iter_unpack(attribute[_HEAD.size :])
        )
    except ValueError as error:
        raise ContractBroken("The file system's ACL names a kind of entry that is new.") from error


def packed(acl: Iterable[Line]) -> bytes:
    """Return an ACL as the extended attribute holds it; the lines in the kernel's order."""
    lines = sorted(acl, key=lambda line: (line.tag, line.id or 0))
    rows = (_LINE.pack(li.tag, li.perm, _NO_ID if li.id is None else li.id) for li in lines)
    return _HEAD.pack(_VERSION) + b"".join(rows)


def file_readers(inode: Inode, *, others: Iterable[RemotePrincipal] = (ACCOUNTS,)) -> RemoteAcl:
    """Return the value of whoever may read a file, once they can reach it.

    Args:
        inode: of the file.
        others: whom the bits of others are for.
    """
    return value(_entries(inode, Want.READ, tuple(others)), label="File: owner, group and mode")


def directory_passers(
    inode: Inode, *, others: Iterable[RemotePrincipal] = (ACCOUNTS,)
) -> RemoteAcl:
    """Return the value of whoever may pass through a directory: the list of `x`.

    Args:
        inode: of the directory.
        others: whom the bits of others are for.
    """
    return value(_entries(inode, Want.EXECUTE, tuple(others)), label="Folder: who passes through")


def _entries(inode: Inode, want: Want, others: tuple[RemotePrincipal, ...]) -> list[RemoteEntry]:
    found: dict[str, RemoteEntry] = {}
    for rank, principal, perm in sorted(_classes(inode, want, others), key=lambda c: c[0]):
        if rank == Rank.OTHER and not perm & want:
            continue  # nothing comes after it
        level = Level.WRITE if want == Want.READ and perm & Want.WRITE else Level.READ
        is_allowed = bool(perm & want)
        entry = RemoteEntry(
            principal, is_allowed, int(rank), level=level if is_allowed else Level.READ
        )
        found.setdefault(principal.external_id, entry)
    return list(found.values())


def _classes(
    inode: Inode, want: Want, others: tuple[RemotePrincipal, ...]
) -> Iterator[tuple[Rank, RemotePrincipal, int]]:
    """Yield (rank, principal, permissions) in the kernel's order of classes."""
    mask = inode.mode >> 3 & 7  # with an ACL, the bits of the group are the mask
    acl = inode.acl if mask else ()
    owning_group = next((line.perm for line in acl if line.tag == Tag.GROUP_OBJ), mask)
    yield Rank.OWNER, user(_ROOT), 7
    yield Rank.OWNER, user(inode.owner), inode.mode >> 6 & 7
    groups = [(inode.group, owning_group & mask)]
    for line in acl:
        if line.tag == Tag.USER and line.id is not None:
            yield Rank.NAMED_USER, user(line.id), line.perm & mask
        elif line.tag == Tag.GROUP and line.id is not None:
            groups.append((line.id, line.perm & mask))
    for gid, perm in groups:
        yield (Rank.GROUP_ALLOWS if perm & want else Rank.GROUP_DENIES), group(gid), perm
    for principal in others:
        yield Rank.OTHER, principal, inode.mode & 7
