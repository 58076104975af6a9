"""The sandbox's page: it shows the truth, its forms change it, and no other site can."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from apps.ops.sandbox import sample
from apps.ops.sandbox.page.app import ACTS, app
from apps.ops.sandbox.sample import Sandbox
from tests.ports import free_port

PAGES = ("/", "/channels", "/people", "/break", "/requests", "/connect")
BEN, PRIYA = "ben.okoro@tarnbrook.example", "priya.raman@tarnbrook.example"


class Forms(HTMLParser):
    """Collects where a page's forms lead and the links to details."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.actions: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            assert said["method"] == "post"
            self.actions.add(said["action"] or "")
        if tag == "a" and re.match(r"/(drive|channels)/", said.get("href") or ""):
            self.links.add(said["href"] or "")


@pytest.fixture
def box() -> Sandbox:
    return sample.build(["http://127.0.0.1:8000/back"])


@pytest.fixture
def client(box: Sandbox) -> Iterator[TestClient]:
    with TestClient(app(box), base_url="http://127.0.0.1:8010") as client:
        yield client


def document(box: Sandbox, name: str) -> str:
    return next(item.id for item in box.drive.items.values() if item.name == name)


def channel(box: Sandbox, name: str) -> str:
    return next(each.id for each in box.slack.channels.values() if each.name == name)


def person(box: Sandbox, email: str) -> str:
    return next(each.id for each in box.slack.people.values() if each.email == email)


def do(client: TestClient, act: str, **fields: str) -> str:
    """Send a form and return the page that follows."""
    answer = client.post(f"/do/{act}", data=fields)
    assert answer.status_code == 200
    return answer.text


def test_every_page_answers_and_every_form_leads_somewhere(client: TestClient) -> None:
    seen, waiting, actions = set(), set(PAGES), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "kept in memory" in answer.text
        found = Forms(answer.text)
        actions |= found.actions
        waiting |= found.links - seen
    assert len(seen) > 30
    sent = {action.removeprefix("/do/") for action in actions}
    # These appear only where something is in that state already.
    later = {"drive.untrash", "person.open"}
    assert sent | later == set(ACTS)


def test_the_page_says_who_may_read(client: TestClient, box: Sandbox) -> None:
    alder = client.get(f"/drive/{document(box, 'Project Alder')}").text
    assert "Marta Fell" in alder.partition("Shared here")[0]
    assert "Ben Okoro" not in alder.partition("Shared here")[0]
    payroll = client.get(f"/channels/{channel(box, 'payroll')}").text
    assert "Priya Raman" in payroll and "bonus-pool.csv" in payroll


def test_sharing_and_taking_away(client: TestClient, box: Sandbox) -> None:
    item = document(box, "Project Alder")
    back = f"/drive/{item}"
    said = do(client, "drive.share", item=item, who=BEN, role="reader", back=back)
    assert f"shared with {BEN}" in said and BEN in box.drive.readers(item)
    do(client, "drive.unshare", item=item, who=BEN, back=back)
    assert BEN not in box.drive.readers(item)


def test_items_are_renamed_edited_moved_trashed_and_deleted(
    client: TestClient, box: Sandbox
) -> None:
    item, engineering = document(box, "Parking at Beck Mill"), document(box, "Engineering")
    do(client, "drive.rename", item=item, name="Parking")
    do(client, "drive.edit", item=item, text="Two lines\r\nof text")
    do(client, "drive.move", item=item, into=engineering)
    live = box.drive.live_files()[item]
    assert (live.path, live.content) == ("Engineering/Parking", b"Two lines\nof text\n")
    do(client, "drive.trash", item=item)
    assert item not in box.drive.live_files()
    do(client, "drive.untrash", item=item)
    assert item in box.drive.live_files()
    said = do(client, "drive.delete", item=item, back=f"/drive/{item}")
    assert "deleted for good" in said and client.get(f"/drive/{item}").status_code == 404


def test_folders_take_documents_and_limits(client: TestClient, box: Sandbox) -> None:
    folder = document(box, "Handbook")
    do(client, "drive.add-document", item=folder, name="New rule", text="Be kind.")
    do(client, "drive.add-folder", item=folder, name="Old rules")
    assert BEN in box.drive.readers(document(box, "New rule"))
    do(client, "drive.limit", item=folder, limited="yes")
    assert BEN not in box.drive.readers(document(box, "New rule"))


