"""The sample company's accounts: generated, stored hashed, shown once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import identify_hasher
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from apps.accounts.models import User
from apps.connections import create
from apps.connections.errors import SettingsRejected
from apps.connections.models import Connection
from apps.connections.providers.file_share import tenant_roots
from apps.ops import connect_folder, first_sync, sample
from apps.ops.errors import CannotStart
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def data_dir(tmp_path: Path, settings: LazySettings) -> Path:
    settings.KENWARD_DATA_DIR = tmp_path
    settings.KENWARD_FOLDER_ROOTS = []
    return tmp_path


def can_sign_in(signin: sample.SignIn) -> bool:
    request = RequestFactory().post("/accounts/login/")
    return authenticate(request, email=signin.email, password=signin.password) is not None


def test_every_person_can_sign_in_and_only_hashes_are_stored(data_dir: Path) -> None:
    signins = sample.load(data_dir)
    assert len(signins) == 14
    assert len({each.password for each in signins}) == len({each.email for each in signins}) == 13
    assert can_sign_in(signins[0])
    for signin in signins:
        user = User.objects.get(email=signin.email)
        identify_hasher(user.password)  # raises for anything but a hash
        assert signin.password not in user.password
        assert EmailAddress.objects.get(user=user).verified


def test_each_tenant_gets_its_people_roles_and_one_folder(data_dir: Path) -> None:
    sample.load(data_dir)
    for tenant in Tenant.objects.all():
        with tenant_context(tenant):
            assert Membership.objects.filter(role="it_admin").count() == 1
            source = Connection.objects.get()
            assert Path(source.settings["path"]).is_relative_to(data_dir / "sample")
            assert (Path(source.settings["path"]) / "kenward.yaml").is_file()


def test_loading_again_changes_nothing_that_was_changed_by_hand(data_dir: Path) -> None:
    sample.load(data_dir)
    note = next((data_dir / "sample").rglob("*.md"))
    note.write_text("mine")
    before = dict(User.objects.values_list("email", "password"))
    assert sample.load(data_dir) == []
    assert note.read_text() == "mine"
    assert dict(User.objects.values_list("email", "password")) == before


def test_reset_ends_the_old_passwords(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = sample.load(data_dir)
    call_command("sample_passwords", "--reset", "--json")
    new = [sample.SignIn(**each) for each in json.loads(capsys.readouterr().out)]
    assert [(each.email, each.tenant) for each in new] == [(e.email, e.tenant) for e in old]
    assert can_sign_in(new[0])
    assert not can_sign_in(old[0])


def test_without_reset_it_says_that_only_hashes_are_kept(data_dir: Path) -> None:
    with pytest.raises(CommandError, match="--reset makes new ones") as raised:
        call_command("sample_passwords")
    assert raised.value.returncode == 2


def test_a_folder_goes_to_the_first_sample_tenant_for_all_its_members(data_dir: Path) -> None:
    sample.load(data_dir)
    folder = data_dir.parent / f"{data_dir.name}-documents"
    folder.mkdir()
    connect_folder.check(folder, data_dir)
    tenant = Tenant.objects.get(slug=sample.slugs()[0])
    said = connect_folder.connect(folder)
    assert said == f"connected {folder}: all members of {tenant.name} ({tenant.slug}) may read it"
    assert "is connected already" in connect_folder.connect(folder, tenant_slug=tenant.slug)
    with tenant_context(tenant):
        source = Connection.objects.get(name=str(folder))
    assert source.settings["access"] == "all_members"


def test_a_linked_folder_is_followed_once_and_known_at_the_next_start(data_dir: Path) -> None:
    sample.load(data_dir)
    folder = data_dir.parent / f"{data_dir.name}-documents"
    folder.mkdir()
    link = folder.with_name(f"{data_dir.name}-link")
    link.symlink_to(folder)
    assert "connected" in connect_folder.connect(link)
    assert "is connected already" in connect_folder.connect(link)
    assert tenant_roots.remembered(data_dir, sample.slugs()[0]) == [folder.resolve()]


def test_a_folder_of_one_tenant_cannot_be_connected_by_another(data_dir: Path) -> None:
    sample.load(data_dir)
    folder = data_dir.parent / f"{data_dir.name}-documents"
    folder.mkdir()
    first, other = sample.slugs()[:2]
    connect_folder.connect(folder, tenant_slug=first)
    with pytest.raises(SettingsRejected, match="outside the folders"):
        create.create(
            tenant=Tenant.objects.get(slug=other),
            actor=None,
            kind="file_share",
            name="Theirs",
            settings={"path": str(folder), "access": "all_members"},
        )


def test_an_unknown_tenant_is_told_with_those_that_exist(data_dir: Path) -> None:
    sample.load(data_dir)
    with pytest.raises(CannotStart, match="no tenant acme") as raised:
        connect_folder.connect(data_dir, tenant_slug="acme")
    assert sample.slugs()[1] in raised.value.hint


@pytest.mark.parametrize("place", [".", "..", "sample"])
def test_kenwards_own_data_is_never_connected(data_dir: Path, place: str) -> None:
    (data_dir / "sample").mkdir()
    with pytest.raises(CannotStart, match="Kenward's own data"):
        connect_folder.check(data_dir / place, data_dir)


def test_the_sample_is_not_ready_before_its_folders_were_listed(data_dir: Path) -> None:
    assert first_sync.progress() == []
    sample.load(data_dir)
    progress = first_sync.progress()
    assert [each.tenant for each in progress] == sample.slugs()
    assert not any(each.is_complete for each in progress)
