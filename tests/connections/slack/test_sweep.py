"""A sweep tells what is there, who reads it, and nothing else."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from apps.connections.errors import (
    ConnectorError,
    CredentialsRejected,
    CursorExpired,
    ItemGone,
    RateLimited,
    ScopeMissing,
    SourceUnavailable,
)
from apps.connections.providers.slack import documents, history, sweep
from apps.connections.providers.slack.names import day_of
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import ADA, BO, CY, GIL, Tarn
from tests.connections.slack.truth import assert_true


def text_of(tarn: Tarn, external_id: str) -> str:
    with tarn.slack().open(external_id) as content:
        return content.read().decode()


def days_ago(days: float) -> float:
    return time.time() - days * 86_400


def test_threads_days_and_files_are_documents_with_their_readers(tarn: Tarn) -> None:
    work = tarn.workspace
    loose = work.post(tarn.general, tarn.ada, "The river is *high* today")
    root = work.post(tarn.rivers, tarn.bo, "Who measures the level?")
    work.post(
        tarn.rivers, tarn.gil, "I do, at <https://gauge.example|the gauge>", thread_ts=root.ts
    )
    hidden = work.post(tarn.secret, tarn.cy, "The dam is for sale")
    file = work.upload(
        tarn.bo, "plan.txt", b"Raise the dam", "text/plain", channel_ids=[tarn.rivers]
    )
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert set(ledger.items) == {
        f"{tarn.general}:{day_of(loose.ts)}",
        f"{tarn.rivers}:{root.ts}",
        f"{tarn.rivers}:{day_of(loose.ts)}",
        f"{tarn.secret}:{day_of(hidden.ts)}",
        file.id,
    }
    assert ledger.readers(f"{tarn.secret}:{day_of(hidden.ts)}") == {BO, CY}
    assert ledger.readers(f"{tarn.general}:{day_of(loose.ts)}") == {ADA, BO, CY}
    assert ledger.readers(file.id) == {ADA, BO, CY, GIL}
    told = text_of(tarn, f"{tarn.rivers}:{root.ts}")
    assert "**Bo Berg**" in told
    assert "[the gauge](<https://gauge.example>)" in told
    assert "The river is **high** today" in text_of(tarn, f"{tarn.general}:{day_of(loose.ts)}")
    assert text_of(tarn, file.id) == "Raise the dam"


def test_what_a_document_tells_of_itself(tarn: Tarn) -> None:
    root = tarn.workspace.post(tarn.rivers, tarn.bo, "Who *measures* the level <@" + tarn.ada + ">?")
    reply = tarn.workspace.post(tarn.rivers, tarn.gil, "I do", thread_ts=root.ts)
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    _, item = ledger.items[f"{tarn.rivers}:{root.ts}"]
    assert item.title == "#rivers: Who measures the level @Ada Abel?"
    assert item.path.startswith("#rivers/")
    assert item.author == "Bo Berg"
    assert item.kind == "message"
    assert item.mime_type == "text/markdown"
    assert item.created_at is not None and item.modified_at is not None
    assert item.created_at.timestamp() == pytest.approx(float(root.ts))
    assert item.modified_at.timestamp() == pytest.approx(float(reply.ts))
    assert item.url.endswith(f"archives/{tarn.rivers}/p{root.ts.replace('.', '')}")
    assert item.fields == {
        "channel": tarn.rivers,
        "is_archived": False,
        "message_count": 2,
        "participant_count": 2,
        "reply_count": 1,
        "thread_ts": root.ts,
    }


def test_a_sweep_of_many_pages_goes_on_after_each(
    tarn: Tarn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page comes from another connector, as after a restart."""
    monkeypatch.setattr(history, "PAGE", 3)
    monkeypatch.setattr(documents, "ASKED_PER_STEP", 2)
    monkeypatch.setattr(documents, "ITEMS_PER_STEP", 3)
    monkeypatch.setattr(sweep, "PLACES_PER_PAGE", 2)
    monkeypatch.setattr(sweep, "PAGE", 2)
    work = tarn.workspace
    for number in range(25):
        channel = (tarn.general, tarn.rivers, tarn.secret)[number % 3]
        at = days_ago(number % 5)
        root = work.post(channel, tarn.bo, f"message{number}x", at=at)
        for reply in range(number % 4):
            work.post(
                channel, tarn.cy, f"reply{number}y{reply}z", thread_ts=root.ts, at=at + reply + 1
            )
        if number % 6 == 0:
            work.upload(tarn.ada, f"f{number}.txt", b"x", "text/plain", channel_ids=[channel])
    ledger = Ledger()
    work.repeat_items(3)
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)
    told = len(ledger.changed)
    ledger.sweep(tarn.slack())
    assert len(ledger.changed) == told  # the same state has the same versions


