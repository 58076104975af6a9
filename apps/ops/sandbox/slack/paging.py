"""Cursor paging, as most of Slack's lists have it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from apps.ops.sandbox.slack.calls import Call, MethodError
from apps.ops.sandbox.slack.limits import LIMITED, MOST_ITEMS

T = TypeVar("T")


def page(
    call: Call, items: Sequence[T], key: Callable[[T], str], *, default: int, most: int
) -> tuple[list[T], str]:
    """Return the page that a call asks for and the cursor of the next one, empty at the end.

    A cursor names the last item that was given out, so what changes between two pages neither
    hides an item nor shows one twice. `items` stand in the order of their keys, up or down.

    Raises:
        MethodError: `invalid_cursor` or `invalid_limit`.
    """
    limit = call.number("limit", default, most)
    if call.workspace.app.is_distributed and call.method in LIMITED:
        limit = min(limit, MOST_ITEMS)
    start = _start(call, [key(item) for item in items])
    if start and call.workspace.pages_to_repeat:
        call.workspace.pages_to_repeat -= 1
        start -= 1
    given = list(items[start : start + limit])
    has_more = start + limit < len(items)
    return given, _cursor(call, key(given[-1])) if has_more else ""


def _start(call: Call, keys: list[str]) -> int:
    """Return the index of the first item behind the one that the cursor names."""
    cursor = call.text("cursor")
    if not cursor:
        return 0
    last = _last_key(call, cursor)
    falling = len(keys) > 1 and keys[0] > keys[-1]
    behind = (n for n, key in enumerate(keys) if (key < last if falling else key > last))
    return next(behind, len(keys))


def _cursor(call: Call, key: str) -> str:
    plain = f"{call.workspace.cursor_generation}:{call.method}:{key}"
    return base64.urlsafe_b64encode(plain.encode()).decode()


def _last_key(call: Call, cursor: str) -> str:
    try:
        plain = base64.urlsafe_b64decode(cursor.encode()).decode()
        generation, method, key = plain.split(":", 2)
    except (ValueError, binascii.Error):
        raise MethodError("invalid_cursor") from None
    if generation != str(call.workspace.cursor_generation) or method != call.method:
        raise MethodError("invalid_cursor")
    return key
