"""SMB and NTFS: discretionary ACLs in stored order, the share's own ACL, and traverse rights.

Windows' AccessCheck (MS-DTYP 2.5.3.2) goes through the entries in the order in which they are
stored: the first one that speaks of the asked right and names one of the caller's SIDs decides.
Windows' own tools store explicit denials, explicit allowances, inherited denials, inherited
allowances; programs may store any order, and the stored one counts. A missing list (NULL DACL)
admits everybody, an empty one nobody. Both the share's list and the file's must allow.

Not kept: the owner's implicit right to read the *list* (READ_CONTROL), which is no right to read
the data; mandatory labels; rights that a privilege gives (backup operators). Conditional and object
entries are not understood: a denial of that kind counts for everybody whom it may name, an
allowance for nobody. Bypassing the traverse check is a privilege that Windows gives everybody by
default [M].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from apps.connections.dialects.audiences import EVERYONE, MEMBERS
from apps.connections.dialects.value import in_order, value
from apps.connections.protocol import (
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePolicy,
    RemotePrincipal,
)


class AceType(IntEnum):
    """The kinds of entries that are understood (MS-DTYP 2.4.4.1)."""

    ALLOWED = 0x00
    DENIED = 0x01


# ACCESS_DENIED_OBJECT, _CALLBACK, _CALLBACK_OBJECT.
_OTHER_DENIALS = frozenset({0x06, 0x0A, 0x0C})


class AceFlag(IntFlag):
    """Flags of an entry (MS-DTYP 2.4.4.1); the order of the list says the rest."""

    INHERIT_ONLY = 0x08
    INHERITED = 0x10


class Right(IntFlag):
    """Bits of an access mask (MS-DTYP 2.4.3, MS-SMB2 2.2.13.1)."""

    READ_DATA = 0x00000001
    WRITE_DATA = 0x00000002
    TRAVERSE = 0x00000020
    GENERIC_ALL = 0x10000000
    GENERIC_EXECUTE = 0x20000000
    GENERIC_WRITE = 0x40000000
    GENERIC_READ = 0x80000000


# What each generic bit stands for on a file (FILE_GENERIC_READ and so on), as far as it is asked.
_GENERIC = {
    Right.READ_DATA: Right.GENERIC_READ | Right.GENERIC_ALL,
    Right.WRITE_DATA: Right.GENERIC_WRITE | Right.GENERIC_ALL,
    Right.TRAVERSE: Right.GENERIC_EXECUTE | Right.GENERIC_ALL,
}


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of a list, as the source stores it."""

    sid: str
    mask: int
    type: int = AceType.ALLOWED
    flags: int = 0


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """The part of an object's descriptor that decides about reading.

    Attributes:
        owner: the SID that OWNER RIGHTS (S-1-3-4) stands for.
        dacl: the entries in stored order; None for a NULL DACL, which admits everybody.
    """

    owner: str
    dacl: Sequence[Ace] | None


_OWNER_RIGHTS = "S-1-3-4"
# Everyone, Authenticated Users, This Organization, Network and the local Users group hold whoever
# has an account. Kenward's members stand for them; guests have accounts of their own if any.
_EVERYBODY = frozenset({"S-1-1-0", "S-1-5-11", "S-1-5-15", "S-1-5-2", "S-1-5-32-545"})
# Nobody who reads through Kenward is one of these: the list of an anonymous, local or system logon.
_NEVER = frozenset({"S-1-5-7", "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-3-0", "S-1-3-1"})


def principals_of(sid: str, people: Iterable[str] = ()) -> tuple[RemotePrincipal, ...]:
    """Return whom a SID stands for; empty for well-known ones that no reader can be.

    Args:
        sid: as the source writes it.
        people: the SIDs that a directory knows as people; all others are groups, whose members are
            unknown until listed.
    """
    if sid in _EVERYBODY:
        return (MEMBERS,)
    if sid in _NEVER:
        return ()
    kind = PrincipalKind.USER if sid in people else PrincipalKind.GROUP
    return (RemotePrincipal(kind, sid),)


def list_for(
    descriptor: SecurityDescriptor,
    *,
    right: Right = Right.READ_DATA,
    people: Iterable[str] = (),
    label: str = "",
) -> RemoteAcl:
    """Return the value of whoever a descriptor gives a right.

    Args:
        descriptor: of a file, a folder or a share.
        right: the bit that is asked for.
        people: see `principals_of`.
        label: what an admin sees.
    """
    if descriptor.dacl is None:
        return value([RemoteEntry(MEMBERS)], label=label or "No list: everybody")
    known = frozenset(people)
    entries = [
        entry for ace in descriptor.dacl for entry in _entries(ace, descriptor.owner, right, known)
    ]
    return value(in_order(entries), label=label)


def policy(
    file: RemoteAcl, *, share: RemoteAcl | None = None, folders: Iterable[RemoteAcl] = ()
) -> RemotePolicy:
    """Return the policy of a file: its own list and the share's, and each folder's traverse list.

    Args:
        file: `list_for` of the file.
        share: `list_for` of the share; None where there is none (a local disk).
        folders: `list_for(…, right=Right.TRAVERSE)` of each folder above it; empty where the
            server lets everybody bypass the traverse check.
    """
    lists = [file, *([share] if share else []), *folders]
    return tuple(dict.fromkeys((one.external_id,) for one in lists))


def _entries(ace: Ace, owner: str, right: Right, people: frozenset[str]) -> list[RemoteEntry]:
    if ace.flags & AceFlag.INHERIT_ONLY or not ace.mask & (right | _GENERIC[right]):
        return []
    is_allowed = ace.type == AceType.ALLOWED
    if not is_allowed and ace.type != AceType.DENIED:
        # A condition that is not understood may hold for anybody.
        is_denial = ace.type in _OTHER_DENIALS
        return [RemoteEntry(EVERYONE, is_allowed=False)] if is_denial else []
    writes = Right.WRITE_DATA | _GENERIC[Right.WRITE_DATA]
    level = Level.WRITE if is_allowed and ace.mask & writes else Level.READ
    sid = owner if ace.sid == _OWNER_RIGHTS else ace.sid
    found = principals_of(sid, people)
    if not is_allowed and found == (MEMBERS,):
        found = (EVERYONE,)  # a denial for everybody shuts guests out too
    return [RemoteEntry(principal, is_allowed, level=level) for principal in found]
