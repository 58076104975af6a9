"""The Admin Directory: users, groups and members, for administrators only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from apps.ops.sandbox.drive.call import Call, JsonAnswer
from apps.ops.sandbox.drive.errors import ApiError, invalid
from apps.ops.sandbox.drive.masks import apply as masked
from apps.ops.sandbox.drive.people import People
from apps.ops.sandbox.drive.records import Group, User

MOST_USERS = 500
MOST_GROUPS = 200
MOST_MEMBERS = 200


def list_users(call: Call) -> JsonAnswer:
    """Answer users.list."""
    people = _administered(call)
    _check_customer(call)
    if call.text("query") or call.text("showDeleted").lower() == "true":
        # Not simulated: an unfiltered answer would be wrong.
        raise invalid("query")

    def found() -> list[str]:
        users = sorted(people.everybody(), key=lambda user: user.email)
        return [user.id for user in users]

    return _page(
        call,
        ("users", call.size("maxResults", 100, MOST_USERS)),
        found,
        lambda user_id: _user(call, people.users[user_id]),
    )


def get_user(call: Call) -> JsonAnswer:
    """Answer users.get."""
    user = _administered(call).user(call.request.path_params["userKey"])
    if user is None or user.deleted or user.is_external:
        raise _not_found("userKey")
    return dict(masked(call.mask({}, {}), _user(call, user)))


def list_groups(call: Call) -> JsonAnswer:
    """Answer groups.list: all groups, or those that a user or group is in directly."""
    people = _administered(call)
    if not call.text("userKey"):
        _check_customer(call)
    if call.text("query"):
        raise invalid("query")

    def found() -> list[str]:
        groups = [group for group in people.groups.values() if not group.deleted]
        if call.text("userKey"):
            member = people.user(call.text("userKey")) or people.group(call.text("userKey"))
            if member is None:
                raise _not_found("userKey")
            groups = [group for group in groups if member.id in group.members]
        return [group.id for group in sorted(groups, key=lambda group: group.email)]

    return _page(
        call,
        ("groups", call.size("maxResults", MOST_GROUPS, MOST_GROUPS)),
        found,
        lambda group_id: _group(people.groups[group_id]),
    )


def get_group(call: Call) -> JsonAnswer:
    """Answer groups.get."""
    _administered(call)
    return dict(masked(call.mask({}, {}), _group(_named_group(call))))


def list_members(call: Call) -> JsonAnswer:
    """Answer members.list: the direct members, or with nested ones where asked for."""
    people = _administered(call)
    group = _named_group(call)
    roles = {role.strip() for role in call.text("roles").upper().split(",") if role.strip()}
    derived = call.flag("includeDerivedMembership")
    groups = people.nested(group.id) if derived else {group.id}
    members: dict[str, str] = {}
    for each in (group.id, *sorted(groups - {group.id})):
        for member, role in people.groups[each].members.items():
            members.setdefault(member, role if each == group.id else "MEMBER")
    return _page(
        call,
        ("members", call.size("maxResults", MOST_MEMBERS, MOST_MEMBERS)),
        lambda: [member for member, role in members.items() if not roles or role in roles],
        lambda member: _member(call, member, members.get(member, "MEMBER")),
    )


def _administered(call: Call) -> People:
    if not call.user.is_admin:
        message = "Not Authorized to access this resource/api"
        raise ApiError(403, "forbidden", message)
    return call.company.people


def _check_customer(call: Call) -> None:
    customer, domain = call.text("customer"), call.text("domain")
    people = call.company.people
    if not customer and not domain:
        raise ApiError(400, "badRequest", "Bad Request")
    if customer and customer not in {"my_customer", people.customer_id}:
        raise _not_found("customer")
    if domain and domain.lower() != people.domain:
        raise _not_found("domain")


def _named_group(call: Call) -> Group:
    group = call.company.people.group(call.request.path_params["groupKey"])
    if group is None or group.deleted:
        raise _not_found("groupKey")
    return group


def _not_found(parameter: str) -> ApiError:
    return ApiError(404, "notFound", f"Resource Not Found: {parameter}", parameter)


def _page(
    call: Call,
    kind: tuple[str, int],
    found: Callable[[], list[str]],
    shown: Callable[[str], JsonAnswer],
) -> JsonAnswer:
    name, size = kind
    listings = call.company.listings
    ids, token = listings.page(call.question, call.text("pageToken"), size, found)
    answer: JsonAnswer = {"kind": f"admin#directory#{name}", "etag": _etag(ids)}
    # As at Google: an empty page has no list at all.
    if ids:
        answer[name] = [shown(each) for each in ids]
    if token:
        answer["nextPageToken"] = token
    return dict(masked(call.mask({}, {}), answer))


def _user(call: Call, user: User) -> JsonAnswer:
    given, _, family = user.name.partition(" ")
    shown: JsonAnswer = {
        "kind": "admin#directory#user",
        "id": user.id,
        "primaryEmail": user.email,
        "name": {"givenName": given, "familyName": family, "fullName": user.name},
        "isAdmin": user.is_admin,
        "isDelegatedAdmin": False,
        "suspended": user.suspended,
        "archived": False,
        "customerId": call.company.people.customer_id,
        "orgUnitPath": "/",
        "emails": [
            {"address": user.email, "primary": True},
            *({"address": alias} for alias in user.aliases),
        ],
        "includeInGlobalAddressList": True,
        "isMailboxSetup": True,
    }
    if user.aliases:
        shown["aliases"] = list(user.aliases)
    return shown | {"etag": _etag(shown)}


def _group(group: Group) -> JsonAnswer:
    shown: JsonAnswer = {
        "kind": "admin#directory#group",
        "id": group.id,
        "email": group.email,
        "name": group.name,
        "description": "",
        "directMembersCount": str(len(group.members)),
        "adminCreated": True,
    }
    return shown | {"etag": _etag(shown)}


def _member(call: Call, member: str, role: str) -> JsonAnswer:
    people = call.company.people
    shown: JsonAnswer = {"kind": "admin#directory#member", "id": member, "role": role}
    user, group = people.users.get(member), people.groups.get(member)
    if user is not None:
        shown |= {"email": user.email, "type": "EXTERNAL" if user.is_external else "USER"}
        if not user.is_external:
            shown["status"] = "SUSPENDED" if user.suspended else "ACTIVE"
    elif group is not None:
        shown |= {"email": group.email, "type": "GROUP", "status": "ACTIVE"}
    else:
        shown["type"] = "CUSTOMER"
    return shown | {"etag": _etag(shown)}


def _etag(shown: object) -> str:
    return '"' + hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:27] + '"'