def test_groups_and_accounts(client: TestClient, box: Sandbox) -> None:
    item = document(box, "Open invoices")
    do(client, "group.remove", group="payroll@tarnbrook.example", member=PRIYA)
    assert PRIYA not in box.drive.readers(item)
    do(client, "group.add", group="payroll@tarnbrook.example", member=PRIYA)
    assert PRIYA in box.drive.readers(item)
    do(client, "person.close", email=PRIYA)
    assert PRIYA not in box.drive.readers(item) | box.slack.readers(channel(box, "payroll"))
    do(client, "person.open", email=PRIYA)
    do(client, "person.guest", email=PRIYA, guest="yes")
    assert PRIYA in box.slack.readers(channel(box, "payroll"))
    assert PRIYA not in box.slack.readers(channel(box, "kirkstall-move"))


def test_channels_members_and_messages(client: TestClient, box: Sandbox) -> None:
    where, ben = channel(box, "payroll"), person(box, BEN)
    do(client, "slack.invite", channel=where, person=ben)
    assert BEN in box.slack.readers(where)
    do(client, "slack.post", channel=where, person=ben, text="Hello payroll")
    message = next(m for m in box.slack.live_messages().values() if m.text == "Hello payroll")
    do(client, "slack.edit", channel=where, message=message.ts, text="Good morning")
    assert box.slack.message(where, message.ts).edited
    do(client, "slack.delete", channel=where, message=message.ts)
    do(client, "slack.remove", channel=where, person=ben)
    assert BEN not in box.slack.readers(where)
    team = channel(box, "engineering")
    do(client, "slack.private", channel=team)
    assert box.slack.readers(team) == {
        "lucia.marchetti@tarnbrook.example",
        "yuki.hartley@tarnbrook.example",
        BEN,
    }
    do(client, "slack.rename", channel=team, name="heron")
    do(client, "slack.archive", channel=team)
    said = do(client, "slack.delete-channel", channel=channel(box, "heron"))
    assert "#heron is deleted" in said


def test_sources_break_and_recover(client: TestClient, box: Sandbox) -> None:
    said = do(client, "break.fault", source="slack", kind="too_many", times="2", seconds="7")
    assert "429" in said
    answers = [client.get("/slack/api/auth.test") for _ in range(3)]
    assert [each.status_code for each in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    do(client, "break.fault", source="google", kind="server_error", times="9")
    assert client.get("/google/drive/v3/about").status_code == 500
    do(client, "break.clear", source="google")
    assert client.get("/google/drive/v3/about").status_code == 401
    listed = client.get("/requests").text
    assert "too_many" in listed and "/google/drive/v3/about" in listed


def test_tokens_cursors_and_consent_end(client: TestClient, box: Sandbox) -> None:
    installed = box.slack.install()
    assert installed.bot
    headers = {"Authorization": f"Bearer {installed.bot.value}"}

    def error(method: str, **query: str) -> str | None:
        answer = client.get(f"/slack/api/{method}", params=query, headers=headers).json()
        return None if answer["ok"] else str(answer["error"])

    first = client.get("/slack/api/users.list", params={"limit": "2"}, headers=headers).json()
    cursor = first["response_metadata"]["next_cursor"]
    do(client, "break.cursors", source="slack")
    assert error("users.list", cursor=cursor) == "invalid_cursor"
    do(client, "break.revoke", source="slack")
    assert error("auth.test") == "token_revoked"
    token = box.drive.sign_in(BEN)
    asked = {"headers": {"Authorization": f"Bearer {token}"}, "params": {"fields": "user"}}
    assert client.get("/google/drive/v3/about", **asked).status_code == 200  # type: ignore[arg-type]
    do(client, "break.tokens", source="google")
    assert client.get("/google/drive/v3/about", **asked).status_code == 401  # type: ignore[arg-type]


def test_kenward_s_addresses_are_told_to_the_sources(client: TestClient, box: Sandbox) -> None:
    back = "https://kenward.example/oauth/back"
    do(client, "connect.redirect", url=back)
    assert box.slack.accepts_redirect(back)
    known = box.drive.oauth.clients[box.google_client.id]
    assert back in known.redirect_uris
    for wrong in ("javascript:alert(1)", "kenward"):
        assert "That did not work" in do(client, "connect.redirect", url=wrong)


def test_events_go_only_to_who_answers_the_challenge(client: TestClient, box: Sandbox) -> None:
    silent = f"http://127.0.0.1:{free_port()}/events"
    assert "did not answer the challenge" in do(client, "connect.events", url=silent)
    assert box.slack.events.urls == []


def test_the_service_account_signs_in_below_the_mount(client: TestClient) -> None:
    key = client.get("/connect/google-key.json").json()
    assert key["token_uri"] == "http://127.0.0.1:8010/google/token"
    now = int(time.time())
    claims = {
        "iss": key["client_email"],
        "sub": BEN,
        "aud": key["token_uri"],
        "scope": "https://www.googleapis.com/auth/drive.readonly",
        "iat": now,
        "exp": now + 600,
    }
    signed = jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(key["private_key"]))
    asked = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    given = client.post("/google/token", data=asked).json()
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    asked = {"fields": "user"}
    about = client.get("/google/drive/v3/about", params=asked, headers=headers).json()
    assert about["user"]["emailAddress"] == BEN


