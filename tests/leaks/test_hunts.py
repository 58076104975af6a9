"""Side channels, one hunt each: what a document could give away without being shown."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import logging
import re
import statistics
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from asgiref.sync import sync_to_async
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.test import Client

from apps.documents.models import Document
from apps.sync_events import runs, tasks
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.context import tenant_context
from tests.chat.live import Server
from tests.leaks.conftest import Browser
from tests.leaks.scene import QUESTION, SECRET, SUM, TEXT, TITLE, Scene, set_up
from tests.search.library import Library
from tests.world import World

# What differs between two answers to the same question.
_VOLATILE = re.compile(r"\d+ ms|csrfmiddlewaretoken\" value=\"\w+|csrf-token\" content=\"\w+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture
def scene(committed_world: World, library: Library) -> Scene:
    return set_up(committed_world, library)


def steady(page: bytes) -> str:
    return _UUID.sub("", _VOLATILE.sub("", page.decode()))


def test_nothing_changes_for_others_when_the_document_goes_altogether(
    scene: Scene, browser: Browser
) -> None:
    """Neither counts nor totals nor facets nor suggestions know what one may not read."""
    urls = [
        "/chat/",
        "/collections/",
        *(f"/search/?q={q}" for q in (QUESTION, TITLE, TEXT, f"%22{TEXT}%22", "hotel", "the")),
    ]
    client = browser(scene.world.bo)
    before = {url: steady(client.get(url).content) for url in urls}
    with scene.library.work():
        Document.objects.filter(pk=scene.secret.pk).update(deleted_at="2026-01-01T00:00Z")
    after = {url: steady(client.get(url).content) for url in urls}
    assert before == after


def test_count_of_a_search_is_what_it_lists(scene: Scene, browser: Browser) -> None:
    for user in (scene.world.ada, scene.world.bo):
        response = browser(user).get(f"/search/?q={QUESTION}")
        listed = response.context["results"]
        assert response.context["count"] == len(listed)
        assert "facet" not in response.content.decode().lower(), "there are none yet: hunt them"


@pytest.mark.parametrize("method", ["get", "head", "options", "post"])
def test_forbidden_and_missing_are_the_same_byte_by_byte(
    scene: Scene, browser: Browser, method: str
) -> None:
    client = browser(scene.world.bo)
    for address in ("/documents/{}/", "/documents/{}/original", "/collections/{}/"):
        is_collection = address.startswith("/coll")
        existing = scene.collection.uuid if is_collection else scene.secret.uuid
        told = [
            getattr(client, method)(address.format(uuid)) for uuid in (existing, uuid4(), uuid4())
        ]
        assert len({(each.status_code, each.content) for each in told}) == 1, address
        assert len({str(sorted(each.headers.items())) for each in told}) == 1, address
        assert told[0].status_code in (404, 405)


@pytest.mark.parametrize(
    "header",
    [
        {"If-None-Match": "*"},
        {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"Range": "bytes=0-10"},
        {"If-Match": "*"},
    ],
)
def test_conditions_and_ranges_confirm_nothing(
    scene: Scene, browser: Browser, header: dict[str, str]
) -> None:
    ada = browser(scene.world.ada)
    urls = [f"/documents/{scene.secret.uuid}/", f"/documents/{scene.secret.uuid}/original"]
    for url in urls:
        response = ada.get(url, headers=header)
        assert response.status_code == 200, "all of it or nothing"
        assert "no-store" in response["Cache-Control"]
        assert not {"ETag", "Last-Modified"} & set(response.headers)
        response.close()
    scene.revoke()
    for url in urls:
        assert ada.get(url, headers=header).status_code == 404
    search = ada.get(f"/search/?q={QUESTION}", headers=header)
    assert (search.status_code, scene.seen_in(search.content)) == (200, set())


def test_passage_of_one_document_shows_nothing_of_another(scene: Scene, browser: Browser) -> None:
    scene.revoke()
    with scene.library.work():
        ferret = Document.objects.get(path="staff/ferret.md")
    for span in ("0-999999999", "500-900", "x", "-1-5"):
        page = browser(scene.world.ada).get(f"/documents/{ferret.uuid}/?passage={span}")
        assert page.status_code == 200
        assert not scene.seen_in(page.content), span


def test_sign_in_leads_back_alike_to_what_is_and_what_is_not(scene: Scene) -> None:
    visitor = Client()
    for uuid in (scene.secret.uuid, uuid4()):
        response = visitor.get(f"/documents/{uuid}/")
        assert response.status_code == 302
        assert response["Location"] == f"/accounts/login/?next=/documents/{uuid}/"


def test_logs_tell_nothing_at_any_level(
    scene: Scene, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ada = browser(scene.world.ada)
    ada.get(f"/search/?q={QUESTION}")
    ada.get(f"/chat/{scene.conversation}/")
    ada.get(f"/documents/{scene.secret.uuid}/")
    b"".join(ada.get(f"/documents/{scene.secret.uuid}/original"))
    again = scene.library.put(scene.secret.path, SECRET + f"\nAnd {TEXT} again.", place="vault/")
    assert scene.library.index(again).state == "indexed"
    broken = scene.library.put("vault/broken.pdf", f"%PDF-1.7 {TEXT}".encode(), place="vault/")
    assert scene.library.index(broken).state == "failed"
    scene.revoke()
    ada.get(f"/documents/{scene.secret.uuid}/")
    assert caplog.records
    for record in caplog.records:
        told = record.getMessage() + str(record.args) + str(record.exc_text)
        for word in (TITLE, TEXT, SUM):
            assert word.lower() not in told.lower(), f"{record.name} at {record.levelname}"


@pytest.mark.parametrize(
    "name", ["openai", "openai._base_client", "httpx2", "websockets", "pdfminer", "kombu"]
)
def test_libraries_that_log_what_they_carry_stay_silent_at_debug(name: str) -> None:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    finally:
        root.setLevel(level)


def test_redis_holds_neither_titles_nor_texts_nor_paths(scene: Scene, browser: Browser) -> None:
    ada = browser(scene.world.ada)
    for url in ("/chat/", f"/search/?q={QUESTION}", f"/documents/{scene.secret.uuid}/"):
        ada.get(url)
    with tenant_context(scene.library.tenant), transaction.atomic():
        run = runs.request(scene.library.connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE)
        tasks.send_run(scene.library.tenant.pk, run.pk, Lane.CONTENT)
        tasks.send_index(scene.library.tenant.pk)
    kept = list(_all_of_redis())
    assert len(kept) > 2, "the cached set and two tasks"
    for key, value in kept:
        for told in (key, value, *_decoded(value)):
            assert not scene.seen_in(told), key


def _all_of_redis() -> Iterator[tuple[bytes, bytes]]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter():
            readers: dict[bytes, Any] = {
                b"string": client.get,
                b"list": lambda name: client.lrange(name, 0, -1),
                b"hash": client.hgetall,
                b"set": client.smembers,
                b"zset": lambda name: client.zrange(name, 0, -1),
            }
            found = readers[client.type(key)](key)
            yield key, found if isinstance(found, bytes) else repr(found).encode()


def _decoded(value: bytes) -> list[bytes]:
    bodies = re.findall(rb'"body": "([A-Za-z0-9+/=]+)"', value)
    return [base64.b64decode(body) for body in bodies]


def test_tasks_take_ids_alone() -> None:
    ours = {name: task for name, task in current_app.tasks.items() if name.startswith("apps.")}
    assert "apps.sync_events.tasks.run" in ours
    for name, task in ours.items():
        taken = inspect.signature(task.run).parameters.values()
        for parameter in taken:
            is_id = parameter.annotation == "int"
            assert is_id or parameter.name == "lane", f"{name}: {parameter}"


def test_metrics_and_health_name_nobody_and_nothing(scene: Scene, browser: Browser) -> None:
    ada = browser(scene.world.ada)
    for url in (f"/search/?q={QUESTION}", f"/documents/{scene.secret.uuid}/", "/chat/"):
        ada.get(url)
    for url in ("/metrics", "/health/ready", "/health/live"):
        page = Client().get(url).content.decode()
        for word in (*scene.words, "ada@", str(scene.conversation)):
            assert word.lower() not in page.lower(), f"{word} on {url}"


def test_error_pages_name_nothing(scene: Scene, browser: Browser) -> None:
    assert settings.DEBUG is False
    ida = browser(scene.world.ida)
    bad = ida.get(f"/admin/documents/document/?title__startswith={TITLE}")
    assert bad.status_code == 400
    assert not scene.seen_in(bad.content)
    long = browser(scene.world.ada).get(f"/search/?q={'x' * 3000}")
    assert not scene.seen_in(long.content)


async def test_group_names_of_sockets_say_nothing_in_clear(scene: Scene, server: Server) -> None:
    def channels() -> list[bytes]:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            return list(client.pubsub_channels())

    async with server.chat(scene.world.ada, scene.conversation) as chat:
        async with asyncio.timeout(10):
            while not (names := [n for n in await sync_to_async(channels)() if b"session-" in n]):
                await asyncio.sleep(0.02)
        clear = (
            str(scene.conversation), scene.conversation.hex, "acme", scene.world.ada.email,
            chat.session_key, str(scene.library.tenant.uuid),
        )  # fmt: skip
        for name in names:
            assert re.fullmatch(r".*session-[0-9a-f]{64}", name.decode())
            assert not [word for word in clear if word in name.decode()]


async def test_socket_of_anothers_conversation_closes_with_a_code_alone(
    scene: Scene, server: Server
) -> None:
    async with server.chat(scene.world.bo, scene.conversation) as chat:
        await chat.socket.wait_closed()
    assert chat.socket.close_code == 4404
    assert not chat.socket.close_reason
    assert chat.frames == []


@pytest.mark.slow
def test_forbidden_takes_as_long_as_missing(scene: Scene, browser: Browser) -> None:
    client = browser(scene.world.bo)
    asked = {"forbidden": scene.secret.uuid, "missing": uuid4(), "other": uuid4()}
    spent: dict[str, list[float]] = {name: [] for name in asked}
    for round_ in range(220):
        for name, uuid in asked.items():
            started = time.perf_counter()
            client.get(f"/documents/{uuid}/")
            if round_ >= 20:  # warm by then
                spent[name].append(time.perf_counter() - started)
    median = {name: statistics.median(each) for name, each in spent.items()}
    # Two that do not exist differ by chance alone: so much, and what a median of 200 may be off.
    noise = abs(median["missing"] - median["other"]) + 4 * _error_of_median(spent["missing"])
    difference = abs(median["forbidden"] - median["missing"])
    assert difference <= noise, json.dumps({**median, "noise": noise})


def _error_of_median(values: list[float]) -> float:
    middle = statistics.median(values)
    deviation = 1.4826 * statistics.median(abs(value - middle) for value in values)
    return float(1.2533 * deviation / len(values) ** 0.5)
