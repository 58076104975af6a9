"""Words that nothing readable has are taken for near words in the names of readable documents.

The vocabulary is what the person may read: nothing else can be suggested, or show by its absence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.accounts.models import User
from apps.acls import resolve
from apps.acls.errors import NoMembership
from apps.documents.scope import Scope
from apps.search import release
from apps.search.understanding import edits, names
from apps.search.words import lexical

_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|„[^“]*“')
_WORD = re.compile(r"[^\W_]+")
_SHARED_BEGINNING = 3
# Words looked at in one question.
_MOST_WORDS = 8
# Passages that are asked whether one of them may be shown.
_LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class Corrected:
    """A question with other words in the place of those that nothing has."""

    text: str
    replaced: tuple[tuple[str, str], ...]


def corrected(user: User, query: str) -> Corrected | None:
    """Return the question as it was probably meant; None when it stands as it is.

    Args:
        user: who asks.
        query: the question without its filters; what is quoted is left alone.
    """
    tried = [word for word in _words(query) if edits.allowed(word)][:_MOST_WORDS]
    missing = _missing(user, tried)
    better = {word: found for word in missing if (found := _nearest(user, word))}
    if not better:
        return None
    text = _replaced(query, better)
    return Corrected(text, tuple(better.items())) if text != query else None


def _words(query: str) -> list[str]:
    return list(dict.fromkeys(names.words(_QUOTED.sub(" ", query))))


def _missing(user: User, tried: Sequence[str]) -> list[str]:
    """Return the words that no readable name and no readable passage has."""
    if not tried:
        return []
    ranges = [names.beginning(word) for word in tried]
    there = names.counts(user, ranges, at_most=1)
    unnamed = [word for word in tried if not any(name.startswith(word) for name in there)]
    return [word for word in unnamed if not _is_in_a_passage(user, word)]


def _is_in_a_passage(user: User, word: str) -> bool:
    wanted = lexical.understand(word)
    if wanted is None:  # a word that is not searched for
        return True
    asked = lexical.weigh(wanted)

    def run(scope: Scope) -> tuple[bool, bool]:
        # Passages can be behind their documents, and know no class: the documents have the last
        # word, or a word would show by staying as it is. No source is asked for this.
        for exact in (False, True):
            found = lexical.search(scope, asked, _LOOKED_AT, exact=exact)
            released = release.release(scope, found.hits, _LOOKED_AT)
            if not (found.ok and released.ok):
                return False, False
            if any(not passage.asks for passage in released.passages):
                return True, True
            if not found.hits:
                break
        return True, False

    try:
        return resolve.reading(user, run)
    except NoMembership:
        return True


def _nearest(user: User, word: str) -> str | None:
    """Return the word one slip away, else two, that most readable documents have."""
    near = names.counts(user, [names.whole(each) for each in edits.neighbours(word)], at_most=50)
    if not near and edits.allowed(word) > 1:
        family = names.counts(user, [names.beginning(word[:_SHARED_BEGINNING])], at_most=20_000)
        near = {
            each: count for each, count in family.items() if edits.distance(word, each, most=2) <= 2
        }
    return max(sorted(near), key=lambda each: near[each], default=None)


def _replaced(query: str, better: dict[str, str]) -> str:
    """Put the better words into the question, but not into what is quoted."""

    def change(match: re.Match[str]) -> str:
        folded = "".join(names.words(match[0]))
        return better.get(folded, match[0])

    pieces = []
    end = 0
    for quoted in _QUOTED.finditer(query):
        pieces += [_WORD.sub(change, query[end : quoted.start()]), quoted[0]]
        end = quoted.end()
    return "".join([*pieces, _WORD.sub(change, query[end:])])
