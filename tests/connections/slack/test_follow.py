"""What changes between two sweeps is told by polling: content, places and deletions."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from apps.connections.errors import CursorExpired, RateLimited
from apps.connections.providers.slack import documents, follow, history, positions
from apps.connections.providers.slack.names import day_of
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import BO, CY, GIL, Tarn
from tests.connections.slack.truth import assert_true


@pytest.fixture
def ledger(tarn: Tarn) -> Ledger:
    """Return what a first sweep of a channel with a thread and a loose message brought in."""
    work = tarn.workspace
    root = work.post(tarn.general, tarn.ada, "root")
    work.post(tarn.general, tarn.bo, "reply", thread_ts=root.ts)
    work.post(tarn.rivers, tarn.bo, "lone")
    work.post(tarn.secret, tarn.cy, "kept")
    found = Ledger()
    found.sweep(tarn.slack())
    assert_true(tarn, found)
    return found


def window_is_due(ledger: Ledger) -> None:
    """Let the last reading of the last days lie long ago."""
    long_ago = datetime.now(UTC) - timedelta(days=1)
    for name, mark in positions.marks(ledger.positions).items():
        due = replace(mark, window_at=long_ago)
        ledger.positions[positions.name_of(name)] = due.told()


def test_new_messages_and_answers_are_told(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    lone = next(m for m in work.channels[tarn.rivers].messages.values() if m.text == "lone")
    work.post(tarn.rivers, tarn.ada, "an answer", thread_ts=lone.ts)
    work.post(tarn.general, tarn.cy, "news")
    work.upload(tarn.bo, "new.txt", b"new", "text/plain", channel_ids=[tarn.secret])
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)


def test_nothing_new_changes_nothing_and_moves_every_position(tarn: Tarn, ledger: Ledger) -> None:
    ledger.changed.clear()
    told = [page.positions for page in tarn.slack().follow(dict(ledger.positions))]
    ledger.follow(tarn.slack())
    assert not ledger.changed
    assert not ledger.deleted
    logs = {name for page in told for name in page}
    assert {f"channel:{each}" for each in (tarn.general, tarn.rivers, tarn.secret)} <= logs
    assert_true(tarn, ledger)


def test_edits_and_deletions_are_told_when_the_window_is_read(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    old = time.time() - 3 * 86_400
    lost = work.post(tarn.rivers, tarn.bo, "lost", at=old)
    bare = work.post(tarn.rivers, tarn.bo, "bare", at=old + 5)
    last = work.post(tarn.rivers, tarn.cy, "last", thread_ts=bare.ts, at=old + 9)
    work.post(tarn.rivers, tarn.cy, "gone", thread_ts=lost.ts, at=old + 10)
    ledger.sweep(tarn.slack())
    for message in list(work.channels[tarn.general].messages.values()):
        if message.text == "reply":
            work.edit(tarn.general, message.ts, "a better reply")
    work.delete(tarn.rivers, last.ts)
    for message in list(work.channels[tarn.rivers].messages.values()):
        if message.text == "gone":
            work.delete(tarn.rivers, message.ts)
    work.delete(tarn.rivers, lost.ts)
    window_is_due(ledger)
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)


def test_a_window_is_read_in_steps_that_go_on_after_a_break(
    tarn: Tarn, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 4)
    monkeypatch.setattr(documents, "ASKED_PER_STEP", 2)
    work = tarn.workspace
    made = []
    for number in range(12):
        at = time.time() - (number % 4) * 86_400 - 60
        root = work.post(tarn.rivers, tarn.bo, f"root{number}", at=at)
        work.post(tarn.rivers, tarn.cy, f"reply{number}", thread_ts=root.ts, at=at + 1)
        made.append(root)
    ledger.sweep(tarn.slack())
    for root in made[::3]:
        for message in list(work.channels[tarn.rivers].messages.values()):
            if message.thread_ts == root.ts and message.ts != root.ts:
                work.delete(tarn.rivers, message.ts)
        work.delete(tarn.rivers, root.ts)
    window_is_due(ledger)
    for _ in range(99):  # the news, and two steps, then a new connector
        begun = 0
        for page in tarn.slack().follow(dict(ledger.positions)):
            ledger.store(page)
            begun += any(told and '"scan"' in told for told in page.positions.values())
            if begun == 3:
                break
        else:
            break
    assert not any('"scan"' in told for told in ledger.positions.values())
    assert_true(tarn, ledger)


def test_members_who_come_and_go_are_told(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    work.invite(tarn.secret, tarn.ada)
    work.remove_member(tarn.rivers, tarn.gil)
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)
    work.remove_member(tarn.secret, tarn.cy)
    work.remove_member(tarn.secret, tarn.ada)
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)
    assert ledger.place_readers(tarn.secret) == {BO}


def test_a_channel_made_private_closes_and_one_renamed_stays(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    work.rename_channel(tarn.secret, "hidden")
    work.make_private(tarn.rivers)
    slack = tarn.slack(channels=[tarn.secret, tarn.rivers])
    ledger.follow(slack)
    assert ledger.place_readers(tarn.rivers) == work.readers(tarn.rivers) == {BO, GIL}
    assert ledger.places[tarn.secret][1].label == "#hidden"
    ledger.follow(tarn.slack())  # a private channel that nobody chose is synced no more
    assert ledger.place_readers(tarn.rivers) == set()
    assert not any(name.startswith(tarn.rivers) for name in ledger.items)


def test_channels_that_are_gone_take_everything_with_them(tarn: Tarn, ledger: Ledger) -> None:
    tarn.workspace.delete_channel(tarn.rivers)
    tarn.workspace.remove_member(tarn.secret, tarn.workspace.bot_user_id)
    ledger.follow(tarn.slack())
    assert {name.partition(":")[0] for name in ledger.items} == {tarn.general}
    assert ledger.place_readers(tarn.secret) == ledger.place_readers(tarn.rivers) == set()
    assert not any(tarn.secret in told or tarn.rivers in told for told in ledger.positions)
    assert positions.places(ledger.positions["places"]).keys() == {tarn.general}


def test_a_new_channel_brings_in_its_past(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    other = work.create_channel("other", tarn.ada).id
    root = work.post(other, tarn.ada, "written long ago", at=time.time() - 300 * 86_400)
    work.post(other, tarn.cy, "and answered", thread_ts=root.ts, at=time.time() - 299 * 86_400)
    work.post(other, tarn.cy, "yesterday", at=time.time() - 86_400)
    ledger.follow(tarn.slack())
    assert not any(name.startswith(other) for name in ledger.items)  # the app is not in it
    work.invite(other, work.bot_user_id)
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)
    ledger.changed.clear()
    ledger.follow(tarn.slack())
    assert not ledger.changed


def test_a_clock_that_runs_ahead_hides_nothing(
    tarn: Tarn, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack says what time it is; ours may be an hour off without a message being missed."""

    class Ahead:
        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime.now(zone) + timedelta(hours=1)

    monkeypatch.setattr("apps.connections.providers.slack.client.datetime", Ahead)
    ledger.positions = dict(tarn.slack().positions())
    tarn.workspace.post(tarn.general, tarn.cy, "news")
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)


