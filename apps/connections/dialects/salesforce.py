"""Salesforce: the right to the object ∧ (the default ∨ shares ∨ roles): an upper bound.

providers.md, 7 [M where not said]: ObjectPermissions by profile and permission set; the
organisation-wide default (Private, Read, ReadWrite, ControlledByParent); `<Object>Share` rows with
`RowCause` and an access level; the owner's managers in the role hierarchy; "View All". Restriction
rules and what shares leave out are known to the service alone: `UserRecordAccess` is the effective
answer for up to 200 records, and has to be asked each time.

Nothing makes a connection do that yet: `when_stale` only asks once permissions are too old. Until a
connection can be made to ask always, no connector may use this dialect, and a test sees to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from apps.connections.dialects.granting import place
from apps.connections.protocol import Level, RemoteAcl, RemoteEntry, RemotePolicy, RemotePrincipal

# What a dialect makes that admits more people than its source (see above).
NEEDS_LIVE_CHECK: Final = True

_LEVELS = {"Read": Level.READ, "Edit": Level.WRITE, "All": Level.WRITE}
# The defaults that open records to everybody; every other one is private.
_DEFAULTS = {
    "Read": Level.READ,
    "ReadWrite": Level.WRITE,
    "ReadWriteTransfer": Level.WRITE,
    "FullAccess": Level.WRITE,
}


@dataclass(frozen=True, slots=True)
class Share:
    """One row of `<Object>Share`."""

    user_or_group: RemotePrincipal
    access_level: str


def object_right(name: str, holders: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of whoever may read records of an object at all."""
    return place(f"object:{name}", map(RemoteEntry, holders), label=name)


def default(
    name: str, sharing_model: str, everybody: RemotePrincipal, view_all: Iterable[RemotePrincipal]
) -> RemoteAcl:
    """Return the place of the organisation-wide default.

    Args:
        name: of the object.
        sharing_model: Private, Read, ReadWrite …; whatever is not public is private.
        everybody: all internal users.
        view_all: holders of "View All", for whom no default counts.
    """
    entries = [RemoteEntry(principal) for principal in view_all]
    if sharing_model in _DEFAULTS:
        entries.append(RemoteEntry(everybody, level=_DEFAULTS[sharing_model]))
    return place(f"default:{name}", entries, label=name)


def record(
    record_id: str,
    owner: RemotePrincipal,
    shares: Iterable[Share] = (),
    managers: Iterable[RemotePrincipal] = (),
) -> RemoteAcl:
    """Return the place of one record: its owner, its shares, and the roles above the owner's."""
    entries = [RemoteEntry(owner, level=Level.WRITE)]
    entries += [
        RemoteEntry(s.user_or_group, level=_LEVELS[s.access_level])
        for s in shares
        if s.access_level in _LEVELS
    ]
    entries += [RemoteEntry(manager) for manager in managers]
    return place(f"record:{record_id}", entries, label=record_id)


def policy(object_name: str, record_id: str) -> RemotePolicy:
    """Return the policy of a record."""
    return ((f"object:{object_name}",), (f"default:{object_name}", f"record:{record_id}"))
