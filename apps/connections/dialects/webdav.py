"""WebDAV access control: the ordered list `DAV:acl` of a resource (RFC 3744).

Section 5.5: entries are looked through in order until the privilege is granted or denied
(`DAV:acl-restrictions` may say otherwise: a server that reports `no-invert`, `grant-only` or
`deny-before-grant` only forbids some lists). `DAV:all` contains `DAV:read`. `DAV:invert` (5.5.1:
everybody but this principal) cannot be kept as it is, so such a list admits nobody. `DAV:property`
principals other than the owner are unknown, and admit nobody either.

Inherited entries (`DAV:inherited`) stand in the list that the server returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.connections.dialects.audiences import EVERYONE
from apps.connections.dialects.value import in_order, value
from apps.connections.protocol import (
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemotePrincipal,
)

_READS = frozenset({"DAV:read", "DAV:all"})
_WRITES = frozenset({"DAV:write", "DAV:write-content", "DAV:all"})
_EVERYBODY = frozenset({"DAV:all", "DAV:authenticated"})


@dataclass(frozen=True, slots=True)
class Ace:
    """One `DAV:ace`.

    Attributes:
        principal: the principal's URL, or `DAV:all`, `DAV:authenticated`, `DAV:unauthenticated`,
            `DAV:self`, `DAV:owner` (for `DAV:property`) or anything else the server wrote.
        privileges: expanded names, such as `DAV:read`.
        is_grant: grant or deny.
        is_inverted: whether the principal stands within `DAV:invert`.
    """

    principal: str
    privileges: frozenset[str]
    is_grant: bool = True
    is_inverted: bool = False


def readers(
    acl: Sequence[Ace], *, owner: str = "", people: Iterable[str] = (), groups: Iterable[str] = ()
) -> RemoteAcl:
    """Return the value of a resource's list.

    Args:
        acl: in the server's order.
        owner: URL of the owner; "" where the server tells none.
        people: URLs of principals that are people.
        groups: URLs of principals that are groups.
    """
    known = dict.fromkeys(groups, PrincipalKind.GROUP) | dict.fromkeys(people, PrincipalKind.USER)
    entries: list[RemoteEntry] = []
    for ace in acl:
        if not ace.privileges & _READS:
            continue
        if ace.is_inverted:
            return value((), label="A list that is inverted: nobody")
        principal = _principal(ace.principal, owner, known)
        if principal is None and not ace.is_grant and ace.principal != "DAV:unauthenticated":
            principal = EVERYONE  # an unknown denial may name anybody
        if principal is not None:
            level = Level.WRITE if ace.is_grant and ace.privileges & _WRITES else Level.READ
            entries.append(RemoteEntry(principal, ace.is_grant, level=level))
    return value(in_order(entries))


def _principal(name: str, owner: str, known: dict[str, PrincipalKind]) -> RemotePrincipal | None:
    if name in _EVERYBODY:
        return EVERYONE
    url = owner if name == "DAV:owner" else name
    if url not in known:
        return None
    return RemotePrincipal(known[url], url)
