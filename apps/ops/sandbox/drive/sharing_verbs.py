"""What people do to each other's access: share, unshare, close a folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime

from apps.ops.sandbox.drive.records import ANYONE, ROLES, Item, Permission
from apps.ops.sandbox.drive.state import State, locked


class SharingVerbs(State):
    """Verbs about permissions; a shared drive is shared by its id, like an item."""

    @locked
    def share(
        self,
        item_id: str,
        who: str,
        role: str = "reader",
        *,
        discoverable: bool = False,
        expires_at: datetime | None = None,
        view: str = "",
    ) -> str:
        """Give a permission, or change the one that was given before.

        Args:
            item_id: an item, or a shared drive: then it becomes a membership.
            who: address of a user or group, a domain, or "anyone".
            role: reader, commenter or writer; in shared drives also fileOrganizer, organizer.
            discoverable: for a domain or anyone, whether the link is not needed.
            expires_at: when it ends; only for users and groups.
            view: "published" for the published copy only.

        Returns:
            The id of the permission.

        Raises:
            LookupError: there is no such item, or no such person in the company.
            ValueError: that cannot be shared like this.
        """
        item = self.item(item_id)
        permission = self._grantee(who, discoverable=discoverable)
        permission.role = "publishedReader" if view == "published" else role
        permission.expires_at = expires_at
        permission.view = view
        self._check(item, permission)
        if expires_at is not None:
            self.expiring.add(item.id)
        with self._changing_shares(item):
            if permission.type == ANYONE:
                item.permissions.pop("anyone", None)
                item.permissions.pop("anyoneWithLink", None)
            item.permissions[permission.place] = permission
        return permission.id

    @locked
    def unshare(self, item_id: str, who: str) -> None:
        """Take a permission away.

        Args:
            item_id: an item or a shared drive.
            who: an address, a domain or "anyone", as for `share`, or the permission's id.

        Raises:
            LookupError: it was not shared with them directly.
            ValueError: who owns an item keeps it.
        """
        item = self.item(item_id)
        ids = self._grantee_ids(who)
        places = [place for place, given in item.permissions.items() if given.id in ids]
        if not places:
            raise LookupError(f"{item_id} was not shared with {who}")
        if any(item.permissions[place].role == "owner" for place in places):
            raise ValueError("the owner's permission cannot be removed")
        with self._changing_shares(item):
            for place in places:
                del item.permissions[place]

    @locked
    def limit_access(self, folder_id: str, *, limited: bool = True) -> None:
        """Close a folder to those who come through its parents, or open it again.

        Raises:
            LookupError: there is no such folder.
            ValueError: only folders can be closed.
        """
        folder = self.item(folder_id)
        if not folder.is_folder or folder.is_root:
            raise ValueError("only folders below a root can have limited access")
        with self.changing(folder, spreads=True):
            folder.limited = limited

    @locked
    def forbid_download(self, item_id: str, *, forbidden: bool = True) -> None:
        """Keep readers and commenters from downloading, printing and copying."""
        item = self.item(item_id)
        with self.changing(item):
            item.copy_restricted = forbidden

    def _grantee(self, who: str, *, discoverable: bool) -> Permission:
        if who == ANYONE:
            permission_id = "anyone" if discoverable else "anyoneWithLink"
            return Permission(permission_id, ANYONE, "", discoverable=discoverable)
        if "@" not in who:
            return Permission(self._domain_id(who), "domain", "", who, discoverable)
        holder = self.people.known_or_external(who)
        self.access.forget_people()
        kind = "group" if holder.id in self.people.groups else "user"
        return Permission(holder.id, kind, "", who)

    def _grantee_ids(self, who: str) -> set[str]:
        if who == ANYONE:
            return {"anyone", "anyoneWithLink"}
        holder = self.people.user(who) or self.people.group(who)
        return {holder.id} if holder else {who, self._domain_id(who)}

    def _domain_id(self, domain: str) -> str:
        return self.ids.number("domain", domain) + "k"

    def _changing_shares(self, item: Item) -> AbstractContextManager[None]:
        is_drive = item.id in self.drives
        return self.changing_drive(item) if is_drive else self.changing(item, spreads=True)

    def _check(self, item: Item, permission: Permission) -> None:
        known = item.permissions.get(permission.place)
        if known is not None and known.role == "owner":
            raise ValueError("the owner keeps the item")
        if item.is_root and not item.drive_id:
            raise ValueError("a My Drive cannot be shared as a whole")
        if permission.role not in ROLES or permission.role == "owner":
            raise ValueError(f"nothing is shared with the role {permission.role!r}")
        if permission.role == "organizer" and item.id not in self.drives:
            raise ValueError("organizers are members of a shared drive")
        if permission.role == "fileOrganizer" and not item.drive_id:
            raise ValueError("fileOrganizer is a role of shared drives")
        if permission.type in {"domain", ANYONE} and (
            item.id in self.drives or permission.expires_at
        ):
            raise ValueError("members of shared drives, and who has a time limit, are people")
        if permission.view not in {"", "published"}:
            raise ValueError(f"there is no view {permission.view!r} to share")
