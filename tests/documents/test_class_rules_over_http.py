"""Rules for classes at every way out, with real sign-ins: search, pages, originals, chat."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import LazySettings, settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.acls import circumstances, resolve
from apps.acls.circumstances import Circumstances
from apps.acls.class_rules import allowed_classes
from apps.acls.classes import Classification
from apps.acls.models import AccessRule
from apps.chat.answer import answer
from apps.chat.frames import Frames
from apps.chat.models import Citation, Message
from apps.documents.models import Document
from apps.tenants.context import tenant_context, user_context
from tests.accounts import totp
from tests.chat.live import Chat, Server
from tests.search import texts
from tests.search.library import Library, make_library
from tests.world import World, signed_in

INSIDE, OUTSIDE = "10.20.1.2", "198.51.100.7"


@pytest.fixture(autouse=True)
def _static(settings: LazySettings) -> None:
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def library(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> Library:
    library = make_library(committed_world.acme, monkeypatch)
    library.share("staff/", committed_world.ada)
    library.let_copies_stand()  # the documents say the same, each in a class of its own
    for name in Classification.values:
        path = f"staff/{name}.md"
        library.add(path, texts.PARENTAL.replace("# ", f"# {name} ", 1), place="staff/")
        with library.work():
            Document.objects.filter(path=path).update(classification=name)
    return library


def rule(library: Library, classification: str, **fields: Any) -> None:
    with library.work():
        AccessRule.objects.create(tenant=library.tenant, classification=classification, **fields)


def seen(library: Library, client: Client, address: str = OUTSIDE) -> dict[str, set[str]]:
    """Return the classes of what each way out shows."""
    with library.work():
        uuids = dict(Document.objects.values_list("classification", "uuid"))
    asked: Any = {"REMOTE_ADDR": address}
    page = client.get("/search/", {"q": "parental leave weeks"}, **asked)
    examples = client.get("/chat/", **asked).content.decode()
    return {
        "search": {result.path[6:-3] for result in page.context["results"]},
        "count": set(Classification.values[: page.context["count"]]),
        "examples": {name for name in uuids if f"“{name} " in examples},
        "page": {
            name
            for name, uuid in uuids.items()
            if client.get(reverse("documents:document", args=[uuid]), **asked).status_code == 200
        },
        "original": {
            name
            for name, uuid in uuids.items()
            if client.get(reverse("documents:original", args=[uuid]), **asked).status_code == 200
        },
    }


def test_each_class_rule_and_circumstance_at_each_way_out(
    committed_world: World, library: Library
) -> None:
    with_factor, _ = totp.set_up(committed_world.ada)
    without = signed_in(committed_world.ada)
    kinds: list[dict[str, Any]] = [{"requires_mfa": True}, {"networks": ["10.20.0.0/16"]}]
    kinds += [{**kinds[0], **kinds[1]}]
    ways = list(seen(library, without))
    everything = {way: set(Classification.values) for way in ways}
    assert seen(library, without) == everything
    for name, asks in itertools.product(("internal", "restricted"), kinds):
        with library.work():
            AccessRule.objects.all().delete()
        rule(library, name, **asks)
        left = set(Classification.values[: Classification.values.index(name)])
        for client, address in itertools.product((with_factor, without), (INSIDE, OUTSIDE)):
            passes = not (asks.get("requires_mfa") and client is without)
            passes = passes and not (asks.get("networks") and address == OUTSIDE)
            expected = everything if passes else dict.fromkeys(ways, left)
            assert seen(library, client, address) == expected, (name, asks, address)


def test_cached_set_keeps_no_decision_about_classes(
    committed_world: World, library: Library
) -> None:
    """The same person in two browsers, by turns, on the same cached set."""
    with_factor, _ = totp.set_up(committed_world.ada)
    without = signed_in(committed_world.ada)
    rule(library, "restricted", requires_mfa=True)
    with library.work():
        computed_at = resolve.policies_for(committed_world.ada).computed_at
    for _ in range(2):
        assert "restricted" in seen(library, with_factor)["search"]
        assert "restricted" not in seen(library, without)["search"]
    with library.work():
        assert resolve.policies_for(committed_world.ada).computed_at == computed_at


def test_removing_the_factor_closes_its_documents_in_every_session(
    committed_world: World, library: Library
) -> None:
    first, secret = totp.set_up(committed_world.ada)
    second = totp.sign_in_with(committed_world.ada, secret)
    rule(library, "restricted", requires_mfa=True)
    assert "restricted" in seen(library, second)["page"]
    first.post(reverse("mfa_deactivate_totp"))
    assert "restricted" not in seen(library, first)["page"]
    assert "restricted" not in seen(library, second)["page"]


def test_session_from_before_the_factor_passes_it_later(
    committed_world: World, library: Library
) -> None:
    old = totp.sign_in(committed_world.ada)
    _, secret = totp.set_up(committed_world.ada)
    rule(library, "restricted", requires_mfa=True)
    assert "restricted" not in seen(library, old)["search"]
    reply = old.post("/accounts/2fa/reauthenticate/", {"code": totp.code(secret), "next": "/chat/"})
    assert reply["Location"] == "/chat/"
    assert "restricted" in seen(library, old)["search"]


def test_pages_tell_of_a_rule_whatever_there_is_to_find(
    committed_world: World, library: Library
) -> None:
    client = totp.sign_in(committed_world.bo)  # who may read nothing at all
    pages = ("/search/?q=parental", "/search/?q=unheard", "/chat/")
    hint = "need a second factor"
    assert all(hint not in client.get(page).content.decode() for page in pages)
    rule(library, "restricted", requires_mfa=True)
    assert all(hint in client.get(page).content.decode() for page in pages)
    with library.work():
        barred = Document.objects.get(classification="restricted")
    nowhere = "00000000-0000-4000-8000-000000000000"
    answers = [client.get(f"/documents/{uuid}/") for uuid in (barred.uuid, nowhere)]
    told = [
        answer.content.replace(str(uuid).encode(), b"")
        for answer, uuid in zip(answers, (barred.uuid, nowhere), strict=True)
    ]
    assert [answer.status_code for answer in answers] == [404, 404] and told[0] == told[1]
    with library.work():
        Document.objects.filter(classification="restricted").update(deleted_at=timezone.now())
    assert all(hint in client.get(page).content.decode() for page in pages)


def test_nothing_bound_means_no_factor_and_no_network(
    committed_world: World, library: Library
) -> None:
    rule(library, "confidential", requires_mfa=True)
    with library.work():
        assert allowed_classes() == ["public", "internal"]
    found = library.paths(committed_world.ada, "parental leave weeks")
    assert {path[6:-3] for path in found} == {"public", "internal"}


@pytest.fixture
def server(committed_world: World) -> Iterator[Server]:
    with Server().running() as server:
        yield server


async def sources(chat: Chat) -> set[str]:
    chat.frames.clear()
    await chat.ask("How many weeks of parental leave?")
    return {each["path"][6:-3] for frame in chat.of("sources") for each in frame["sources"]}


async def test_each_question_on_a_socket_is_judged_by_its_session_as_it_is_then(
    committed_world: World, library: Library, server: Server
) -> None:
    old = await sync_to_async(totp.sign_in)(committed_world.ada)
    first, secret = await sync_to_async(totp.set_up)(committed_world.ada)
    await sync_to_async(rule)(library, "confidential", requires_mfa=True)
    key = old.cookies[settings.SESSION_COOKIE_NAME].value
    async with server.chat(None, cookie=key) as chat:
        assert await sources(chat) == {"public", "internal"}
        await sync_to_async(old.post)(
            "/accounts/2fa/reauthenticate/", {"code": totp.code(secret), "next": "/chat/"}
        )
        assert await sources(chat) == set(Classification.values)
        await sync_to_async(first.post)(reverse("mfa_deactivate_totp"))
        assert await sources(chat) == {"public", "internal"}
        page = await sync_to_async(old.get)(f"/chat/{chat.uuid}/")
    shown = [turn.answer.is_hidden for turn in page.context["turns"] if turn.answer]
    assert shown == [False, True, False]


async def test_a_factor_taken_away_while_an_answer_is_written_withholds_it(
    committed_world: World, library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chat.extractive._PIECE_INTERVAL_S", 0.3)
    first, _ = await sync_to_async(totp.set_up)(committed_world.ada)
    await sync_to_async(rule)(library, "confidential", requires_mfa=True)
    async with server.chat(None, cookie=first.cookies[settings.SESSION_COOKIE_NAME].value) as chat:
        await chat.send(type="ask", text="How many weeks of parental leave?")
        await chat.until("token")
        assert "staff/restricted.md" in {s["path"] for s in chat.of("sources")[0]["sources"]}
        await sync_to_async(first.post)(reverse("mfa_deactivate_totp"))
        over = await chat.until("done", "error")
    assert (over["type"], over["code"]) == ("error", "evidence_withdrawn")

    @sync_to_async
    def stored() -> tuple[str, int]:
        with library.work():
            return Message.objects.get(author="assistant").text, Citation.objects.count()

    text, citations = await stored()
    assert "eeks" not in text and citations == 0


def test_a_factor_taken_away_while_it_searches_keeps_its_classes_out_of_the_prompt(
    committed_world: World, library: Library
) -> None:
    rule(library, "confidential", requires_mfa=True)
    frames: list[dict[str, Any]] = []

    async def send(frame: dict[str, Any]) -> None:
        frames.append(frame)

    async def taken_away() -> Circumstances:
        return Circumstances()

    ada, asked = committed_world.ada, "How many weeks of parental leave?"
    with (
        tenant_context(library.tenant),
        user_context(ada.pk),
        circumstances.bound(Circumstances(has_mfa=True)),
    ):
        async_to_sync(answer)(ada, uuid4(), asked, Frames(send), taken_away)
    assert {source["path"] for source in frames[0]["sources"]} == {
        "staff/public.md",
        "staff/internal.md",
    }
    assert frames[-1]["type"] == "done"


async def test_address_of_a_socket_counts(
    committed_world: World, library: Library, server: Server
) -> None:
    await sync_to_async(rule)(library, "restricted", networks=["127.0.0.1/32"])
    async with server.chat(committed_world.ada) as chat:
        assert await sources(chat) == set(Classification.values)
    invented = {"X-Forwarded-For": "127.0.0.1"}
    async with server.chat(committed_world.ada, headers=invented) as chat:
        assert await sources(chat) == {"public", "internal", "confidential"}


def test_circumstances_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Circumstances().has_mfa = True  # type: ignore[misc]
