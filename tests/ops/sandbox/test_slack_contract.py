"""The check against Slack's description lets nothing through that Slack does not have."""

from __future__ import annotations

from typing import Any

import pytest

from apps.ops.sandbox.journal import Entry
from tests.contracts.slack_swagger import check_answer, check_request

MESSAGE = {"type": "message", "text": "Hello", "ts": "1700000000.000001", "user": "U0ABCDEFGH"}
HISTORY: dict[str, Any] = {
    "ok": True,
    "messages": [MESSAGE],
    "has_more": False,
    "pin_count": 0,
    "channel_actions_ts": None,
    "channel_actions_count": 0,
}


def asked(method: str, **query: str) -> Entry:
    return Entry(1, 0.0, "GET", f"/slack/api/{method}", tuple(query.items()), {}, (), None, 200, "")


def test_what_slack_describes_passes() -> None:
    check_answer("conversations.history", HISTORY)
    check_answer("conversations.history", {**HISTORY, "messages": []})
    check_answer("conversations.history", {"ok": False, "error": "channel_not_found"})
    check_request(asked("conversations.history", channel="C1", limit="15", inclusive="true"))


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{**MESSAGE, "body": "Hello"}]},
        {"messages": [{**MESSAGE, "ts": "yesterday"}]},
        {"messages": [{"type": "message", "ts": "1700000000.000001"}]},
        {"has_more": "no"},
        {"next_cursor": "abc"},
    ],
)
def test_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"conversations\.history"):
        check_answer("conversations.history", HISTORY | change)


def test_errors_that_slack_has_not_are_refused() -> None:
    with pytest.raises(AssertionError, match="quota_exceeded"):
        check_answer("users.list", {"ok": False, "error": "quota_exceeded"})
    with pytest.raises(AssertionError):
        check_answer("users.list", {"ok": False, "error": "missing_scope", "hint": "ask"})


@pytest.mark.parametrize(
    "request_",
    [
        asked("conversations.all"),
        asked("conversations.history", chanel="C1"),
        asked("conversations.history", limit="many"),
        asked("conversations.list", exclude_archived="yes"),
        asked("usergroups.users.list"),
    ],
)
def test_requests_that_slack_would_not_understand_are_refused(request_: Entry) -> None:
    with pytest.raises(AssertionError):
        check_request(request_)
