"""Events of Slack's: who sent them, what they say, and that following them ends in the truth."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apps.connections.errors import PushRefused
from apps.connections.protocol import Delivery, Push
from apps.connections.providers.slack import push
from apps.connections.providers.slack.connector import Slack
from apps.ops.sandbox.serve import serving
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import BO, CY, Tarn
from tests.connections.slack.truth import assert_true

SECRET = "sandbox-signing-secret"
VECTORS = Path(__file__).resolve().parents[4] / "shared" / "provider_specs" / "webhook_vectors.json"


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> Delivery:
    stamp = str(int(time.time() if at is None else at))
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
    return Delivery(headers, body)


def event(**told: Any) -> Push:
    body = {"type": "event_callback", "event_id": "Ev1", "event": told}
    return Slack.received(signed(json.dumps(body).encode()), SECRET)


def test_published_signatures_are_taken_and_others_are_not() -> None:
    if not VECTORS.exists():
        pytest.skip("the vectors are not in ../shared/provider_specs")
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    (vector,) = (each for each in vectors if each["provider"] == "slack")
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    delivery = Delivery(headers, vector["body"].encode())
    at = float(headers["x-slack-request-timestamp"])
    push.verify(delivery, vector["secret"], now_s=at)
    push.verify(delivery, vector["secret"], now_s=at + push.MAX_AGE_S)
    for secret, body, now_s in (
        (vector["secret"], delivery.body, at + push.MAX_AGE_S + 1),
        (vector["secret"], delivery.body, at - push.MAX_AGE_S - 1),
        (vector["secret"], delivery.body + b" ", at),
        (vector["secret"] + "x", delivery.body, at),
        ("", delivery.body, at),
    ):
        with pytest.raises(PushRefused):
            push.verify(Delivery(headers, body), secret, now_s=now_s)


@pytest.mark.parametrize(
    "change",
    [
        {"x-slack-signature": ""},
        {"x-slack-signature": "v0=\udcff"},
        {"x-slack-signature": "v1=00"},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "1_700_000_000"},
        {"x-slack-request-timestamp": "٣"},
    ],
)
def test_headers_that_are_missing_or_odd_are_refused(change: dict[str, str]) -> None:
    whole = signed(b"{}")
    with pytest.raises(PushRefused):
        Slack.received(Delivery({**whole.headers, **change}, b"{}"), SECRET)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[]", b"7", b"{}", b'{"type":"event_callback"}', b'{"type":"url_verification"}',
     b'{"type":"event_callback","event_id":1,"event":{}}'],
)  # fmt: skip
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(PushRefused):
        Slack.received(signed(body), SECRET)


def test_the_handshake_is_answered_only_when_it_is_signed() -> None:
    body = b'{"type":"url_verification","challenge":"c1","token":"t"}'
    assert Slack.received(signed(body), SECRET).answer == "c1"
    with pytest.raises(PushRefused):
        Slack.received(signed(body, secret="another"), SECRET)


def test_what_events_say() -> None:
    thread, day = "C0ABC:1700000000.000100", "C0ABC:2023-11-14"
    root = {"channel": "C0ABC", "ts": "1700000000.000100"}
    assert event(type="message", **root).external_ids == (thread, day)
    reply = {"ts": "1700009999.000200", "thread_ts": root["ts"], "files": [{"id": "F0A"}]}
    told = event(type="message", channel="C0ABC", **reply)
    assert told == Push("Ev1", external_ids=(thread, day, "F0A"))
    for subtype, fields in (
        ("message_changed", {"message": reply, "previous_message": reply}),
        ("message_deleted", {"deleted_ts": reply["ts"], "previous_message": reply}),
        ("message_replied", {"message": {**root, "thread_ts": root["ts"]}}),
    ):
        told = event(type="message", subtype=subtype, channel="C0ABC", **fields)
        assert told.external_ids[:2] == (thread, day), subtype
    gone = event(type="message", subtype="message_deleted", channel="C0ABC", deleted_ts=root["ts"])
    assert gone.external_ids == (thread, day)
    converted = event(type="message", subtype="channel_convert_to_private", **root)
    assert converted.external_ids == ("C0ABC",)
    for kind in ("file_shared", "file_deleted", "file_unshared", "file_change"):
        assert event(type=kind, file_id="F0A").external_ids == ("F0A",)
    for kind in ("member_left_channel", "channel_archive", "group_deleted", "channel_left"):
        assert event(type=kind, channel="C0ABC") == Push(
            "Ev1", external_ids=("C0ABC",), permissions=True
        )
    assert event(type="channel_rename", channel={"id": "C0ABC"}).external_ids == ("C0ABC",)
    for kind in ("team_join", "user_change"):
        assert event(type=kind, user={"id": "U0A"}) == Push("Ev1", permissions=True)
    assert event(type="subteam_updated", subteam={"id": "S0A"}) == Push("Ev1")
    assert event(type="app_uninstalled").is_revoked
    assert event(type="tokens_revoked", tokens={"oauth": [], "bot": ["U0A"]}).is_revoked
    assert not event(type="tokens_revoked", tokens={"oauth": ["U0B"]}).is_revoked
    limited = signed(b'{"type":"app_rate_limited","minute_rate_limited":1700000000}')
    assert Slack.received(limited, SECRET).follows


def test_ids_that_are_none_are_left_out() -> None:
    assert event(type="message", channel="../x", ts="now").external_ids == ()
    assert event(type="message", channel=None, ts=7, files=["F1", {"id": 3}]).external_ids == ()
    assert event(type="file_shared", file={"id": "not one"}).external_ids == ()
    assert event(type="member_left_channel", channel=["C0ABC"]).external_ids == ()


@dataclass
class Inbox:
    """The address at which events arrive."""

    url: str = ""
    pushes: list[Push] = field(default_factory=list)

    def work_off(self, tarn: Tarn, ledger: Ledger) -> None:
        """Do what the engine does about what has arrived."""
        assert tarn.workspace.events.flush()
        arrived, self.pushes = self.pushes, []
        ids = dict.fromkeys(name for each in arrived for name in each.external_ids)
        if ids:
            ledger.change(tarn.slack(), ids)
        if any(each.permissions for each in arrived):
            ledger.permit(tarn.slack())


@pytest.fixture
def inbox(tarn: Tarn) -> Iterator[Inbox]:
    kept = Inbox()

    async def arrive(request: Request) -> PlainTextResponse:
        delivery = Delivery(dict(request.headers), await request.body())
        said = Slack.received(delivery, SECRET)
        if said.answer:
            return PlainTextResponse(said.answer)
        kept.pushes.append(said)
        return PlainTextResponse("")

    with serving(Starlette(routes=[Route("/", arrive, methods=["POST"])])) as base:
        tarn.workspace.events.subscribe(f"{base}/")
        yield kept


def test_following_events_alone_ends_in_the_truth(tarn: Tarn, inbox: Inbox) -> None:
    work = tarn.workspace
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    root = work.post(tarn.general, tarn.ada, "root")
    reply = work.post(tarn.general, tarn.bo, "reply", thread_ts=root.ts)
    lone = work.post(tarn.rivers, tarn.gil, "lone")
    file = work.upload(tarn.bo, "a.txt", b"a", "text/plain", channel_ids=[tarn.secret])
    inbox.work_off(tarn, ledger)
    assert_true(tarn, ledger)
    work.edit(tarn.general, reply.ts, "a better reply")
    work.edit(tarn.rivers, lone.ts, "alone")
    work.share_file(file.id, tarn.rivers, tarn.bo)
    inbox.work_off(tarn, ledger)
    assert_true(tarn, ledger)
    work.delete(tarn.general, reply.ts)
    work.delete(tarn.rivers, lone.ts)
    work.unshare_file(file.id, tarn.secret)
    inbox.work_off(tarn, ledger)
    assert_true(tarn, ledger)
    work.delete_file(file.id)
    work.delete(tarn.general, root.ts)
    inbox.work_off(tarn, ledger)
    assert file.id not in ledger.items
    ledger.sweep(tarn.slack())  # only the file's name in the message that held it had stayed
    assert_true(tarn, ledger)


def test_events_about_people_and_channels_close_at_once(tarn: Tarn, inbox: Inbox) -> None:
    work = tarn.workspace
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        work.post(channel, tarn.bo, f"in {channel}")
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    work.remove_member(tarn.secret, tarn.cy)
    work.remove_member(tarn.rivers, tarn.gil)
    inbox.work_off(tarn, ledger)
    assert_true(tarn, ledger)
    work.deactivate(tarn.ada)
    work.add_person("Di Dahl", "di@tarn.example")
    inbox.work_off(tarn, ledger)
    assert_true(tarn, ledger)
    assert ledger.place_readers(tarn.general) == {BO, CY, "di@tarn.example"}
    work.make_private(tarn.rivers)
    inbox.work_off(tarn, ledger)
    assert ledger.place_readers(tarn.rivers) == set()  # private, and nobody chose it
    work.delete_channel(tarn.secret)
    inbox.work_off(tarn, ledger)
    assert {name.partition(":")[0] for name in ledger.items} == {tarn.general}


def test_an_app_that_is_taken_away_says_so(tarn: Tarn, inbox: Inbox) -> None:
    tarn.workspace.uninstall()
    assert tarn.workspace.events.flush()
    assert any(each.is_revoked for each in inbox.pushes)
