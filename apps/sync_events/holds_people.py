"""What a page would open by whose an identity is: its address, and whether it is let in at all.

Entries and lists of members name an identity and stay as they are, while its address decides which
member it is. So another address can open what no entry says anything new about.

Held back, an identity is nobody's: who had the address reads by it no more, and who has it now does
not read by it yet. Where a denial can come to it, nothing is held back: whom the source denies by
its new address is denied at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from apps.acls import principals, record
from apps.acls.principals import Name, name_of
from apps.connections.protocol import Page, PrincipalKind, RemoteGroup, RemotePrincipal
from apps.sync_events.holds_meet import Line

ADDRESS, ACTIVITY = "address", "activity"
# In the place of an address; no person can have this one.
HELD_BACK = "(held back)"


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """An identity as it is stored."""

    pk: int
    email: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class PersonWish:
    """One thing that a page says about an identity, and that may open something.

    Attributes:
        what: whose address it carries, or that it is let in.
        line: None where nothing is new.
    """

    name: Name
    what: str
    line: Line | None

    @property
    def subject(self) -> str:
        """Return what it is about, by the source's own id."""
        return f"{self.what}:{self.name[0]}:{self.name[1]}"


def told(page: Page) -> dict[Name, RemotePrincipal]:
    """Return the people of whom a page tells an address or whether they are let in."""
    named = principals.merged(record.named_by(page.groups, page.acls))
    return {
        name: one
        for name, one in named.items()
        if one.kind == PrincipalKind.USER and (one.email or one.is_active is not None)
    }


def wishes(
    stored: Mapping[Name, StoredPerson], people: Mapping[Name, RemotePrincipal]
) -> Iterator[PersonWish]:
    """Yield what is said about each stored identity, whether or not it is new."""
    for name, was in stored.items():
        now = people[name]
        if now.email:
            # Nobody reads by one that is shut out: letting it in is the widening, then.
            opens = was.is_active and now.is_active is not False and now.email != was.email
            yield PersonWish(name, ADDRESS, ("has the address", now.email) if opens else None)
        if now.is_active is not None:
            opens = now.is_active and not was.is_active
            yield PersonWish(name, ACTIVITY, ("is let in",) if opens else None)


def held_back(page: Page, addresses: Collection[Name], activity: Collection[Name]) -> Page:
    """Return a page that gives some identities to nobody, and leaves some shut out."""
    if not addresses and not activity:
        return page

    def met(one: RemotePrincipal) -> RemotePrincipal:
        name = name_of(one)
        if name in addresses:
            return replace(one, email=HELD_BACK)
        return replace(one, is_active=False) if name in activity else one

    def met_all(some: Iterable[RemotePrincipal]) -> tuple[RemotePrincipal, ...]:
        return tuple(met(one) for one in some)

    def met_group(group: RemoteGroup) -> RemoteGroup:
        return replace(group, members=met_all(group.members))

    return replace(
        page,
        groups=tuple(met_group(group) for group in page.groups),
        acls=tuple(
            replace(acl, entries=tuple(replace(e, principal=met(e.principal)) for e in acl.entries))
            for acl in page.acls
        ),
    )
