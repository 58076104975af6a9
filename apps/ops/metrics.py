"""/metrics: what Prometheus scrapes. Numbers about the program, none about a document."""

from __future__ import annotations

import ipaddress
import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView


@require_safe
@login_not_required
@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics, to this machine or to whoever knows KENWARD_METRICS_TOKEN."""
    if not (_has_token(request) or _is_local(request)):
        raise PermissionDenied("Metrics need the token of KENWARD_METRICS_TOKEN.")
    response: HttpResponse = ExportToDjangoView(request)  # type: ignore[no-untyped-call]  # no stubs
    return response


def _has_token(request: HttpRequest) -> bool:
    token = settings.KENWARD_METRICS_TOKEN
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and secrets.compare_digest(sent.encode(), token.encode())


def _is_local(request: HttpRequest) -> bool:
    # Behind a proxy everybody seems to come from this machine: a token takes the address's place.
    if settings.KENWARD_METRICS_TOKEN or "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
