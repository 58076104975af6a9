"""The people and groups of this machine's user database, as principals of a folder."""

from __future__ import annotations

import grp
import pwd
from collections import defaultdict
from collections.abc import Iterable

from apps.connections.dialects import posix
from apps.connections.protocol import RemoteGroup, RemotePrincipal


def groups(uids: Iterable[int], gids: Iterable[int]) -> tuple[RemoteGroup, ...]:
    """Return the member lists of all groups, and the list of everybody who has an account.

    Args:
        uids: that were met on files; the database may not list all that it knows (LDAP), and an id
            that it does not know keeps its number.
        gids: likewise. Who is in an unknown one, nobody can tell.
    """
    people = {entry.pw_uid: entry for entry in pwd.getpwall()}
    numbers = {0, *people, *uids}
    for uid in numbers - set(people):
        if (found := _person(uid)) is not None:
            people[uid] = found
    named = {entry.pw_name: uid for uid, entry in people.items()}
    primary: dict[int, set[int]] = defaultdict(set)
    for uid, entry in people.items():
        primary[entry.pw_gid].add(uid)
    principals = {uid: _as_principal(uid, people.get(uid)) for uid in numbers}
    known = {entry.gr_gid: entry for entry in grp.getgrall()}
    lists = []
    for gid in sorted({*known, *primary, *gids}):
        group = known.get(gid) or _group(gid)
        listed = {named[name] for name in group.gr_mem if name in named} if group else set()
        members = tuple(principals[uid] for uid in sorted(listed | primary[gid]))
        label = group.gr_name if group else ""
        lists.append(RemoteGroup(posix.group(gid, label), members, is_known=group is not None))
    everybody = tuple(principals[uid] for uid in sorted(numbers))
    return (RemoteGroup(posix.ACCOUNTS, everybody), *lists)


def _person(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _group(gid: int) -> grp.struct_group | None:
    try:
        return grp.getgrgid(gid)
    except KeyError:
        return None


def _as_principal(uid: int, entry: pwd.struct_passwd | None) -> RemotePrincipal:
    if entry is None:
        return posix.user(uid)
    full_name = entry.pw_gecos.partition(",")[0].strip()
    return posix.user(uid, f"{full_name} ({entry.pw_name})" if full_name else entry.pw_name)
