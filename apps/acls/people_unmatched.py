"""Which identities nobody holds, and which ones somebody does."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.acls.models import Claim, Person
from apps.connections.protocol import PrincipalKind
from apps.tenants.context import required_tenant_id


def unmatched() -> QuerySet[Person]:
    """Return the bound tenant's identities of people that are in use and held by nobody."""
    return _people().filter(~Exists(_live()), is_active=True)


def matched() -> QuerySet[Person]:
    """Return the bound tenant's identities that somebody holds."""
    return _people().filter(Exists(_live()))


def searched(people: QuerySet[Person], words: str, realm: str = "") -> QuerySet[Person]:
    """Keep those whose name, address, id or holder contains the words, of one source if named."""
    if realm:
        people = people.filter(realm=realm)
    if not words:
        return people
    holder = Q(user__email__icontains=words) | Q(user__name__icontains=words)
    return people.filter(
        Q(label__icontains=words)
        | Q(email__icontains=words)
        | Q(external_id__icontains=words)
        | Exists(_live().filter(holder))
    )


def _people() -> QuerySet[Person]:
    return Person.objects.filter(
        tenant_id=required_tenant_id(), kind=PrincipalKind.USER, deleted_at=None
    )


def _live() -> QuerySet[Claim]:
    return Claim.objects.filter(
        tenant_id=OuterRef("tenant_id"), principal_id=OuterRef("pk"), ended_at=None
    )
