"""The record of one document, for programs and for people who look what a program would get."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps import audit
from apps.documents import normalised
from apps.documents.models import Document
from apps.errors import NotFound
from apps.tenants.context import required_tenant_id


@require_GET
@cache_control(private=True, no_store=True)
def record(request: HttpRequest, uuid: UUID) -> JsonResponse:
    """Hand out a document that the person may read as JSON; recorded, as a download is."""
    try:
        found = normalised.for_user(request.user, uuid)  # type: ignore[arg-type]  # login required
    except NotFound as error:
        raise Http404(error.message) from error
    audit.record(
        "document.record_read",
        tenant_id=required_tenant_id(),
        actor_id=request.user.pk,
        target=Document(uuid=uuid),
        permissions=found["permissions"]["shown"],
    )
    # As it is, so that a marker of a canary stays one word in it.
    return JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 2})
