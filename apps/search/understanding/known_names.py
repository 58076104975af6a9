"""Which of the names in a question exist for the person who asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from apps.accounts.models import User
from apps.connections.models import Connection
from apps.documents import collections
from apps.search.understanding import names
from apps.search.understanding.filter_words import Field
from apps.search.understanding.query_filters import folded

_MOST = 8

Wanted = tuple[Field, str]


def known_to(user: User, wanted: Collection[Wanted]) -> dict[Wanted, tuple[str, ...]]:
    """Return what the names stand for: uuids of sources and collections, authors, folders.

    A source, an author or a folder exists for whoever may read a document of it; a collection for
    whom it is shared with.

    Args:
        user: who asks.
        wanted: as `query_filters.names` gives them.
    """
    by_field: dict[Field, set[str]] = {}
    for field, name in wanted:
        by_field.setdefault(field, set()).add(name)
    found: dict[Wanted, tuple[str, ...]] = {}
    for name, values in _sources(user, by_field.get("source", ())).items():
        found["source", name] = values
    for name, values in _authors(user, by_field.get("author", ())).items():
        found["author", name] = values
    for name, values in _folders(user, by_field.get("folder", ())).items():
        found["folder", name] = values
    for name, values in _collections(user, by_field.get("collection", ())).items():
        found["collection", name] = values
    return found


def _sources(user: User, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """A source goes by its name, or by some of its words."""
    asked = {name: set(names.words(name)) for name in wanted}
    stored = {
        pk: set(names.words(name))
        for pk, name in (Connection.objects.values_list("pk", "name") if asked else ())
    }
    fitting = {pk for words in asked.values() if words for pk in stored if words <= stored[pk]}
    visible = names.sources(user, sorted(fitting))
    return {
        name: found
        for name, words in asked.items()
        if words and (found := tuple(str(s.uuid) for s in visible if words <= stored[s.id]))
    }


def _authors(user: User, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """An author goes by the full name, or by some of its words."""
    asked = {name: set(names.words(name)) for name in wanted}
    ranges = [names.whole(word) for word in sorted(set().union(*asked.values()))]
    there = names.authors(user, ranges) if ranges else []
    return {
        name: found
        for name, words in asked.items()
        if words and (found := tuple(a for a in there if words <= set(names.words(a)))[:_MOST])
    }


def _folders(user: User, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """A folder goes by its own name, or by its path."""
    asked = {name.strip("/"): name for name in wanted if name.strip("/")}
    ranges = [
        names.whole(word) for word in sorted({w for name in asked for w in names.words(name)})
    ]
    found: dict[str, list[str]] = {}
    for path in names.folders(user, ranges) if ranges else ():
        parts = path.rstrip("/").split("/")
        for count, part in enumerate(parts, start=1):
            folder = "/".join(parts[:count])
            for called in {folded(part), folded(folder)} & asked.keys():
                found.setdefault(asked[called], []).append(folder + "/")
    return {name: tuple(dict.fromkeys(folders))[:_MOST] for name, folders in found.items()}


def _collections(user: User, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    asked = set(wanted)
    found: dict[str, tuple[str, ...]] = {}
    for one in collections.of(user) if asked else ():
        name = folded(one.name)
        if name in asked:
            found[name] = (*found.get(name, ()), str(one.uuid))
    return found
