"""What a language model adds to a question, against a mock of the protocol that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import LazySettings

from apps.chat import expand
from apps.search.expansion import NOTHING, Expanded
from apps.search.models import SearchSettings
from apps.search.stages import Expansion
from tests.chat.live import Server
from tests.peers import llmock
from tests.peers.llmock import Llmock
from tests.search.library import Library
from tests.world import World

pytestmark = pytest.mark.peer

QUESTION = "How much may a hotel cost in Lisbon?"


@pytest.fixture(scope="module")
def installed() -> Iterator[Llmock]:
    with llmock.running() as mock:
        yield mock


@pytest.fixture
def model(installed: Llmock, settings: LazySettings) -> Llmock:
    settings.LLM_BASE_URL = installed.base_url
    settings.LLM_API_KEY = installed.key
    settings.LLM_MODEL = "mock-model"
    return installed


def says(text: str) -> dict[str, Any]:
    return {"match": {"userMessage": QUESTION}, "response": {"content": text}}


async def test_other_wordings_come_one_to_a_line(model: Llmock) -> None:
    model.answers(says(f"- accommodation limits\n- {QUESTION}\n\n* travel budget\na\nb\nc"))
    found = await expand.expanded(QUESTION, Expansion.MULTI_QUERY)
    assert found == Expanded(queries=("accommodation limits", "travel budget", "a"))


async def test_a_passage_is_made_up_for_its_meaning(model: Llmock) -> None:
    model.answers(says("A hotel in Lisbon\nmay cost 300 euros."))
    found = await expand.expanded(QUESTION, Expansion.HYDE)
    assert found == Expanded(passage="A hotel in Lisbon may cost 300 euros.")


async def test_nothing_is_asked_where_nothing_is_wanted(model: Llmock) -> None:
    assert await expand.expanded(QUESTION, Expansion.NONE) == NOTHING
    assert model.requests() is not None


async def test_a_model_that_fails_costs_the_expansion_alone(model: Llmock) -> None:
    model.answers({"match": {}, "response": {"error": {"message": "no"}, "status": 400}})
    assert await expand.expanded(QUESTION, Expansion.HYDE) == NOTHING


def _wants_passages(library: Library) -> None:
    with library.work():
        SearchSettings.objects.create(tenant=library.tenant, expansion=Expansion.HYDE)


async def test_what_is_made_up_is_searched_by_and_never_shown(
    committed_world: World, library: Library, server: Server, model: Llmock
) -> None:
    await sync_to_async(_wants_passages)(library)
    answer = {"content": "140 euros [1]."}
    model.answers(
        # The first call of each question is the expansion: it does not stream.
        {"match": {"userMessage": "^" + QUESTION[:20]}, "response": {"content": "Zebra crossing."}},
        {"match": {}, "response": answer},
    )
    async with server.chat(committed_world.ada) as chat:
        done = await chat.ask(QUESTION)
    assert done["outcome"] == "answered"
    assert "Zebra" not in str(chat.frames)
    sent = [str(entry) for entry in model.requests()]
    assert len(sent) == 2, "the expansion, and the answer"
    assert "Write a short passage" in sent[0]
    assert "Zebra" not in sent[1]
