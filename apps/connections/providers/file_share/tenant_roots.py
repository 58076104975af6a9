"""The folders that `up --folder` allowed, each to one tenant, kept in the data folder."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = "folder-roots.json"


def remembered(data_dir: Path, tenant_slug: str) -> list[Path]:
    """Return the folders that were allowed to this tenant, as they were written.

    Read anew each time, so that running processes follow. What names no tenant (files from
    before each folder was kept with its tenant) allows nothing.
    """
    return [Path(path) for path, tenant in _pairs(data_dir) if tenant == tenant_slug]


def remember(data_dir: Path, root: Path, tenant_slug: str) -> None:
    """Allow a folder to one tenant, in this run and in later ones."""
    pairs = _pairs(data_dir)
    if (str(root), tenant_slug) in pairs:
        return
    kept = [{"path": path, "tenant": tenant} for path, tenant in pairs]
    unfinished = data_dir / f"{_FILE}.new"
    unfinished.write_text(
        json.dumps([*kept, {"path": str(root), "tenant": tenant_slug}]), encoding="utf-8"
    )
    unfinished.replace(data_dir / _FILE)


def _pairs(data_dir: Path) -> list[tuple[str, str]]:
    try:
        entries = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not isinstance(entries, list):
        return []
    found = [entry for entry in entries if isinstance(entry, dict)]
    pairs = [(entry.get("path"), entry.get("tenant")) for entry in found]
    return [(p, t) for p, t in pairs if isinstance(p, str) and isinstance(t, str) and p and t]
