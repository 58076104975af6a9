"""A folder on this machine, whose manifest says who reads."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from apps.connections import create
from apps.connections.models import Connection
from apps.connections.providers.file_share.manifest import NAME
from apps.sync_events import watch
from apps.tenants.models import Tenant
from tests.connections.conformance.mailbox import Mailbox
from tests.connections.conformance.source import ADA, BO, CY, Live, Place, Source, Verb

# Long enough ago for the manifest to count as settled (seconds since 1970).
_SETTLED_AT = 1_700_000_000


class Folder(Source):
    """Files; the folder itself tells of changes, as inotify does."""

    name: ClassVar[str] = "folder"
    kind: ClassVar[str] = "file_share"
    lacks: ClassVar[Mapping[Verb, str]] = {
        Verb.EXPIRE_CURSORS: "A sweep goes on after a path, which never ends.",
        Verb.LOGS: "A file system keeps no log of changes.",
        Verb.REPEAT: "A directory is listed at once.",
        Verb.FAULTS: "Nothing is asked over HTTP.",
        Verb.EXPIRE_TOKENS: "There is no account.",
        Verb.PUSH: "Its word is that of inotify, see `tell`.",
    }
    small_pages: ClassVar[Mapping[str, int]] = {
        "apps.connections.providers.file_share.connector.PAGE_ITEMS": 2
    }

    def __init__(self, path: Path) -> None:
        self.path = path
        self._team = {ADA, BO}
        self._let_in: dict[Place, set[str]] = {Place.OPEN: set(), Place.CLOSED: {ADA, CY}}
        self._shared: dict[str, set[str]] = {}
        self._touched: set[Path] = set()
        for place in Place:
            (path / place).mkdir()
        self._write_manifest()

    @classmethod
    @contextmanager
    @override
    def running(cls, folder: Path, mailbox: Mailbox) -> Iterator[Source]:
        path = folder / "share"
        path.mkdir()
        yield cls(path)

    @override
    def environment(self) -> Mapping[str, object]:
        return {"KENWARD_FOLDER_ROOTS": [self.path.parent]}

    @override
    def connect(self, tenant: Tenant, name: str) -> Connection:
        settings = {"path": str(self.path), "access": "manifest", "audience": []}
        return create.create(
            tenant=tenant, actor=None, kind=self.kind, name=name, settings=settings
        )

    @override
    def add(self, place: Place, name: str, text: str) -> str:
        item = f"{place}/{name}.txt"
        self._write(item, text)
        return item

    @override
    def edit(self, item: str, text: str) -> None:
        self._write(item, text)

    @override
    def delete(self, item: str) -> None:
        (self.path / item).unlink()
        self._touched.add(self.path / item)
        if self._shared.pop(item, None):
            self._write_manifest()

    @override
    def rename(self, item: str, name: str) -> str:
        return self._moved(item, f"{item.partition('/')[0]}/{name}.txt")

    @override
    def move(self, item: str, place: Place) -> str:
        return self._moved(item, f"{place}/{item.partition('/')[2]}")

    @override
    def share(self, item: str, who: str) -> None:
        self._shared.setdefault(item, set()).add(who)
        self._write_manifest()

    @override
    def unshare(self, item: str, who: str) -> None:
        self._shared[item].discard(who)
        self._write_manifest()

    @override
    def let_in(self, place: Place, who: str) -> None:
        self._let_in[place].add(who)
        self._write_manifest()

    @override
    def keep_out(self, place: Place, who: str) -> None:
        self._let_in[place].discard(who)
        self._write_manifest()

    @override
    def join(self, who: str) -> None:
        self._team.add(who)
        self._write_manifest()

    @override
    def leave(self, who: str) -> None:
        self._team.discard(who)
        self._write_manifest()

    @override
    def drop_place(self, place: Place) -> None:
        shutil.rmtree(self.path / place)
        self._shared = {item: who for item, who in self._shared.items() if place not in item}
        self._touched.add(self.path / place)
        self._write_manifest()

    @override
    def vanish(self, *, is_back: bool = False) -> None:
        away = self.path.with_name("away")
        if is_back:
            away.rename(self.path)
        else:
            self.path.rename(away)

    @override
    def tell(self, connection: Connection) -> None:
        place = watch.Watched(self.path, connection.tenant_id, connection.pk)
        touched, self._touched = self._touched, set()
        watch.note(touched, [place])

    @override
    def live(self) -> Mapping[str, Live]:
        files = (path for path in self.path.glob("*/*") if path.is_file())
        return {
            str(path.relative_to(self.path)): Live(path.name, path.read_text()) for path in files
        }

    @override
    def readers(self, item: str) -> set[str]:
        place = Place(item.partition("/")[0])
        team = self._team if place == Place.OPEN else set()
        return team | self._let_in[place] | self._shared.get(item, set())

    def _moved(self, item: str, to: str) -> str:
        (self.path / item).rename(self.path / to)
        self._touched |= {self.path / item, self.path / to}
        if item in self._shared:
            self._shared[to] = self._shared.pop(item)
            self._write_manifest()
        return to

    def _write(self, item: str, text: str) -> None:
        (self.path / item).write_text(text)
        self._touched.add(self.path / item)

    def _write_manifest(self) -> None:
        """Write who reads; JSON is YAML, too."""
        folders = {
            place.value: {
                "readers": [*(["team"] if place == Place.OPEN else []), *sorted(who)],
                "inherit": False,
            }
            for place, who in self._let_in.items()
            if (self.path / place).is_dir()
        }
        files = {item: {"readers": sorted(who)} for item, who in self._shared.items()}
        told = {
            "version": 1,
            "groups": {"team": {"members": sorted(self._team)}},
            "folders": folders,
            "files": files,
        }
        manifest = self.path / NAME
        draft = self.path.with_name("manifest")
        draft.write_text(json.dumps(told))
        os.utime(draft, (_SETTLED_AT, _SETTLED_AT))
        draft.rename(manifest)
        self._touched.add(manifest)
