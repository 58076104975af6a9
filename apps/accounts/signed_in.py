"""The person behind a request."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.models import User


def person(request: HttpRequest) -> User:
    """Return who has signed in.

    Raises:
        PermissionDenied: nobody has.
    """
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user
