"""What happens in a source, verb by verb, for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import BO, CY, Place, Verb, new_text


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say in a failure at which step of a story it happened."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"After {what}: {error}") from error


def content(bench: Bench) -> Iterator[str]:
    """Change what there is, one thing at a time; yields what has happened."""
    source, items = bench.source, bench.items
    items["new"] = source.add(Place.CLOSED, "new", new_text())
    yield "an item was added"
    source.edit(items["plan"], new_text())
    source.edit(items["budget"], new_text())
    yield "items were edited"
    if source.has(Verb.RENAME):
        items["notes"] = source.rename(items["notes"], "memories")
        yield "an item was renamed"
    if source.has(Verb.MOVE):
        items["notes"] = source.move(items["notes"], Place.CLOSED)
        yield "an item was moved to where fewer read it"
        items["budget"] = source.move(items["budget"], Place.OPEN)
        yield "an item was moved to where others read it"
    for name in ("rates", "notes"):
        source.delete(items.pop(name))
    yield "items were deleted"
    if source.has(Verb.DROP_PLACE):
        source.drop_place(Place.CLOSED)
        yield "a place was deleted with everything in it"


def access(bench: Bench) -> Iterator[tuple[str, Verb]]:
    """Change who reads, one thing at a time; yields what has happened, and by which verb."""
    source, items = bench.source, bench.items
    if source.has(Verb.SHARE):
        source.share(items["plan"], CY)
        yield "an item was shared", Verb.SHARE
        source.unshare(items["plan"], CY)
        yield "an item was no longer shared", Verb.SHARE
    if source.has(Verb.LET_IN):
        source.let_in(Place.CLOSED, BO)
        yield "somebody was let into a place", Verb.LET_IN
        source.keep_out(Place.CLOSED, CY)
        yield "somebody was kept out of a place", Verb.LET_IN
    if source.has(Verb.GROUP):
        source.join(CY)
        yield "somebody joined the group", Verb.GROUP
        source.leave(BO)
        yield "somebody left the group", Verb.GROUP


def mixed(bench: Bench) -> None:
    """Change a bit of everything at once; may be told again and again."""
    source, items = bench.source, bench.items
    source.edit(items["plan"], new_text())
    if "passing" in items:
        source.delete(items.pop("passing"))
    items["passing"] = source.add(Place.OPEN, "passing", new_text())
    if source.has(Verb.SHARE):
        is_shared = CY in source.readers(items["rates"])
        (source.unshare if is_shared else source.share)(items["rates"], CY)
    if source.has(Verb.LET_IN):
        is_in = BO in source.readers(items["budget"])
        (source.keep_out if is_in else source.let_in)(Place.CLOSED, BO)


def narrowing(bench: Bench) -> None:
    """Change what there is to read, and take access away."""
    source, items = bench.source, bench.items
    source.edit(items["plan"], new_text())
    source.keep_out(Place.CLOSED, CY)
    source.leave(BO)


def moving(bench: Bench) -> None:
    """Move an item to where others read it."""
    items = bench.items
    items["budget"] = bench.source.move(items["budget"], Place.OPEN)
