from __future__ import annotations

import queue
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.push import TIMEOUT_S
from apps.ops.sandbox.serve import serving
from tests.contracts.google_discovery import DRIVE, check_answer, check_request, description
from tests.ops.sandbox.drive_api import ALL_DRIVES, Google, google_of, refusal, small_company

ADA, BO = "ada@example.com", "bo@example.com"
WATCH, STOP = "/drive/v3/changes/watch", "/drive/v3/channels/stop"


class Watcher:
    """Receives notifications; answers with the statuses it was given, then with 200."""

    def __init__(self) -> None:
        self._received: queue.Queue[dict[str, str]] = queue.Queue()
        self.statuses: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self._hook, methods=["POST"])])

    async def _hook(self, request: Request) -> Response:
        assert await request.body() == b""
        self._received.put(dict(request.headers))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    def next(self) -> dict[str, str]:
        """Return the headers of the next notification."""
        return self._received.get(timeout=10)

    def nothing(self) -> bool:
        """Whether nothing more has come."""
        return self._received.empty()


@pytest.fixture
def company() -> DriveCompany:
    return small_company()


@pytest.fixture
def google(company: DriveCompany) -> Iterator[Google]:
    with google_of(company) as served:
        yield served


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def address(watcher: Watcher) -> Iterator[str]:
    with serving(watcher.app) as base:
        yield f"{base}/hook"


def watch(google: Google, who: str, body: dict[str, object], **params: str) -> dict[str, str]:
    person = google.as_(who)
    drive = {name: value for name, value in params.items() if name != "includeItemsFromAllDrives"}
    token = person.get("/drive/v3/changes/startPageToken", **drive)["startPageToken"]
    mark = google.company.journal.mark()
    answer = person.http.post(WATCH, params={"pageToken": token, **params}, json=body)
    assert answer.status_code == 200, answer.text
    check_request(google.company.journal.since(mark)[-1], description(DRIVE))
    check_answer("drive.changes.watch", answer.json(), description(DRIVE))
    found: dict[str, str] = answer.json()
    return found


def test_a_channel_tells_of_itself_and_then_of_each_change(
    google: Google, company: DriveCompany, watcher: Watcher, address: str
) -> None:
    body = {"id": "one", "type": "web_hook", "address": address, "token": "s3cret"}
    channel = watch(google, "ada", dict(body))
    first = watcher.next()
    assert first["x-goog-resource-state"] == "sync"
    assert first["x-goog-message-number"] == "1"
    assert first["x-goog-channel-id"] == "one"
    assert first["x-goog-channel-token"] == "s3cret"
    assert first["x-goog-resource-id"] == channel["resourceId"]
    assert first["x-goog-resource-uri"] == channel["resourceUri"]
    ends_at = parsedate_to_datetime(first["x-goog-channel-expiration"])
    assert int(ends_at.timestamp()) == int(channel["expiration"]) // 1000
    item = company.add_doc("Doc", "text", owner=ADA)
    company.add_doc("Not hers", "text", owner=BO)
    company.edit(item, "again")
    assert [
        (each["x-goog-resource-state"], each["x-goog-message-number"])
        for each in (watcher.next(), watcher.next())
    ] == [("change", "2"), ("change", "3")]
    assert watcher.nothing()


def test_a_stopped_channel_is_silent(
    google: Google, company: DriveCompany, watcher: Watcher, address: str
) -> None:
    body = {"id": "one", "type": "web_hook", "address": address}
    channel = watch(google, "ada", dict(body))
    watch(google, "bo", {**body, "id": "two"})
    assert {watcher.next()["x-goog-channel-id"] for _ in range(2)} == {"one", "two"}
    ends = {"id": "one", "resourceId": channel["resourceId"]}
    assert refusal(google.as_("bo").http.post(STOP, json=ends)) == (404, "notFound")
    assert google.as_("ada").http.post(STOP, json=ends).status_code == 204
    assert refusal(google.as_("ada").http.post(STOP, json=ends)) == (404, "notFound")
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, BO)
    assert watcher.next()["x-goog-channel-id"] == "two"
    assert watcher.nothing()


def test_a_shared_drive_can_be_watched(
    google: Google, company: DriveCompany, watcher: Watcher, address: str
) -> None:
    drive = company.add_drive("Team", {ADA: "organizer"})
    body = {"id": "one", "type": "web_hook", "address": address}
    params = {**ALL_DRIVES, "driveId": drive}
    watch(google, "ada", dict(body), **params)
    assert watcher.next()["x-goog-resource-state"] == "sync"
    company.add_doc("Elsewhere", "text", owner=ADA)
    company.add_doc("Doc", "text", into=drive)
    assert watcher.next()["x-goog-message-number"] == "2"
    assert watcher.nothing()


def test_channels_live_for_seven_days_at_most(
    google: Google, company: DriveCompany, watcher: Watcher, address: str
) -> None:
    in_a_year = int((company.clock.now().timestamp() + 365 * 86400) * 1000)
    body = {"id": "one", "type": "web_hook", "address": address, "expiration": str(in_a_year)}
    channel = watch(google, "ada", dict(body))
    lives_s = int(channel["expiration"]) / 1000 - company.clock.now().timestamp()
    assert 7 * 86400 - 60 < lives_s <= 7 * 86400
    watcher.next()
    company.clock.forward(days=7, seconds=1)
    company.add_doc("Doc", "text", owner=ADA)
    watch(google, "ada", {"id": "two", "type": "web_hook", "address": address})
    assert watcher.next()["x-goog-channel-id"] == "two"
    assert watcher.nothing()


def test_a_failed_delivery_is_tried_again(
    google: Google, company: DriveCompany, watcher: Watcher, address: str
) -> None:
    watcher.statuses = [503, 500]
    watch(google, "ada", {"id": "one", "type": "web_hook", "address": address})
    assert [watcher.next()["x-goog-message-number"] for _ in range(3)] == ["1", "1", "1"]


def test_wrong_channels_are_refused(google: Google, watcher: Watcher, address: str) -> None:
    ada = google.as_("ada")
    token = ada.get("/drive/v3/changes/startPageToken")["startPageToken"]
    body = {"id": "one", "type": "web_hook", "address": address}
    watch(google, "ada", dict(body))

    def refused(**changed: object) -> tuple[int, str]:
        answer = ada.http.post(WATCH, params={"pageToken": token}, json={**body, **changed})
        return refusal(answer)

    assert refused() == (400, "channelIdNotUnique")
    assert refused(id="") == (400, "required")
    assert refused(id="two", type="email") == (400, "unknownChannelType")
    elsewhere = refused(id="two", address="https://elsewhere.example/hook")
    assert elsewhere == (401, "push.webhookUrlUnauthorized")
    assert refused(id="two", expiration="1000") == (400, "invalid")
    assert refusal(ada.http.post(WATCH, json=body)) == (400, "required")
    answer = ada.http.post(WATCH, params={"pageToken": token}, content=b"[]")
    assert refusal(answer) == (400, "parseError")


def test_an_absent_watcher_delays_neither_changes_nor_the_end(
    google: Google, company: DriveCompany
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/hook"
        watch(google, "ada", {"id": "one", "type": "web_hook", "address": address})
        began = time.monotonic()
        for number in range(20):
            company.add_doc(f"Doc {number}", "text", owner=ADA)
        assert time.monotonic() - began < 1
        company.push.close()
        assert time.monotonic() - began < TIMEOUT_S + 2
