"""Who would be whom: the claims of a realm's identities, as `acls.claims` would make them.

Statement by statement the same as `acls.claim_statements`, for one identity at a time. Whose an
address is, that module itself says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.acls import claims
from apps.acls.models import Claim, ClaimSource, KeptApart
from apps.acls.principals import Name
from apps.connections.protocol import PrincipalKind
from apps.sync_events.exposure.observed import Known, Observed
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

# These stand whatever happens to addresses.
_BY_DECISION = ("admin", "own")


@dataclass(frozen=True, slots=True)
class Held:
    """A claim on an identity."""

    user: int
    source: str
    address: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who can read here."""

    user: int
    email: str
    name: str
    is_guest: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, or some kind of people, by what they are in a source.

    Attributes:
        sure: principals that they are.
        denied: principals that they have been and nobody is now: these can deny.
    """

    sure: tuple[Name, ...] = ()
    denied: tuple[Name, ...] = ()


@dataclass(slots=True)
class Claims:
    """The claims of one realm.

    Attributes:
        owners: address -> (member, by which word).
        here: people whose membership is active, also where their account is not.
        live: identity -> who holds it.
        ended: identity -> who has held it.
        apart: identity -> whom an IT admin keeps apart from it.
    """

    owners: dict[str, tuple[int, str]]
    here: set[int]
    live: dict[Name, Held] = field(default_factory=dict)
    ended: dict[Name, list[Held]] = field(default_factory=lambda: defaultdict(list))
    apart: dict[Name, set[int]] = field(default_factory=lambda: defaultdict(set))

    def settle(self, names: Iterable[Name], observed: Observed) -> None:
        """Bring the claims on some identities in line with their addresses."""
        for name in names:
            wanted = self._wanted(observed.principals[name])
            self._end(name, wanted)
            self._start(name, wanted)

    def subject_of(self, member: Member, observed: Observed, identities: Identities) -> Subject:
        """Return what a member is in the source."""
        kinds = [PrincipalKind.EVERYONE] if member.is_guest else _DYNAMIC
        known = observed.principals
        held = [n for n in identities.held.get(member.user, ()) if known[n].is_alive]
        former = [n for n in identities.former.get(member.user, ()) if known[n].is_alive]
        return Subject((*held, *dynamic(observed, kinds)), tuple(former))

    def identities(self) -> Identities:
        """Return who holds what, and who has held what nobody holds now."""
        found = Identities()
        for name, held in self.live.items():
            found.held[held.user].append(name)
        for name, former in self.ended.items():
            if name in self.live:
                continue
            for user in {one.user for one in former} - self.apart[name]:
                found.former[user].append(name)
        return found

    def _wanted(self, known: Known) -> Held | None:
        if not known.email or not known.is_alive or known.email not in self.owners:
            return None
        user, source = self.owners[known.email]
        return Held(user, source, known.email)

    def _end(self, name: Name, wanted: Held | None) -> None:
        live = self.live.get(name)
        if live is None:
            return
        is_out = live.source not in _BY_DECISION and live != wanted
        if is_out or live.user in self.apart[name] or live.user not in self.here:
            self.ended[name].append(self.live.pop(name))

    def _start(self, name: Name, wanted: Held | None) -> None:
        if wanted is None or name in self.live or wanted.user in self.apart[name]:
            return
        if not self._is_others(name, wanted):
            self.live[name] = wanted

    def _is_others(self, name: Name, wanted: Held) -> bool:
        if name[1].lower() == wanted.address:
            return False
        return any(
            former.user != wanted.user
            and former.address in ("", wanted.address)
            and (former.source != ClaimSource.ADMIN or former.user not in self.apart[name])
            for former in self.ended[name]
        )


_DYNAMIC = [PrincipalKind.EVERYONE, PrincipalKind.MEMBERS]


@dataclass(slots=True)
class Identities:
    """Identities by person."""

    held: dict[int, list[Name]] = field(default_factory=lambda: defaultdict(list))
    former: dict[int, list[Name]] = field(default_factory=lambda: defaultdict(list))


def dynamic(observed: Observed, kinds: Iterable[str]) -> tuple[Name, ...]:
    """Return the realm's principals of these kinds that match anybody."""
    wanted = set(map(str, kinds))
    return tuple(
        name for name, known in observed.principals.items() if name[0] in wanted and known.is_alive
    )


def stored(realm: str) -> Claims:
    """Return the claims on a realm's identities as they are now."""
    tenant_id = required_tenant_id()
    here = Membership.objects.filter(tenant_id=tenant_id, is_active=True)
    found = Claims(claims.address_owners(), set(here.values_list("user_id", flat=True)))
    rows = Claim.objects.filter(principal__realm=realm).order_by("pk")
    for kind, external_id, user, source, address, ended_at in rows.values_list(
        "principal__kind", "principal__external_id", "user_id", "source", "address", "ended_at"
    ):
        name, held = (kind, external_id), Held(user, source, address)
        if ended_at is None:
            found.live[name] = held
        else:
            found.ended[name].append(held)
    kept = KeptApart.objects.filter(principal__realm=realm, ended_at=None)
    for kind, external_id, user in kept.values_list(
        "principal__kind", "principal__external_id", "user_id"
    ):
        found.apart[kind, external_id].add(user)
    return found


def members() -> list[Member]:
    """Return the people who can read in the bound tenant, by address."""
    usable = Membership.objects.usable().filter(tenant_id=required_tenant_id())
    rows = usable.order_by("user__email").values_list(
        "user_id", "user__email", "user__name", "is_guest"
    )
    return [Member(*row) for row in rows]
