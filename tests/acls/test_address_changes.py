"""What a person reads follows the addresses they verify and remove, at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.conf import LazySettings
from django.db import transaction
from django.test import Client

from apps.accounts.models import User
from apps.acls import members
from apps.documents.access import can_read
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.sync_events.folder import Folder, connect
from tests.world import World, make_member, signed_in

MANIFEST = """
version: 1
folders:
  ".": {readers: [ada@acme.example, ada@home.example, new@acme.example]}
  home: {readers: [ada@home.example], inherit: false}
"""
ADA_ONLY = MANIFEST.replace(", ada@home.example, new@acme.example", "")


@pytest.fixture
def roots(tmp_path: Path, settings: LazySettings) -> Path:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    return tmp_path


@pytest.fixture
def share(committed_world: World, roots: Path) -> Folder:
    return synced(roots / "acme", committed_world.acme.slug, committed_world, MANIFEST)


def synced(path: Path, slug: str, world: World, manifest: str) -> Folder:
    path.mkdir()
    (path / "kenward.yaml").write_text(manifest)
    folder = connect(world.acme if slug == "acme" else world.umbra, path, access="manifest")
    folder.write(plan="# P", home__note="# N")
    folder.sweep()
    return folder


def reads(folder: Folder, user: User, path: str = "plan.md") -> bool:
    with tenant_context(folder.tenant), transaction.atomic():
        return can_read(user, Document.objects.get(path=path))


def confirm(address: EmailAddress) -> None:
    key = EmailConfirmationHMAC(address).key
    Client().post(f"/accounts/confirm-email/{key}/")
    address.refresh_from_db()
    assert address.verified


def test_a_removed_address_takes_its_documents_away_in_every_tenant(
    committed_world: World, roots: Path
) -> None:
    world = committed_world
    make_member(world.umbra, "ada@acme.example")
    folders = [synced(roots / slug, slug, world, ADA_ONLY) for slug in ("acme", "umbra")]
    assert all(reads(folder, world.ada) for folder in folders)
    EmailAddress.objects.create(user=world.ada, email="ada@home.example", verified=True)
    client = signed_in(world.ada)
    client.post("/accounts/email/", {"email": "ada@home.example", "action_primary": ""})
    client.post("/accounts/email/", {"email": "ada@acme.example", "action_remove": ""})
    assert not EmailAddress.objects.filter(email="ada@acme.example").exists()
    assert not any(reads(folder, world.ada) for folder in folders)


def test_a_second_address_opens_its_documents_when_it_is_verified(
    committed_world: World, share: Folder
) -> None:
    second = EmailAddress.objects.create(user=committed_world.ada, email="ada@home.example")
    assert not reads(share, committed_world.ada, "home/note.md")
    confirm(second)
    assert reads(share, committed_world.ada, "home/note.md")


def test_who_was_added_by_hand_reads_once_the_address_is_verified(
    committed_world: World, share: Folder
) -> None:
    with tenant_context(committed_world.acme), transaction.atomic():
        members.add(email="new@acme.example", role=Role.MEMBER, actor=committed_world.ida)
    address = EmailAddress.objects.get(email="new@acme.example")
    assert not reads(share, address.user)
    confirm(address)
    assert reads(share, address.user)


def test_a_person_whom_the_operator_deactivates_reads_nothing(
    committed_world: World, share: Folder
) -> None:
    ada = committed_world.ada
    opal = User.objects.create_superuser("opal@kenward.example")
    assert reads(share, ada)
    answer = signed_in(opal).post(f"/admin/accounts/user/{ada.pk}/change/", {"name": "Ada"})
    assert answer.status_code == 302
    ada.refresh_from_db()
    assert not ada.is_active
    assert not reads(share, ada)
