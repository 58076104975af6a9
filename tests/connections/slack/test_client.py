"""What Slack's answers mean, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from apps.connections import errors
from apps.connections.errors import ConnectorError, ItemGone, RateLimited, SourceUnavailable
from apps.connections.http_answers import Answer
from apps.connections.providers.slack.client import judge
from apps.connections.providers.slack.setup import READ_SCOPES
from tests.connections.slack.tarn import Tarn


def meaning(code: str, *, status: int = 200, **more: Any) -> ConnectorError | None:
    body = {"ok": False, "error": code, **more}
    return judge(Answer(status, {"retry-after": "7"}, body, "C0ABC"))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((each, errors.CredentialsRejected) for each in (
            "token_expired", "invalid_auth", "token_revoked", "account_inactive", "not_authed",
        )),
        ("missing_scope", errors.ScopeMissing),
        ("no_permission", errors.ScopeMissing),
        ("ratelimited", errors.RateLimited),
        *((each, errors.ItemGone) for each in (
            "channel_not_found", "thread_not_found", "file_not_found", "file_deleted",
        )),
        ("not_in_channel", errors.ItemForbidden),
        ("invalid_cursor", errors.CursorExpired),
        *((each, errors.SourceUnavailable) for each in (
            "internal_error", "fatal_error", "service_unavailable",
        )),
        ("invalid_arguments", errors.ContractBroken),
        ("", errors.ContractBroken),
    ],
)  # fmt: skip
def test_each_code_has_one_meaning(code: str, error: type[ConnectorError]) -> None:
    assert type(meaning(code)) is error


def test_errors_say_what_an_admin_needs() -> None:
    told = meaning("missing_scope", needed="groups:read", provided="channels:read")
    assert "groups:read" in str(told)
    gone = meaning("channel_not_found")
    assert isinstance(gone, ItemGone)
    assert gone.external_id == "C0ABC"
    limited = meaning("ratelimited", status=429)
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_s == 7
    passing = meaning("internal_error", status=500)
    assert isinstance(passing, SourceUnavailable)
    assert passing.may_pass_soon


@pytest.mark.parametrize(
    ("status", "body", "is_known"),
    [
        (200, {"ok": True}, True),
        (500, None, True),
        (429, {"detail": "slow down"}, True),
        (200, [], False),
        (200, {"data": []}, False),
        (200, {"ok": "yes"}, False),
    ],
)
def test_other_bodies_are_left_to_the_statuses_or_refused(
    status: int, body: Any, is_known: bool
) -> None:
    found = judge(Answer(status, {}, body))
    assert found is None if is_known else isinstance(found, errors.ContractBroken)


def test_a_right_that_is_missing_is_named_when_the_account_is_checked(tarn: Tarn) -> None:
    tarn.slack().check()
    for missing in ("channels:read", "users:read", "groups:read"):
        scopes = tuple(each for each in READ_SCOPES if each != missing)
        token = tarn.workspace.install((), scopes, installer_id=tarn.bo).user
        assert token
        with pytest.raises(errors.ScopeMissing, match=missing):
            tarn.slack(token.value).check()
    token = tarn.workspace.install((), READ_SCOPES, installer_id=tarn.bo).user
    assert token
    with pytest.raises(errors.ScopeMissing, match="im:read"):
        tarn.slack(token.value, direct_messages=True).check()


def test_tokens_that_count_no_more_are_rejected(tarn: Tarn) -> None:
    with pytest.raises(errors.CredentialsRejected):
        tarn.slack("xoxb-nonsense").check()
    tarn.workspace.revoke(tarn.token)
    with pytest.raises(errors.CredentialsRejected):
        tarn.slack().check()


def test_chosen_channels_that_cannot_be_read_are_named(tarn: Tarn) -> None:
    other = tarn.workspace.create_channel("other", tarn.bo, private=True).id
    with pytest.raises(errors.SettingsRejected, match=other):
        tarn.slack(channels=[tarn.secret, other]).check()


def test_who_the_account_is_and_what_can_be_chosen(tarn: Tarn) -> None:
    tarn.workspace.create_channel("other", tarn.bo, private=True)
    tarn.workspace.archive(tarn.rivers)
    slack = tarn.slack(channels=[])
    assert slack.identity() == "Tarn"
    assert slack.item_space() == f"slack:{tarn.workspace.team_id}"
    choices: Mapping[str, str] = {each.label: each.note for each in slack.choices()}
    assert choices == {
        "#general": "4 members",
        "#rivers": "archived, 3 members",
        "#secret": "private, 3 members",
    }
    assert slack.choices("C0ABC") == ()
