"""How Slack writes its records as JSON.

Source: the object types in Slack's own description (slack-api-specs, 2021) and the pages of
https://docs.slack.dev/reference/objects/ for what has been added since.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from apps.ops.sandbox.slack.records import (
    Channel,
    Guest,
    Kind,
    Message,
    Person,
    SharedFile,
    UserGroup,
)
from apps.ops.sandbox.slack.state import State

Json = dict[str, Any]
Sees = Callable[[Channel], bool]
_EMAIL_SCOPE = "users:read.email"
_FILETYPES = {
    "text/markdown": ("markdown", "Markdown (raw)"),
    "text/plain": ("text", "Plain Text"),
    "text/csv": ("csv", "CSV"),
    "text/html": ("html", "HTML"),
    "application/pdf": ("pdf", "PDF"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "docx",
        "Word Document",
    ),
}


def _everything(_place: Channel) -> bool:
    return True


def person(state: State, who: Person, *, with_email: bool | None = None) -> Json:
    """Return a user object; left open, the address is in it if a token of the app may know it."""
    if with_email is None:
        live = (token for token in state.tokens.values() if not token.ended)
        with_email = any(_EMAIL_SCOPE in token.scopes for token in live)
    return {
        "id": who.id,
        "team_id": who.team_id,
        "name": who.handle,
        "real_name": who.name,
        "deleted": who.is_deleted,
        "profile": _profile(state, who, with_email=with_email),
        "is_admin": who.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": who.guest is not Guest.NO,
        "is_ultra_restricted": who.guest is Guest.SINGLE_CHANNEL,
        "is_bot": who.is_bot,
        "is_app_user": False,
        "is_stranger": who.team_id != state.team_id,
        "updated": who.updated_at,
    }


def _profile(state: State, who: Person, *, with_email: bool) -> Json:
    first, _, last = who.name.partition(" ")
    return {
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": who.name,
        "real_name_normalized": who.name,
        "display_name": who.handle,
        "display_name_normalized": who.handle,
        "first_name": first,
        "last_name": last,
        "fields": None,
        "status_text": "",
        "status_emoji": "",
        "avatar_hash": "g000000000000",
        "team": who.team_id,
        **({"email": who.email} if with_email and who.email else {}),
        **({"bot_id": state.app.bot_id, "api_app_id": state.app.app_id} if who.is_bot else {}),
    }


def channel(state: State, place: Channel, viewer_id: str) -> Json:
    """Return a conversation object, as one member sees it."""
    if place.kind is Kind.DM:
        return _direct(state, place, viewer_id)
    is_private = not place.is_public
    is_shared = bool(place.connected_team_ids)
    note = {"creator": "", "last_set": 0}
    return {
        "id": place.id,
        "name": place.name,
        "name_normalized": place.name,
        "is_channel": place.kind in {Kind.PUBLIC, Kind.PRIVATE},
        "is_group": False,
        "is_im": False,
        "is_mpim": place.kind is Kind.GROUP_DM,
        "is_private": is_private,
        "created": place.created_at,
        "creator": place.creator_id,
        "is_archived": place.is_archived,
        "is_general": place.is_general,
        "unlinked": 0,
        "is_shared": is_shared,
        "is_ext_shared": is_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "shared_team_ids": [state.team_id, *place.connected_team_ids],
        "connected_team_ids": list(place.connected_team_ids),
        "internal_team_ids": [],
        "context_team_id": state.team_id,
        "updated": place.updated_at * 1000,
        "is_member": viewer_id in place.member_ids,
        "topic": {"value": place.topic, **note},
        "purpose": {"value": place.purpose, **note},
        "previous_names": list(place.previous_names),
        "num_members": len(place.member_ids),
    }


def _direct(state: State, place: Channel, viewer_id: str) -> Json:
    other = next((each for each in place.member_ids if each != viewer_id), viewer_id)
    return {
        "id": place.id,
        "created": place.created_at,
        "is_archived": False,
        "is_im": True,
        "is_org_shared": False,
        "context_team_id": state.team_id,
        "updated": place.updated_at * 1000,
        "user": other,
        "is_user_deleted": state.person(other).is_deleted,
        "priority": 0,
    }


def channel_type(place: Channel) -> str:
    """Return what events call the kind of a conversation."""
    names = {Kind.PUBLIC: "channel", Kind.PRIVATE: "group", Kind.GROUP_DM: "mpim", Kind.DM: "im"}
    return names[place.kind]


def message(
    state: State,
    place: Channel,
    written: Message,
    may_see: Sees = _everything,
) -> Json:
    """Return a message object; its files name only the conversations that the reader may see."""
    shown: Json = {
        "type": "message",
        "user": written.user_id,
        "text": written.text,
        "ts": written.ts,
        **written.extra,
    }
    if written.subtype:
        shown["subtype"] = written.subtype
    if written.subtype == "tombstone":
        shown["hidden"] = True
    elif written.user_id in state.people:
        shown["team"] = state.people[written.user_id].team_id
    if written.bot_id:
        shown |= {"bot_id": written.bot_id, "app_id": state.app.app_id}
    if written.edited:
        shown["edited"] = {"user": written.edited[0], "ts": written.edited[1]}
    if written.file_ids:
        shown["upload"] = False
        shown["files"] = [file(state, state.file(each), may_see) for each in written.file_ids]
    return shown | _thread(place, written)


def _thread(place: Channel, written: Message) -> Json:
    if not written.thread_ts:
        return {}
    if written.is_reply:
        parent = place.messages.get(written.thread_ts)
        by = {"parent_user_id": parent.user_id} if parent else {}
        return {"thread_ts": written.thread_ts, **by}
    replies = place.replies_to(written)
    if not replies:
        return {}
    people = list(dict.fromkeys(each.user_id for each in replies))
    return {
        "thread_ts": written.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "reply_users": people[:5],
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def message_event(state: State, place: Channel, written: Message) -> Json:
    """Return the event that tells of a new message."""
    return {
        **message(state, place, written),
        "channel": place.id,
        "channel_type": channel_type(place),
        "event_ts": written.ts,
    }


def file(state: State, shared: SharedFile, may_see: Sees = _everything) -> Json:
    """Return a file object that names the conversations the reader may know of."""
    places = [place for place in state.places_of(shared.id) if may_see(place)]
    filetype, pretty = _FILETYPES.get(shared.mimetype, ("binary", "Binary"))
    name = quote(shared.name)
    private = f"{state.address}files-pri/{state.team_id}-{shared.id}"
    return {
        "id": shared.id,
        "created": shared.created_at,
        "timestamp": shared.created_at,
        "updated": shared.updated_at,
        "name": shared.name,
        "title": shared.title,
        "mimetype": shared.mimetype,
        "filetype": filetype,
        "pretty_type": pretty,
        "user": shared.user_id,
        "user_team": state.team_id,
        "editable": False,
        "size": len(shared.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": any(place.is_public for place in places),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{private}/{name}",
        "url_private_download": f"{private}/download/{name}",
        "permalink": f"{state.address}files/{shared.user_id}/{shared.id}/{name}",
        "channels": [place.id for place in places if place.is_public],
        "groups": [p.id for p in places if p.kind in {Kind.PRIVATE, Kind.GROUP_DM}],
        "ims": [place.id for place in places if place.kind is Kind.DM],
        "comments_count": 0,
        "file_access": "visible",
    }


def group(state: State, team: UserGroup, *, with_members: bool = False) -> Json:
    """Return a user group object."""
    shown: Json = {
        "id": team.id,
        "team_id": state.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": team.name,
        "description": "",
        "handle": team.handle,
        "is_external": False,
        "date_create": team.created_at,
        "date_update": team.updated_at,
        "date_delete": team.updated_at if team.is_disabled else 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": team.creator_id,
        "updated_by": team.creator_id,
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(team.member_ids),
    }
    return shown | ({"users": list(team.member_ids)} if with_members else {})
