"""Code that forgets its filter is written here on purpose: no way out lets a canary pass."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings, settings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.chat.models import Message
from apps.documents import canaries
from apps.documents.models import Document
from apps.search.indexer import repoint
from apps.tenants.context import tenant_context
from config.canary_sockets import CanarySockets
from tests.chat.live import Server, session_of
from tests.leaks.conftest import Browser
from tests.leaks.forgetful import ForgetfulSocket
from tests.search.library import Library
from tests.world import World

# Which canary is the first that passes by.
ROUTES = (("text", 1), ("titles", 1), ("moved", 5), ("named", 5))
SECRET = re.compile(rb"KWC|salary bands|administrator password|severance", re.IGNORECASE)


@pytest.fixture
def forgetful(settings: LazySettings) -> None:
    """Add the routes that forget who asks."""
    settings.ROOT_URLCONF = "tests.leaks.forgetful"


def _open(library: Library, canary: Document, place: str) -> None:
    """Let the readers of a place read a canary, as an engine that is wrong would."""
    library.move(canary, place)
    with tenant_context(library.tenant):
        repoint.repoint_chunks(10)


def _alarms(library: Library) -> list[tuple[int | None, dict[str, Any]]]:
    with library.work():
        events = Event.objects.filter(action="canary.leaked").order_by("pk")
        return [(event.actor_id, event.details) for event in events]


def _metric(client: Client, tenant: str) -> float:
    page = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    found = re.search(rf'kenward_canary_alarms_total{{tenant="{tenant}"}} (\S+)', page)
    return float(found[1]) if found else 0.0


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(("route", "number"), ROUTES)
def test_forgotten_filter_is_stopped_and_alarms(
    committed_world: World,
    library: Library,
    planted: list[Document],
    browser: Browser,
    route: str,
    number: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = browser(committed_world.ada)
    alarms = _metric(client, library.tenant.slug)
    response = client.get(reverse(f"forgetful-{route}"))
    assert response.status_code == 500
    assert not SECRET.search(response.content)
    assert not SECRET.search(str(response.headers).encode())
    assert b"Something broke on our side" in response.content
    expected = {"way_out": f"forgetful-{route}", "across_tenants": False, "canary": number}
    (told,) = _alarms(library)
    assert told == (committed_world.ada.pk, expected)
    assert _metric(client, library.tenant.slug) == alarms + 1
    (logged,) = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert f"forgetful-{route}" in logged.getMessage()
    assert not SECRET.search(caplog.text.encode())


@pytest.mark.usefixtures("forgetful")
def test_leak_shows_on_the_first_page_of_the_admin(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    admins = browser(committed_world.ida)
    assert b"stopped in the last week" not in admins.get("/admin/").content
    browser(committed_world.bo).get(reverse("forgetful-titles"))
    page = admins.get("/admin/").content.decode()
    assert "1 leak stopped in the last week" in page
    trail = admins.get("/admin/audit/event/?action=canary.leaked").content.decode()
    assert "forgetful-titles" in trail
    assert "bo@acme.example" in trail


@pytest.mark.usefixtures("forgetful")
def test_error_page_says_nothing_of_what_failed(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    client = browser(committed_world.ada)
    client.raise_request_exception = False
    response = client.get(reverse("forgetful-failing"))
    assert response.status_code == 500
    assert not SECRET.search(response.content)
    assert _alarms(library) == [], "nothing was about to pass"


@pytest.mark.usefixtures("forgetful")
def test_stream_breaks_off_before_the_marker(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    response = browser(committed_world.ada).get(reverse("forgetful-streamed"))
    out = b""
    with pytest.raises(canaries.CanaryPassed):
        for piece in response.streaming_content:  # type: ignore[attr-defined]  # it streams
            out += piece
    assert out.startswith(b"harmless beginning")
    assert b"KWC" not in out
    assert [details["way_out"] for _, details in _alarms(library)] == ["forgetful-streamed"]


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("route", ["text", "streamed-slowly"])
async def test_the_real_server_stops_it_too(
    committed_world: World, library: Library, planted: list[Document], server: Server, route: str
) -> None:
    key = await session_of(committed_world.ada)
    status, body = await _fetch(server.port, reverse(f"forgetful-{route}"), key)
    assert b"KWC" not in body
    if route == "text":
        assert status == 500
    else:
        assert body.startswith(b"harmless beginning")
        assert not body.endswith(b"<complete>"), "the connection broke off"


async def _fetch(port: int, path: str, key: str) -> tuple[int, bytes]:
    def fetch() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        cookie = f"{settings.SESSION_COOKIE_NAME}={key}"
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        try:
            return response.status, response.read() + b"<complete>"
        except http.client.IncompleteRead as broken_off:
            return response.status, broken_off.partial
        finally:
            connection.close()

    return await asyncio.to_thread(fetch)


@pytest.mark.parametrize("how", ["whole", "tokens", "bytes"])
async def test_forgetful_socket_is_closed(
    committed_world: World, library: Library, planted: list[Document], how: str
) -> None:
    consumer = ForgetfulSocket.as_asgi()  # type: ignore[no-untyped-call]  # channels' own
    socket = WebsocketCommunicator(CanarySockets(consumer), "/ws/forgetful/")
    assert (await socket.connect())[0]
    await socket.send_json_to({"tenant": library.tenant.pk, "how": how})
    sent = []
    while (message := await socket.receive_output(timeout=10))["type"] == "websocket.send":
        sent.append(json.loads(message.get("text", "{}")))
    assert message == {"type": "websocket.close", "code": 1011}
    assert sent[-1]["type"] == "error"
    assert sent[-1]["seq"] == len(sent), "the browser sees that none is missing"
    told = "".join(frame.get("text", "") for frame in sent)
    assert canaries.passed(told) is None
    assert await socket.receive_nothing(), "nothing follows"
    await _until_recorded(library)


async def _until_recorded(library: Library) -> None:
    deadline = time.monotonic() + 10
    while not (told := await sync_to_async(_alarms)(library)):
        assert time.monotonic() < deadline, "no alarm was recorded"
        await asyncio.sleep(0.02)
    assert [details["way_out"] for _, details in told] == ["websocket"]


async def test_canary_among_the_passages_stops_before_anything_is_said(
    committed_world: World, library: Library, planted: list[Document], server: Server
) -> None:
    """The engine itself is wrong here: the canary's policy admits Ada."""
    await sync_to_async(_open)(library, planted[3], "board/")
    async with server.chat(committed_world.ada) as chat:
        end = await chat.ask("Who will be laid off, and how large is the severance pay?")
    assert (end["type"], end["message"]) == ("error", "Something broke on our side.")
    assert [frame["type"] for frame in chat.frames] == ["error"]
    told = await sync_to_async(_alarms)(library)
    assert told == [
        (
            committed_world.ada.pk,
            {"way_out": "chat.prompt", "canary": 4, "across_tenants": False},
        )
    ]

    def stored() -> list[str]:
        with library.work():
            return list(Message.objects.values_list("text", flat=True))

    assert not SECRET.search(
        "\n".join(await sync_to_async(stored)()).encode().replace(b"severance pay", b"")
    )


