"""Employee pages rendered with made-up contexts, without any view or database."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils.safestring import mark_safe

from apps.accounts.models import User
from apps.tenants.models import Membership, Role, Tenant

CONVERSATION = "7c1f7f0e-2f4e-4f6e-9a51-0d3c5c0b2a11"
DOCUMENT = "2b0c3f62-65a1-4a8e-8e0e-7a2d7f2f9c01"
LONG_AGO = datetime.datetime(2026, 1, 2, 9, 30, tzinfo=datetime.UTC)


def source(number: int, **fields: Any) -> dict[str, Any]:
    """Return a source as the chat view and, with its time as text, the consumer give it."""
    return {
        "number": number,
        "title": f"Annual leave {number}",
        "path": f"company/leave/annual-leave-{number}.md",
        "source": "Files",
        "snippet": "You may carry five days into the next year.",
        "url": f"/documents/{DOCUMENT}/?passage=10-60#passage",
        "is_cited": True,
        "modified_at": LONG_AGO,
        **fields,
    }


def turn(question: str, html: str, **answer: Any) -> dict[str, Any]:
    """Return a stored question and its answer."""
    fields = {"uuid": uuid.uuid4(), "outcome": "answered", "notice": "", "is_hidden": False}
    return {
        "question": question,
        "asked_at": LONG_AGO,
        "answer": {**fields, "html": mark_safe(html), **answer},  # noqa: S308
        "sources": [source(1)],
    }


def chat(*turns: dict[str, Any]) -> str:
    """Return the chat page."""
    current = {"uuid": CONVERSATION, "title": "Leave", "updated_at": LONG_AGO, "is_current": True}
    return page(
        "chat/chat.html",
        conversation_uuid=CONVERSATION,
        is_new=not turns,
        conversations=[current] if turns else [],
        turns=list(turns),
        examples=["How many days of leave can I carry over?", "Who do I tell when I am ill?"],
        answerer_notice="No language model is connected: Kenward quotes the best passages.",
        ws_path=f"/ws/chat/{CONVERSATION}/",
    )


def page(template: str, **context: Any) -> str:
    """Return a page as a signed-in IT admin gets it."""
    request = RequestFactory().get("/")
    request.user = User(email="ada@acme.example", name="Ada")
    request.tenant = Tenant(name="Acme")  # type: ignore[attr-defined]
    request.membership = Membership(role=Role.IT_ADMIN)  # type: ignore[attr-defined]
    return render_to_string(template, context, request=request)
