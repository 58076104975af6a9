"""Methods about people and user groups."""

from __future__ import annotations

from apps.ops.sandbox.slack import shapes
from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.paging import page
from apps.ops.sandbox.slack.records import Person
from apps.ops.sandbox.slack.shapes import Json

_EMAIL = "users:read.email"


def listed(call: Call) -> Json:
    """Answer `users.list`."""
    call.need("users:read")
    everybody = sorted(call.workspace.people.values(), key=lambda person: person.id)
    some, cursor = page(call, everybody, lambda person: person.id, default=1000, most=1000)
    return {
        "members": [_shown(call, person) for person in some],
        "cache_ts": call.workspace.now_s(),
        "response_metadata": {"next_cursor": cursor},
    }


def info(call: Call) -> Json:
    """Answer `users.info`."""
    call.need("users:read")
    return {"user": _shown(call, call.person(call.text("user")))}


def by_email(call: Call) -> Json:
    """Answer `users.lookupByEmail`."""
    call.need(_EMAIL)
    wanted = call.required("email").lower()
    for person in call.workspace.people.values():
        if person.email.lower() == wanted and not person.is_deleted:
            return {"user": _shown(call, person)}
    raise MethodError("users_not_found")


def groups(call: Call) -> Json:
    """Answer `usergroups.list`."""
    call.need("usergroups:read")
    with_members = call.flag("include_users")
    shown = [
        shapes.group(call.workspace, group, with_members=with_members)
        for group in call.workspace.groups.values()
        if call.flag("include_disabled") or not group.is_disabled
    ]
    return {"usergroups": shown}


def group_members(call: Call) -> Json:
    """Answer `usergroups.users.list`."""
    call.need("usergroups:read")
    group = call.workspace.groups.get(call.required("usergroup"))
    if group is None or (group.is_disabled and not call.flag("include_disabled")):
        raise MethodError("no_such_subteam")
    return {"users": list(group.member_ids)}


def _shown(call: Call, person: Person) -> Json:
    return shapes.person(call.workspace, person, with_email=_EMAIL in call.token.scopes)
