"""A folder with all that is in it, listed in steps: one position holds what is left to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from apps.connections.errors import CredentialsRejected, CursorExpired, ItemForbidden, ItemGone
from apps.connections.protocol import Page
from apps.connections.providers.google_drive.answers import File
from apps.connections.providers.google_drive.client import Listed
from apps.connections.providers.google_drive.draft import Draft
from apps.connections.providers.google_drive.logs import Log
from apps.connections.providers.google_drive.tree import Tree

SUBTREE = "subtree:"
# How many folders one query names.
_FOLDERS = 20
_PAGE_ITEMS = 500


@dataclass(frozen=True, slots=True)
class Subtrees:
    """Lists folders of one account again.

    Args:
        tree: the folders that are known.
    """

    tree: Tree

    @staticmethod
    def begin(log: str, folder_id: str) -> str:
        """Return the position at which a subtree's listing begins."""
        return json.dumps({"log": log, "todo": [folder_id]})

    def pages(self, name: str, position: str) -> Iterator[Page]:
        """Yield a subtree's pages, each with what is left as `positions[name]`."""
        told = json.loads(position)
        todo: list[str] = told["todo"]
        try:
            log = self.tree.logs.log(told["log"])
            while todo:
                batch, page = todo[-_FOLDERS:], ""
                del todo[-_FOLDERS:]
                while True:
                    draft = Draft(self.tree, datetime.now(UTC))
                    found = self._children(log, batch, page)
                    todo += self._tell(draft, log, found.files)
                    page = found.next
                    left = [*todo, *(batch if page else [])]
                    rest = json.dumps({"log": log.name, "todo": left}) if left else None
                    yield draft.finish(positions={name: rest})
                    if not page:
                        break
        except (CredentialsRejected, ItemForbidden, ItemGone):
            if not self.tree.logs.acts_for_others:
                raise
            todo = []
        if not todo:
            yield Draft(self.tree, datetime.now(UTC)).finish(positions={name: None})

    def _tell(self, draft: Draft, log: Log, files: tuple[File, ...]) -> list[str]:
        """Add what is in a folder; return the folders among it."""
        self.tree.learn(log, list(files), draft.observed_at)
        folders: list[str] = []
        for file in files:
            if file.is_folder:
                folders.append(file.id)
            self._add(draft, log, file)
        return folders

    def _add(self, draft: Draft, log: Log, file: File) -> None:
        """Tell of an item, also of other people's: in their own logs nothing stands of it."""
        logs = self.tree.logs
        if logs.covers(log, file):
            draft.add(file, log)
            return
        try:
            own = logs.of_file(file)
            if own is None or not logs.is_synced(own):
                return
            if file.grants is None:
                file = replace(file, grants=own.client.file(file.id).grants)
        except (CredentialsRejected, ItemForbidden, ItemGone):
            return
        draft.add(file, own, seen_by=log)

    def _children(self, log: Log, folder_ids: list[str], page: str) -> Listed:
        within = " or ".join(f"'{folder_id}' in parents" for folder_id in folder_ids)
        query = f"({within}) and trashed = false"
        try:
            return log.client.files(query, drive_id=log.drive_id, page=page, size=_PAGE_ITEMS)
        except CursorExpired:
            if not page:
                raise
            return log.client.files(query, drive_id=log.drive_id, size=_PAGE_ITEMS)
        except ItemGone:  # one of them: the query fails as a whole
            if len(folder_ids) == 1:
                return Listed((), "")
            halves = folder_ids[: len(folder_ids) // 2], folder_ids[len(folder_ids) // 2 :]
            files = [file for half in halves for file in self._all(log, half)]
            return Listed(tuple(files), "")

    def _all(self, log: Log, folder_ids: list[str]) -> Iterator[File]:
        page = ""
        while True:
            found = self._children(log, folder_ids, page)
            yield from found.files
            page = found.next
            if not page:
                return
