"""From what Drive shows of sharing to places. Pure functions; the rules are in `dialects.drive`.

Drive shows *effective* permissions. Where it says which of them are inherited, only an item's own
ones are kept here, and the place above grants the rest: sharing a folder anew changes one place.
Where it does not say, an item is compared with the folder above it: what the folder grants as well
counts as inherited, and where the item lacks one of the folder's grants, its list stands alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from apps.connections.dialects import drive
from apps.connections.protocol import RemoteAcl
from apps.connections.providers.google_drive.answers import Grant, Person, rank

_NEVER = datetime.max.replace(tzinfo=UTC)
_WRITER = rank("writer")


@dataclass(frozen=True, slots=True)
class Own:
    """What an item grants by itself.

    Attributes:
        cuts: whether what is granted above ends here.
    """

    grants: tuple[Grant, ...]
    cuts: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the item is just as open as the place above it."""
        return not self.grants and not self.cuts


def own(
    grants: Iterable[Grant],
    *,
    above: Sequence[Grant] | None,
    has_parent: bool,
    is_limited: bool = False,
) -> Own:
    """Return what an item grants by itself.

    Args:
        grants: its effective ones.
        above: the effective ones of the folder that it is in; None where they are not known.
        has_parent: whether that folder is a place that is told, too. Otherwise whatever is
            inherited from it is the item's own.
        is_limited: limited access: nothing is inherited but by the managers of a shared drive.
    """
    opening = tuple(grant for grant in grants if _opens(grant))
    if not has_parent:
        return Own(opening)
    told = [grant for grant in opening if grant.own_role is not None]
    if len(told) == len(opening):
        direct = (replace(each, role=each.own_role) for each in told if each.own_role)
        kept = (each for each in direct if is_limited or not _is_same_owner(each, above or ()))
        return Own(tuple(kept), cuts=is_limited)
    if is_limited or above is None or not _contains(opening, above):
        return Own(opening, cuts=True)
    return Own(tuple(grant for grant in opening if not _is_covered(grant, above)))


def only(person: Person) -> tuple[Grant, ...]:
    """Return what is certain of an item whose permissions are hidden: who sees it may read it."""
    return (Grant(person.id, "user", "reader", email=person.email, label=person.name),)


def place(
    external_id: str,
    granted: Own,
    *,
    label: str,
    parent: str | None,
    listed_links: Collection[str] = (),
) -> RemoteAcl:
    """Return the place of an item.

    Args:
        external_id: of the item.
        granted: by itself.
        label: what people see.
        parent: the place above; None for none.
        listed_links: see `dialects.drive.readers`.
    """
    return drive.readers(
        external_id,
        [_permission(grant) for grant in granted.grants],
        parent=parent,
        inherited_permissions_disabled=granted.cuts,
        listed_links=listed_links,
        label=label,
    )


def closed(external_id: str, label: str = "") -> RemoteAcl:
    """Return a place that opens to nobody, whatever is granted above it."""
    return drive.readers(external_id, [], inherited_permissions_disabled=True, label=label)


def _permission(grant: Grant) -> drive.Permission:
    return drive.Permission(
        id=grant.id,
        type=grant.type,
        role=grant.role,
        email=grant.email,
        label=grant.label,
        domain=grant.domain,
        view=grant.view,
        expires_at=grant.expires_at,
        allow_file_discovery=grant.discoverable,
        is_deleted=grant.is_deleted,
    )


def _opens(grant: Grant) -> bool:
    return rank(grant.role) >= 0 and not grant.view and not grant.is_deleted


def _is_same_owner(grant: Grant, above: Sequence[Grant]) -> bool:
    """Return whether somebody owns both an item and its folder, as is so nearly everywhere."""
    return grant.role == "owner" and _is_covered(grant, above)


def _contains(grants: Sequence[Grant], above: Sequence[Grant]) -> bool:
    return all(_is_covered(each, grants) for each in above if _opens(each))


def _is_covered(grant: Grant, by: Sequence[Grant]) -> bool:
    """Return whether others give the same grantee at least as much for at least as long."""
    return any(
        _grantee(each) == _grantee(grant)
        and _opens(each)
        and min(rank(each.role), _WRITER) >= min(rank(grant.role), _WRITER)
        and (each.expires_at or _NEVER) >= (grant.expires_at or _NEVER)
        for each in by
    )


def _grantee(grant: Grant) -> tuple[str, str, bool]:
    return grant.type, grant.id, grant.discoverable
