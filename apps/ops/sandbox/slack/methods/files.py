"""Methods about files."""

from __future__ import annotations

from apps.ops.sandbox.slack import shapes, sight
from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.records import SharedFile
from apps.ops.sandbox.slack.shapes import Json

_DEFAULT_COUNT = 100
_TYPES = {
    "all": "",
    "images": "image/",
    "pdfs": "application/pdf",
    "snippets": "text/",
    "spaces": "application/vnd.slack-docs",
    "zips": "application/zip",
    "gdocs": "application/vnd.google-apps",
}


def listed(call: Call) -> Json:
    """Answer `files.list`."""
    call.need("files:read")
    files = [each for each in call.workspace.files.values() if _is_wanted(call, each)]
    files.sort(key=lambda each: (each.created_at, each.id), reverse=True)
    count = call.number("count", _DEFAULT_COUNT, 1000)
    number = call.number("page", 1, 1_000_000)
    some = files[(number - 1) * count : number * count]
    return {
        "files": [shapes.file(call.workspace, each, call.may_see) for each in some],
        "paging": {
            "count": count,
            "total": len(files),
            "page": number,
            "pages": max(1, -(-len(files) // count)),
        },
    }


def info(call: Call) -> Json:
    """Answer `files.info`."""
    call.need("files:read")
    shown = shapes.file(call.workspace, call.file(), call.may_see)
    return {"file": shown, "comments": [], "response_metadata": {"next_cursor": ""}}


def _is_wanted(call: Call, file: SharedFile) -> bool:
    if not sight.sees_file(call.workspace, call.token, file):
        return False
    owner, channel_id = call.text("user"), call.text("channel")
    if owner and file.user_id != owner:
        return False
    if channel_id and channel_id not in {each.id for each in call.workspace.places_of(file.id)}:
        return False
    earliest, latest = call.text("ts_from", "0"), call.text("ts_to", "9999999999")
    return float(earliest) <= file.created_at <= float(latest) and _is_of_type(call, file)


def _is_of_type(call: Call, file: SharedFile) -> bool:
    names = call.text("types", "all").split(",")
    if not set(names) <= set(_TYPES):
        raise MethodError("unknown_type")
    return any(file.mimetype.startswith(_TYPES[name]) for name in names)
