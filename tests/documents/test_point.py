"""Documents that a page of permissions gives other policies: each its own, in one statement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.acls import policy
from apps.connections.models import Connection
from apps.connections.protocol import RemoteItem
from apps.documents import store
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import acl, source
from tests.world import World

NAMES = [f"file-{number}" for number in range(40)]
OLD = (("old",),)


@pytest.fixture
def files(world: World) -> Iterator[Connection]:
    """A source whose files all have the policy that nobody reads by, with Acme bound."""
    with tenant_context(world.acme):
        made = source(world.acme, "drive")
        items = [RemoteItem(name, name, name, "1", OLD) for name in NAMES]
        at = timezone.now() - timedelta(hours=1)
        store.write(made, items, {OLD: policy.nobody()}, observed_at=at, run_id=1)
        yield made


def stored() -> dict[str, int]:
    return dict(Document.objects.values_list("external_id", "policy_id"))


def test_each_document_gets_the_policy_that_is_told_of_it(files: Connection) -> None:
    places = [acl(files.tenant) for _ in range(3)]
    ids = policy.policies_for([[[place.pk]] for place in places])
    told = {name: ids[number % 3] for number, name in enumerate(NAMES[1:])}
    assert store.point(files, {**told, "nowhere": ids[0]}, observed_at=timezone.now()) == 39
    assert stored() == {NAMES[0]: policy.nobody(), **told}
    other = source(files.tenant, "wiki")
    assert store.point(other, told, observed_at=timezone.now()) == 0


def test_an_older_page_brings_no_policy_back(files: Connection) -> None:
    now = timezone.now()
    narrow = policy.policy_for([[acl(files.tenant).pk]])
    assert store.point(files, {NAMES[0]: narrow}, observed_at=now) == 1
    wide = policy.policy_for([[acl(files.tenant).pk]])
    told = {NAMES[0]: wide}
    assert store.point(files, told, observed_at=now - timedelta(minutes=1)) == 0
    assert stored()[NAMES[0]] == narrow
    # A clock had run ahead; nothing true would be heard until then.
    Document.objects.update(last_synced_at=now + timedelta(days=1))
    assert store.point(files, told, observed_at=timezone.now()) == 1


def test_a_page_costs_as_many_statements_whatever_its_length(files: Connection) -> None:
    wanted = policy.policy_for([[acl(files.tenant).pk]])
    counts = []
    for names in (NAMES[:2], NAMES):
        with CaptureQueriesContext(connection) as asked:
            store.point(files, dict.fromkeys(names, wanted), observed_at=timezone.now())
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 2
    assert store.point(files, {}, observed_at=timezone.now()) == 0
