"""The app's standing at the simulated Slack: consent, tokens, scopes, and how all of it ends."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from apps.ops.sandbox.serve import serving
from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.grants import ACCESS_LIFE_S
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from tests.contracts.slack_swagger import check_answer
from tests.ops.sandbox.slack_client import Caller, Scene, scene

__all__ = ["scene"]  # a fixture
BACK = "http://127.0.0.1:8000/oauth/callback"


def consent(scene: Scene, **changes: str) -> httpx2.Response:
    asked = {
        "client_id": scene.workspace.app.client_id,
        "scope": "channels:read,users:read",
        "user_scope": "",
        "redirect_uri": BACK,
        "state": "st&te",
        "person": scene.ada,
        "choice": "allow",
    }
    return httpx2.post(f"{scene.base}/oauth/v2/authorize", data=asked | changes)


def code_from(answer: httpx2.Response) -> str:
    assert answer.status_code == 303
    given = parse_qs(urlsplit(answer.headers["location"]).query)
    assert given["state"] == ["st&te"]
    return given["code"][0]


def exchange(scene: Scene, **arguments: str) -> dict[str, Any]:
    known_app = scene.workspace.app
    known = {
        "client_id": known_app.client_id,
        "client_secret": known_app.client_secret,
        "redirect_uri": BACK,
    }
    asked = known | arguments
    answer = httpx2.post(f"{scene.base}/api/oauth.v2.access", data=asked).json()
    check_answer("oauth.v2.access", answer)
    assert isinstance(answer, dict)
    return answer


def refresh(scene: Scene, token: str) -> dict[str, Any]:
    return exchange(scene, grant_type="refresh_token", refresh_token=token)


def test_consent_page_names_the_scopes_and_lets_the_form_lead_back(scene: Scene) -> None:
    asked = {
        "client_id": scene.workspace.app.client_id,
        "scope": "channels:read",
        "redirect_uri": BACK,
        "state": '"><script>',
    }
    page = httpx2.get(f"{scene.base}/oauth/v2/authorize", params=asked)
    assert "channels:read" in page.text and "ada@tarn.example" in page.text
    assert "<script>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "form-action 'self' http://127.0.0.1:8000" in policy


def test_a_code_is_good_once_for_the_same_redirect(scene: Scene) -> None:
    code = code_from(consent(scene))
    other = exchange(scene, code=code, redirect_uri="http://127.0.0.1:9/x")
    assert other["error"] == "bad_redirect_uri"
    given = exchange(scene, code=code)
    assert (given["token_type"], given["authed_user"]) == ("bot", {"id": scene.ada})
    assert given["scope"] == "channels:read,users:read" and "refresh_token" not in given
    assert Caller(scene.base, given["access_token"]).get("auth.test")["team"] == "Tarn"
    assert exchange(scene, code=code)["error"] == "code_already_used"
    assert exchange(scene, code="nonsense")["error"] == "invalid_code"


def test_a_person_s_token_comes_beside_the_bot_s(scene: Scene) -> None:
    code = code_from(consent(scene, user_scope="channels:history", person=scene.bo))
    person = exchange(scene, code=code)["authed_user"]
    assert (person["id"], person["token_type"]) == (scene.bo, "user")
    assert person["access_token"].startswith("xoxp-") and person["scope"] == "channels:history"


def test_codes_run_out(scene: Scene) -> None:
    code = code_from(consent(scene))
    scene.workspace.clock.advance(601)
    assert exchange(scene, code=code)["error"] == "code_expired"


def test_no_is_an_answer(scene: Scene) -> None:
    back = consent(scene, choice="cancel").headers["location"]
    assert parse_qs(urlsplit(back).query)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"client_id": "1.1"}, "invalid_client_id"),
        ({"redirect_uri": "https://elsewhere.example/"}, "bad_redirect_uri"),
        ({"redirect_uri": "http://127.0.0.1.elsewhere.example/"}, "bad_redirect_uri"),
        ({"scope": ""}, "invalid_scope_requested"),
        ({"person": "U0NOBODY"}, "user_not_found"),
    ],
)
def test_a_wrong_request_is_never_sent_back(
    scene: Scene, changed: dict[str, str], word: str
) -> None:
    refused = consent(scene, **changed)
    assert refused.status_code == 400 and word in refused.text


def test_the_app_proves_itself(scene: Scene) -> None:
    code = code_from(consent(scene))
    assert exchange(scene, code=code, client_secret="wrong")["error"] == "bad_client_secret"
    assert exchange(scene, code=code, client_id="1.1")["error"] == "invalid_client_id"
    known = scene.workspace.app
    place = f"{scene.base}/api/oauth.v2.access"
    form = {"code": code, "redirect_uri": BACK}
    basic = httpx2.post(place, data=form, auth=(known.client_id, known.client_secret)).json()
    assert basic["ok"]


def test_a_refresh_token_is_good_once(scene: Scene) -> None:
    scene.workspace.app.rotates_tokens = True
    first = exchange(scene, code=code_from(consent(scene)))
    assert first["access_token"].startswith("xoxe.xoxb-")
    assert first["expires_in"] == ACCESS_LIFE_S
    scene.workspace.clock.advance(ACCESS_LIFE_S)
    assert Caller(scene.base, first["access_token"]).error("auth.test") == "token_expired"
    second = refresh(scene, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert Caller(scene.base, second["access_token"]).get("auth.test")["ok"]
    assert refresh(scene, first["refresh_token"])["error"] == "invalid_refresh_token"
    assert refresh(scene, second["refresh_token"])["ok"]


def test_tokens_end_in_different_ways(scene: Scene) -> None:
    assert Caller(scene.base).error("auth.test") == "not_authed"
    assert Caller(scene.base, "xoxb-0").error("auth.test") == "invalid_auth"
    bot = scene.bot()
    scene.workspace.expire_tokens()
    assert bot.error("auth.test") == "token_expired"
    bot = scene.bot()
    assert bot.get("auth.revoke", test="1")["revoked"] is False
    assert bot.get("auth.revoke")["revoked"] is True
    assert bot.error("auth.test") == "token_revoked"
    bot = scene.bot()
    scene.workspace.uninstall()
    assert bot.error("auth.test") == "account_inactive"
    bo = scene.person(scene.bo, "channels:read")
    scene.workspace.deactivate(scene.bo)
    assert bo.error("auth.test") == "account_inactive"


def test_a_token_in_the_address_is_not_looked_at(scene: Scene) -> None:
    bot = scene.bot()
    asked = {"token": bot.token}
    assert httpx2.get(f"{scene.base}/api/auth.test", params=asked).json()["error"] == "not_authed"
    assert httpx2.post(f"{scene.base}/api/auth.test", data=asked).json()["ok"]


@pytest.mark.parametrize(
    ("method", "arguments", "needed"),
    [
        ("conversations.list", {"types": "private_channel"}, "groups:read"),
        ("conversations.list", {"types": "public_channel,im"}, "im:read"),
        ("users.list", {}, "users:read"),
        ("usergroups.list", {}, "usergroups:read"),
        ("files.list", {}, "files:read"),
        ("users.lookupByEmail", {"email": "ada@tarn.example"}, "users:read.email"),
    ],
)
def test_a_missing_scope_is_named(
    scene: Scene, method: str, arguments: dict[str, str], needed: str
) -> None:
    bot = scene.bot(bot_scopes=("channels:read", "team:read"))
    answer = bot.ask(method, **arguments)
    refused = {"ok": False, "error": "missing_scope", "needed": needed}
    assert answer == refused | {"provided": "channels:read,team:read"}


def test_addresses_need_a_scope_of_their_own(scene: Scene) -> None:
    bot = scene.bot(bot_scopes=("users:read",))
    everybody = bot.all("users.list", "members")
    assert len(everybody) == 5 and not any("email" in each["profile"] for each in everybody)


def test_a_second_consent_adds_its_scopes(scene: Scene) -> None:
    first = scene.bot(bot_scopes=("channels:read",))
    second = scene.bot(bot_scopes=("users:read",))
    assert first.token == second.token and first.get("users.list")["ok"]


def test_cursors_expire_and_belong_to_their_method(scene: Scene) -> None:
    bot = scene.bot()
    cursor = bot.get("users.list", limit="2")["response_metadata"]["next_cursor"]
    assert bot.error("conversations.list", cursor=cursor) == "invalid_cursor"
    assert bot.error("users.list", cursor="bogus") == "invalid_cursor"
    assert bot.get("users.list", cursor=cursor)["ok"]
    scene.workspace.expire_cursors()
    assert bot.error("users.list", cursor=cursor) == "invalid_cursor"
    assert bot.error("users.list", limit="9999") == "invalid_limit"


def test_a_page_repeats_when_told_to(scene: Scene) -> None:
    bot = scene.bot()
    everybody = [each["id"] for each in bot.all("users.list", "members", limit="2")]
    scene.workspace.repeat_items(1)
    again = [each["id"] for each in bot.all("users.list", "members", limit="2")]
    assert len(again) == len(everybody) + 1 and list(dict.fromkeys(again)) == everybody


def test_faults_are_worded_as_slack_does(scene: Scene) -> None:
    bot, faults = scene.bot(), scene.workspace.faults
    faults.add("too_many", path=r"users\.list", retry_after_s=7)
    assert bot.get("auth.test")["ok"]
    busy = httpx2.get(f"{scene.base}/api/users.list", headers=bot.headers())
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert busy.json() == {"ok": False, "error": "ratelimited"}
    faults.add("forbidden")
    assert bot.error("users.list") == "missing_scope"
    faults.add("unauthorized")
    assert bot.error("users.list") == "invalid_auth"
    assert bot.get("users.list")["ok"]
    assert [e.fault for e in scene.workspace.journal.since()][-4:-1] == [
        "too_many",
        "forbidden",
        "unauthorized",
    ]


def test_secrets_are_not_in_the_journal(scene: Scene) -> None:
    scene.workspace.app.rotates_tokens = True
    given = exchange(scene, code=code_from(consent(scene)))
    refresh(scene, given["refresh_token"])
    kept = repr(scene.workspace.journal.since())
    assert "oauth.v2.access" in kept
    for secret in (given["refresh_token"], scene.workspace.app.client_secret):
        assert secret not in kept


@pytest.mark.parametrize(
    ("body", "content_type", "word"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[1]", "application/json", "json_not_object"),
        (b"<x/>", "text/xml", "invalid_post_type"),
    ],
)
def test_bodies_that_cannot_be_read(
    scene: Scene, body: bytes, content_type: str, word: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = httpx2.post(f"{scene.base}/api/team.info", content=body, headers=headers)
    assert answer.json()["error"] == word


def test_a_method_that_slack_has_not() -> None:
    with serving(app(SlackWorkspace())) as base:
        answer = httpx2.get(f"{base}/api/conversations.everything").json()
    told = {"ok": False, "error": "unknown_method", "req_method": "conversations.everything"}
    assert answer == told


def test_distributed_apps_get_history_by_the_spoonful(scene: Scene) -> None:
    scene.workspace.app.is_distributed = True
    bot = scene.bot()
    scene.add_bot_to(scene.general)
    for number in range(20):
        scene.workspace.post(scene.general, scene.ada, f"Note {number}")
    asked = {"channel": scene.general, "limit": "200"}
    first = bot.get("conversations.history", **asked)
    assert len(first["messages"]) == 15 and first["has_more"]
    place = f"{scene.base}/api/conversations.history"
    busy = httpx2.get(place, params=asked, headers=bot.headers())
    assert busy.status_code == 429 and 55 <= int(busy.headers["retry-after"]) <= 60
    assert bot.get("users.list")["ok"]
    scene.workspace.clock.advance(60)
    rest = bot.get(
        "conversations.history", **asked, cursor=first["response_metadata"]["next_cursor"]
    )
    assert len(rest["messages"]) == 5


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("https://kenward.example/oauth", True),
        ("https://kenward.example/oauth/slack", True),
        ("https://kenward.example/oauthelsewhere", False),
        ("https://kenward.example:8443/oauth", False),
        ("http://kenward.example/oauth", False),
        ("http://localhost:9000/any", True),
        ("", False),
    ],
)
def test_redirects_lie_at_or_below_what_is_registered(
    scene: Scene, uri: str, *, accepted: bool
) -> None:
    scene.workspace.app.redirect_uris.append("https://kenward.example:443/oauth")
    asked = uri.replace("kenward.example/", "kenward.example:443/")
    assert scene.workspace.accepts_redirect(asked) is accepted