def test_a_break_in_the_middle_loses_nothing(tarn: Tarn, ledger: Ledger) -> None:
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        tarn.workspace.post(channel, tarn.bo, f"news of {channel}")
    tarn.workspace.faults.add("too_many", path="history", retry_after_s=60)
    with pytest.raises(RateLimited):
        ledger.follow(tarn.slack())
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)


def test_positions_of_another_connector_are_refused(tarn: Tarn, ledger: Ledger) -> None:
    name = f"channel:{tarn.general}"
    good = json.loads(ledger.positions[name])
    broken: list[dict[str, object]] = [
        {"read_to": "12"},
        {"window_at": "soon"},
        {"scan": ["a", "b"]},
        {"scan": 7},
    ]
    marks = [json.dumps({**good, **each}) for each in broken]
    strange: list[dict[str, str]] = [{name: told} for told in ("12", "{}", "[]", "x", *marks)]
    strange += [{"places": "[]"}, {"places": "x"}, {"user:ada@acme.example": "12"}]
    for told in strange:
        with pytest.raises(CursorExpired):
            list(tarn.slack().follow({**ledger.positions, **told}))


def test_marks_are_stored_as_text() -> None:
    place = documents.Place("2026-11-22", "1700000000.000100")
    scan = positions.Scan("1700000000.000000", datetime.now(UTC), place)
    for each in (scan, None):
        mark = positions.Mark("1700000001.000000", datetime.now(UTC), is_read=True, scan=each)
        assert positions.mark(mark.told()) == mark


def test_logs_that_are_left_are_read_without_the_others(tarn: Tarn, ledger: Ledger) -> None:
    """The engine calls again with the logs that it has not read yet: no channel is new for that."""
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        tarn.workspace.post(channel, tarn.bo, f"news of {channel}")
    tarn.workspace.invite(tarn.secret, tarn.ada)
    mark = tarn.workspace.journal.mark()
    ledger.follow_in_slices(tarn.slack())
    asked = [e for e in tarn.workspace.journal.since(mark) if e.path.endswith(".history")]
    assert_true(tarn, ledger)
    assert len(asked) <= 2 * len(positions.marks(ledger.positions))
    assert not any('"scan"' in told for told in ledger.positions.values())


def test_a_long_past_leaves_other_channels_their_turn(
    tarn: Tarn, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ITEMS_PER_STEP", 1)
    other = tarn.workspace.create_channel("other", tarn.ada).id
    for day in range(9):
        tarn.workspace.post(other, tarn.ada, f"day{day}", at=time.time() - day * 86_400)
    tarn.workspace.invite(other, tarn.workspace.bot_user_id)
    pages = list(tarn.slack().follow(dict(ledger.positions)))
    assert len([page for page in pages if f"channel:{other}" in page.positions]) < 9
    ledger.follow(tarn.slack())
    assert_true(tarn, ledger)


def test_what_is_followed_begins_before_the_first_listing(tarn: Tarn) -> None:
    ledger = Ledger()
    ledger.positions = dict(tarn.slack().positions())
    message = tarn.workspace.post(tarn.general, tarn.ada, "between")
    ledger.permit(tarn.slack())
    ledger.follow(tarn.slack())
    assert f"{tarn.general}:{day_of(message.ts)}" in ledger.items
    assert CY in ledger.place_readers(tarn.general)
    assert follow.WINDOW_EVERY < follow.WINDOW
