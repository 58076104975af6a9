"""Code that forgets who asks, as it must never be written: routes and a socket for tests alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path

from apps.documents.models import Document
from apps.search.models import Chunk
from apps.tenants.context import tenant_context, unrestricted_reading
from config.urls import urlpatterns as real

# Shorter than a marker, so that every one is cut in two.
_PIECE = 7


def passages() -> list[str]:
    """Return all passages of the bound tenant, as a process of Kenward's own would see them."""
    with unrestricted_reading():
        return list(Chunk.objects.order_by("document_id").values_list("text", flat=True))


def text(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n".join(passages()), content_type="text/plain")


def _titles() -> Iterator[str]:
    yield from Document.objects.order_by("pk").values_list("title", flat=True)


def titles(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"titles": list(_titles())})


def moved(_request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"/search/?q={Document.objects.order_by('-pk')[0].title}")


def named(_request: HttpRequest) -> HttpResponse:
    title = Document.objects.order_by("-pk")[0].title
    disposition = f'attachment; filename="{title}"'
    return HttpResponse("empty", headers={"Content-Disposition": disposition})


def failing(_request: HttpRequest) -> HttpResponse:
    raise PermissionError(passages()[0])


def streamed(_request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_cut("harmless beginning\n" + "\n".join(passages())))


def _cut(whole: str) -> Iterator[bytes]:
    data = whole.encode()
    yield from (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))


def streamed_slowly(_request: HttpRequest) -> StreamingHttpResponse:
    whole = "harmless beginning\n" + "\n".join(passages())

    async def pieces() -> AsyncIterator[bytes]:
        for piece in _cut(whole):
            yield piece

    return StreamingHttpResponse(pieces())


urlpatterns = [
    path("forgetful/text/", text, name="forgetful-text"),
    path("forgetful/titles/", titles, name="forgetful-titles"),
    path("forgetful/moved/", moved, name="forgetful-moved"),
    path("forgetful/named/", named, name="forgetful-named"),
    path("forgetful/failing/", failing, name="forgetful-failing"),
    path("forgetful/streamed/", streamed, name="forgetful-streamed"),
    path("forgetful/streamed-slowly/", streamed_slowly, name="forgetful-streamed-slowly"),
    *real,
]


class ForgetfulSocket(AsyncWebsocketConsumer):
    """Sends passages to whoever asks: whole, or as the tokens of an answer."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        asked = json.loads(text_data or "{}")
        told = "\n".join(await database_sync_to_async(_passages_of)(asked["tenant"]))
        if asked["how"] == "bytes":
            await self._say(bytes_data=told.encode())
        elif asked["how"] == "whole":
            await self._say(json.dumps({"type": "sources", "seq": 1, "text": told}))
        else:
            for seq, at in enumerate(range(0, len(told), _PIECE), start=1):
                piece = told[at : at + _PIECE]
                await self._say(json.dumps({"type": "token", "seq": seq, "text": piece}))
        await self._say(json.dumps({"type": "done", "html": "more"}))

    async def _say(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data, bytes_data)  # type: ignore[no-untyped-call]  # channels' own


def _passages_of(tenant_id: int) -> list[str]:
    with tenant_context(tenant_id), transaction.atomic():
        return passages()
