"""What can be picked: My Drive, shared drives, and folders in them."""

from __future__ import annotations

from collections.abc import Sequence

from apps.connections.errors import ItemForbidden, ItemGone
from apps.connections.protocol import Choice
from apps.connections.providers.google_drive.answers import FOLDER
from apps.connections.providers.google_drive.logs import Log, Logs, name_of_drive
from apps.connections.providers.google_drive.settings import (
    MINE,
    Scope,
    drive_choice,
    folder_choice,
    scope_of,
)

# More than this nobody picks from.
_MOST_PAGES = 5


def choices(logs: Logs, parent: str) -> Sequence[Choice]:
    """Return what can be picked below a choice; at the top with no parent.

    Raises:
        SettingsRejected: the parent is no choice.
        ItemGone, ItemForbidden: it is not there, or cannot be read.
    """
    if parent:
        return _folders(logs, scope_of([parent]))
    drives = [
        Choice(drive_choice(drive.id), drive.name, "Shared drive", has_children=True)
        for drive in sorted(logs.drives.values(), key=lambda drive: drive.name.casefold())
    ]
    if logs.acts_for_others:  # whose My Drives are synced is a setting of its own
        return drives
    return [Choice(MINE, "My Drive", has_children=True), *drives]


def _folders(logs: Logs, parent: Scope) -> list[Choice]:
    drive_id, folder_id = _place(parent)
    log = _log(logs, drive_id)
    query = f"'{folder_id}' in parents and mimeType = '{FOLDER}' and trashed = false"
    found: list[Choice] = []
    page = ""
    for _ in range(_MOST_PAGES):
        listed = log.client.files(query, drive_id=drive_id, page=page, order="name")
        found += [
            Choice(folder_choice(drive_id, file.id), file.name, has_children=True)
            for file in listed.files
        ]
        page = listed.next
        if not page:
            break
    return found


def _place(parent: Scope) -> tuple[str, str]:
    """Return the drive and the folder that a choice is."""
    if parent.folders:
        return parent.folders[0]
    drive_id = next(iter(parent.drives), "")
    return drive_id, drive_id or "root"


def _log(logs: Logs, drive_id: str) -> Log:
    if drive_id:
        return logs.log(name_of_drive(drive_id))
    if logs.acts_for_others:
        raise ItemForbidden("Folders of people are not picked.", external_id="mine")
    if not logs.me.email:
        raise ItemGone("The account has no address.", external_id="mine")
    return logs.log(f"user:{logs.me.email}")
