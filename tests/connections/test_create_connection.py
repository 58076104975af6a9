"""Connecting a folder: who may, what is refused, what is recorded."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current
from django.db import transaction

from apps.audit.models import Event
from apps.connections import change, create, providers
from apps.connections.errors import ConnectorError, SettingsRejected
from apps.connections.models import CANARY_KIND, Connection, ConnectionState
from apps.connections.providers.file_share.connector import FileShare
from apps.connections.providers.file_share.forms import FolderSettingsForm
from apps.connections.schedules import Schedule
from apps.connections.settings_form import SettingsForm
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from tests.connections.folders import Share
from tests.world import World


def connect(world: World, path: Path | str, name: str = "Handbook", **settings: Any) -> Connection:
    asked = {"path": str(path), "access": "all_members", **settings}
    return create.create(
        tenant=world.acme, actor=world.ida, kind="file_share", name=name, settings=asked
    )


def test_a_connected_folder_has_a_realm_of_its_own_and_a_record(world: World, share: Share) -> None:
    connection = connect(world, share.folder, access="listed", audience=["Ada@Acme.example"])
    assert connection.realm == f"file_share:{connection.uuid}"
    assert connection.created_by == world.ida
    assert connection.settings == {
        "path": str(share.folder),
        "access": "listed",
        "audience": ["ada@acme.example"],
        "is_mount_point": False,
    }
    with tenant_context(world.acme):
        event = Event.objects.get(action="connection.created")
        assert (event.actor, event.target_id) == (world.ida, str(connection.uuid))
        assert str(share.folder) not in str(event.details)
        assert isinstance(providers.connector_for(connection), FileShare)
    with tenant_context(world.umbra):
        assert not Connection.objects.exists()


def test_a_link_is_followed_once_when_connecting(world: World, share: Share) -> None:
    link = share.folder.with_name("link")
    link.symlink_to(share.folder)
    assert connect(world, link).settings["path"] == str(share.folder)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"path": "share"}, "not absolute"),
        ({"path": "/etc"}, "outside the folders"),
        ({"path": "/nowhere/at/all"}, "outside the folders"),
        ({"path": "{root}/missing"}, "not there"),
        ({"path": "{root}/../../../../etc"}, "outside the folders"),
        ({"path": "{root}/out"}, "outside the folders"),
        ({"path": "{root}/share/a.md"}, "not a folder"),
        ({"path": ""}, "required"),
        ({"access": "everyone"}, "Select a valid choice"),
        ({"access": "listed"}, "at least one person"),
        ({"access": "listed", "audience": ["ada"]}, "not an e-mail address"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(
    world: World, share: Share, asked: dict[str, Any], reason: str
) -> None:
    share.write("a.md")
    share.folder.with_name("out").symlink_to("/etc")
    root = str(share.folder.parent)
    settings = {"path": str(share.folder), **asked}
    with pytest.raises(ConnectorError, match=reason):
        connect(world, settings.pop("path").replace("{root}", root), **settings)
    with tenant_context(world.acme):
        assert not Connection.objects.exists()
        assert not Event.objects.filter(action__startswith="connection.").exists()


def test_kenwards_own_data_is_never_connected(world: World, settings: Any) -> None:
    data_dir = Path(current.KENWARD_DATA_DIR)
    settings.KENWARD_FOLDER_ROOTS = [Path("/")]
    for path in (data_dir, data_dir / "sample", data_dir / "postgres", data_dir.parent, Path("/")):
        path.mkdir(parents=True, exist_ok=True)
        with pytest.raises(SettingsRejected, match="Kenward's own data"):
            connect(world, path)


def test_the_sample_folder_of_a_tenant_is_allowed_to_that_tenant_alone(world: World) -> None:
    sample = Path(current.KENWARD_DATA_DIR) / "sample"
    for slug in ("acme", "umbra", "acme-two"):
        (sample / slug).mkdir(parents=True, exist_ok=True)
    assert connect(world, sample / "acme").settings["path"].endswith("/sample/acme")
    for slug in ("umbra", "acme-two"):
        with pytest.raises(SettingsRejected):
            connect(world, sample / slug, name=slug)


def test_a_root_may_be_each_tenants_own(world: World, tmp_path: Path, settings: Any) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path / "{tenant}"]
    for slug in ("acme", "umbra"):
        (tmp_path / slug / "share").mkdir(parents=True)
    connect(world, tmp_path / "acme" / "share")
    with pytest.raises(SettingsRejected, match="outside the folders"):
        connect(world, tmp_path / "umbra" / "share", name="theirs")


def test_a_root_that_is_taken_back_closes_the_connected_folder(
    world: World, share: Share, settings: Any
) -> None:
    share.write("a.md")
    connection = connect(world, share.folder)
    settings.KENWARD_FOLDER_ROOTS = []
    connector = providers.connector_for(connection)
    with pytest.raises(SettingsRejected, match="outside"):
        list(connector.sweep(None))
    with pytest.raises(SettingsRejected), connector.open("a.md") as content:
        content.read()


def test_a_name_is_taken_once_per_tenant(world: World, share: Share) -> None:
    connect(world, share.folder)
    with pytest.raises(InvalidInput, match="already"):
        connect(world, share.folder)
    asked = {"path": str(share.folder), "access": "all_members"}
    create.create(
        tenant=world.umbra, actor=None, kind="file_share", name="Handbook", settings=asked
    )


def test_an_unknown_kind_is_refused(world: World) -> None:
    with pytest.raises(SettingsRejected, match="no source of the kind"):
        create.create(tenant=world.acme, actor=None, kind="fax", name="Fax", settings={})


def test_settings_that_cannot_be_read_close_the_connection(world: World) -> None:
    for stored in ({}, {"path": "/x"}, {"path": 3, "access": "manifest"}, {"access": "all"}):
        with pytest.raises(SettingsRejected):
            FileShare(stored, tenant_slug="acme")


def test_the_registry_names_exactly_the_providers_there_are() -> None:
    modules = {module.name for module in pkgutil.iter_modules(providers.__path__)}
    assert modules == {*providers.REGISTRY, CANARY_KIND}
    assert set(providers.REGISTRY) == {"file_share", "google_drive", "slack"}
    for kind in providers.REGISTRY:
        assert issubclass(providers.load(kind).settings_form, SettingsForm)


@pytest.mark.parametrize("kind", [CANARY_KIND, "proof"])
def test_what_kenward_connects_itself_is_offered_to_nobody(world: World, kind: str) -> None:
    made = providers.connector_for(Connection(tenant=world.acme, kind=kind, settings={}))
    assert kind not in providers.REGISTRY and callable(made.open)
    with pytest.raises(SettingsRejected, match="no source of the kind"):
        create.create(tenant=world.acme, actor=None, kind=kind, name="X", settings={})


def test_a_mount_point_is_remembered_as_one(share: Share, settings: Any) -> None:
    settings.KENWARD_FOLDER_ROOTS = [Path("/proc"), share.folder]
    for path, expected in (("/proc", True), (str(share.folder), False)):
        form = FolderSettingsForm({"path": path, "access": "all_members"}, tenant_slug="acme")
        assert form.is_valid()
        assert form.to_settings()["is_mount_point"] is expected


def test_changed_settings_are_recorded_by_name_and_make_a_sweep_due(
    world: World, share: Share
) -> None:
    connection = connect(world, share.folder)
    with tenant_context(world.acme), transaction.atomic():
        Connection.objects.update(last_swept_at="2026-11-01T00:00Z")
        settings = {**connection.settings, "access": "listed", "audience": ["bo@acme.example"]}
        change.change(
            connection=connection,
            actor=world.ida,
            name="Handbook",
            settings=settings,
            schedule=Schedule(sweep_interval_s=900, poll_interval_s=60),
        )
        stored = Connection.objects.get()
        assert (stored.settings["access"], stored.last_swept_at) == ("listed", None)
        assert stored.realm == connection.realm
        event = Event.objects.get(action="connection.changed")
        assert event.details == {"changed": ["settings"]}


def test_pausing_and_resuming_happen_once_and_are_recorded(world: World, share: Share) -> None:
    connection = connect(world, share.folder)
    with tenant_context(world.acme), transaction.atomic():
        assert change.pause(connection=connection, actor=world.ida)
        assert not change.pause(connection=connection, actor=world.ida)
        assert Connection.objects.get().state == ConnectionState.PAUSED
        assert change.resume(connection=connection, actor=world.ida)
        assert not change.resume(connection=connection, actor=world.ida)
        assert not Connection.objects.get().state_reason
        actions = Event.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions)[1:] == ["connection.paused", "connection.resumed"]


def test_another_folder_is_refused_and_nothing_changes(world: World, share: Share) -> None:
    connection = connect(world, share.folder)
    other = share.folder.with_name("other")
    other.mkdir()
    with (
        tenant_context(world.acme),
        pytest.raises(SettingsRejected, match="cannot be changed") as raised,
    ):
        change.change(
            connection=connection,
            actor=world.ida,
            name="Renamed",
            settings={"path": str(other), "access": "all_members"},
            schedule=Schedule(sweep_interval_s=900, poll_interval_s=60),
        )
    assert "as a new connection" in raised.value.hint
    with tenant_context(world.acme):
        stored = Connection.objects.get()
        assert (stored.name, stored.settings["path"]) == ("Handbook", str(share.folder))
        assert not Event.objects.filter(action="connection.changed").exists()


def test_a_disk_that_is_unmounted_just_now_still_belongs_there(world: World, share: Share) -> None:
    """Else the next sweep would take the empty folder below it for the whole content."""
    connection = connect(world, share.folder)
    with tenant_context(world.acme):
        connection.settings |= {"is_mount_point": True}
        connection.save()
        change.change(
            connection=connection,
            actor=world.ida,
            name="Renamed",
            settings={**connection.settings, "access": "listed", "audience": ["bo@acme.example"]},
            schedule=Schedule(sweep_interval_s=900, poll_interval_s=60),
        )
        connection.refresh_from_db()
    assert connection.settings["access"] == "listed"
    assert connection.settings["is_mount_point"] is True
