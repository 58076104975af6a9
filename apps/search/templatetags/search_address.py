"""Addresses of the search page with one filter more."""

from __future__ import annotations

from django import template
from django.http import QueryDict

register = template.Library()
# A later "since" takes the place of the one before; of the others several stand side by side.
_SINGLE = frozenset({"since", "until"})


@register.simple_tag
def narrowed(address: str, field: str, value: str) -> str:
    """Return the query of an address with one filter more; "" where it is on already.

    Args:
        address: the query of the page's address.
        field: of the filter.
        value: what it is to be.
    """
    params = QueryDict(address, mutable=True)
    if value in params.getlist(field):
        return ""
    if field in _SINGLE:
        params.setlist(field, [value])
    else:
        params.appendlist(field, value)
    return params.urlencode()
