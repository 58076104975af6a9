"""Who wrote a file, from what it says of itself: a person's name, or nothing."""

from __future__ import annotations

import re
from email.utils import parseaddr

from apps.documents.blocks import one_line

# What programs write where nobody gave a name.
_NOBODY = frozenset(
    {
        "",
        "admin",
        "administrator",
        "anonymous",
        "author",
        "default",
        "microsoft office user",
        "none",
        "openpyxl",
        "owner",
        "python-docx",
        "root",
        "steve canny",  # the template of python-pptx
        "unknown",
        "unknown author",
        "user",
    }
)
_WITH_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+")
_MAX_CHARS = 200


def writer(stated: object) -> str:
    """Return the name in what a file states, its address where it has no name, or "".

    Args:
        stated: a property, a header ("Ada <ada@example.com>"), or None.
    """
    text = one_line(stated) if isinstance(stated, str) else ""
    if _WITH_ADDRESS.search(text):
        name, address = parseaddr(text)
        text = one_line(name.strip("'\"")) or address
    return "" if text.casefold() in _NOBODY else text[:_MAX_CHARS]
