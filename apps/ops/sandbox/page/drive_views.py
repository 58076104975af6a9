"""What the page shows of the simulated Drive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apps.ops.sandbox.drive.records import (
    DOCUMENT,
    FOLDER,
    PRESENTATION,
    ROLES,
    SHORTCUT,
    SPREADSHEET,
    Item,
    Permission,
)
from apps.ops.sandbox.page.drive_acts import is_text
from apps.ops.sandbox.sample import Sandbox

_KINDS = {
    FOLDER: "Folder",
    DOCUMENT: "Document",
    SPREADSHEET: "Sheet",
    PRESENTATION: "Slides",
    SHORTCUT: "Shortcut",
}
_ITEM_ROLES = ("reader", "commenter", "writer")
_DRIVE_ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer")


@dataclass
class Node:
    """One item of the tree."""

    id: str
    name: str
    kind: str
    notes: list[str]
    readers: list[str]
    children: list[Node] = field(default_factory=list)


def tree(box: Sandbox) -> list[Node]:
    """Return the shared drives and everybody's My Drive, those with something in them."""
    roots = [item for item in box.drive.items.values() if item.is_root]
    shown = [each for each in roots if each.drive_id or box.drive.children.get(each.id)]
    shown.sort(key=lambda each: (not each.drive_id, _title(box, each)))
    return [_node(box, each) for each in shown]


def item(box: Sandbox, item_id: str) -> dict[str, Any]:
    """Return what is shown of one item.

    Raises:
        LookupError: there is none.
    """
    found = box.drive.item(item_id)
    is_drive = item_id in box.drive.drives
    roles = _DRIVE_ROLES if is_drive else _ITEM_ROLES
    way = list(box.drive.path_up(found))[:0:-1]
    return {
        "item": found,
        "title": _title(box, found),
        "kind": _kind(found),
        "notes": _notes(box, found),
        "way": [(each.id, _title(box, each)) for each in way],
        "readers": names(box, box.drive.readers(item_id)),
        "shared": [_shared(each) for each in found.permissions.values()],
        "children": [_node(box, box.drive.items[c]) for c in box.drive.children.get(item_id, ())],
        "roles": [role for role in ROLES if role in roles],
        "grantees": grantees(box),
        "folders": list(_folders(box, found)),
        "text": found.content.decode("utf-8", "replace") if is_text(found.mime_type) else None,
        "is_trashed": box.drive.is_trashed(found),
        "can_be_shared": is_drive or not found.is_root,
    }


def names(box: Sandbox, emails: set[str]) -> list[str]:
    """Return how people are called who have these addresses, in order."""
    known = {user.email: user.name for user in box.drive.people.users.values()}
    known |= {person.email: person.name for person in box.slack.people.values()}
    return sorted(known.get(email, email) for email in emails)


def grantees(box: Sandbox) -> list[tuple[str, str]]:
    """Return whom something can be shared with: value and label."""
    people = box.drive.people
    users = [(user.email, f"{user.name} ({user.email})") for user in people.users.values()]
    groups = [(group.email, f"{group.name} (group)") for group in people.groups.values()]
    wide = [(people.domain, f"Everybody at {people.domain}"), ("anyone", "Anyone")]
    return sorted(groups, key=_label) + sorted(users, key=_label) + wide


def _label(option: tuple[str, str]) -> str:
    return option[1]


def _node(box: Sandbox, found: Item) -> Node:
    children = [box.drive.items[each] for each in box.drive.children.get(found.id, ())]
    children.sort(key=lambda each: (not each.is_folder, each.name))
    return Node(
        found.id,
        _title(box, found),
        _kind(found),
        _notes(box, found),
        names(box, box.drive.readers(found.id)),
        [_node(box, each) for each in children],
    )


def _title(box: Sandbox, found: Item) -> str:
    if found.is_root and not found.drive_id:
        return f"My Drive of {box.drive.people.users[found.owner].name}"
    return found.name


def _kind(found: Item) -> str:
    if found.is_root:
        return "Shared drive" if found.drive_id else "My Drive"
    return _KINDS.get(found.mime_type, "File")


def _notes(box: Sandbox, found: Item) -> list[str]:
    notes = []
    if found.limited:
        notes.append("limited access")
    if box.drive.is_trashed(found):
        notes.append("in the trash")
    wide = [each for each in found.permissions.values() if each.type in {"domain", "anyone"}]
    if any(not each.discoverable for each in wide):
        notes.append("open to who has the link")
    return notes


def _shared(permission: Permission) -> dict[str, str]:
    label = permission.address or "Anyone"
    if permission.type in {"domain", "anyone"}:
        label += "" if permission.discoverable else " with the link"
    return {"id": permission.id, "label": label, "role": permission.role}


def _folders(box: Sandbox, found: Item) -> Iterator[tuple[str, str]]:
    """Yield the folders that an item can be moved into: id and path."""
    inside = {found.id, *(each.id for each in box.drive.below(found))}
    for each in box.drive.items.values():
        if each.is_folder and each.id not in inside and each.id != found.parent:
            way = [_title(box, step) for step in box.drive.path_up(each)]
            yield each.id, " / ".join(reversed(way))
