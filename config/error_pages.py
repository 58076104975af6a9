"""The pages for 400, 403, 404, 500 and 503: what happened, and what to do about it."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that cannot be understood."""
    return render(request, "errors/400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer somebody who may not open this page; says the reason where one was given."""
    reason = str(exception) if exception else ""
    return render(request, "errors/403.html", {"reason": reason}, status=403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for what is missing or forbidden, in the same words."""
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after a fault of ours; asks nothing of what may have failed."""
    # Django calls this while it handles the error.
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(render_to_string("errors/503.html"), status=503)
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was open too long or came from elsewhere."""
    explanation = "This form was open for too long. Go back, reload the page and send it again."
    return render(request, "errors/403.html", {"reason": explanation}, status=403)
