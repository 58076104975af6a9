"""The methods of the web API, by name; https://docs.slack.dev/reference/methods describes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apps.ops.sandbox.slack.calls import Call
from apps.ops.sandbox.slack.methods import chat, conversations, files, history, people, team
from apps.ops.sandbox.slack.shapes import Json

METHODS: Mapping[str, Callable[[Call], Json]] = {
    "auth.revoke": team.revoke,
    "auth.test": team.auth_test,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.permalink,
    "chat.postMessage": chat.post,
    "chat.update": chat.update,
    "conversations.create": conversations.create,
    "conversations.history": history.history,
    "conversations.info": conversations.info,
    "conversations.invite": conversations.invite,
    "conversations.join": conversations.join,
    "conversations.kick": conversations.kick,
    "conversations.leave": conversations.leave,
    "conversations.list": conversations.listed,
    "conversations.members": conversations.members,
    "conversations.replies": history.replies,
    "files.info": files.info,
    "files.list": files.listed,
    "team.info": team.info,
    "usergroups.list": people.groups,
    "usergroups.users.list": people.group_members,
    "users.conversations": conversations.of_person,
    "users.info": people.info,
    "users.list": people.listed,
    "users.lookupByEmail": people.by_email,
}
