"""Short extracts of passages with the question's words marked, as safe HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import connection
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.search.lexical import CONFIGURATION, Wanted

# Private-use characters stand for the marks until the text around them is escaped, and for angle
# brackets, between which PostgreSQL sees no words; a text that holds them itself loses them first.
_START, _STOP = "\ue000", "\ue001"
_LESS, _GREATER = "\ue002", "\ue003"
_OPTIONS = f"StartSel={_START}, StopSel={_STOP}, MaxWords=60, MinWords=35, ShortWord=2"
_MARKED = re.compile(f"{_START}([^{_START}{_STOP}]*){_STOP}")
_GUARDED = str.maketrans(
    {"<": _LESS, ">": _GREATER} | dict.fromkeys((_START, _STOP, _LESS, _GREATER), "")
)
_RESTORED = str.maketrans({_LESS: "<", _GREATER: ">"})
_WITHOUT_MARKS = str.maketrans("", "", _START + _STOP)


def extracts(texts: Sequence[str], wanted: Wanted | None) -> list[SafeString]:
    """Return for each text its best 35 to 60 words; words of the question stand in `<mark>`.

    Args:
        texts: passages that may be shown.
        wanted: the question; None marks nothing.
    """
    if not texts:
        return []
    plain = [text.translate(_GUARDED) for text in texts]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ts_headline(%(configuration)s::regconfig, t.text, %(wanted)s::tsquery,"
            "  %(options)s)"
            " FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS t(text, place) ORDER BY t.place",
            {
                "configuration": CONFIGURATION,
                "wanted": wanted.any_word if wanted else "",
                "options": _OPTIONS,
                "texts": plain,
            },
        )
        return [_safe(headline) for (headline,) in cursor.fetchall()]


def _safe(headline: str) -> SafeString:
    text = " ".join(headline.translate(_RESTORED).split())
    marked = _MARKED.sub(r"<mark>\1</mark>", escape(text))
    # Escaped above; the only tags are the ones put in on this line's predecessor.
    return mark_safe(marked.translate(_WITHOUT_MARKS))  # noqa: S308