def test_what_is_gone_is_dropped(tarn: Tarn) -> None:
    work = tarn.workspace
    root = work.post(tarn.general, tarn.ada, "root")
    reply = work.post(tarn.general, tarn.bo, "reply", thread_ts=root.ts)
    lone = work.post(tarn.rivers, tarn.ada, "lone")
    file = work.upload(tarn.ada, "a.txt", b"a", "text/plain", channel_ids=[tarn.secret])
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)
    work.delete(tarn.general, root.ts)  # leaves a tombstone and the reply
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)
    assert "root" not in text_of(tarn, f"{tarn.general}:{root.ts}")
    work.delete(tarn.general, reply.ts)
    work.delete(tarn.rivers, lone.ts)
    work.delete_file(file.id)
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)
    assert not ledger.items
    with pytest.raises(ItemGone), tarn.slack().open(f"{tarn.general}:{root.ts}"):
        raise AssertionError("opened")
    with pytest.raises(ItemGone), tarn.slack().open(file.id):
        raise AssertionError("opened")


def test_a_loose_message_moves_into_its_thread_and_back(tarn: Tarn) -> None:
    work = tarn.workspace
    first = work.post(tarn.general, tarn.ada, "first")
    work.post(tarn.general, tarn.ada, "second")
    day = f"{tarn.general}:{day_of(first.ts)}"
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert set(ledger.items) == {day}
    reply = work.post(tarn.general, tarn.bo, "an answer", thread_ts=first.ts)
    ledger.sweep(tarn.slack())
    assert set(ledger.items) == {day, f"{tarn.general}:{first.ts}"}
    assert "first" not in text_of(tarn, day)
    work.delete(tarn.general, reply.ts)
    ledger.sweep(tarn.slack())
    assert set(ledger.items) == {day}
    assert "first" in text_of(tarn, day)


def test_slacks_own_notes_are_left_out(tarn: Tarn) -> None:
    tarn.workspace.set_topic(tarn.rivers, "Levels")
    tarn.workspace.rename_channel(tarn.rivers, "lakes")
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert not ledger.items
    assert ledger.places[tarn.rivers][1].label == "#lakes"


def test_settings_choose_what_is_synced(tarn: Tarn) -> None:
    work = tarn.workspace
    group = work.open_dm([work.bot_user_id, tarn.ada, tarn.bo])
    direct = work.open_dm([work.bot_user_id, tarn.ada])
    old = work.post(tarn.rivers, tarn.bo, "old", at=days_ago(20))
    for channel in (tarn.general, tarn.rivers, tarn.secret, group.id, direct.id):
        work.post(channel, tarn.ada, f"in {channel}")
    work.archive(tarn.rivers)

    def places(**settings: object) -> set[str]:
        ledger = Ledger()
        ledger.sweep(tarn.slack(**settings))
        assert {name.partition(":")[0] for name in ledger.items} == ledger.places.keys()
        return {*ledger.places}

    everything = {tarn.general, tarn.rivers}
    assert places(channels=[]) == everything
    assert places(channels=[tarn.secret]) == {*everything, tarn.secret}
    assert places(channels=[], archived=False) == {tarn.general}
    assert places(public="chosen", channels=[tarn.secret]) == {tarn.secret}
    assert places(channels=[], group_messages=True) == {*everything, group.id}
    assert places(channels=[], direct_messages=True) == {*everything, direct.id}
    ledger = Ledger()
    since = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    ledger.sweep(tarn.slack(since=since, direct_messages=True))
    assert f"{tarn.rivers}:{day_of(old.ts)}" not in ledger.items
    name = next(each for each in ledger.items if each.startswith(direct.id))
    assert ledger.readers(name) == {ADA}


