"""The people every test knows: Ada reads, Bo may not, Cy is of another tenant, Ida is IT admin."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import transaction
from django.test import Client

from apps.accounts.models import User
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role, Tenant

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class World:
    """Two tenants: Acme with Ada, Bo and Ida; Umbra with Cy."""

    acme: Tenant
    umbra: Tenant
    ada: User
    bo: User
    ida: User
    cy: User


def make_world() -> World:
    """Create the tenants, the people and their memberships."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    umbra = Tenant.objects.create(slug="umbra", name="Umbra")
    return World(
        acme=acme,
        umbra=umbra,
        ada=make_member(acme, "ada@acme.example", name="Ada"),
        bo=make_member(acme, "bo@acme.example", name="Bo"),
        ida=make_member(acme, "ida@acme.example", name="Ida", role=Role.IT_ADMIN),
        cy=make_member(umbra, "cy@umbra.example", name="Cy"),
    )


def make_member(tenant: Tenant, email: str, *, name: str = "", role: Role = Role.MEMBER) -> User:
    """Return a person with a verified address who belongs to the tenant."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, name=name)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    with tenant_context(tenant), transaction.atomic():
        Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


def signed_in(user: User, client: Client | None = None) -> Client:
    """Return a browser in which a person is signed in, by default one without any cookies."""
    client = client or Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def assert_visible(
    actual: Collection[str], *, seen: Collection[str], hidden: Collection[str]
) -> None:
    """Assert what is seen and what is not, naming what is missing and what leaked."""
    missing = set(seen) - set(actual)
    leaked = set(hidden) & set(actual)
    assert not missing and not leaked, f"missing: {sorted(missing)}; leaked: {sorted(leaked)}"
