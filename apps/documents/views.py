"""The page of one document, and its original file.

No cache keeps either: the right to see it can end at any moment.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import BinaryIO
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps import audit
from apps.acls import explain
from apps.connections.errors import ConnectorError
from apps.connections.models import Connection
from apps.documents import access, collections, file_types, passages, recall
from apps.documents.access import ReadableDocument
from apps.documents.blocks import ExtractedText
from apps.documents.models import Document
from apps.errors import NotFound
from apps.tenants.context import required_tenant_id


@require_GET
@cache_control(private=True, no_store=True)
def document(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show a document's text, with the asked passage marked and why it may be read."""
    try:
        readable = access.text_for(request.user, uuid)  # type: ignore[arg-type]  # login required
    except NotFound as error:
        raise Http404(error.message) from error
    reason = explain.why(request.user, readable.document.policy_id)  # type: ignore[arg-type]
    if reason is None:  # lost between two statements
        raise Http404
    content = ExtractedText.from_rows(readable.text, json.loads(readable.blocks))
    span = passages.parse(request.GET.get("passage", ""))
    context = {
        "document": readable.document,
        "kind": file_types.label(readable.document.mime_type),
        "why": reason.sentence,
        "blocks": passages.views(content, span),
        "passage_id": str(span) if span else "",
        "collections": collections.offered(request),
    }
    return render(request, "documents/document.html", context)


@require_GET
@cache_control(private=True, no_store=True)
def original(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Hand out the file as the source has it now, for saving and never for showing in place."""
    try:
        readable = access.document_for(request.user, uuid)  # type: ignore[arg-type]  # login required
        response = _open(readable)
    except (NotFound, ConnectorError) as error:
        raise Http404(error.message) from error
    audit.record(
        "document.downloaded",
        tenant_id=required_tenant_id(),
        actor_id=request.user.pk,
        target=Document(pk=readable.id, uuid=readable.uuid),
    )
    return response


class OriginalResponse(FileResponse):
    """Streams a file in pieces, under ASGI too, where Django would read all of it first.

    Args:
        file: the content.
        opened: what has to be closed with the response.
        file_name: under which it is to be saved.
    """

    def __init__(self, file: BinaryIO, opened: ExitStack, *, file_name: str) -> None:
        self._file, self._opened = file, opened
        super().__init__(file, as_attachment=True, filename=file_name)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content."""
        read = sync_to_async(self._file.read)
        while piece := await read(self.block_size):
            yield piece

    def close(self) -> None:
        """Close the file and the connector that opened it."""
        super().close()
        self._opened.close()


def _open(readable: ReadableDocument) -> OriginalResponse:
    connection = Connection.objects.get(pk=readable.connection_id)
    with ExitStack() as stack:
        connector = recall.connector_for(connection)
        file = stack.enter_context(connector.open(readable.external_id))
        file_name = readable.path.rpartition("/")[2]
        response = OriginalResponse(file, stack.pop_all(), file_name=file_name)
    response["Content-Type"] = readable.mime_type or "application/octet-stream"
    response["X-Content-Type-Options"] = "nosniff"
    return response
