"""The suite fails for broken connectors: a test that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.connections import providers
from tests.connections.conformance import (
    mutants,
    test_expiry,
    test_first_sync,
    test_storms,
    test_what_changes,
)
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.notes import Notes
from tests.connections.conformance.worked_example import NotesFeed

Test = Callable[[Bench], None]
heard = test_what_changes.test_content_is_heard_between_two_comparisons
confirmed = test_what_changes.test_access_is_found_by_the_lane_of_permissions_alone
compared = test_what_changes.test_access_is_found_by_a_comparison_alone


def cursors(bench: Bench) -> None:
    test_expiry.test_positions_in_a_listing_end_between_two_pages(bench, None)


# The connector, the test that fails, and with what words.
AT_ONCE: list[tuple[type[NotesFeed], Test, str | None]] = [
    (mutants.IgnoresRemovals, heard, "still there"),
    (mutants.TellsReadersWider, confirmed, "LEAKED"),
    (mutants.DropsAPage, test_first_sync.test_everything_is_there, "not there"),
]
WITH_TIME: list[tuple[type[NotesFeed], Test, str | None]] = [
    (mutants.ForgetsWhoLeft, compared, "LEAKED"),
    (mutants.LosesItsCursor, cursors, "never end"),
    (mutants.SkipsTheRestOfItsLog, test_what_changes.test_much_is_heard_at_once, "there"),
    (mutants.TakesAnErrorForEmpty, test_storms.test_answers_in_another_form_fail_loudly, None),
]
CAUGHT = [
    *(pytest.param(*one, id=one[0].__name__) for one in AT_ONCE),
    *(pytest.param(*one, id=one[0].__name__, marks=pytest.mark.slow) for one in WITH_TIME),
]


@pytest.mark.parametrize("bench", [Notes], indirect=True, ids=["notes"])
@pytest.mark.parametrize(("mutant", "test", "says"), CAUGHT)
def test_a_broken_connector_fails(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    mutant: type[NotesFeed],
    test: Test,
    says: str | None,
) -> None:
    mutant.capabilities = NotesFeed.capabilities
    if test is cursors:
        monkeypatch.setattr(providers, "slice_s", lambda kind: 0.0)
    path = f"{mutant.__module__}.{mutant.__name__}"
    monkeypatch.setitem(providers.REGISTRY, Notes.kind, ("Broken notes", path))
    with pytest.raises(AssertionError, match=says):
        test(bench)
