"""Methods about conversations and who is in them."""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.slack import shapes, sight
from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.paging import page
from apps.ops.sandbox.slack.records import Channel, Kind
from apps.ops.sandbox.slack.shapes import Json
from apps.ops.sandbox.slack.state import Refused

_MANAGE = {Kind.PUBLIC: "channels:manage", Kind.PRIVATE: "groups:write"}
_JUST_NAMES = frozenset({"is_member", "num_members"})


def listed(call: Call) -> Json:
    """Answer `conversations.list`."""
    kinds = _wanted_kinds(call)
    known = (each for each in call.workspace.channels.values() if call.may_see(each))
    # Direct messages are listed where the caller is in them, whatever else it may know.
    return _page(call, (each for each in known if each.kind in kinds))


def of_person(call: Call) -> Json:
    """Answer `users.conversations`."""
    kinds = _wanted_kinds(call)
    person = call.person(call.text("user", call.token.user_id))
    theirs = (
        each
        for each in call.workspace.channels.values()
        if each.kind in kinds and person.id in each.member_ids and call.may_see(each)
    )
    answer = _page(call, theirs)
    for shown in answer["channels"]:
        for name in _JUST_NAMES:
            shown.pop(name, None)
    return answer


def info(call: Call) -> Json:
    """Answer `conversations.info`."""
    channel = call.channel()
    call.need(sight.READ_SCOPES[channel.kind])
    shown = shapes.channel(call.workspace, channel, call.token.user_id)
    if not call.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


def members(call: Call) -> Json:
    """Answer `conversations.members`."""
    channel = call.channel()
    call.need(sight.READ_SCOPES[channel.kind])
    some, cursor = page(call, sorted(channel.member_ids), str, default=100, most=1000)
    return {"members": some, "response_metadata": {"next_cursor": cursor}}


def create(call: Call) -> Json:
    """Answer `conversations.create`."""
    private = call.flag("is_private")
    call.need(_MANAGE[Kind.PRIVATE if private else Kind.PUBLIC])
    name, creator = call.text("name"), call.token.user_id
    channel = call.workspace.create_channel(name, creator, private=private)
    return {"channel": shapes.channel(call.workspace, channel, creator)}


def invite(call: Call) -> Json:
    """Answer `conversations.invite`."""
    channel = _managed(call)
    for person_id in call.required("users").split(","):
        who = call.person(person_id)
        call.workspace.invite(channel.id, who.id, inviter_id=call.token.user_id)
    return {"channel": shapes.channel(call.workspace, channel, call.token.user_id)}


def kick(call: Call) -> Json:
    """Answer `conversations.kick`."""
    channel = _managed(call)
    who = call.person(call.required("user"))
    if who.id == call.token.user_id:
        raise MethodError("cant_kick_self")
    call.workspace.remove_member(channel.id, who.id)
    return {}


def join(call: Call) -> Json:
    """Answer `conversations.join`."""
    call.need("channels:join", "channels:write")
    channel = call.channel()
    if not channel.is_public:
        raise MethodError("method_not_supported_for_channel_type")
    was_in = call.token.user_id in channel.member_ids
    call.workspace.invite(channel.id, call.token.user_id)
    answer = {"channel": shapes.channel(call.workspace, channel, call.token.user_id)}
    warned = {"warnings": ["already_in_channel"]}
    already: Json = {"warning": "already_in_channel", "response_metadata": warned}
    return answer | (already if was_in else {})


def leave(call: Call) -> Json:
    """Answer `conversations.leave`."""
    channel = call.channel()
    call.need(_MANAGE.get(channel.kind, "im:write"), "channels:write")
    if call.token.user_id not in channel.member_ids:
        return {"not_in_channel": True}
    call.workspace.remove_member(channel.id, call.token.user_id)
    return {}


def _wanted_kinds(call: Call) -> set[Kind]:
    """Return the kinds that a call asks for, each of which needs its scope.

    Raises:
        MethodError: `invalid_types` or `missing_scope`.
    """
    try:
        names = call.text("types", Kind.PUBLIC).split(",")
        kinds = {Kind(name.strip()) for name in names}
    except ValueError:
        raise MethodError("invalid_types") from None
    for kind in sorted(kinds):
        call.need(sight.READ_SCOPES[kind])
    return kinds


def _page(call: Call, channels: Iterable[Channel]) -> Json:
    without_archived = call.flag("exclude_archived")
    kept = [each for each in channels if not (without_archived and each.is_archived)]
    kept.sort(key=lambda each: each.id)
    some, cursor = page(call, kept, lambda each: each.id, default=100, most=1000)
    shown = [shapes.channel(call.workspace, each, call.token.user_id) for each in some]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def _managed(call: Call) -> Channel:
    channel = call.channel()
    if channel.kind not in _MANAGE:
        raise Refused("method_not_supported_for_channel_type")
    call.need(_MANAGE[channel.kind], "channels:write")
    if call.token.user_id not in channel.member_ids:
        raise MethodError("not_in_channel")
    return channel
