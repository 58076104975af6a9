"""A page in the making: every item with its readers, and every place on which they rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import (
    Cursor,
    Page,
    Problem,
    RemoteAcl,
    RemoteGroup,
    RemoteItem,
    RemotePolicy,
)
from apps.connections.providers.google_drive import items, permissions
from apps.connections.providers.google_drive.answers import File
from apps.connections.providers.google_drive.logs import Log
from apps.connections.providers.google_drive.tree import Node, Placed, Tree


@dataclass
class Draft:
    """A page.

    Args:
        tree: the folders that are known.
        observed_at: before the first request for the page; moved back to the oldest fact in it.
        is_light: tell policies and no items.
    """

    tree: Tree
    observed_at: datetime
    is_light: bool = False
    _items: dict[str, RemoteItem] = field(default_factory=dict)
    _policies: dict[str, RemotePolicy] = field(default_factory=dict)
    _acls: dict[str, RemoteAcl] = field(default_factory=dict)
    _gone: dict[str, None] = field(default_factory=dict)
    _gone_places: dict[str, None] = field(default_factory=dict)
    _groups: list[RemoteGroup] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)

    def add(self, file: File, log: Log, *, seen_by: Log | None = None) -> None:
        """Tell of an item, whatever it is and wherever it lies.

        Args:
            file: the item.
            log: that it belongs to.
            seen_by: whose reader showed it, where that is another one.
        """
        if file.is_trashed:
            self.add_gone(file)
        elif file.is_folder:
            self.add_folder(file, log, seen_by=seen_by)
        elif items.is_document(file):
            self._add_document(file, log, seen_by or log)

    def add_folder(self, file: File, log: Log, *, seen_by: Log | None = None) -> Node | None:
        """Tell of a folder's place; return it if what it holds is synced."""
        try:
            node = self.tree.node_of(file, seen_by or log, self.observed_at)
        except ItemGone:  # between being listed and being looked at
            self.add_gone_place(file.id, file.name)
            return None
        self._gone_places.pop(file.id, None)
        self._rest_on(node)
        ids = [each.file.id for each in node.line()]
        return node if self.tree.logs.in_scope(log, ids) else None

    def add_drive(self, log: Log) -> None:
        """Tell who is in a shared drive."""
        self.tree.forget(log.drive_id)
        node = self.tree.node(log.drive_id, log)
        if node is not None:
            self._rest_on(node)

    def add_gone(self, file: File) -> None:
        """Tell that an item is not there any more, with all that is in it."""
        if file.is_folder:
            self.add_gone_place(file.id, file.name)
        else:
            self.add_gone_id(file.id)

    def add_gone_id(self, external_id: str) -> None:
        """Tell that a document is not there any more."""
        self._items.pop(external_id, None)
        self._policies.pop(external_id, None)
        self._gone[external_id] = None

    def add_gone_place(self, external_id: str, label: str = "") -> None:
        """Tell that a folder or shared drive is not there any more, with all that is in it."""
        self.tree.forget(external_id)
        self._acls[external_id] = permissions.closed(external_id, label)
        self._gone_places[external_id] = None

    def add_vanished(self, external_id: str) -> None:
        """Tell that something is not there any more, be it a document or a folder."""
        self.add_gone_id(external_id)
        self.tree.forget(external_id)
        self._gone_places[external_id] = None

    def add_groups(self, groups: list[RemoteGroup]) -> None:
        """Tell who is in groups."""
        self._groups += groups

    def add_problem(self, problem: Problem) -> None:
        """Tell the admin of something."""
        self._problems.append(problem)

    def finish(
        self, *, cursor: Cursor | None = None, positions: Mapping[str, str | None] | None = None
    ) -> Page:
        """Return the page."""
        return Page(
            self.observed_at,
            items=tuple(self._items.values()),
            item_policies=tuple(self._policies.items()),
            acls=tuple(self._acls.values()),
            groups=tuple(self._groups),
            deleted_ids=tuple(self._gone),
            deleted_places=tuple(self._gone_places),
            problems=tuple(self._problems),
            cursor=cursor,
            positions=positions or {},
        )

    def _add_document(self, file: File, log: Log, seen_by: Log) -> None:
        try:
            placed = self.tree.place(file, seen_by, self.observed_at)
        except (ItemGone, ItemForbidden):  # between being listed and being looked at
            self.add_gone_id(file.id)
            return
        ids = [each.file.id for each in placed.folder.line()] if placed.folder else []
        if not self.tree.logs.in_scope(log, ids):
            self.add_gone_id(file.id)
            return
        self._gone.pop(file.id, None)
        self._keep(placed)
        if self.is_light:
            self._policies[file.id] = placed.policy
        else:
            self._items[file.id] = items.item_of(file, log, placed)

    def _keep(self, placed: Placed) -> None:
        self.observed_at = min(self.observed_at, placed.observed_at)
        if placed.acl is not None:
            self._acls[placed.acl.external_id] = placed.acl
        if placed.rests and placed.folder is not None:
            self._rest_on(placed.folder)

    def _rest_on(self, node: Node) -> None:
        self.observed_at = min(self.observed_at, node.observed_at)
        for acl in node.places():
            self._acls[acl.external_id] = acl
