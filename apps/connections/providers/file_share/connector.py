"""The connector of a folder on this machine: one story for each question of the sync engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar

from apps.connections.errors import CursorExpired, ItemForbidden, ItemGone, SettingsRejected
from apps.connections.protocol import Cursor, Page, RemotePrincipal
from apps.connections.providers.file_share import (
    check_access,
    listing,
    location,
    manifest,
    pages,
    posix_pages,
    walk,
)
from apps.connections.providers.file_share.forms import FolderSettingsForm
from apps.connections.providers.file_share.location import Access, FolderSettings
from apps.connections.providers.file_share.pages import Draft
from apps.connections.providers.file_share.walk import Root
from apps.connections.settings_form import SettingsForm

PAGE_ITEMS = 200


class FileShare:
    """Reads one connected folder.

    Args:
        settings: what `Connection.settings` holds (see `FolderSettings`).
        tenant_slug: whose connection it is; decides which folders are allowed.

    Raises:
        SettingsRejected: the settings cannot be read.
    """

    settings_form: ClassVar[type[SettingsForm]] = FolderSettingsForm
    # A file system knows no more of a file than every record tells.
    fields_schema: ClassVar[Mapping[str, Any]] = {"properties": {}}

    def __init__(self, settings: Mapping[str, Any], *, tenant_slug: str) -> None:
        self._settings = FolderSettings.from_json(settings)
        self._tenant_slug = tenant_slug
        self._tells_access = self._settings.access == Access.POSIX

    def check(self) -> None:
        """Prove that the folder may be connected and can be read.

        Raises:
            SettingsRejected: it may not be connected, or Kenward may not read it.
            SourceUnavailable: it is not there just now.
        """
        with self._opened() as root:
            root.listing("")
            if self._tells_access:
                _require_readable_permissions(root)

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        """List all files in a fixed order, behind a page with all places and groups.

        That page comes again whenever the rules have changed since, so that no file is ever told
        with readers of which the rest of the folder knows nothing.
        """
        after, told = _position(cursor)
        with self._opened() as root:
            for batch in listing.batches(root, after=after, limit=PAGE_ITEMS):
                draft = Draft(root, self._settings)
                while draft.digest != told:
                    page, told = pages.permissions_page(
                        root, self._settings, cursor={"after": after}, tells=False
                    )
                    yield page
                    draft = Draft(root, self._settings)
                draft.add_batch(batch)
                after = batch.last if batch.files else after
                yield draft.finish(cursor={"after": after, "rules": told})
            yield Draft(root, self._settings).finish()

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Look at files and folders again, by their paths. Yields at least one page.

        What Kenward may not read any more is reported as gone, so that it is hidden at once.
        """
        paths = sorted({_path(name) for name in external_ids})
        with self._opened() as root:
            if manifest.NAME in paths:
                paths.remove(manifest.NAME)
                yield pages.permissions_page(root, self._settings)[0]
            folders: list[str] = []
            for start in range(0, max(len(paths), 1), PAGE_ITEMS):
                draft = Draft(root, self._settings)
                some = paths[start : start + PAGE_ITEMS]
                folders += [path for path in some if _is_folder(root, path, draft)]
                yield draft.finish()
            for folder in folders:
                yield from self._subtree(root, folder)

    def permissions(self, cursor: Cursor | None = None) -> Iterator[Page]:
        """Tell all groups and places in one page, and what is wrong with the manifest.

        Where the file system decides, pages with the readers of every file follow.
        """
        with self._opened() as root:
            yield pages.permissions_page(root, self._settings)[0]
            if self._tells_access:
                yield from posix_pages.file_pages(root, self._settings)

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        """Open a file; how large it is, the caller checks.

        Raises:
            ItemGone: it is not there any more, is a link now, or is not synced.
            ItemForbidden: Kenward may not read it.
        """
        if not _is_synced(external_id):
            raise ItemGone("This is not among the synced files.", external_id=external_id)
        with self._opened() as root, root.opened_file(external_id) as content:
            yield content

    def check_access(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool | None:
        """Return whether the folder lets a person read a file now, past everything stored.

        Raises:
            ItemGone: it is not there any more, or is not synced.
            ConnectorError: the folder cannot be asked.
        """
        if not _is_synced(external_id):
            raise ItemGone("This is not among the synced files.", external_id=external_id)
        with self._opened() as root:
            return check_access.may_read(root, self._settings, external_id, principals)

    def watched_folders(self) -> Iterable[str]:
        """Return the connected folder."""
        return [self._settings.path]

    def external_ids(self, paths: Iterable[str]) -> list[str]:
        """Translate absolute paths; what is not synced is left out, and so is the manifest."""
        found = {name for path in paths if (name := self._relative(path)) is not None}
        return sorted(name or "./" for name in found if not name or _is_synced(name))

    def changes_permissions(self, paths: Iterable[str]) -> bool:
        """Return whether the manifest is among the changed paths, and counts."""
        if self._settings.access != Access.MANIFEST:
            return False
        return any(self._relative(path) == manifest.NAME for path in paths)

    def _subtree(self, root: Root, folder: str) -> Iterator[Page]:
        """Tell all files of a folder, then that nothing else is there.

        The last page carries the time from before the first look: what was told since stays.
        """
        started_at = datetime.now(UTC)
        for batch in listing.batches(root, start=folder, limit=PAGE_ITEMS):
            draft = Draft(root, self._settings)
            draft.add_batch(batch)
            yield draft.finish()
        if folder:
            yield Page(started_at, deleted_ids=(folder,), deleted_prefixes=(f"{folder}/",))

    def _relative(self, path: str) -> str | None:
        """Return a path relative to the folder ("" for itself), or None when it lies outside."""
        folder = self._settings.path.rstrip("/")
        if path == self._settings.path:
            return ""
        return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None

    @contextmanager
    def _opened(self) -> Iterator[Root]:
        path = self._settings.path
        # Each time: the allowed folders may have changed since the folder was connected.
        location.require_allowed(path, tenant_slug=self._tenant_slug)
        if location.resolved(path) != path:
            raise SettingsRejected(
                "The folder's path leads through a link now.",
                hint="Save the connection again with the folder that is meant.",
            )
        is_mount_point = self._settings.is_mount_point
        with walk.opened(
            path, is_mount_point=is_mount_point, tells_access=self._tells_access
        ) as root:
            yield root


def _require_readable_permissions(root: Root) -> None:
    try:
        root.folder_access("")
    except ItemForbidden as error:
        raise SettingsRejected(str(error), hint=error.hint) from error


def _position(cursor: Cursor | None) -> tuple[str, str]:
    """Return the path to go on after, and the digest of the rules that were told."""
    if cursor is None:
        return "", ""
    after, told = cursor.get("after"), cursor.get("rules")
    if not isinstance(after, str) or not isinstance(told, str):
        raise CursorExpired("The stored position of the sweep is not one of this connector's.")
    return after, told


def _path(external_id: str) -> str:
    return "" if external_id in {".", "./"} else external_id.removesuffix("/")


def _is_synced(path: str) -> bool:
    """Return whether files by this path are synced at all, whatever is there."""
    steps = path.split("/")
    if "" in steps or "\0" in path or not walk.fits("", path):
        return False
    return not any(walk.is_skipped(s) or s.casefold() in manifest.LOOK_ALIKES for s in steps)


def _is_folder(root: Root, path: str, draft: Draft) -> bool:
    """Add what a path is now to the page; a folder is only named (True), to be gone through."""
    if path and not _is_synced(path):
        draft.add_gone(path)
        return False
    try:
        is_folder = root.is_folder(path)
    except ItemGone:
        draft.add_gone(path)
        return False
    except ItemForbidden as forbidden:
        draft.add_gone(path, forbidden)
        return False
    if not is_folder:
        draft.add_file(path)
    return is_folder
