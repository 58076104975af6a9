"""The connector against a Slack that somebody else wrote: consent, threads, membership."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from django.conf import LazySettings

from apps.connections.credentials.models import AuthConfig
from apps.connections.credentials.oauth import Client
from apps.connections.errors import ConnectorError
from apps.connections.providers.slack.connector import Slack
from apps.connections.providers.slack.names import day_of
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import account
from tests.peers import emulate

pytestmark = pytest.mark.peer
ALICES = "tok_alice"
BACK = "http://localhost:8000/back"
ALICE, BOB, CAROL = (f"{name}@kenward.test" for name in ("alice", "bob", "carol"))


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with emulate.running("slack", "emulate_slack.yaml") as address:
        yield address


@pytest.fixture
def config(base: str, settings: LazySettings) -> AuthConfig:
    settings.KENWARD_SOURCE_HOSTS = [urlsplit(base).netloc]
    endpoints = {
        "authorize": f"{base}/oauth/v2/authorize",
        "token": f"{base}/api/oauth.v2.access",
        "api": f"{base}/api",
        "files": base,
    }
    return AuthConfig(
        kind="slack",
        client_id="12345.67890",
        client_secret="peer-client-secret",
        endpoints=endpoints,
    )


def slack(base: str, token: str = ALICES, **settings: Any) -> Slack:
    return Slack(settings, account=account(base, token))


def said(base: str, method: str, token: str = ALICES, **arguments: str) -> Any:
    """Let somebody do something there."""
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx2.post(f"{base}/api/{method}", data=arguments, headers=headers).json()
    assert answer["ok"], (method, answer)
    return answer


def people(base: str) -> dict[str, str]:
    members = said(base, "users.list")["members"]
    return {each["name"]: each["id"] for each in members}


def swept(connector: Slack) -> Ledger:
    ledger = Ledger()
    ledger.sweep(connector)
    return ledger


def test_consent_ends_in_a_token_that_reads(base: str, config: AuthConfig) -> None:
    client = Client(config, Slack.sign_in)
    url = client.authorization_url(redirect_uri=BACK, state="s1", verifier="v" * 43)
    page = httpx2.get(url).text
    form = next(each for each in page.split("<form")[1:] if ALICE in each)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = httpx2.post(f"{base}/oauth/v2/authorize/callback", data=fields, follow_redirects=False)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == ["s1"]
    token = client.token_for(code=back["code"][0], redirect_uri=BACK, verifier="v" * 43)
    assert token["access_token"].startswith("xoxb-")
    connector = slack(base, token["access_token"])
    connector.check()
    assert connector.identity() == "Tarn"
    assert connector.item_space() == "slack:T000000001"
    with pytest.raises(ConnectorError):
        client.token_for(code=back["code"][0], redirect_uri=BACK, verifier="v" * 43)


def test_threads_days_and_paging(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.connections.providers.slack.history.PAGE", 3)
    channel = said(base, "conversations.create", name="rivers")["channel"]["id"]
    posted = [
        said(base, "chat.postMessage", channel=channel, text=f"lone{number}")["ts"]
        for number in range(8)
    ]
    root = said(base, "chat.postMessage", channel=channel, text="Who *measures*?")["ts"]
    for number in range(5):
        said(base, "chat.postMessage", channel=channel, text=f"answer{number}", thread_ts=root)
    connector = slack(base)
    ledger = swept(connector)
    day = f"{channel}:{day_of(posted[0])}"
    assert {day, f"{channel}:{root}"} <= ledger.items.keys()
    with connector.open(day) as content:
        told = content.read().decode()
    assert [told.index(f"lone{number}") for number in range(8)] == sorted(
        told.index(f"lone{number}") for number in range(8)
    )
    with connector.open(f"{channel}:{root}") as content:
        told = content.read().decode()
    assert "Who **measures**?" in told
    assert all(f"answer{number}" in told for number in range(5))
    assert ledger.items[f"{channel}:{root}"][1].title == "#rivers: Who measures?"
    assert ledger.readers(day) >= {ALICE, BOB, CAROL}
    said(base, "chat.update", channel=channel, ts=posted[0], text="edited0")
    said(base, "chat.delete", channel=channel, ts=posted[1])
    ledger.change(connector, [day])
    with connector.open(day) as content:
        told = content.read().decode()
    assert "edited0" in told
    assert "lone0" not in told
    assert "lone1" not in told
    assert ledger.changed.count(day) == 2


def test_private_membership_counts_both_ways(base: str) -> None:
    """Whom a private channel lets in reads it; the connector's own account too."""
    ids = people(base)
    board = said(base, "conversations.create", "tok_bob", name="cellar", is_private="true")
    channel = board["channel"]["id"]
    hidden = said(base, "chat.postMessage", "tok_bob", channel=channel, text="Hush")["ts"]
    day = f"{channel}:{day_of(hidden)}"
    connector = slack(base, channels=[channel])
    ledger = swept(connector)
    assert day not in ledger.items
    said(base, "conversations.invite", "tok_bob", channel=channel, users=ids["alice"])
    ledger.follow(connector)
    assert day in ledger.items
    assert ledger.readers(day) == {ALICE, BOB}
    said(base, "conversations.invite", "tok_bob", channel=channel, users=ids["carol"])
    ledger.change(connector, [channel])
    assert ledger.readers(day) == {ALICE, BOB, CAROL}
    said(base, "conversations.kick", "tok_bob", channel=channel, user=ids["carol"])
    ledger.change(connector, [channel])
    assert ledger.readers(day) == {ALICE, BOB}
    said(base, "conversations.kick", "tok_bob", channel=channel, user=ids["alice"])
    ledger.follow(connector)
    assert day not in ledger.items
    assert ledger.place_readers(channel) == set()