def test_links_in_answers_lead_back_below_the_mount(client: TestClient, box: Sandbox) -> None:
    installed = box.slack.install()
    assert installed.bot
    headers = {"Authorization": f"Bearer {installed.bot.value}"}
    files = client.get("/slack/api/files.list", headers=headers).json()["files"]
    place = next(f["url_private_download"] for f in files if f["name"] == "latch-shaker.csv")
    assert place.startswith("http://127.0.0.1:8010/slack/files-pri/")
    assert b"pin sheared" in client.get(place, headers=headers).content
    told = client.get("/slack/api/auth.test", headers=headers).json()
    assert told["url"] == "http://127.0.0.1:8010/slack/"


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("drive.rename", {"item": "nothing", "name": "x"}),
        ("drive.share", {"item": "", "who": "anyone", "role": "reader"}),
        ("slack.invite", {"channel": "C0NOWHERE", "person": "U0NOBODY"}),
        ("break.fault", {"source": "slack", "kind": "earthquake"}),
        ("break.fault", {"source": "slack", "kind": "slow", "path": "("}),
        ("break.fault", {"source": "slack", "kind": "slow", "times": "many"}),
        ("group.add", {"group": "finance@tarnbrook.example", "member": "staff@tarnbrook.example"}),
    ],
)
def test_what_cannot_be_done_is_said(client: TestClient, act: str, fields: dict[str, str]) -> None:
    assert "That did not work" in do(client, act, **fields)


def test_names_are_shown_as_text(client: TestClient, box: Sandbox) -> None:
    attack = "<script>alert(1)</script>"
    item = document(box, "Project Alder")
    said = do(client, "drive.rename", item=item, name=attack, back="/")
    where = channel(box, "general")
    do(client, "slack.post", channel=where, person=person(box, BEN), text=attack)
    for page in (said, client.get("/").text, client.get(f"/channels/{where}").text):
        assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
    ],
)
def test_other_sites_cannot_send_forms(
    client: TestClient, box: Sandbox, headers: dict[str, str]
) -> None:
    item = document(box, "Project Alder")
    answer = client.post("/do/drive.trash", data={"item": item}, headers=headers)
    assert answer.status_code == 403 and item in box.drive.live_files()


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1:8010"}, {}],
)
def test_its_own_forms_go_through(
    client: TestClient, box: Sandbox, headers: dict[str, str]
) -> None:
    item = document(box, "Project Alder")
    client.post("/do/drive.trash", data={"item": item}, headers=headers)
    assert item not in box.drive.live_files()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8010"])
@pytest.mark.parametrize("path", ["/", "/slack/api/auth.test", "/google/drive/v3/about"])
def test_other_names_for_this_machine_are_refused(client: TestClient, host: str, path: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 400


def test_a_form_leads_back_only_to_this_page(client: TestClient) -> None:
    for back in ("https://evil.example/", "//evil.example/", "/\\evil.example/"):
        answer = client.post(
            "/do/break.clear", data={"source": "slack", "back": back}, follow_redirects=False
        )
        assert answer.headers["location"] == "/"


def test_pages_run_no_scripts(client: TestClient) -> None:
    for path in PAGES:
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
