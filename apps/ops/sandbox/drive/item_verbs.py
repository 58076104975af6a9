"""What happens to items: made, edited, renamed, moved, put into the trash, deleted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from apps.ops.sandbox.drive.records import (
    DOCUMENT,
    FOLDER,
    PRESENTATION,
    SHORTCUT,
    SPREADSHEET,
    Item,
    Permission,
    User,
)
from apps.ops.sandbox.drive.sharing_verbs import SharingVerbs
from apps.ops.sandbox.drive.state import locked


class ItemVerbs(SharingVerbs):
    """Verbs about shared drives, folders and files.

    Where a verb takes `into`, it is the id of a folder or of a shared drive; without it the item
    comes into the My Drive of `owner`. `owner` is an address; in a folder of a My Drive it is by
    default who owns the folder, and in a shared drive it says who made the item.
    """

    @locked
    def add_drive(self, name: str, members: Mapping[str, str]) -> str:
        """Add a shared drive.

        Args:
            name: its name.
            members: role by address; the first, a user, is also who made it.

        Returns:
            Its id, which is also the id of its top folder.

        Raises:
            ValueError: nobody is an organizer, or a role is none.
        """
        if "organizer" not in members.values():
            raise ValueError("a shared drive needs an organizer")
        root = self.new_root(
            self.ids.drive(), name, self.account(next(iter(members))), is_drive=True
        )
        self.drives[root.id] = root
        for address, role in members.items():
            self.share(root.id, address, role)
        return root.id

    @locked
    def delete_drive(self, drive_id: str) -> None:
        """Delete a shared drive with all that is in it; only the drive itself is logged."""
        root = self.drives[drive_id]
        with self.changing_drive(root):
            for item in list(self.below(root)):
                self.forget(item)
            self.forget(root)
            del self.drives[drive_id]

    @locked
    def add_folder(self, name: str, *, into: str = "", owner: str = "") -> str:
        """Add a folder and return its id."""
        return self.add_item(name, FOLDER, into=into, owner=owner).id

    @locked
    def add_file(
        self,
        name: str,
        content: bytes,
        *,
        mime_type: str = "application/octet-stream",
        into: str = "",
        owner: str = "",
    ) -> str:
        """Add a file with bytes of its own and return its id."""
        return self.add_item(name, mime_type, content=content, into=into, owner=owner).id

    @locked
    def add_doc(self, name: str, markdown: str, *, into: str = "", owner: str = "") -> str:
        """Add a document of the editor and return its id."""
        content = markdown.encode()
        return self.add_item(name, DOCUMENT, content=content, into=into, owner=owner).id

    @locked
    def add_sheet(
        self, name: str, rows: Iterable[Sequence[str]], *, into: str = "", owner: str = ""
    ) -> str:
        """Add a spreadsheet of one sheet and return its id."""
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        content = text.getvalue().encode()
        return self.add_item(name, SPREADSHEET, content=content, into=into, owner=owner).id

    @locked
    def add_slides(self, name: str, text: str, *, into: str = "", owner: str = "") -> str:
        """Add a presentation and return its id."""
        content = text.encode()
        return self.add_item(name, PRESENTATION, content=content, into=into, owner=owner).id

    @locked
    def add_shortcut(self, name: str, target: str, *, into: str = "", owner: str = "") -> str:
        """Add a shortcut to an item and return the shortcut's id; its sharing is its own."""
        self.item(target)
        return self.add_item(name, SHORTCUT, target=target, into=into, owner=owner).id

    @locked
    def add_item(
        self,
        name: str,
        mime_type: str,
        *,
        content: bytes = b"",
        target: str = "",
        into: str = "",
        owner: str = "",
    ) -> Item:
        """Add an item of any type.

        Raises:
            LookupError: there is no such folder or account.
            ValueError: it says neither where nor whose, or `into` is no folder.
        """
        folder, maker = self._place(into, owner)
        now = self.clock.now()
        item = Item(
            id=self.ids.file(),
            name=name,
            mime_type=mime_type,
            parent=folder.id,
            drive_id=folder.drive_id,
            owner="" if folder.drive_id else maker.id,
            created_at=now,
            modified_at=now,
            modified_by=maker.id,
            content=content,
            target=target,
        )
        if not folder.drive_id:
            item.permissions[maker.id] = Permission(maker.id, "user", "owner", maker.email)
        self.keep(item)
        return item

    @locked
    def edit(self, item_id: str, content: bytes | str, *, by: str = "") -> None:
        """Replace the content of a file, by its owner where nobody else is named."""
        item = self.item(item_id)
        with self.changing(item):
            item.content = content.encode() if isinstance(content, str) else content
            item.revision += 1
            self._touch(item, by)

    @locked
    def rename(self, item_id: str, name: str, *, by: str = "") -> None:
        """Give an item, or a shared drive, another name."""
        item = self.item(item_id)
        with self.changing_drive(item) if item_id in self.drives else self.changing(item):
            item.name = name
            self._touch(item, by)

    @locked
    def move(self, item_id: str, into: str) -> None:
        """Put an item with all that is in it into another folder or shared drive.

        In a shared drive nobody owns an item; what leaves one belongs to who owns the folder.

        Raises:
            LookupError: there is no such item or folder.
            ValueError: `into` is no folder, or is inside the item.
        """
        item, folder = self.item(item_id), self.item(into)
        if not folder.is_folder or item.is_root or item in self.path_up(folder):
            raise ValueError("an item moves into a folder that is not in it")
        with self.changing(item, spreads=True):
            del self.children[item.parent][item.id]
            item.parent = folder.id
            self.children.setdefault(folder.id, {})[item.id] = None
            if item.drive_id != folder.drive_id:
                for each in [item, *self.below(item)]:
                    self._settle(each, folder)

    @locked
    def trash(self, item_id: str) -> None:
        """Put an item into the trash; who could read it still can."""
        item = self.item(item_id)
        with self.changing(item, spreads=True):
            item.trashed, item.trashed_at = True, self.clock.now()

    @locked
    def untrash(self, item_id: str) -> None:
        """Take an item out of the trash."""
        item = self.item(item_id)
        with self.changing(item, spreads=True):
            item.trashed, item.trashed_at = False, None

    @locked
    def delete(self, item_id: str) -> None:
        """Delete an item for good.

        With a folder of a My Drive goes what its owner owns in it; the rest moves to the My Drive
        of whose it is. With a folder of a shared drive goes all of it.

        Raises:
            LookupError: there is no such item.
            ValueError: it is a root.
        """
        item = self.item(item_id)
        if item.is_root:
            raise ValueError("a root cannot be deleted")
        with self.changing(item, spreads=True):
            for child_id in list(self.children.get(item.id, ())):
                self._delete_or_orphan(self.items[child_id], item.owner)
            self.forget(item)

    def _delete_or_orphan(self, item: Item, owner: str) -> None:
        if item.owner != owner:
            self.move(item.id, self.people.users[item.owner].root_id)
            return
        for child_id in list(self.children.get(item.id, ())):
            self._delete_or_orphan(self.items[child_id], owner)
        self.forget(item)

    def _place(self, into: str, owner: str) -> tuple[Item, User]:
        if not into:
            if not owner:
                raise ValueError("an item needs a folder or an owner")
            maker = self.account(owner)
            return self.item(maker.root_id), maker
        folder = self.item(into)
        if not folder.is_folder:
            raise ValueError(f"{into} is no folder")
        maker = self.account(owner or folder.owner or folder.modified_by)
        if maker.is_external and not folder.drive_id:
            raise ValueError(f"{maker.email} has no My Drive here")
        return folder, maker

    def _touch(self, item: Item, by: str) -> None:
        item.modified_at = self.clock.now()
        item.modified_by = self.account(by or item.owner or item.modified_by).id

    def _settle(self, item: Item, folder: Item) -> None:
        item.drive_id = folder.drive_id
        item.permissions = {
            place: permission
            for place, permission in item.permissions.items()
            if permission.role not in {"owner", "organizer", "fileOrganizer"}
        }
        item.owner = "" if folder.drive_id else folder.owner
        if item.owner:
            owner = self.people.users[item.owner]
            item.permissions[owner.id] = Permission(owner.id, "user", "owner", owner.email)
