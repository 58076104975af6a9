"""Channels are opened for each log, and their deliveries believed only with the token."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from queue import Queue

import pytest

from apps.connections.errors import PushRefused
from apps.connections.protocol import Delivery, Push
from apps.connections.providers.google_drive.connector import GoogleDrive
from tests.connections.google_drive.reed import ADA, IDA, Reed

SECRET = "of the channel"
Deliveries = Queue[Delivery]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Deliveries]]:
    """Return an address that takes deliveries, and the queue of them."""
    came: Deliveries = Queue()

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            came.put(Delivery(headers, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", came
        server.shutdown()
        thread.join()


def taken(came: Deliveries) -> Push:
    return GoogleDrive.received(came.get(timeout=10), SECRET)


def test_word_comes_of_each_log_until_the_channel_is_closed(
    reed: Reed, receiver: tuple[str, Deliveries]
) -> None:
    address, came = receiver
    team = reed.company.add_drive("Team", {IDA: "organizer"})
    drive = reed.whole()
    assert f"drive:{team}" in drive.subscription_names()
    assert f"user:{ADA}" in drive.subscription_names()
    opened = [
        drive.subscribe(name, address=address, secret=SECRET)
        for name in (f"drive:{team}", f"user:{ADA}")
    ]
    assert all(
        datetime.now(UTC) < o.expires_at <= datetime.now(UTC) + timedelta(days=7, minutes=1)
        for o in opened
    )
    assert not taken(came).follows  # that the channels are open
    assert not taken(came).follows
    reed.company.add_doc("Team doc", "x", into=team)
    assert taken(came).follows
    reed.company.add_doc("Own", "x", owner=ADA)
    last = taken(came)
    assert last.follows
    assert last.id == f"{opened[1].id}:2"
    for subscription in opened:
        reed.whole().unsubscribe(subscription)
        reed.whole().unsubscribe(subscription)  # has ended: no error
    reed.company.add_doc("Later", "x", into=team)
    reed.company.push.close()
    assert came.empty()


def headers(**changed: str) -> dict[str, str]:
    return {
        "x-goog-channel-id": "c1",
        "x-goog-channel-token": SECRET,
        "x-goog-message-number": "7",
        "x-goog-resource-state": "change",
    } | {f"x-goog-{name.replace('_', '-')}": value for name, value in changed.items()}


def test_deliveries_are_told_from_forgeries() -> None:
    told = Push("c1:7", follows=True, subscription="c1")
    assert GoogleDrive.received(Delivery(headers(), b""), SECRET) == told
    for forged in (
        headers(channel_token="another"),
        headers(channel_token=""),
        headers(channel_id=""),
        headers(message_number="-1"),
        headers(resource_state=""),
        {},
    ):
        with pytest.raises(PushRefused):
            GoogleDrive.received(Delivery(forged, b""), SECRET)
    with pytest.raises(PushRefused):  # nobody may leave the secret empty
        GoogleDrive.received(Delivery(headers(channel_token=""), b""), "")
