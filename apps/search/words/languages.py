"""Which language a document is written in, offline, and which ones a tenant's documents are in."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

from django.db import connection
from py3langid import langid

from apps.search.words.terms import UNSTEMMED
from apps.tenants.context import required_tenant_id

DEFAULT = "english"
# The languages that have a stemmer, by ISO 639-1.
STEMMED = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
# So much of a document is looked at, and a language is believed from so many letters and so likely.
_CHARACTERS = 1_500
_FEWEST_LETTERS = 60
_LEAST_PROBABILITY = 0.8
# A question is stemmed for so many languages at most, each of which has so many passages.
_MOST_ASKED = 5
_LEAST_SHARE = 0.01
_WORD = re.compile(r"[^\W\d_]+")
_recognising = threading.Lock()


def of_text(text: str) -> str | None:
    """Return a text's language by its stemmer's name, `terms.UNSTEMMED` for one that has none.

    Args:
        text: the beginning decides.

    Returns:
        None where the text says too little: it is short, or code, or numbers.
    """
    words = " ".join(_WORD.findall(text[:_CHARACTERS]))
    if len(words) < _FEWEST_LETTERS:
        return None
    with _recognising:
        code, probability = _recogniser().classify(words)
    return STEMMED.get(code, UNSTEMMED) if probability >= _LEAST_PROBABILITY else None


def usual() -> str:
    """Return the language in which most passages of the bound tenant are."""
    counts = passages_by_language()
    return max(counts, key=lambda name: (counts[name], name), default=DEFAULT)


def asked(counts: dict[str, int]) -> tuple[str, ...]:
    """Return the languages in which a question is understood, most passages first.

    Args:
        counts: as `passages_by_language` returns them.
    """
    least = _LEAST_SHARE * sum(counts.values())
    common = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(name for name in common if counts[name] >= least)[:_MOST_ASKED] or (DEFAULT,)


def passages_by_language() -> dict[str, int]:
    """Return how many passages the bound tenant has in each language."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT language, passages FROM search_languagecount"
            " WHERE tenant_id = %s AND passages > 0",
            [required_tenant_id()],
        )
        return dict(cursor.fetchall())


@lru_cache
def _recogniser() -> Any:
    recogniser: Any = langid.LanguageIdentifier  # the library says no types
    return recogniser.from_model_file(langid.MODEL_FILE, norm_probs=True)
