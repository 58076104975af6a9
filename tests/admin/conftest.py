"""A tenant with something in it, another one beside it, and browsers of the people who look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.models import User
from apps.acls import policy
from apps.acls.models import Acl, AclEntry, Principal
from apps.connections.models import Connection
from apps.documents.models import Document, DocumentText
from apps.sync_events.models import FailedItem, Lane, RunState, SyncEvent, SyncRun
from apps.tenants.context import tenant_context
from apps.tenants.models import Role, Tenant
from tests.sources import confirmed
from tests.world import World, make_member, signed_in

# What must never be shown: what documents are called and say, here and next door.
TITLE = "Canarytitle"
TEXT = "canarytext"


@dataclass(frozen=True)
class Stock:
    """What a tenant's admin has to show."""

    source: Connection
    document: Document
    failed_document: Document
    run: SyncRun
    finished: SyncRun
    event: SyncEvent
    failed: FailedItem
    person: Principal
    group: Principal
    place: Acl


def stock(tenant: Tenant, name: str) -> Stock:
    """Fill a tenant; every path and label in it contains `name`."""
    source = confirmed(
        Connection.objects.create(
            tenant=tenant, kind="file_share", name=f"{name} files", realm=f"file_share:{name}"
        )
    )
    person = make_principal(source, "user", f"ada@{name}.example", f"{name} Ada")
    group = make_principal(source, "group", f"{name}-staff", f"{name} staff")
    place = Acl.objects.create(tenant=tenant, realm=source.realm, external_id=".", label=f"/{name}")
    grant(place, group)
    document = make_document(source, place, f"{name}/plan.md")
    failed_document = make_document(source, place, f"{name}/scan.pdf", failure="no_text")
    run, finished = _runs(source)
    told = {
        "code": "unreadable",
        "message": f"{name} cannot be read.",
        "hint": "Change its rights.",
    }
    event = SyncEvent.objects.create(
        tenant=tenant,
        run=finished,
        connection=source,
        level="error",
        external_id=f"{name}/plan.md",
        **told,
    )
    failed = FailedItem.objects.create(
        tenant=tenant, connection=source, external_id=f"{name}/locked.md", **told
    )
    return Stock(
        source, document, failed_document, run, finished, event, failed, person, group, place
    )


def _runs(source: Connection) -> tuple[SyncRun, SyncRun]:
    """Return a run that waits, and one that has ended with a problem."""
    of = {"tenant": source.tenant, "connection": source, "lane": Lane.CONTENT}
    now = timezone.now()
    return (
        SyncRun.objects.create(**of, trigger="person", is_sweep=True),
        SyncRun.objects.create(
            **of,
            trigger="schedule",
            state=RunState.PARTIAL,
            started_at=now,
            finished_at=now,
            problems=1,
        ),
    )


def make_principal(source: Connection, kind: str, external_id: str, label: str) -> Principal:
    """Return somebody whom the source names."""
    email = external_id if kind == "user" else ""
    return Principal.objects.create(
        tenant=source.tenant,
        realm=source.realm,
        kind=kind,
        external_id=external_id,
        label=label,
        email=email,
    )


def grant(place: Acl, reader: Principal) -> AclEntry:
    """Let a reader read at a place."""
    entry: AclEntry = AclEntry.objects.create(
        tenant=place.tenant,
        content_object=place,
        group_id=reader.pk,
        permission=Permission.objects.get(codename="view_acl", content_type__app_label="acls"),
    )
    return entry


def make_document(source: Connection, place: Acl, path: str, *, failure: str = "") -> Document:
    """Return a document with a canary as its title and another as its text."""
    document = Document.objects.create(
        tenant=source.tenant,
        connection=source,
        external_id=path,
        policy_id=policy.policy_for([[place.pk]]),
        title=TITLE,
        path=path,
        mime_type="text/markdown",
        size_bytes=2048,
        source_version="1",
        indexed_version=1,
        last_synced_at=timezone.now(),
        failure=failure,
    )
    DocumentText.objects.create(tenant=source.tenant, document=document, version=1, text=TEXT)
    return document


@pytest.fixture(autouse=True)
def _uncollected_static_files(settings: Settings) -> None:
    """Serve static files from where they lie: nobody has collected them for a test."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def acme(world: World) -> Iterator[Stock]:
    """Return Acme's stock, with Acme bound; Umbra has one, too."""
    with tenant_context(world.umbra):
        stock(world.umbra, "umbra")
    with tenant_context(world.acme):
        yield stock(world.acme, "acme")


@pytest.fixture
def auditor(world: World) -> User:
    """Return Acme's auditor."""
    return make_member(world.acme, "otto@acme.example", role=Role.AUDITOR)


@pytest.fixture
def umbras_admin(world: World) -> User:
    """Return the IT admin of the other tenant."""
    return make_member(world.umbra, "uma@umbra.example", role=Role.IT_ADMIN)


@pytest.fixture
def operator(db: None) -> User:
    """Return a platform operator."""
    return User.objects.create_superuser("opal@kenward.example")


@pytest.fixture
def browser() -> Callable[[User], Client]:
    """Return how to make a browser that is signed in as somebody."""
    return signed_in