def test_public_channels_are_joined_only_when_asked_for(tarn: Tarn) -> None:
    other = tarn.workspace.create_channel("other", tarn.ada).id
    tarn.workspace.post(other, tarn.ada, "Hello")
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert ledger.problems == ["not_in_channel"]
    assert not any(name.startswith(other) for name in ledger.items)
    ledger.sweep(tarn.slack(joins=True))
    assert any(name.startswith(other) for name in ledger.items)
    assert_true(tarn, ledger)


def test_old_threads_may_be_told_unread(tarn: Tarn) -> None:
    work = tarn.workspace
    root = work.post(tarn.rivers, tarn.bo, "root", at=days_ago(40))
    work.post(tarn.rivers, tarn.cy, "one", thread_ts=root.ts, at=days_ago(39))
    name = f"{tarn.rivers}:{root.ts}"
    ledger = Ledger()
    mark = work.journal.mark()
    ledger.sweep(tarn.slack(rereads_days=30))
    assert name in ledger.items
    assert not any("replies" in entry.path for entry in work.journal.since(mark))
    work.post(tarn.rivers, tarn.cy, "two", thread_ts=root.ts)
    ledger.sweep(tarn.slack(rereads_days=30))
    assert ledger.changed.count(name) == 2
    assert any("replies" in entry.path for entry in work.journal.since(mark))
    assert_true(tarn, ledger)


@pytest.mark.parametrize("kind", ["server_error", "drop", "nonsense", "truncated", "unavailable"])
def test_what_passes_soon_is_tried_again(tarn: Tarn, kind: str) -> None:
    tarn.workspace.post(tarn.general, tarn.ada, "Hello")
    tarn.workspace.faults.add(kind, path="conversations.history", retry_after_s=0)
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("forbidden", ScopeMissing),
        ("unauthorized", CredentialsRejected),
        ("wrong_shape", ConnectorError),
        ("too_many", RateLimited),
    ],
)
def test_a_sweep_that_breaks_drops_nothing(
    tarn: Tarn, kind: str, error: type[ConnectorError]
) -> None:
    tarn.workspace.post(tarn.general, tarn.ada, "Hello")
    ledger = Ledger()
    ledger.sweep(tarn.slack())
    before = set(ledger.items)
    tarn.workspace.faults.add(kind, path="conversations.history", times=None, retry_after_s=60)
    with pytest.raises(error):
        ledger.sweep(tarn.slack())
    assert set(ledger.items) == before
    tarn.workspace.faults.clear()
    ledger.sweep(tarn.slack())
    assert_true(tarn, ledger)


def test_cursors_that_end_in_the_middle_are_begun_again(
    tarn: Tarn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.connections.providers.slack.people.LIST_PAGE", 2)
    slack = tarn.slack()
    people = slack._workspace().people
    pages = iter(range(9))
    ask = people._slack.ask

    def expiring(method: str, **arguments: object) -> object:
        if method == "users.list" and next(pages) == 1:
            tarn.workspace.expire_cursors()
        return ask(method, **arguments)

    monkeypatch.setattr(people._slack, "ask", expiring)
    assert set(people.everybody()) == set(tarn.workspace.people)


def test_a_cursor_of_another_connector_is_refused(tarn: Tarn) -> None:
    for cursor in ({"part": "mail"}, {"part": "places", "after": 7}, {"part": "files", "page": "x"}):
        with pytest.raises(CursorExpired):
            next(tarn.slack().sweep(cursor))


def test_a_source_that_is_down_says_so(tarn: Tarn) -> None:
    tarn.workspace.faults.add("server_error", times=None)
    with pytest.raises(SourceUnavailable):
        tarn.slack().check()
