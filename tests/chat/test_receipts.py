"""What admitted a reader is kept with each citation, and the history says the same of it later."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from apps.accounts.models import User
from apps.acls import policy
from apps.acls.models import AclEntry, Claim, Edge
from apps.audit.models import Event
from apps.chat import pages, receipts
from apps.chat.answer import answer
from apps.chat.frames import Frames
from apps.chat.models import Citation, Conversation
from apps.chat.receipts import Receipt
from apps.documents import explain_at
from apps.documents.models import Document
from apps.tenants.context import tenant_context, user_context
from tests.acls.reads import in_threads, inside
from tests.acls.small_worlds import acl, claim, edge, entry, principal
from tests.documents.test_check_api import analyse, document, source
from tests.search.library import Library
from tests.world import World

Frame = dict[str, Any]
Change = Callable[[random.Random], object]


@pytest.fixture
def ask(library: Library) -> Callable[[User, str], tuple[UUID, list[Frame]]]:
    """Return a function that asks, and returns the conversation and the frames."""

    def ask(user: User, question: str) -> tuple[UUID, list[Frame]]:
        uuid, frames = uuid4(), list[Frame]()

        async def send(frame: Frame) -> None:
            frames.append(frame)

        with tenant_context(library.tenant), user_context(user.pk):
            async_to_sync(answer)(user, uuid, question, Frames(send))
        return uuid, frames

    return ask


def test_each_source_says_why_it_could_be_read(
    committed_world: World, library: Library, ask: Any
) -> None:
    uuid, frames = ask(committed_world.ada, "How large is the bonus pool for 2026?")
    shown = [s for frame in frames if frame["type"] == "sources" for s in frame["sources"]]
    bonus = next(s for s in shown if s["path"] == "board/bonus.md")
    assert bonus["receipt"]["because"] == "you are among the readers of board/"
    assert bonus["receipt"]["checked_at"] and bonus["receipt"]["confirmed_at"]

    with library.work():
        citations = list(Citation.objects.select_related("document"))
        for citation in citations:
            kept = Receipt.from_json(citation.receipt)
            assert kept is not None and kept.age_s is not None
            [granted] = kept.entries
            assert AclEntry.objects.get(pk=granted["entry"]).group_id == granted["principal"]
            then = explain_at.explain(committed_world.ada, citation.document, kept.moment)
            assert kept.agrees_with(then)
        told = Event.objects.get(action="chat.answered").details["receipts"]
        assert [one["document"] for one in told] == sorted({c.document_id for c in citations})
        assert "readers of" not in str(told), "ids and numbers only"
        conversation = Conversation.objects.get(uuid=uuid)
        [turn] = pages.shown(committed_world.ada, conversation)
        stored = next(s for s in turn.sources if s.path == "board/bonus.md")
        assert stored.receipt is not None
        assert stored.receipt.because == "you are among the readers of board/"


def test_the_page_of_a_stored_conversation_shows_it(
    committed_world: World, library: Library, ask: Any, client: Client
) -> None:
    uuid, _ = ask(committed_world.ada, "How large is the bonus pool for 2026?")
    client.force_login(committed_world.ada)
    page = client.get(f"/chat/{uuid}/").content.decode()
    assert "Why you could read this" in page
    assert "you are among the readers of board/" in page


def test_a_receipt_says_the_same_later_whatever_has_changed_since(
    committed_world: World, library: Library
) -> None:
    ada = committed_world.ada
    with library.work():
        ids = list(Document.objects.values_list("pk", flat=True))
        made = receipts.made(ada, ids)
    assert len(made) == 3
    library.share("board/")
    with library.work():
        Claim.objects.all().delete()
        Document.objects.update(policy_id=policy.nobody())
        assert receipts.made(ada, ids) == {}
    with library.work():
        for pk, receipt in made.items():
            then = explain_at.explain(ada, Document.objects.get(pk=pk), receipt.moment)
            assert receipt.agrees_with(then)


def nested(world: World) -> tuple[list[Document], list[Change]]:
    """Return documents that Ada reads herself, by a group and by a nested one; and what changes."""
    acme = world.acme
    with inside(acme):
        me, group, outer = (principal(acme, kind) for kind in ("user", "group", "group"))
        claim(world.ada, me)
        places = [acl(acme) for _ in range(3)]
        entry(places[0], me)
        entry(places[1], group)
        entry(places[2], outer)
        ids = policy.policies_for([[[place.pk]] for place in places])
        files = source(acme)
        documents = [document(files, policy_id) for policy_id in ids]
    return documents, [
        lambda _: Edge.objects.filter(member=me).delete(),
        lambda _: Edge.objects.get_or_create(tenant=acme, member=me, group=group),
        lambda _: Edge.objects.filter(member=group).delete(),
        lambda _: Edge.objects.get_or_create(tenant=acme, member=group, group=outer),
        lambda rng: Document.objects.filter(pk=documents[0].pk).update(policy_id=rng.choice(ids)),
    ]


def test_receipts_equal_the_history_while_writers_run(committed_world: World) -> None:
    world, acme = committed_world, committed_world.acme
    documents, changes = nested(world)
    stop = threading.Event()
    made: list[tuple[int, Receipt | None]] = []

    def write() -> None:
        rng = random.Random(1)  # noqa: S311  which change comes next
        while not stop.is_set():
            with inside(acme):
                rng.choice(changes)(rng)

    def take() -> None:
        try:
            while len(made) < 75:
                with inside(acme):
                    found = receipts.made(world.ada, [d.pk for d in documents])
                    made.extend((d.pk, found.get(d.pk)) for d in documents)
        finally:
            stop.set()

    in_threads(write, take)
    with inside(acme):
        by_id = {d.pk: d for d in documents}
        told = [(by_id[pk], receipt) for pk, receipt in made if receipt is not None]
        for one, receipt in told:
            assert receipt.agrees_with(explain_at.explain(world.ada, one, receipt.moment))
    assert 10 < len(told) < len(made), "some could be read, some could not"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_eight_receipts_take_at_most_10_ms(committed_world: World) -> None:
    acme = committed_world.acme
    with inside(acme):
        me = principal(acme, "user")
        claim(committed_world.ada, me)
        groups = [principal(acme) for _ in range(60)]
        for member, group in zip([*[me] * 10, *groups], groups, strict=False):
            edge(member, group)  # in ten groups, each six deep
        files = source(acme)
        place, documents = None, []
        for n in range(8):
            place = acl(acme, parent=place)
            entry(place, groups[n % 6])
            documents.append(document(files, policy.policy_for([[place.pk]])))
    analyse()
    took = []
    for _ in range(60):
        with inside(acme):
            start = perf_counter()
            assert len(receipts.made(committed_world.ada, [d.pk for d in documents])) == 8
            took.append(perf_counter() - start)
    assert min(took) <= 0.1, f"{sorted(took)[:5]} s: about 10 ms on an idle machine"
