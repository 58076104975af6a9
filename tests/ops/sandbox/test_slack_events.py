"""What the simulated Slack tells the app by itself, how it is signed, and how often it tries."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.ops.sandbox.slack.events import signature
from apps.ops.sandbox.slack.state import Refused
from tests.ops.sandbox.slack_client import Scene, scene

__all__ = ["scene"]  # a fixture
VECTORS = Path(__file__).resolve().parents[4] / "shared" / "provider_specs" / "webhook_vectors.json"


@dataclass
class Listener:
    """The app's side: keeps what it is sent and answers with the next status it was told."""

    url: str = ""
    answers_challenge: bool = True
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body)["event"] for _, body in self.received]

    def kinds(self) -> list[str]:
        return [each.get("subtype") or each["type"] for each in self.events]


@pytest.fixture
def listener() -> Iterator[Listener]:
    kept = Listener()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body)
            if asked["type"] == "url_verification":
                said = asked["challenge"] if kept.answers_challenge else "what?"
                self._answer(200, said.encode())
                return
            kept.received.append(({name.lower(): v for name, v in self.headers.items()}, body))
            self._answer(kept.statuses.pop(0) if kept.statuses else 200, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/events"
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(scene: Scene, listener: Listener) -> Scene:
    """Return the scene with the bot in #general and the listener subscribed."""
    scene.bot()
    scene.add_bot_to(scene.general)
    scene.workspace.events.retry_delays_s = (0.0, 0.02, 0.04)
    scene.workspace.events.subscribe(listener.url)
    return scene


def test_signature_is_the_published_one() -> None:
    if not VECTORS.exists():
        pytest.skip("the vectors are not in ../shared/provider_specs")
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    checked = [each for each in vectors if each["provider"] == "slack"]
    for each in checked:
        stamp = each["headers"]["X-Slack-Request-Timestamp"]
        signed = signature(each["secret"], stamp, each["body"].encode())
        assert signed == each["headers"]["X-Slack-Signature"]
    assert checked


def test_an_address_that_does_not_answer_the_challenge_gets_nothing(
    scene: Scene, listener: Listener
) -> None:
    scene.bot()
    listener.answers_challenge = False
    with pytest.raises(Refused, match="challenge"):
        scene.workspace.events.subscribe(listener.url)
    scene.workspace.add_person("New", "new@tarn.example")
    assert scene.workspace.events.flush() and listener.received == []


def test_events_are_signed_and_say_what_happened(told: Scene, listener: Listener) -> None:
    message = told.workspace.post(told.general, told.ada, "Hello")
    assert told.workspace.events.flush()
    ((headers, body),) = listener.received
    stamp = headers["x-slack-request-timestamp"]
    secret = told.workspace.app.signing_secret
    assert headers["x-slack-signature"] == signature(secret, stamp, body)
    envelope = json.loads(body)
    assert (envelope["type"], envelope["team_id"]) == ("event_callback", told.workspace.team_id)
    assert envelope["event_id"].startswith("Ev") and isinstance(envelope["event_time"], int)
    assert envelope["authorizations"][0]["user_id"] == told.workspace.bot_user_id
    event = envelope["event"]
    assert (event["text"], event["ts"], event["channel_type"]) == ("Hello", message.ts, "channel")


def test_every_change_has_its_event(told: Scene, listener: Listener) -> None:
    space, general = told.workspace, told.general
    message = space.post(general, told.ada, "a")
    space.edit(general, message.ts, "b")
    space.delete(general, message.ts)
    club = space.create_channel("club", told.ada)
    space.rename_channel(club.id, "chess")
    space.archive(club.id)
    space.unarchive(club.id)
    space.delete_channel(club.id)
    file = space.upload(told.bo, "f.txt", b"f", "text/plain", channel_ids=[general], text="see")
    space.unshare_file(file.id, general)
    space.share_file(file.id, general, told.bo)
    space.delete_file(file.id)
    space.invite(general, told.guest)
    space.remove_member(general, told.guest)
    space.add_person("New", "new@tarn.example")
    space.deactivate(told.cy)
    group = space.add_group("team", "Team")
    space.set_group_members(group.id, [told.ada])
    space.disable_group(group.id)
    space.revoke_all()
    assert space.events.flush()
    expected = [
        "message",
        "message_changed",
        "message_deleted",
        "channel_created",
        "channel_rename",
        "channel_archive",
        "channel_unarchive",
        "channel_deleted",
        "file_shared",
        "file_unshared",
        "file_shared",
        "file_deleted",
        "member_joined_channel",
        "member_left_channel",
        "team_join",
        "user_change",
        "subteam_created",
        "subteam_members_changed",
        "subteam_updated",
        "tokens_revoked",
    ]
    own = {"message", "file_created"}
    rest = iter(listener.kinds())
    missing = [kind for kind in expected if kind not in rest]
    assert missing == [], listener.kinds()
    assert set(listener.kinds()) <= {*expected, *own, "message_changed"}


def test_the_bot_is_told_only_of_what_it_may_know(told: Scene, listener: Listener) -> None:
    space = told.workspace
    space.post(told.secret, told.bo, "Between us")
    space.rename_channel(told.secret, "quiet")
    club = space.create_channel("club", told.ada)
    space.post(club.id, told.ada, "Not there yet")
    assert space.events.flush()
    assert listener.kinds() == ["channel_created"]
    assert b"Between us" not in b"".join(body for _, body in listener.received)


def test_turning_private_is_told_as_a_message_to_who_is_inside(
    told: Scene, listener: Listener
) -> None:
    space = told.workspace
    club = space.create_channel("club", told.ada)
    told.add_bot_to(club.id)
    space.make_private(club.id)
    space.remove_member(club.id, space.bot_user_id)
    space.post(club.id, told.ada, "Alone at last")
    assert space.events.flush()
    kinds = listener.kinds()
    assert kinds[-3:] == ["channel_convert_to_private", "member_left_channel", "group_left"]
    assert listener.events[-3]["channel_type"] == "group"


def test_scopes_limit_what_is_told(scene: Scene, listener: Listener) -> None:
    scene.bot(bot_scopes=("channels:read",))
    scene.add_bot_to(scene.general)
    scene.workspace.events.subscribe(listener.url)
    scene.workspace.post(scene.general, scene.ada, "Hello")
    scene.workspace.add_person("New", "new@tarn.example")
    scene.workspace.create_channel("club", scene.ada)
    assert scene.workspace.events.flush()
    assert listener.kinds() == ["channel_created"]


def test_failures_are_tried_again_with_a_number_and_a_reason(
    told: Scene, listener: Listener
) -> None:
    listener.statuses = [500, 503, 200]
    told.workspace.post(told.general, told.ada, "Hello")
    assert told.workspace.events.flush()
    tries = [
        (headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason"))
        for headers, _ in listener.received
    ]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in listener.received}) == 1