def test_search_page_and_document_page_of_an_open_canary_are_stopped(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    _open(library, planted[2], "staff/")
    client = browser(committed_world.bo)
    for path in ("/search/?q=administrator+password", f"/documents/{planted[2].uuid}/"):
        response = client.get(path)
        assert response.status_code == 500, path
        assert not SECRET.search(response.content)
    ways = [details["way_out"] for _, details in _alarms(library)]
    assert ways == ["search:search", "documents:document"]


@pytest.mark.usefixtures("forgetful")
def test_leak_across_tenants_alarms_its_owner_and_names_nobody_of_the_other(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    _leave_only(library, canaries.mark(committed_world.umbra.pk, 2))
    assert browser(committed_world.ada).get(reverse("forgetful-titles")).status_code == 500
    assert _alarms(library) == []
    with tenant_context(committed_world.umbra), transaction.atomic():
        event = Event.objects.get(action="canary.leaked")
        assert (event.actor_id, event.details["across_tenants"]) == (None, True)


@pytest.mark.usefixtures("forgetful")
def test_leak_of_an_organisation_that_is_not_here_is_stopped_all_the_same(
    committed_world: World,
    library: Library,
    planted: list[Document],
    browser: Browser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _leave_only(library, canaries.mark(999_999, 2))
    response = browser(committed_world.ada).get(reverse("forgetful-titles"))
    assert response.status_code == 500
    assert not SECRET.search(response.content)
    assert "tenant 999999" in caplog.text and "could not be recorded" in caplog.text
    assert _alarms(library) == []


def _leave_only(library: Library, marker: str) -> None:
    """Let a document carry a canary's marker, and no other document be there."""
    with library.work():
        Document.objects.filter(path="staff/travel.md").update(title=f"Ref {marker}")
        Document.objects.exclude(path="staff/travel.md").delete()


def test_ordinary_traffic_never_trips_it(
    committed_world: World, library: Library, planted: list[Document], browser: Browser
) -> None:
    client = browser(committed_world.ada)
    with library.work():
        bonus = Document.objects.get(path="board/bonus.md")
    library.source.files["board/bonus.md"] = "KWC is a radio station. " * 5_000
    for path in (
        "/",
        "/chat/",
        "/search/?q=KWCAAAAAAAAAAAAAAAAAAAAAAAA",
        "/search/?q=bonus",
        f"/documents/{bonus.uuid}/",
        "/accounts/email/",
        "/health/live",
    ):
        assert client.get(path).status_code in (200, 302), path
    original = client.get(f"/documents/{bonus.uuid}/original")
    whole = b"".join(original.streaming_content)  # type: ignore[attr-defined]  # it streams
    assert whole.decode() == library.source.files["board/bonus.md"]
    assert _alarms(library) == []


@pytest.fixture(autouse=True)
def _fresh_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
