"""The published JSON Schemas of records: who reads a record elsewhere validates by these.

Version 1 is a promise: every record that Kenward writes validates by it. What would not is a
version 2 beside it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from apps.connections import fields_schemas
from apps.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "schemas"
_CONTENT_TYPE: Final = "application/schema+json"


def names() -> list[str]:
    """Return the names of the schemas, without those of the sources' own fields."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


@cache
def text_of(name: str) -> bytes:
    """Return a schema as it is published.

    Raises:
        NotFound: there is none of this name.
    """
    if name not in names():
        raise NotFound("There is no such schema.")
    return (_FOLDER / f"{name}.json").read_bytes()


@require_safe
@login_not_required
@transaction.non_atomic_requests
@cache_control(public=True, max_age=3600)
@conditional_page
def schema(request: HttpRequest, name: str) -> HttpResponse:
    """Hand out one of the schemas to anybody; they say nothing of any organisation."""
    try:
        return _published(text_of(name))
    except NotFound as error:
        raise Http404(error.message) from error


@require_safe
@login_not_required
@transaction.non_atomic_requests
@cache_control(public=True, max_age=3600)
@conditional_page
def fields_schema(request: HttpRequest, provider: str) -> HttpResponse:
    """Hand out the schema of the fields that one kind of source has of its own."""
    try:
        found: dict[str, Any] = fields_schemas.of(provider)
    except NotFound as error:
        raise Http404(error.message) from error
    return _published(json.dumps(found, indent=2, ensure_ascii=False).encode())


def _published(text: bytes) -> HttpResponse:
    response = HttpResponse(text, content_type=_CONTENT_TYPE)
    response["Access-Control-Allow-Origin"] = "*"  # validators run in browsers, too
    return response
