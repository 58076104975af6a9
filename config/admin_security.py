"""The content security policy of the admin, whose scripts need more than ours."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from django.http import HttpRequest, HttpResponse

# Unfold runs on Alpine, which compiles the expressions in its attributes and sets styles.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


class AdminSecurityPolicy:
    """Set the policy on every answer below /admin/, which CSPMiddleware leaves alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and set the policy unless a view has set its own."""
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            response.headers.setdefault(HEADER, POLICY)
        return response
