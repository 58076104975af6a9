"""What pages say of the rules for classes: the same whatever there is to find."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.accounts import second_factor
from apps.acls import class_rules
from apps.acls.class_rules import Missing
from apps.tenants.context import current_tenant_id


def class_rules_of(request: HttpRequest) -> dict[str, Any]:
    """Return, for the templates that ask, what this session lacks and how it can be had.

    Error pages do not ask: under ASGI they are made outside the request's transaction, on another
    thread, where this would open a connection that nobody gives back.
    """
    return {
        "lacking": SimpleLazyObject(_missing),
        "has_second_factor": SimpleLazyObject(lambda: second_factor.has_one(request.user)),
    }


def _missing() -> Missing:
    if current_tenant_id() is None:
        return Missing()
    return class_rules.missing()
