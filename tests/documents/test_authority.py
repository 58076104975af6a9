"""Several connections see one item: one of the tenant's speaks for it, and each owner's own."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import policy
from apps.connections.models import Connection, ConnectionState
from apps.connections.protocol import RemoteItem
from apps.documents import authority, store
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.world import World


def made(
    tenant: Tenant, name: str, *, owner: User | None = None, space: str = "drive"
) -> Connection:
    return Connection.objects.create(
        tenant=tenant, kind="x", name=name, realm=f"x:{name}", owner=owner, item_space=space
    )


def item(name: str) -> RemoteItem:
    return RemoteItem(name, name, name, version="1", policy=())


def tell(source: Connection, *names: str, at: datetime | None = None) -> None:
    at = at or timezone.now()
    items = authority.left_to(source, [item(name) for name in names])
    store.write(source, items, {(): policy.nobody()}, observed_at=at, run_id=1)
    authority.take(source, [one.external_id for one in items], observed_at=at)


def live(source: Connection) -> set[str]:
    found = Document.objects.live().filter(connection=source)
    return set(found.values_list("external_id", flat=True))


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.acme


def test_the_tenants_connection_comes_before_an_employees_whoever_was_first(
    world: World, acme: Tenant
) -> None:
    with tenant_context(acme), transaction.atomic():
        own = made(acme, "ada", owner=world.ada)
        shared = made(acme, "all")
        tell(own, "a", "b")
        tell(shared, "b", "c")
        assert (live(own), live(shared)) == ({"a"}, {"b", "c"})
        tell(own, "a", "b", "c")
        assert (live(own), live(shared)) == ({"a"}, {"b", "c"})


def test_of_two_connections_of_the_tenant_the_older_one_speaks(acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        older, newer = made(acme, "older"), made(acme, "newer")
        tell(newer, "a", "b")
        tell(older, "b")
        assert (live(older), live(newer)) == ({"b"}, {"a"})


def test_two_employees_each_keep_their_own(world: World, acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        adas, bos = made(acme, "ada", owner=world.ada), made(acme, "bo", owner=world.bo)
        tell(adas, "a")
        tell(bos, "a")
        assert live(adas) == live(bos) == {"a"}


def test_another_space_and_a_disconnected_connection_do_not_meet(acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        first = made(acme, "first", space="slack:T1")
        second, unnamed = made(acme, "second", space="slack:T2"), made(acme, "third", space="")
        for source in (first, second, unnamed):
            tell(source, "a")
            assert live(source) == {"a"}
        again = made(acme, "again", space="slack:T1")
        tell(again, "a")
        assert live(again) == set()
        Connection.objects.filter(pk=first.pk).update(state=ConnectionState.DISCONNECTED)
        tell(again, "a")
        assert live(again) == {"a"}


def test_what_another_has_told_of_later_is_not_taken_by_an_older_page(acme: Tenant) -> None:
    with tenant_context(acme), transaction.atomic():
        older, newer = made(acme, "older"), made(acme, "newer")
        now = timezone.now()
        tell(newer, "a", at=now)
        tell(older, "a", at=now - timedelta(minutes=1))
        assert live(newer) == {"a"}
