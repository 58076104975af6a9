"""An answer under way is withheld when any document of its prompt is taken away, cited or not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from apps.chat.answer import answer
from apps.chat.errors import EvidenceWithdrawn
from apps.chat.frames import Frames
from apps.chat.models import Message
from apps.tenants.context import tenant_context, user_context
from tests.search.library import Library
from tests.world import World

PLACES = {"one/": "The lighthouse was built in 1871.", "two/": "The lighthouse has 199 steps."}
QUESTION = "What is known about the lighthouse?"


@pytest.fixture
def prompt_of_two(committed_world: World, library: Library) -> Library:
    """Return Acme's documents with two more, both of which answer the question."""
    for place, text in PLACES.items():
        library.share(place, committed_world.ada)
        library.add(f"{place}note.md", f"# Lighthouse\n\n{text}\n", place=place)
    return library


@pytest.mark.parametrize("moment", ["sources", "token"])
@pytest.mark.parametrize("lost", list(PLACES))
def test_answer_is_withheld_whichever_document_of_the_prompt_is_lost(
    committed_world: World, prompt_of_two: Library, lost: str, moment: str
) -> None:
    frames: list[dict[str, Any]] = []

    async def send(frame: dict[str, Any]) -> None:
        if frame["type"] == moment and not [f for f in frames if f["type"] == moment]:
            await sync_to_async(prompt_of_two.share)(lost)
        frames.append(frame)

    ada = committed_world.ada
    with (
        tenant_context(prompt_of_two.tenant),
        user_context(ada.pk),
        pytest.raises(EvidenceWithdrawn) as withheld,
    ):
        async_to_sync(answer)(ada, uuid4(), QUESTION, Frames(send))
    listed = {source["path"] for source in frames[0]["sources"]}
    assert {f"{place}note.md" for place in PLACES} <= listed, "both were in the prompt"
    assert "done" not in [frame["type"] for frame in frames]
    assert not [word for word in ("1871", "199", "note.md") if word in str(withheld.value)]
    with prompt_of_two.work():
        assert list(Message.objects.values_list("author", flat=True)) == ["user"]
