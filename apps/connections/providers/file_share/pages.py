"""Builds the pages that the sync engine stores: files, with the places that say who reads them."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import PurePosixPath

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import (
    Cursor,
    Page,
    Problem,
    RemoteAcl,
    RemoteItem,
    RemotePolicy,
)
from apps.connections.providers.file_share import manifest, permissions, posix_pages, rules
from apps.connections.providers.file_share.listing import Batch, Survey, as_problem, survey
from apps.connections.providers.file_share.location import Access, FolderSettings
from apps.connections.providers.file_share.permissions import Rules
from apps.connections.providers.file_share.posix_pages import FileSystemReaders
from apps.connections.providers.file_share.walk import FoundFile, Root

# Python's own table, not the machine's, so that every machine says the same.
_TYPES = mimetypes.MimeTypes(filenames=()).types_map[True] | {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/x-ndjson",
    ".log": "text/plain",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".ndjson": "application/x-ndjson",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rst": "text/x-rst",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


class Draft:
    """One page in the making. Its time and its rules are taken before any file is looked at."""

    def __init__(self, root: Root, settings: FolderSettings) -> None:
        self.observed_at = datetime.now(UTC)
        now = rules.current(root, settings)
        self.rules, self.digest = now.rules, now.digest
        self.problems: list[Problem] = []
        self._root = root
        is_posix = settings.access == Access.POSIX
        self._by_file = posix_pages.FileSystemReaders(root, settings) if is_posix else None
        self._items: list[RemoteItem] = []
        self._places: dict[str, RemoteAcl] = {}
        self._deleted_ids: list[str] = []
        self._deleted_prefixes: list[str] = []

    def add_batch(self, batch: Batch) -> None:
        """Look at the files of a batch; those that have vanished are left out."""
        self.problems += batch.problems
        for folder, names in batch.files:
            for found in self._look(folder, names):
                if isinstance(found, ItemForbidden):
                    self.problems.append(as_problem(found))
                else:
                    self._add(found)

    def add_file(self, path: str) -> None:
        """Look at one file again, and hide it when it is gone or may not be read."""
        folder, _, name = path.rpartition("/")
        found = next(iter(self._look(folder, [name])), None)
        if isinstance(found, FoundFile):
            self._add(found)
            self._deleted_prefixes.append(f"{path}/")  # it may have been a folder before
        else:
            self.add_gone(path, found)

    def add_gone(self, path: str, why: ItemForbidden | None = None) -> None:
        """Hide what was known by this path: a file, or everything in a folder."""
        self._deleted_ids.append(path)
        self._deleted_prefixes.append(f"{path}/")
        if why is not None:
            self.problems.append(as_problem(why))

    def finish(self, *, cursor: Cursor | None = None) -> Page:
        """Return the page, having proved that the folder was there all the time.

        Raises:
            ConnectorError: it was not; the page would be wrong.
        """
        self._root.require_unchanged()
        return Page(
            observed_at=self.observed_at,
            items=tuple(self._items),
            acls=tuple(self._places.values()),
            deleted_ids=tuple(self._deleted_ids),
            deleted_prefixes=tuple(self._deleted_prefixes),
            problems=tuple(self.problems),
            cursor=cursor,
        )

    def _look(self, folder: str, names: list[str]) -> list[FoundFile | ItemForbidden]:
        try:
            return list(self._root.look(folder, names))
        except ItemGone:
            return []
        except ItemForbidden as forbidden:
            return [forbidden]

    def _add(self, found: FoundFile) -> None:
        if self._by_file is not None:
            self._add_by_file(found, self._by_file)
            return
        for folder in permissions.ancestors(permissions.enclosing(found.path)):
            place = permissions.folder_id(folder)
            if place not in self._places:
                self._places[place] = self.rules.folder_place(folder)
        own = self.rules.file_place(found.path)
        if own is not None:
            self._places[own.external_id] = own
        self._items.append(_item(found, self.rules.policy(found.path), self.rules))

    def _add_by_file(self, found: FoundFile, readers: FileSystemReaders) -> None:
        try:
            policy, lists = readers.of(found)
        except ItemGone:
            self.add_gone(found.path)
        except ItemForbidden as forbidden:
            self.add_gone(found.path, forbidden)
        else:
            self._places |= {one.external_id: one for one in lists}
            self._items.append(_item(found, policy, self.rules))


def permissions_page(
    root: Root, settings: FolderSettings, *, cursor: Cursor | None = None, tells: bool = True
) -> tuple[Page, str]:
    """Return all groups and places as they are now, and the digest of the rules.

    Rules for what does not exist are places too: a folder that cannot be listed just now keeps
    what closes it.

    Args:
        root: the connected folder.
        settings: the connection's.
        cursor: where a sweep goes on after this page; its digest is filled in.
        tells: whether the page reports what is wrong with the manifest.
    """
    if settings.access == Access.POSIX:
        return _file_system_page(root, settings, cursor, tells=tells)
    observed_at = datetime.now(UTC)
    now = rules.current(root, settings)
    shape = survey(root, frozenset(now.rules.files))
    missing = _missing(now.rules, shape)
    problems = (*now.rules.problems, *_missing_problems(missing, shape)) if tells else ()
    folders = {
        folder: None
        for path in (*shape.folders, *_folders_of(missing))
        for folder in permissions.ancestors(path)
    }
    files = [*shape.ruled_files, *(rule.path for kind, rule in missing if kind == "file")]
    own = [place for path in files if (place := now.rules.file_place(path)) is not None]
    root.require_unchanged()
    page = Page(
        observed_at=observed_at,
        groups=now.rules.groups,
        acls=(*map(now.rules.folder_place, folders), *own),
        are_acls_complete=True,
        item_policies=tuple((path, now.rules.policy(path)) for path in shape.ruled_files),
        problems=problems,
        total_items=shape.files,
        cursor=None if cursor is None else {**cursor, "rules": now.digest},
    )
    return page, now.digest


def _file_system_page(
    root: Root, settings: FolderSettings, cursor: Cursor | None, *, tells: bool
) -> tuple[Page, str]:
    now = rules.current(root, settings)
    page = replace(
        posix_pages.first_page(root),
        problems=now.rules.problems if tells else (),
        cursor=None if cursor is None else {**cursor, "rules": now.digest},
    )
    return page, now.digest


_Missing = list[tuple[str, manifest.Rule]]


def _missing(told: Rules, shape: Survey) -> _Missing:
    """Return the rules whose folder or file is not there."""
    there = {
        "folder": {manifest.composed(path) for path in shape.folders},
        "file": {manifest.composed(path) for path in shape.ruled_files},
    }
    return [
        (kind, rule)
        for kind, rule in told.written
        if manifest.composed(rule.path) not in there[kind]
    ]


def _folders_of(missing: _Missing) -> list[str]:
    return [
        rule.path if kind == "folder" else permissions.enclosing(rule.path)
        for kind, rule in missing
    ]


def _missing_problems(missing: _Missing, shape: Survey) -> list[Problem]:
    return [
        Problem(
            manifest.NAME,
            "manifest_target_missing",
            f"Line {rule.line} sets readers for the {kind} “/{rule.path}”, which is not there or"
            " cannot be read: whatever was meant is not restricted by this rule.",
            hint=_suggestion(rule.path, shape) if kind == "folder" else "Correct the path.",
        )
        for kind, rule in missing
    ]


def _suggestion(path: str, shape: Survey) -> str:
    around = permissions.enclosing(path)
    siblings = [f for f in shape.folders if f and permissions.enclosing(f) == around]
    alike = {sibling.casefold(): sibling for sibling in siblings}
    close = get_close_matches(path.casefold(), alike, n=1)
    meant = f" Was “/{alike[close[0]]}” meant?" if close else ""
    return f"Correct the path.{meant}"


def _title(stem: str) -> str:
    """Return a file's name as words, for files whose content has no title of its own."""
    words = " ".join(re.sub(r"[-_]+", " ", stem).split()) or stem
    return words[0].upper() + words[1:]


def _item(found: FoundFile, policy: RemotePolicy, told: Rules) -> RemoteItem:
    name = PurePosixPath(found.path)
    return RemoteItem(
        external_id=found.path,
        title=_title(name.stem),
        path=found.path,
        version=f"{found.mtime_ns}-{found.size_bytes}-{found.inode}",
        policy=policy,
        mime_type=_TYPES.get(name.suffix.lower(), "application/octet-stream"),
        size_bytes=found.size_bytes,
        modified_at=_moment(found.mtime_ns),
        labels=told.labels(found.path),
    )


def _moment(nanoseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return None
