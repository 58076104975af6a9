"""A sweep tells what is there, who reads it, and nothing else."""

from __future__ import annotations

from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import ADA, BO, CY, GIL, Tarn


def text_of(tarn: Tarn, external_id: str) -> str:
    with tarn.slack().open(external_id) as content:
        return content.read().decode()


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
    day = loose.ts  # all of it was written just now
    today = {name for name in ledger.items if "-" in name}
    assert today <= {f"{c}:{_day(day)}" for c in (tarn.general, tarn.rivers, tarn.secret)}
    assert set(ledger.items) == today | {f"{tarn.rivers}:{root.ts}", file.id}
    for name in ledger.items:
        assert ledger.readers(name) == tarn.readers(name), name
    assert ledger.readers(f"{tarn.secret}:{_day(hidden.ts)}") == {BO, CY}
    assert ledger.readers(f"{tarn.general}:{_day(day)}") == {ADA, BO, CY}
    assert ledger.readers(file.id) == {ADA, BO, CY, GIL}
    told = text_of(tarn, f"{tarn.rivers}:{root.ts}")
    assert "**Bo Berg**" in told
    assert "[the gauge](<https://gauge.example>)" in told
    assert "The river is **high** today" in text_of(tarn, f"{tarn.general}:{_day(day)}")
    assert text_of(tarn, file.id) == "Raise the dam"


def _day(ts: str) -> str:
    from apps.connections.providers.slack.names import day_of

    return day_of(ts)