def test_after_three_retries_slack_gives_up(told: Scene, listener: Listener) -> None:
    listener.statuses = [500] * 9
    told.workspace.post(told.general, told.ada, "Hello")
    assert told.workspace.events.flush()
    assert (len(listener.received), told.workspace.events.given_up) == (4, 1)


def test_the_app_can_decline_retries(told: Scene, listener: Listener) -> None:
    listener.statuses, listener.headers = [500], {"X-Slack-No-Retry": "1"}
    told.workspace.post(told.general, told.ada, "Hello")
    assert told.workspace.events.flush()
    assert len(listener.received) == 1


def test_an_event_can_come_twice(told: Scene, listener: Listener) -> None:
    told.workspace.events.duplicates_left = 1
    told.workspace.post(told.general, told.ada, "Hello")
    told.workspace.post(told.general, told.ada, "Again")
    assert told.workspace.events.flush()
    assert [each["text"] for each in listener.events] == ["Hello", "Hello", "Again"]


def test_removing_the_app_is_the_last_it_hears(told: Scene, listener: Listener) -> None:
    told.workspace.uninstall()
    told.workspace.post(told.general, told.ada, "Finally")
    assert told.workspace.events.flush()
    assert listener.kinds() == ["tokens_revoked", "app_uninstalled"]
