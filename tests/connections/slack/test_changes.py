"""Single things are looked at again when Slack's events, or a failed indexing, name them."""

from __future__ import annotations

import pytest

from apps.connections.providers.slack.names import day_of
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import ADA, BO, CY, GIL, Tarn
from tests.connections.slack.truth import assert_true


@pytest.fixture
def ledger(tarn: Tarn) -> Ledger:
    found = Ledger()
    found.sweep(tarn.slack())
    return found


def test_a_thread_a_day_and_a_file_are_told_as_they_are(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    root = work.post(tarn.general, tarn.ada, "root")
    reply = work.post(tarn.general, tarn.bo, "reply", thread_ts=root.ts)
    file = work.upload(tarn.bo, "a.txt", b"a", "text/plain", channel_ids=[tarn.rivers])
    thread, day = f"{tarn.general}:{root.ts}", f"{tarn.general}:{day_of(root.ts)}"
    rivers = f"{tarn.rivers}:{day_of(root.ts)}"
    ledger.change(tarn.slack(), [f"{tarn.general}:{reply.ts}", day, file.id, rivers])
    assert_true(tarn, ledger)
    work.delete(tarn.general, reply.ts)
    work.unshare_file(file.id, tarn.rivers)
    ledger.change(tarn.slack(), [thread, day, file.id, rivers])
    assert_true(tarn, ledger)
    assert set(ledger.items) == {day}
    work.delete(tarn.general, root.ts)
    ledger.change(tarn.slack(), [thread, day])
    assert not ledger.items


def test_a_file_in_several_channels_is_for_all_of_their_readers(
    tarn: Tarn, ledger: Ledger
) -> None:
    work = tarn.workspace
    file = work.upload(tarn.bo, "a.txt", b"a", "text/plain", channel_ids=[tarn.secret])
    ledger.change(tarn.slack(), [file.id])
    assert ledger.readers(file.id) == {BO, CY}
    work.share_file(file.id, tarn.rivers, tarn.bo)
    ledger.change(tarn.slack(), [file.id])
    assert ledger.readers(file.id) == tarn.readers(file.id) == {ADA, BO, CY, GIL}
    work.unshare_file(file.id, tarn.rivers)
    ledger.change(tarn.slack(), [file.id])
    assert ledger.readers(file.id) == {BO, CY}


def test_who_was_taken_out_reads_nothing_from_the_next_page_on(
    tarn: Tarn, ledger: Ledger
) -> None:
    tarn.workspace.post(tarn.secret, tarn.bo, "Secret")
    tarn.workspace.remove_member(tarn.secret, tarn.cy)
    ledger.change(tarn.slack(), [tarn.secret])
    assert ledger.place_readers(tarn.secret) == {BO}
    assert_true(tarn, ledger)


def test_a_channel_by_its_id_tells_what_was_written_lately(tarn: Tarn, ledger: Ledger) -> None:
    root = tarn.workspace.post(tarn.rivers, tarn.bo, "root")
    tarn.workspace.post(tarn.rivers, tarn.gil, "reply", thread_ts=root.ts)
    tarn.workspace.post(tarn.rivers, tarn.gil, "lone")
    ledger.change(tarn.slack(), [tarn.rivers])
    assert_true(tarn, ledger)


def test_channels_that_are_not_synced_tell_nothing(tarn: Tarn, ledger: Ledger) -> None:
    work = tarn.workspace
    other = work.create_channel("other", tarn.bo, private=True, member_ids=[work.bot_user_id]).id
    message = work.post(other, tarn.bo, "Nobody asked for this")
    file = work.upload(tarn.bo, "a.txt", b"a", "text/plain", channel_ids=[other])
    day = f"{other}:{day_of(message.ts)}"
    ledger.change(tarn.slack(), [other, day, f"{other}:{message.ts}", file.id, "C0NOWHERE1"])
    assert not ledger.items
    assert ledger.place_readers(other) == set()


def test_names_that_are_none_are_told_as_gone(tarn: Tarn, ledger: Ledger) -> None:
    odd = ["", "x", f"{tarn.general}:yesterday", f"{tarn.general}:2026-02-31", "../etc/passwd"]
    pages = list(tarn.slack().changes(odd))
    assert [name for page in pages for name in page.deleted_ids] == odd
    assert not any(page.items or page.acls for page in pages)
    assert len(list(tarn.slack().changes([]))) == 1
