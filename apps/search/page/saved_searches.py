"""Searches that a person keeps under a name. They are that person's alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from apps import audit
from apps.accounts.models import User
from apps.errors import InvalidInput, NotFound
from apps.search.saved_models import SavedSearch
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

MOST = 100
_LONGEST_NAME = 200
_LONGEST_QUERY = 2_000

# Filters as they stand in the page's address.
Told = Mapping[str, Sequence[str]]


def of(user: User) -> QuerySet[SavedSearch]:
    """Return a person's searches, by name."""
    mine = SavedSearch.objects.filter(tenant_id=required_tenant_id(), owner_id=user.pk)
    return mine.order_by("name", "pk")


def find(user: User, uuid: UUID) -> SavedSearch:
    """Return one of a person's searches.

    Raises:
        NotFound: there is none, or it is somebody else's; nobody learns which.
    """
    found = of(user).filter(uuid=uuid).first()
    if found is None:
        raise NotFound("There is no such saved search.")
    return found


def address(saved: SavedSearch) -> str:
    """Return the address that runs the search."""
    params = [("q", saved.query)] if saved.query else []
    params += [(name, value) for name, values in saved.filters.items() for value in values]
    return f"{reverse('search:search')}?{urlencode(params)}"


def save(*, name: str, query: str, filters: Told, actor: User) -> SavedSearch:
    """Keep a search; one of the same name is replaced.

    Raises:
        InvalidInput: it has no name, too long a text, nothing to search for, or there are too many.
        NotFound: the person is no member of the tenant.
    """
    tenant_id = required_tenant_id()
    name = _checked(name)
    if len(query) > _LONGEST_QUERY or not (query or filters):
        raise InvalidInput("Search for something first, then save it.")
    members = Membership.objects.usable().filter(tenant_id=tenant_id, user_id=actor.pk)
    if not members.exists():  # an operator who entered the tenant keeps nothing in it
        raise NotFound("Only members of an organisation keep searches in it.")
    if of(actor).exclude(name=name).count() >= MOST:
        raise InvalidInput(f"You keep {MOST} searches already. Delete one first.")
    told = {key: list(values) for key, values in filters.items()}
    with transaction.atomic():
        saved, _ = SavedSearch.objects.update_or_create(
            tenant_id=tenant_id,
            owner_id=actor.pk,
            name=name,
            defaults={"query": query, "filters": told},
        )
        _record("saved_search.saved", saved, actor)
    return saved


def rename(saved: SavedSearch, *, name: str, actor: User) -> None:
    """Give a search another name.

    Raises:
        InvalidInput: it has no name, too long a one, or one that another search has.
        NotFound: it is not the actor's.
    """
    now = find(actor, saved.uuid)
    name = _checked(name)
    if of(actor).filter(name=name).exclude(pk=now.pk).exists():
        raise InvalidInput("Another of your searches has this name.")
    with transaction.atomic():
        now.name = name
        now.save(update_fields=["name"])
        _record("saved_search.renamed", now, actor)


def delete(saved: SavedSearch, *, actor: User) -> None:
    """Delete a search.

    Raises:
        NotFound: it is not the actor's.
    """
    now = find(actor, saved.uuid)
    with transaction.atomic():
        _record("saved_search.deleted", now, actor)
        now.delete()


def _checked(name: str) -> str:
    name = " ".join(name.replace("\0", " ").split())
    if not name:
        raise InvalidInput("A saved search needs a name.")
    if len(name) > _LONGEST_NAME:
        raise InvalidInput(f"A name has up to {_LONGEST_NAME} characters.")
    return name


def _record(action: str, saved: SavedSearch, actor: User) -> None:
    audit.record(action, tenant_id=saved.tenant_id, actor_id=actor.pk, target=saved)
