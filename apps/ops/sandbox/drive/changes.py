"""changes.getStartPageToken, list and watch, and channels.stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.errors import ApiError, invalid
from apps.ops.sandbox.drive.feed import Entry, TokenRefused, latest
from apps.ops.sandbox.drive.file_fields import DEFAULT_FILE, FILE, file
from apps.ops.sandbox.drive.files import shared_drive
from apps.ops.sandbox.drive.masks import Mask, Tree, below, leaves, wants
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.push import Channel
from apps.ops.sandbox.drive.records import Item, written
from apps.ops.sandbox.drive.shapes import DEFAULT_DRIVE, DRIVE

PLAIN = "kind type changeType time removed fileId driveId teamDriveId"
CHANGE: Tree = {**leaves(PLAIN), "file": FILE, "drive": DRIVE, "teamDrive": {}}
CHANGE_LIST: Tree = {**leaves("kind nextPageToken newStartPageToken"), "changes": CHANGE}
DEFAULT_CHANGE: Mask = {name: {} for name in PLAIN.split()}
DEFAULT_CHANGE |= {"file": DEFAULT_FILE, "drive": DEFAULT_DRIVE}
DEFAULT_LIST: Mask = {
    "kind": {},
    "nextPageToken": {},
    "newStartPageToken": {},
    "changes": DEFAULT_CHANGE,
}
START: Tree = {"kind": {}, "startPageToken": {}}
CHANNEL = leaves("address expiration id kind params payload resourceId resourceUri token type")
MOST_CHANGES = 1000
LONGEST = timedelta(days=7)
USUAL = timedelta(hours=1)


def start_token(call: Call) -> JsonAnswer:
    """Answer changes.getStartPageToken."""
    mask = call.mask({}, START)
    if call.text("driveId"):
        shared_drive(call, call.text("driveId"))
    token = call.company.feed.start_token()
    return dict(masked(mask, {"kind": "drive#startPageToken", "startPageToken": token}))


def list_changes(call: Call) -> JsonAnswer:
    """Answer changes.list: the last change of each thing in a log."""
    mask = call.mask(DEFAULT_LIST, CHANGE_LIST)
    size = call.size("pageSize", 100, MOST_CHANGES)
    shown: JsonAnswer = {"kind": "drive#changeList"}
    changes = _Changes(call, below(mask, "changes"))
    page: list[JsonAnswer] = []
    for entry in latest(changes.entries()):
        if len(page) == size:
            shown["nextPageToken"] = str(entry.number)
            break
        change = changes.shown(entry)
        if change is not None:
            page.append(change)
    else:
        shown["newStartPageToken"] = call.company.feed.start_token()
    shown["changes"] = page
    return {name: value for name, value in shown.items() if wants(mask, name)}


def watch(call: Call) -> JsonAnswer:
    """Answer changes.watch: open a channel to an address of this machine."""
    mask = call.mask({}, CHANNEL)
    drive_id = call.text("driveId")
    if drive_id:
        shared_drive(call, drive_id)
    _since(call)
    channel = _channel(call, drive_id)
    try:
        call.company.push.open(channel)
    except ValueError as error:
        raise ApiError(400, "channelIdNotUnique", str(error), "id") from error
    shown: JsonAnswer = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": str(int(channel.expires_at.timestamp() * 1000)),
    }
    if channel.token:
        shown["token"] = channel.token
    return dict(masked(mask, shown))


def stop(call: Call) -> None:
    """Answer channels.stop."""
    channel_id = str(call.body.get("id", ""))
    resource_id = str(call.body.get("resourceId", ""))
    if not call.company.push.stop(channel_id, resource_id, call.user.id):
        raise ApiError(404, "notFound", f"Channel '{channel_id}' not found for project 'sandbox'")


class _Changes:
    """One log, as one caller sees it."""

    def __init__(self, call: Call, mask: Mask) -> None:
        self._call = call
        self._mask = mask
        self._with_drives = call.flag("includeItemsFromAllDrives")
        self._with_removed = call.flag("includeRemoved", default=True)
        self._drive_id = call.text("driveId")
        if self._drive_id:
            shared_drive(call, self._drive_id)
        self._joined = {
            root.id
            for root in call.company.drives.values()
            if call.company.access.lists(call.user, root)
        }

    def entries(self) -> list[Entry]:
        """Return the changes from the page token on, those of this log only."""
        return [entry for entry in _since(self._call) if self._is_in_log(entry)]

    def shown(self, entry: Entry) -> JsonAnswer | None:
        """Return a change as it is now, or None where it says nothing to the caller."""
        company = self._call.company
        removed = False
        state: JsonAnswer = {}
        if entry.file_id:
            item = company.items.get(entry.file_id)
            removed = item is None or not self._still_in_log(item)
            state = {"fileId": entry.file_id}
            if item is not None and not removed and wants(self._mask, "file"):
                state["file"] = file(self._call.view, item, below(self._mask, "file"))
        else:
            removed = entry.drive_id not in self._joined
            state = {"driveId": entry.drive_id}
            if not removed:
                root = company.drives[entry.drive_id]
                state["drive"] = self._call.view.drive(root, below(self._mask, "drive"))
        if removed and not self._with_removed:
            return None
        kind = "file" if entry.file_id else "drive"
        change: JsonAnswer = {
            "kind": "drive#change",
            "type": kind,
            "changeType": kind,
            "time": written(entry.at),
            "removed": removed,
        }
        change |= state
        return {name: value for name, value in change.items() if wants(self._mask, name)}

    def _is_in_log(self, entry: Entry) -> bool:
        if self._call.user.id not in entry.audience:
            return False
        if self._drive_id:
            return self._drive_id in entry.places
        if "" in entry.places:
            return True
        if entry.drive_id:
            return self._with_drives
        # A member reads what happens in a shared drive from the log of the drive.
        return self._with_drives and self._joined.isdisjoint(entry.places)

    def _still_in_log(self, item: Item) -> bool:
        if self._drive_id and item.drive_id != self._drive_id:
            return False
        if item.drive_id and not self._with_drives:
            return False
        call = self._call
        return call.sees(item) and call.company.access.lists(call.user, item)


def _since(call: Call) -> list[Entry]:
    if not call.text("pageToken"):
        raise ApiError(400, "required", "Required parameter: pageToken", "pageToken")
    try:
        return call.company.feed.since(call.text("pageToken"))
    except TokenRefused as error:
        raise invalid("pageToken") from error


def _channel(call: Call, drive_id: str) -> Channel:
    sent = call.body
    if sent.get("type") not in {"web_hook", "webhook"}:
        raise ApiError(400, "unknownChannelType", "Unknown channel type.", "type")
    if not sent.get("id"):
        raise ApiError(400, "required", "Required parameter: id", "id")
    address = str(sent.get("address", ""))
    # A sandbox reaches nobody but this machine, and there HTTP will do.
    if urlsplit(address).hostname not in {"127.0.0.1", "localhost"}:
        message = f"Unauthorized WebHook callback channel: {address}"
        raise ApiError(401, "push.webhookUrlUnauthorized", message, "address")
    company = call.company
    log = f"log of {drive_id or call.user.id}"
    return Channel(
        id=str(sent["id"]),
        resource_id=company.ids.number("resource", log),
        resource_uri=f"https://www.googleapis.com/drive/v3/changes?{call.request.url.query}",
        address=address,
        token=str(sent.get("token", "")),
        user_id=call.user.id,
        drive_id=drive_id,
        expires_at=_ends_at(company.clock.now(), sent.get("expiration")),
    )


def _ends_at(now: datetime, asked: object) -> datetime:
    if asked is None:
        return now + USUAL
    if not str(asked).isdecimal():
        raise invalid("expiration")
    ends_at = datetime.fromtimestamp(int(str(asked)) / 1000, UTC)
    if ends_at <= now:
        raise invalid("expiration")
    return min(ends_at, now + LONGEST)
