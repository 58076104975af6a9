"""What the page shows of the simulated Slack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apps.ops.sandbox.page.drive_views import names
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.slack.records import Channel, Kind, Message

_KINDS = {
    Kind.PUBLIC: "Public channel",
    Kind.PRIVATE: "Private channel",
    Kind.GROUP_DM: "Group message",
    Kind.DM: "Direct message",
}


def channels(box: Sandbox) -> dict[str, Any]:
    """Return all conversations, public ones first, and who could make another."""
    kinds = list(_KINDS)
    listed = sorted(
        box.slack.channels.values(), key=lambda each: (kinds.index(each.kind), each.name)
    )
    own = [
        each
        for each in box.slack.people.values()
        if each.team_id == box.slack.team_id and not each.is_bot and not each.is_deleted
    ]
    return {"channels": [_summary(box, each) for each in listed], "people": own}


def channel(box: Sandbox, channel_id: str) -> dict[str, Any]:
    """Return what is shown of one conversation.

    Raises:
        LookupError: there is none.
    """
    found = box.slack.channel(channel_id)
    members = [box.slack.person(each) for each in found.member_ids]
    listed = sorted(found.messages.values(), key=lambda each: (each.thread_ts or each.ts, each.ts))
    return _summary(box, found) | {
        "channel": found,
        "is_direct": found.kind in {Kind.DM, Kind.GROUP_DM},
        "is_private": found.kind is Kind.PRIVATE,
        "members": sorted(members, key=lambda each: each.name),
        "strangers": [
            each
            for each in box.slack.people.values()
            if each.id not in found.member_ids and not each.is_deleted
        ],
        "writers": [each for each in members if not each.is_bot and not each.is_deleted],
        "messages": [_message(box, each) for each in listed],
    }


def _summary(box: Sandbox, found: Channel) -> dict[str, Any]:
    people = [box.slack.person(each) for each in found.member_ids]
    title = f"#{found.name}" if found.name else " and ".join(each.name for each in people)
    notes = []
    if found.is_archived:
        notes.append("archived")
    if found.connected_team_ids:
        notes.append("shared with another workspace")
    if box.slack.bot_user_id not in found.member_ids:
        notes.append("without Kenward")
    return {
        "id": found.id,
        "title": title,
        "kind": _KINDS[found.kind],
        "notes": notes,
        "readers": names(box, box.slack.readers(found.id)),
        "count": len([m for m in found.messages.values() if m.subtype != "tombstone"]),
    }


def _message(box: Sandbox, written: Message) -> dict[str, Any]:
    author = box.slack.people.get(written.user_id)
    at = datetime.fromtimestamp(float(written.ts), UTC)
    return {
        "ts": written.ts,
        "author": author.name if author else "Slackbot",
        "at": at.strftime("%d %b %H:%M:%S UTC"),
        "text": written.text,
        "is_reply": written.is_reply,
        "is_edited": written.edited is not None,
        "is_written": written.subtype in {"", "thread_broadcast"},
        "thread": written.thread_ts or written.ts,
        "files": [box.slack.file(each) for each in written.file_ids],
    }
