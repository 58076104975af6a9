"""Binds the circumstances of each request, and tells those of a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.accounts import second_factor
from apps.acls import circumstances, client_address
from apps.acls.circumstances import Circumstances
from apps.acls.client_address import Address


class CircumstancesMiddleware:
    """Let the rules for classes see how this request was made; stands behind the tenant's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in its circumstances."""
        with circumstances.bound(of_request(request)):
            return self.get_response(request)


def of_request(request: HttpRequest) -> Circumstances:
    """Return the circumstances of a request."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return Circumstances(
        has_mfa=second_factor.has_passed(request),
        address=_address(
            request.META.get("REMOTE_ADDR") or "",
            forwarded,
            is_forwarded=bool(forwarded or request.META.get("HTTP_FORWARDED")),
        ),
    )


def address_of_socket(scope: Mapping[str, Any]) -> Address | None:
    """Return the client's address of an ASGI scope, or None where it is not certain."""
    told = [(name.lower(), value.decode("latin-1")) for name, value in scope.get("headers", ())]
    forwarded = ",".join(value for name, value in told if name == b"x-forwarded-for")
    peer = scope.get("client")
    return _address(
        str(peer[0]) if peer else "",
        forwarded,
        is_forwarded=bool(forwarded) or any(name == b"forwarded" for name, _ in told),
    )


def _address(peer: str, forwarded: str, *, is_forwarded: bool) -> Address | None:
    if is_forwarded and not forwarded:  # by a proxy whose way of saying so is not read
        return None
    return client_address.find(peer, forwarded, settings.KENWARD_TRUSTED_PROXIES)
