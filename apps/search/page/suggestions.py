"""What the search box offers while somebody types: only what the person may read, or has typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from django.urls import reverse

from apps.accounts.models import User
from apps.connections.models import Connection
from apps.search.page import recent_searches, saved_searches
from apps.search.understanding import edits, names
from apps.search.understanding.names import Named, Range

_SHOWN = 8
_PER_KIND = 3
_LOOKED_AT = 60
_SHORTEST = 2
_MOST_WORDS = 6

Kind = Literal["saved", "recent", "document", "author", "folder", "source"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line below the search box.

    Attributes:
        kind: what it is.
        label: what it is called.
        detail: where it lies, in a few words.
        url: what choosing it opens.
    """

    kind: Kind
    label: str
    detail: str
    url: str


def suggest(user: User, typed: str) -> list[Suggestion]:
    """Return what begins like the words typed so far, with at most one slip in each of them.

    Args:
        user: who types.
        typed: the words; the last one may be unfinished.
    """
    words = names.words(typed)[:_MOST_WORDS]
    own = list(_own(user, typed))
    if not words or len(max(words, key=len)) < _SHORTEST:
        return own[:_SHOWN]
    found = _found(user, words, typed)
    told = [*own[:_PER_KIND], *_sources(user, words), *_parts(found, words)]
    rest = [_document(one) for one in found if one.by_title]
    return (told[: _SHOWN // 2] + rest + told[_SHOWN // 2 :])[:_SHOWN]


def _own(user: User, typed: str) -> Iterator[Suggestion]:
    begun = " ".join(names.words(typed))
    for saved in saved_searches.of(user):
        if begun in " ".join(names.words(saved.name)):
            yield Suggestion("saved", saved.name, saved.query, saved_searches.address(saved))
    for query in recent_searches.of(user):
        if begun in " ".join(names.words(query)):
            yield Suggestion("recent", query, "", _search(q=query))


def _found(user: User, words: Sequence[str], typed: str) -> list[Named]:
    """Return documents with all the words; where one is nobody's, with one that is a slip away."""
    ranges = [[names.beginning(word)] for word in words]
    found = _documents(user, ranges, typed)
    if found:
        return found
    present = names.counts(user, [one for each in ranges for one in each], at_most=1)
    for place, word in enumerate(words):
        if edits.allowed(word) and not any(name.startswith(word) for name in present):
            ranges[place] = [names.beginning(each) for each in sorted(edits.neighbours(word))]
    return _documents(user, ranges, typed) if any(len(each) > 1 for each in ranges) else []


def _documents(user: User, ranges: Sequence[Sequence[Range]], typed: str) -> list[Named]:
    # The longest word is looked up, as the rarest, or the one that nothing has: by its neighbours.
    def weight(place: int) -> tuple[int, int]:
        return len(ranges[place]), len(ranges[place][0][0])

    first = max(range(len(ranges)), key=weight)
    others = [each[0] for place, each in enumerate(ranges) if place != first and len(each) == 1]
    return names.documents(user, ranges[first], others, typed=typed, limit=_LOOKED_AT)


def _sources(user: User, words: Sequence[str]) -> list[Suggestion]:
    """Return the sources whose names have all the words, as filters."""
    named = Connection.objects.values_list("pk", "name")
    fitting = [pk for pk, name in named if _has_all(name, words)]
    return [
        Suggestion("source", source.name, "everything in this source", _search(source=source.uuid))
        for source in names.sources(user, fitting)[:_PER_KIND]
    ]


def _parts(found: Iterable[Named], words: Sequence[str]) -> list[Suggestion]:
    """Return the authors and folders of the documents that have the words, as filters."""
    authors: dict[str, Suggestion] = {}
    folders: dict[str, Suggestion] = {}
    for one in found:
        if one.author and _has_all(one.author, words):
            authors[one.author] = Suggestion(
                "author", one.author, "everything by this author", _search(author=one.author)
            )
        for folder in _folders(one.path):
            if _has_all(folder.rstrip("/").rpartition("/")[2], words):
                folders[folder] = Suggestion(
                    "folder", folder, one.source, _search(folder=folder, source=one.source_uuid)
                )
    return [*list(authors.values())[:_PER_KIND], *list(folders.values())[:_PER_KIND]]


def _document(one: Named) -> Suggestion:
    page = reverse("documents:document", args=[one.uuid])
    return Suggestion("document", one.title, f"{one.source} / {one.path}", page)


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count]) + "/"


def _has_all(name: str, words: Sequence[str]) -> bool:
    of_name = names.words(name)
    return all(any(_begins(each, word) for each in of_name) for word in words)


def _begins(name: str, word: str) -> bool:
    """Return whether a name begins with a word, but for one slip where one is forgiven."""
    if name.startswith(word) or not edits.allowed(word):
        return name.startswith(word)
    begins = (name[: len(word) + more] for more in (-1, 0, 1))
    return any(edits.distance(begin, word, most=1) == 1 for begin in begins)


def _search(**params: object) -> str:
    return f"{reverse('search:search')}?{urlencode(params)}"
