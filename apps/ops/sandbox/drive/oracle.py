"""The truth in plain Python: who may read what, and what exists, now.

Written apart from `access.py`, by which the HTTP side answers: a plain walk up the parents.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.ops.sandbox.drive.records import FOLDER, SHORTCUT, Item, Permission
from apps.ops.sandbox.drive.state import State


@dataclass(frozen=True)
class LiveFile:
    """A file that exists and is not in the trash."""

    name: str
    path: str
    content: bytes


class Oracle:
    """Answers about a company; takes no lock, so its caller holds it where others write."""

    def __init__(self, state: State) -> None:
        self._state = state

    def readers(self, item_id: str, *, with_link: bool = False) -> set[str]:
        """Return the primary addresses of those who may read an item now.

        Args:
            item_id: an item; LookupError if there is none.
            with_link: whether also those count who would need a link to find it.
        """
        allowed = self._allowed(self._state.item(item_id), with_link=with_link)
        users = self._state.people.users.values()
        return {
            user.email
            for user in users
            if user.id in allowed and not user.suspended and not user.deleted
        }

    def live_files(self) -> dict[str, LiveFile]:
        """Return the files, by id, without folders, shortcuts and what is in the trash."""
        return {
            item.id: LiveFile(item.name, self._path(item), item.content)
            for item in self._state.items.values()
            if item.mime_type not in {FOLDER, SHORTCUT} and not self._is_trashed(item)
        }

    def _allowed(self, item: Item, *, with_link: bool) -> set[str]:
        allowed: set[str] = set()
        for permission in item.permissions.values():
            if self._counts(permission, with_link=with_link):
                allowed |= self._holders(permission)
        if not item.parent:
            return allowed
        if item.limited:
            return allowed | self._organizers(item)
        parent = self._state.items[item.parent]
        if not parent.parent and not parent.drive_id:
            return allowed
        return allowed | self._allowed(parent, with_link=with_link)

    def _counts(self, permission: Permission, *, with_link: bool) -> bool:
        if permission.view:
            return False
        if permission.expires_at is not None and permission.expires_at <= self._state.clock.now():
            return False
        if permission.type in {"domain", "anyone"}:
            return permission.discoverable or with_link
        return True

    def _holders(self, permission: Permission) -> set[str]:
        users = self._state.people.users
        if permission.type == "user":
            return {permission.id}
        if permission.type == "group":
            return self._in_group(permission.id)
        if permission.type == "domain":
            ending = "@" + permission.address
            return {user.id for user in users.values() if user.email.endswith(ending)}
        return set(users)

    def _in_group(self, group_id: str) -> set[str]:
        found: set[str] = set()
        for member in self._state.people.groups[group_id].members:
            if member in self._state.people.groups:
                found |= self._in_group(member)
            elif member == self._state.people.customer_id:
                users = self._state.people.users.values()
                found |= {user.id for user in users if not user.is_external}
            else:
                found.add(member)
        return found

    def _organizers(self, item: Item) -> set[str]:
        found: set[str] = set()
        while item.parent:
            item = self._state.items[item.parent]
            for permission in item.permissions.values():
                if permission.role == "organizer" and self._counts(permission, with_link=False):
                    found |= self._holders(permission)
        return found

    def _is_trashed(self, item: Item) -> bool:
        return item.trashed or (
            bool(item.parent) and self._is_trashed(self._state.items[item.parent])
        )

    def _path(self, item: Item) -> str:
        if not item.parent:
            return item.name
        return f"{self._path(self._state.items[item.parent])}/{item.name}"
