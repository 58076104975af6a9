"""Whatever happens to addresses, directories and domains, in whatever order."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.accounts.models import User
from apps.acls import claims, people_aliases, people_domains, people_matches
from apps.acls.models import Claim, ConfirmedAlias, DirectoryIdentity, KeptApart, Principal
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import ManagedDomain, Membership, Tenant
from tests.acls.small_worlds import principal
from tests.world import make_member

ADDRESSES = ["a@one.example", "b@one.example", "a@two.example", "b@two.example"]
PEOPLE, IDENTITIES = 3, 4
INDEX = st.integers(0, 11)


@dataclass
class Office:
    """A tenant in which acts happen; each act takes the numbers of a person and of a thing."""

    tenant: Tenant
    people: list[User]
    identities: list[Principal]

    def act(self, name: str, who: int, what: int) -> None:
        person, address = self.people[who % PEOPLE], ADDRESSES[what % len(ADDRESSES)]
        other = self.people[(who + 1) % PEOPLE]
        identity = self.identities[what % IDENTITIES]
        acts: dict[str, Callable[[], object]] = {
            "verify": lambda: self._verify(person, address),
            "remove": lambda: EmailAddress.objects.filter(user=person, email=address).delete(),
            "told": lambda: self._told(person, what, is_active=True),
            "out": lambda: self._told(person, what, is_active=False),
            "alias": lambda: people_aliases.confirm(user=person, address=address, actor=other),
            "no alias": lambda: self._end_alias(what),
            "manage": lambda: people_domains.manage(domain=address.split("@")[1], actor=person),
            "release": lambda: self._release(what),
            "rename": lambda: Principal.objects.filter(pk=identity.pk).update(
                email=ADDRESSES[who % len(ADDRESSES)]
            ),
            "suspend": lambda: Principal.objects.filter(pk=identity.pk).update(
                is_active=who % 2 == 0
            ),
            "match": lambda: people_matches.match(principal=identity, user=person, actor=other),
            "unmatch": lambda: self._unmatch(identity, person, other),
            "leave": lambda: Membership.objects.filter(user=person).update(is_active=who % 2 == 0),
        }
        try:
            with transaction.atomic():
                acts[name]()
        except InvalidInput:
            pass  # refused, so nothing has changed
        claims.claim_by_verified_email()

    def _verify(self, person: User, address: str) -> None:
        # allauth lets one person alone verify an address.
        if not EmailAddress.objects.filter(email=address, verified=True).exists():
            EmailAddress.objects.update_or_create(
                user=person, email=address, defaults={"verified": True}
            )

    def _told(self, person: User, what: int, *, is_active: bool) -> None:
        told = [a for n, a in enumerate(ADDRESSES) if what >> n & 1]
        source = list(DirectoryIdentity.Source)[what % 2]
        claims.claim_from_directory(user=person, source=source, addresses=told, is_active=is_active)

    def _end_alias(self, what: int) -> None:
        for alias in ConfirmedAlias.objects.filter(address=ADDRESSES[what % len(ADDRESSES)]):
            people_aliases.end(alias=alias, actor=self.people[0])

    def _release(self, what: int) -> None:
        for managed in ManagedDomain.objects.all()[: what % 3]:
            people_domains.release(managed=managed, actor=self.people[0])

    def _unmatch(self, identity: Principal, person: User, other: User) -> None:
        for claim in Claim.objects.filter(principal=identity, user=person, ended_at=None):
            people_matches.unmatch(claim=claim, actor=other)

    def check(self) -> None:
        """Assert what must hold after every act."""
        live = list(Claim.objects.filter(ended_at=None).select_related("principal"))
        holders = [claim.principal_id for claim in live]
        assert len(holders) == len(set(holders)), "an identity is held twice"
        managed = set(ManagedDomain.objects.values_list("domain", flat=True))
        members = set(Membership.objects.filter(is_active=True).values_list("user_id", flat=True))
        apart = set(KeptApart.objects.filter(ended_at=None).values_list("principal_id", "user_id"))
        for claim in live:
            assert claim.user_id in members
            assert (claim.principal_id, claim.user_id) not in apart
            assert claim.principal.kind == "user"
            if claim.source == "admin":
                continue
            assert claim.address == claim.principal.email != ""
            assert claim.principal.is_active
            self._check_word(claim, managed)

    def _check_word(self, claim: Claim, managed: set[str]) -> None:
        is_managed = claim.address.split("@")[1] in managed
        told = DirectoryIdentity.objects.filter(address=claim.address, is_active=True)
        users = set(told.values_list("user_id", flat=True))
        if is_managed or users:
            assert users == {claim.user_id}, "the directory has not said so"
        others = Claim.objects.filter(
            principal=claim.principal, address=claim.address, ended_at__isnull=False
        ).exclude(user_id=claim.user_id)
        matched = Claim.objects.filter(
            principal=claim.principal, source="admin", ended_at__isnull=False
        ).exclude(user_id=claim.user_id)
        apart = KeptApart.objects.filter(principal=claim.principal, ended_at=None)
        others |= matched.exclude(user_id__in=apart.values("user_id"))
        assert not others.exists(), "a re-issued address has opened its former holder's identity"


ACTS = [
    "verify", "remove", "told", "out", "alias", "no alias", "manage", "release", "rename",
    "suspend", "match", "unmatch", "leave",
]  # fmt: skip


class RandomAddressesTest(TestCase):
    """Runs each random history in a transaction of its own."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(ACTS), INDEX, INDEX), min_size=5, max_size=30))
    def test_one_person_per_identity_and_no_word_but_the_directory_s(
        self, history: list[tuple[str, int, int]]
    ) -> None:
        tenant = Tenant.objects.create(slug=uuid.uuid4().hex[:12], name="Office")
        people = [make_member(tenant, f"{uuid.uuid4().hex}@x.example") for _ in range(PEOPLE)]
        with tenant_context(tenant):
            identities = [principal(tenant, "user", email=ADDRESSES[n]) for n in range(IDENTITIES)]
            office = Office(tenant, people, identities)
            for name, who, what in history:
                office.act(name, who, what)
                office.check()
