"""Which page of a list an address asks for: anybody may have written anything there."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

_MOST_DIGITS: Final = 9


def asked(request: HttpRequest, name: str, *, most: int) -> int:
    """Return the number of the page, from 1 to `most`; 1 for whatever is no number.

    Args:
        request: the page's.
        name: of the parameter in the address.
        most: pages that are turned.
    """
    told = request.GET.get(name, "")
    if not (told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS):
        return 1
    return min(max(int(told), 1), most)
