"""Holds requests and answers against Slack's own description of its web API.

The description is of 2021 and Slack has published none since. Where today's documentation says
more, the difference is named below with its source; anything else that it lacks is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from apps.ops.sandbox.journal import Entry

Json = dict[str, Any]
DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "provider_specs" / "slack.json"
_ANYTHING: Json = {}

# Fields that Slack has added since, by definition.
NEWER_FIELDS: Mapping[str, Mapping[str, str]] = {
    "objs_conversation": {
        "context_team_id": "docs.slack.dev/reference/objects/conversation-object",
        "updated": "docs.slack.dev/reference/objects/conversation-object",
    },
    "objs_message": {
        "app_id": "docs.slack.dev/reference/events/message/bot_message",
        "edited": "docs.slack.dev/reference/events/message, «If the message has been edited»",
        "hidden": "docs.slack.dev/reference/events/message, «Hidden subtypes»",
        "is_locked": "docs.slack.dev/reference/methods/conversations.replies, its example",
    },
    "objs_file": {"file_access": "docs.slack.dev/reference/objects/file-object"},
}
# The same for what stands around the objects, by method.
NEWER_ANSWER_FIELDS: Mapping[str, Mapping[str, str]] = {
    "conversations.history": {"response_metadata": "its page: cursors came after the description"},
    "conversations.replies": {
        "has_more": "its page",
        "response_metadata": "its page",
    },
    "chat.postMessage": {"response_metadata": "its page: warnings"},
}
# Arguments that methods take since.
NEWER_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "conversations.history": {"include_all_metadata": "its page"},
    "conversations.replies": {"include_all_metadata": "its page"},
    "conversations.list": {"team_id": "its page"},
    "oauth.v2.access": {
        "grant_type": "docs.slack.dev/authentication/using-token-rotation",
        "refresh_token": "docs.slack.dev/authentication/using-token-rotation",
    },
}
# Errors that any method may answer, by the «Errors» table that all methods' pages share today.
NEWER_ERRORS = frozenset(
    {
        "account_inactive",
        "invalid_arguments",
        "invalid_cursor",
        "invalid_limit",
        "invalid_types",
        "missing_scope",
        "not_in_channel",
        "ratelimited",
        "token_expired",
        "token_revoked",
    }
)
# Methods that the 2021 copy at hand leaves out although Slack has them.
NOT_DESCRIBED = frozenset(
    {
        "chat.delete",
        "conversations.create",
        "conversations.invite",
        "conversations.kick",
        "conversations.leave",
    }
)


def check_request(entry: Entry) -> None:
    """Fail unless a request names a method and arguments that Slack has, of the right types."""
    method = entry.path.rpartition("/api/")[2]
    if method in NOT_DESCRIBED:
        return
    assert f"/{method}" in _description()["paths"], f"Slack has no method {method!r}"
    described = {each["name"]: each for each in _operation(method)["parameters"]}
    arguments = dict([*entry.query, *entry.form])
    if isinstance(entry.json, dict):
        arguments |= {name: _as_text(value) for name, value in entry.json.items()}
    for name, value in arguments.items():
        if name not in NEWER_ARGUMENTS.get(method, {}):
            assert name in described, f"{method} takes no {name!r}"
            _check_type(f"{method} {name}", described[name]["type"], value)
    exchanges = arguments.get("grant_type") == "refresh_token"
    optional = {"token", "code"} if exchanges else {"token"}
    for name, parameter in described.items():
        if parameter.get("required") and name not in optional:
            assert name in arguments, f"{method} needs {name!r}"


def check_answer(method: str, body: Json) -> None:
    """Fail unless an answer has the shape that Slack describes; unknown fields are refused."""
    if method in NOT_DESCRIBED:
        assert isinstance(body["ok"], bool)
        return
    if body["ok"]:
        _validate(method, "200", body)
        return
    if body["error"] in NEWER_ERRORS:
        assert set(body) <= {"ok", "error", "needed", "provided"}
        return
    _validate(method, "default", body)


def _check_type(what: str, kind: str, value: str) -> None:
    if kind == "integer":
        assert value.lstrip("-").isdecimal(), f"{what} is no integer: {value!r}"
    elif kind == "number":
        float(value)
    elif kind == "boolean":
        assert value in {"true", "false", "1", "0"}, f"{what} is no boolean: {value!r}"


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@cache
def _description() -> Json:
    if not DESCRIPTION.exists():
        pytest.skip("Slack's description is not in ../shared/provider_specs")
    description: Json = _with_choices(json.loads(DESCRIPTION.read_text(encoding="utf-8")))
    definitions = description["definitions"]
    for name, fields in NEWER_FIELDS.items():
        for shape in definitions[name].get("anyOf", [definitions[name]]):
            shape["properties"] |= dict.fromkeys(fields, _ANYTHING)
    # Since March 2021 private channels have ids with C too:
    # docs.slack.dev/reference/events/member_joined_channel
    definitions["defs_group_id"]["pattern"] = "^[CG][A-Z0-9]{8,}$"
    return description


def _with_choices(node: Any) -> Any:
    """Write `items: [a, b]` without a type, Slack's way to say «one of these», as anyOf."""
    if isinstance(node, list):
        return [_with_choices(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {name: _with_choices(value) for name, value in node.items()}
    if isinstance(changed.get("items"), list) and "type" not in changed:
        changed["anyOf"] = changed.pop("items")
    return changed


def _operation(method: str) -> Json:
    operations: Json = _description()["paths"][f"/{method}"]
    operation: Json = next(iter(operations.values()))
    return operation


@cache
def _schema(method: str, status: str) -> Json:
    schema: Json = copy.deepcopy(_operation(method)["responses"][status]["schema"])
    newer = NEWER_ANSWER_FIELDS.get(method, {})
    properties = schema.get("properties", {})
    if status == "200":
        properties |= dict.fromkeys(newer, _ANYTHING)
    if method == "conversations.replies" and status == "200":
        # Described with its own two shapes, which demand `subscribed` of a message that nobody
        # answered; the page says: a list of message objects.
        properties["messages"]["items"] = {"$ref": "#/definitions/objs_message"}
    for name in ("messages", "members"):
        # An empty channel and one that everybody has left answer an empty list.
        properties.get(name, {}).pop("minItems", None)
    return schema


def _validate(method: str, status: str, body: Json) -> None:
    schema = {**_schema(method, status), "definitions": _description()["definitions"]}
    errors = sorted(jsonschema.Draft4Validator(schema).iter_errors(body), key=str)
    told = [f"{'/'.join(map(str, each.absolute_path))}: {_deepest(each)}" for each in errors[:3]]
    assert not errors, f"{method}: {told}"


def _deepest(error: jsonschema.ValidationError) -> str:
    if not error.context:
        return str(error.message)[:300]
    return " | ".join(_deepest(each) for each in error.context)[:600]
