"""Who is behind a socket: read again each time, since a socket outlives its person's rights."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.db import transaction
from django.http import HttpRequest

from apps.accounts import second_factor
from apps.accounts.models import User
from apps.tenants import active
from apps.tenants.context import user_context
from apps.tenants.transactions import in_transaction


@dataclass(frozen=True, slots=True)
class Asker:
    """A person in the tenant that the session is in now.

    Attributes:
        has_mfa: the session has passed a second factor.
    """

    user: User
    tenant_id: int
    has_mfa: bool = False


async def current(session_key: str | None) -> Asker | None:
    """Return who stands behind a session, or None: signed out, or in no tenant (any more).

    Args:
        session_key: from the cookie that the socket was opened with.
    """
    return await in_transaction(_look_up, session_key) if session_key else None


def _look_up(session_key: str) -> Asker | None:
    try:
        return _find(session_key)
    finally:
        # Where secret keys were rotated, Django gives the session a new key here, which no browser
        # would ever hear of.
        transaction.set_rollback(True)


def _find(session_key: str) -> Asker | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(request)  # checks the session's hash: a new password ends it
    if not user.is_authenticated:
        return None
    with user_context(user.pk):
        found = active.find_for(user, request.session)
    if found is None:
        return None
    request.user = user
    return Asker(user, found.tenant.pk, second_factor.has_passed(request))
