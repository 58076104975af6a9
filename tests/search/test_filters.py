"""Filters: each is one more condition, and none of them ever widens what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.acls import resolve
from apps.connections.protocol import RemoteItem
from apps.documents import file_kinds, file_types, store
from apps.documents.models import Collection, CollectionItem, Document
from apps.documents.scope import Scope
from apps.search import retrieve
from apps.search.filters import NONE, Filters
from apps.search.page import browse
from tests.search.catalogue import PDF, Catalogue, fill
from tests.search.library import Library
from tests.world import World

TRAVEL, OSLO, MERGER = "staff/travel.md", "staff/hotels/oslo.md", "private/merger.md"
QUESTION = "trains hotel budget pay merger"


@pytest.fixture
def shelf(world: World, library: Library) -> Iterator[Catalogue]:
    catalogue = fill(world, library)
    with library.work():
        yield catalogue


def listed(shelf: Catalogue, name: str, filters: Filters) -> set[str]:
    found = browse.latest(getattr(shelf.world, name), filters, 100)
    return {one.path for one in found}


def found(shelf: Catalogue, name: str, filters: Filters) -> set[str]:
    def run(scope: Scope) -> tuple[bool, set[str]]:
        retrieved = retrieve.retrieve(QUESTION, scope, 100, filters=filters)
        return retrieved.ok, {passage.path for passage in retrieved.passages}

    return resolve.reading(getattr(shelf.world, name), run)


def test_no_filter_is_no_condition() -> None:
    assert not NONE
    assert NONE.condition == "TRUE"
    assert all(name.startswith("filter_") for name in NONE.params)


def test_every_filter_says_something() -> None:
    one_each: dict[str, Any] = {
        "sources": (1,),
        "kinds": ("pdf",),
        "authors": ("Ada",),
        "since": datetime(2026, 1, 1, tzinfo=UTC),
        "until": datetime(2026, 1, 1, tzinfo=UTC),
        "classes": ("public",),
        "collections": (1,),
        "folders": ("a/",),
    }
    assert one_each.keys() == {field.name for field in fields(Filters)}
    conditions = set()
    for name, value in one_each.items():
        filters = Filters(**{name: value})
        assert filters
        assert filters.condition != "TRUE"
        conditions.add(filters.condition)
    assert len(conditions) == len(one_each)


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        (Filters(kinds=("pdf",)), {TRAVEL, MERGER}),
        (Filters(kinds=("note", "pdf"), classes=("internal",)), {TRAVEL, OSLO}),
        (Filters(kinds=("other",)), set()),
        (Filters(kinds=("unheard of",)), set()),
        (Filters(authors=("Grace Hopper",)), {TRAVEL, "staff/budget.md"}),
        (Filters(since=datetime(2026, 4, 1, tzinfo=UTC)), {MERGER, "private/secret/pay.md"}),
        (Filters(until=datetime(2026, 1, 15, 12, tzinfo=UTC)), set()),
        (Filters(folders=("staff/hotels/",)), {OSLO}),
        (Filters(sources=(0,)), set()),
        (Filters(collections=(0,)), set()),
    ],
)
def test_filters_pick_the_documents_that_pass(
    shelf: Catalogue, filters: Filters, paths: set[str]
) -> None:
    assert listed(shelf, "ada", filters) == paths
    assert found(shelf, "ada", filters) <= paths
    assert listed(shelf, "bo", filters) == {path for path in paths if path.startswith("staff/")}


def test_collection_filter_picks_what_is_in_it_and_may_be_read(shelf: Catalogue) -> None:
    ada = shelf.world.ada
    kept = Collection.objects.create(tenant=shelf.library.tenant, name="Kept", owner=ada)
    for path in ("staff/travel.md", "private/merger.md"):
        CollectionItem.objects.create(
            tenant=shelf.library.tenant,
            collection=kept,
            document=shelf.documents[path],
            added_by=ada,
        )
    filters = Filters(collections=(kept.pk,))
    assert listed(shelf, "ada", filters) == {TRAVEL, MERGER}
    assert listed(shelf, "bo", filters) == {"staff/travel.md"}


def test_every_labelled_type_has_a_kind() -> None:
    assert {mime for mime in file_types.LABELS if file_kinds.of(mime) is file_kinds.OTHER} == set()
    assert file_kinds.of(PDF).key == "pdf"


def _filters(**told: Any) -> Filters:
    return Filters(**told)


_DAYS = st.integers(0, 220).map(lambda days: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(days))
_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "kinds": st.lists(st.sampled_from([*file_kinds.KINDS, "x"]), max_size=2).map(tuple),
        "authors": st.lists(
            st.sampled_from(["Grace Hopper", "Quentin Vale", "", "nobody's"]), max_size=2
        ).map(tuple),
        "since": _DAYS,
        "until": _DAYS,
        "classes": st.lists(st.sampled_from(["internal", "confidential", "%"]), max_size=2).map(
            tuple
        ),
        "folders": st.lists(st.sampled_from(["staff/", "private/", "%/", ""]), max_size=2).map(
            tuple
        ),
        "sources": st.lists(st.sampled_from([0, 1]), max_size=1).map(tuple),
    },
).map(lambda told: _filters(**told))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(filters=_FILTERS, more=_FILTERS, name=st.sampled_from(["ada", "bo", "ida"]))
def test_one_filter_more_never_widens(
    shelf: Catalogue, filters: Filters, more: Filters, name: str
) -> None:
    """Filters on further fields are added; values of one field are alternatives by design."""
    told = {
        field.name: getattr(more, field.name)
        for field in fields(Filters)
        if not getattr(filters, field.name)
    }
    narrower = replace(filters, **told)
    everything = listed(shelf, name, NONE)
    assert listed(shelf, name, narrower) <= listed(shelf, name, filters) <= everything
    assert found(shelf, name, narrower) <= everything


def test_filter_finds_what_lies_beyond_the_first_candidates(shelf: Catalogue) -> None:
    """A filter is part of the search, not a sieve behind it."""
    for number in range(5):
        shelf.library.add(f"staff/more-{number}.md", "# Trains\n\nTrains.", place="staff/")
    Document.objects.filter(path="staff/travel.md").update(author="Rare")

    def run(scope: Scope) -> tuple[bool, list[str]]:
        how = retrieve.How(candidates=2)
        told = retrieve.retrieve("trains", scope, 5, filters=Filters(authors=("Rare",)), how=how)
        return told.ok, [passage.path for passage in told.passages]

    assert set(resolve.reading(shelf.world.bo, run)) == {"staff/travel.md"}


def test_author_of_the_source_counts_before_the_files_own(shelf: Catalogue) -> None:
    library = shelf.library
    told = "---\nauthor: Written In It\n---\n# Words\n\nSome words.\n"
    document = library.put("staff/told.md", told, place="staff/")
    library.index(document)
    document.refresh_from_db()
    assert document.author == "Written In It"
    item = RemoteItem(
        "staff/told.md", "told", "staff/told.md", "2", ((("staff/",),)), author=" Ada  L "
    )
    policies = {item.policy: document.policy_id}
    for version, author in (("2", "Ada L"), ("2", "Ada L"), ("3", "Ada L")):
        store.write(
            library.connection,
            [replace(item, version=version)],
            policies,
            observed_at=timezone.now(),
            run_id=1,
        )
        library.index(document)
        document.refresh_from_db()
        assert document.author == author
    store.write(
        library.connection,
        [replace(item, version="4", author="")],
        policies,
        observed_at=timezone.now(),
        run_id=1,
    )
    library.index(document)
    document.refresh_from_db()
    assert document.author == "Written In It"
