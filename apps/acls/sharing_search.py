"""Whom a person may share with: the members of the tenant, and groups as the sources name them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.acls.models import NESTING_KINDS, Principal
from apps.acls.sharing import Recipient, Share, members
from apps.connections.models import Connection
from apps.errors import NotFound
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Role
from apps.tenants.permissions import role_in_bound_tenant

# Fewer letters would list the company.
LEAST_LETTERS = 2
MOST_FOUND = 20

_PERSON, _GROUP = "person:", "group:"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can be chosen on the sharing page, or has been.

    Attributes:
        key: names the recipient in forms.
        name: of the person or the group.
        detail: the address, or the source that names the group.
        is_group: whether it is a group.
    """

    key: str
    name: str
    detail: str
    is_group: bool


def search(asker: User, query: str) -> list[Candidate]:
    """Return members by name or address, then groups by name, as many as a page shows.

    A guest is not shown the company: they find a member by the whole address.
    """
    words = query.strip()
    if len(words) < LEAST_LETTERS:
        return []
    matches = Q(user__name__icontains=words) | Q(user__email__icontains=words)
    if _is_guest(asker):
        matches = Q(user__email__iexact=words)
    people = members().filter(matches).select_related("user").order_by("user__name", "user__email")
    named = Q(label__icontains=words) | Q(label="", external_id__icontains=words)
    groups = _groups_known_to(asker).filter(named).order_by("label", "external_id", "realm")
    found: list[Recipient] = [each.user for each in people[:MOST_FOUND]]
    return candidates(asker, [*found, *groups[:MOST_FOUND]])


def candidates(asker: User, recipients: list[Recipient]) -> list[Candidate]:
    """Return how the page shows people and groups, in the same order.

    A group whose name the asker may not learn is there without it: it can be taken off.
    """
    known = _names_known_to(asker, [each.pk for each in recipients if isinstance(each, Principal)])
    realms = {each.realm for each in recipients if isinstance(each, Principal)}
    sources: dict[str, str] = {}
    if realms:
        named = Connection.objects.filter(realm__in=realms).order_by("-pk")
        sources = dict(named.values_list("realm", "name"))
    return [
        _candidate(each, sources, is_known=isinstance(each, User) or each.pk in known)
        for each in recipients
    ]


def chosen(asker: User, key: str, shares: list[Share]) -> Recipient:
    """Return the recipient that a form names: one who has the object, or one who can be found.

    Raises:
        NotFound: there is nobody of this name for the asker.
    """
    for share in shares:
        if key == key_of(share.recipient):
            return share.recipient
    if key.startswith(_PERSON):
        member = members().filter(user__email=key.removeprefix(_PERSON)).select_related("user")
        person = member.first()
        if person is not None:
            return person.user
    elif key.startswith(_GROUP) and (uuid := _uuid(key.removeprefix(_GROUP))):
        group = _groups_known_to(asker).filter(uuid=uuid).first()
        if group is not None:
            return group
    raise NotFound("There is nobody of this name in your organisation.")


def key_of(recipient: Recipient) -> str:
    """Return what names a recipient in forms: no database key leaves the server."""
    if isinstance(recipient, User):
        return f"{_PERSON}{recipient.email}"
    return f"{_GROUP}{recipient.uuid}"


def _candidate(recipient: Recipient, sources: dict[str, str], *, is_known: bool) -> Candidate:
    if isinstance(recipient, User):
        return Candidate(key_of(recipient), recipient.get_full_name(), recipient.email, False)  # noqa: FBT003  a dataclass's field
    source = sources.get(recipient.realm, "a source that is gone")
    name = str(recipient) if is_known else "A group that you are not in"
    return Candidate(key_of(recipient), name, f"Group in {source}", True)  # noqa: FBT003


def _groups_known_to(asker: User) -> QuerySet[Principal]:
    """Return the groups whose names the asker may learn: IT admins all, others their own.

    What a group is called can tell what a company plans.
    """
    groups = Principal.objects.filter(
        tenant_id=required_tenant_id(), kind__in=NESTING_KINDS, is_active=True, deleted_at=None
    )
    if role_in_bound_tenant(asker) == Role.IT_ADMIN:
        return groups
    return groups.filter(pk__in=asker.groups.values("pk"))


def _names_known_to(asker: User, groups: list[int]) -> set[int]:
    """Return those of the groups whose names the asker may learn, gone ones as well."""
    if not groups or role_in_bound_tenant(asker) == Role.IT_ADMIN:
        return set(groups)
    return set(asker.groups.filter(pk__in=groups).values_list("pk", flat=True))


def _is_guest(asker: User) -> bool:
    return members().filter(user_id=asker.pk, is_guest=True).exists()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
