"""A folder that was allowed to one tenant on the command line is that tenant's alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.connections.errors import SettingsRejected
from apps.connections.providers.file_share import location, tenant_roots


def test_a_folder_is_remembered_once_for_each_tenant(tmp_path: Path) -> None:
    for folder, slug in (("/srv/a", "acme"), ("/srv/b", "acme"), ("/srv/a", "acme")):
        tenant_roots.remember(tmp_path, Path(folder), slug)
    tenant_roots.remember(tmp_path, Path("/srv/a"), "umbra")
    assert tenant_roots.remembered(tmp_path, "acme") == [Path("/srv/a"), Path("/srv/b")]
    assert tenant_roots.remembered(tmp_path, "umbra") == [Path("/srv/a")]
    assert tenant_roots.remembered(tmp_path, "") == []
    entries = json.loads((tmp_path / "folder-roots.json").read_text())
    assert len(entries) == 3


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '"/etc"',
        "[1, null]",
        '["/etc"]',  # as it was before each folder had its tenant
        '[{"path": "/etc"}]',
        '[{"path": "/etc", "tenant": null}]',
        '[{"path": 7, "tenant": "acme"}]',
    ],
)
def test_what_names_no_tenant_allows_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "folder-roots.json").write_text(content)
    assert tenant_roots.remembered(tmp_path, "acme") == []


def test_a_remembered_folder_may_be_connected_by_its_tenant_alone(
    tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_DATA_DIR, settings.KENWARD_FOLDER_ROOTS = tmp_path / "var", []
    settings.KENWARD_DATA_DIR.mkdir()
    shared = tmp_path / "documents"
    tenant_roots.remember(settings.KENWARD_DATA_DIR, shared, "acme")
    location.require_allowed(str(shared / "below"), tenant_slug="acme")
    for slug in ("umbra", "acme-two", ""):
        with pytest.raises(SettingsRejected, match="outside the folders"):
            location.require_allowed(str(shared), tenant_slug=slug)
