"""Two companies with people, sources and documents, made in a database that holds nothing else."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import freshness, people_matches, placement, policy, record
from apps.acls.models import Claim, Principal
from apps.connections.models import Connection
from apps.connections.protocol import PrincipalKind, RemoteItem, RemotePolicy
from apps.documents import store
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.ops.proof.source import PEOPLE, Asker, Source, Told
from apps.ops.proof.sources import DIALECTS
from apps.search.indexer import indexing, repoint
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

# Every document has these words, so that one question finds all of them.
QUESTION = "quarterly zebra report"
MAX_AGE_S = 7 * 24 * 3600


@dataclass
class Site:
    """A source with its connection, and who holds which of its identities."""

    source: Source
    connection: Connection
    is_fresh: bool = True
    holders: dict[str, int] = field(default_factory=dict)  # one of PEOPLE -> user's id
    # Likewise, everybody who has lost it by leaving.
    former: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    told: Told = field(default_factory=lambda: Told({}))  # the last time

    @property
    def items(self) -> tuple[str, ...]:
        """The documents that it has."""
        return tuple(self.told.items)

    def asker(self, user_id: int, *, is_guest: bool) -> Asker:
        """Return a person as this source sees them."""
        held = frozenset(name for name, holder in self.holders.items() if holder == user_id)
        former = frozenset(
            name
            for name, people in self.former.items()
            if user_id in people and name not in self.holders
        )
        return Asker(held, is_guest=is_guest, former=former)

    def lose(self, user_id: int) -> None:
        """Let a person who leaves hold nothing any more; by returning they get nothing back."""
        for name in [name for name, holder in self.holders.items() if holder == user_id]:
            del self.holders[name]
            self.former[name].add(user_id)


@dataclass
class Company:
    """One tenant. `members` and `guests` hold users' ids."""

    tenant: Tenant
    sites: list[Site]
    members: set[int]
    guests: set[int] = field(default_factory=set)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Bind the tenant and open a transaction."""
        with tenant_context(self.tenant), transaction.atomic():
            yield

    def expected(self, user: User) -> set[str]:
        """Return the documents that the person may read, as the sources themselves answer."""
        if user.pk not in self.members:
            return set()
        now = timezone.now()
        found: set[str] = set()
        for site in self.sites:
            if not site.is_fresh:
                continue
            asker = site.asker(user.pk, is_guest=user.pk in self.guests)
            items = site.source.told().items
            found |= {
                name_of(site, item) for item in items if site.source.may_read(item, asker, now)
            }
        return found


class TextSource:
    """Hands the indexer a text for each document of the proof; nobody can connect it.

    Args:
        settings: not looked at, as the provider protocol asks for them.
        tenant_slug: likewise.
    """

    def __init__(self, settings: Mapping[str, Any], *, tenant_slug: str) -> None:
        pass

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        """Open a document."""
        yield io.BytesIO(f"# {external_id}\n\nThe {QUESTION} of {external_id}.\n".encode())


def found(slug: str, users: Sequence[User], dialects: Sequence[str], rng: Random) -> Company:
    """Make a company with a site for each dialect, tell everything, and let people in."""
    tenant = Tenant.objects.create(slug=slug, name=slug.title())
    company = Company(tenant, [], {user.pk for user in users})
    with company.open():
        placement.ensure()
        for user in users:
            Membership.objects.create(tenant=tenant, user=user)
        for number, dialect in enumerate(dialects):
            connection = Connection.objects.create(
                tenant=tenant,
                kind="proof",
                name=f"{dialect} {number}",
                realm=f"proof:{number}",
                permissions_max_age_s=MAX_AGE_S,
                permissions_confirmed_at=timezone.now(),
            )
            company.sites.append(Site(DIALECTS[dialect](rng), connection))
    for site in company.sites:
        tell(company, site)
        with company.open():
            for identity in PEOPLE:
                if rng.random() < 0.7:
                    with suppress(InvalidInput):  # shut out in the source
                        give(site, identity, rng.choice(users))
    follow(company)
    return company


def tell(company: Company, site: Site) -> None:
    """Store what the source tells now, as a sweep does, in one transaction."""
    site.told = told = site.source.told()
    observed_at = timezone.now()
    with company.open():
        record.apply(
            site.connection.realm,
            principals=told.principals,
            groups=told.groups,
            deleted_groups=told.deleted_groups,
            acls=told.acls,
            observed_at=observed_at,
            complete=True,
        )
        wanted = list(dict.fromkeys(told.items.values()))
        stored = policy.policies_for_places(site.connection.realm, wanted)
        items = [_item(site, item, remote) for item, remote in told.items.items()]
        store.write(
            site.connection,
            items,
            dict(zip(wanted, stored, strict=True)),
            observed_at=observed_at,
            run_id=1,
        )
        known = Document.objects.live().filter(connection=site.connection)
        gone = known.exclude(external_id__in=[item.external_id for item in items])
        names = list(gone.values_list("external_id", flat=True))
        store.delete(site.connection, external_ids=names, observed_at=observed_at)


def look_after(company: Company) -> None:
    """Say that somebody is at work, as the scheduler does every few seconds.

    Nothing of it is too old because the machine that proves is slow.
    """
    with company.open():
        freshness.stay()


def follow(company: Company) -> None:
    """Let the index follow, as the worker does: new documents, moved passages, gone ones."""
    with tenant_context(company.tenant):
        repoint.repoint_chunks(1000)
        with transaction.atomic():
            waiting = list(Document.objects.to_index().values_list("pk", flat=True))
        for document_id in waiting:
            indexing.index(document_id)


def give(site: Site, identity: str, user: User) -> None:
    """Let a person hold an identity that nobody holds."""
    actor = _somebody_else(user.pk)
    people_matches.match(principal=_principal(site, identity), user=user, actor=actor)
    site.holders[identity] = user.pk


def take(site: Site, identity: str) -> None:
    """Take an identity from whoever holds it, as never having been theirs."""
    claim = Claim.objects.get(principal=_principal(site, identity), ended_at=None)
    people_matches.unmatch(claim=claim, actor=_somebody_else(claim.user_id))
    del site.holders[identity]
    site.former[identity].discard(claim.user_id)


def documents(company: Company) -> int:
    """Return how many documents the company's sources have ever told of."""
    with company.open():
        return Document.objects.count()


def name_of(site: Site, item: str) -> str:
    """Return what a document is called in the whole company."""
    return f"{site.connection.realm}/{item}"


def _somebody_else(user_id: int) -> User:
    """Return who decides about a person: nobody does about themselves."""
    return User.objects.exclude(pk=user_id).order_by("pk")[0]


def _principal(site: Site, identity: str) -> Principal:
    return Principal.objects.get(
        realm=site.connection.realm,
        kind=PrincipalKind.USER,
        external_id=site.source.identity(identity),
    )


def _item(site: Site, item: str, remote: RemotePolicy) -> RemoteItem:
    name = name_of(site, item)
    return RemoteItem(name, item, name, "1", remote, mime_type="text/markdown")
