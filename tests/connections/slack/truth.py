"""What Kenward should have of a simulated workspace, computed plainly from its true state."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from apps.ops.sandbox.slack.records import Kind
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import Tarn

Documents = dict[str, list[str]]


def documents(tarn: Tarn, *, since: str = "") -> Documents:
    """Return the texts of each thread and day, in their order, by external id.

    Args:
        tarn: the company.
        since: a timestamp; what began earlier is left out.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for message in tarn.workspace.live_messages().values():
        channel = tarn.workspace.channels[message.channel_id]
        stored = channel.messages[message.ts]
        names = [tarn.workspace.files[each].name for each in stored.file_ids]
        if not message.text and not names:
            continue
        if channel.kind is not Kind.PUBLIC and channel.id != tarn.secret:
            continue
        replies = {
            each.thread_ts
            for each in channel.messages.values()
            if each.thread_ts and each.thread_ts != each.ts
        }
        root = message.thread_ts or message.ts
        is_thread = root in replies
        if root < since:
            continue
        name = root if is_thread else f"{datetime.fromtimestamp(float(message.ts), UTC):%Y-%m-%d}"
        found[f"{channel.id}:{name}"].append((message.ts, " ".join([message.text, *names]).strip()))
    return {name: [text for _, text in sorted(told)] for name, told in found.items()}


def files(tarn: Tarn) -> set[str]:
    """Return the files that stand in a synced channel, by id."""
    found = set()
    for channel in tarn.workspace.channels.values():
        if channel.kind is Kind.PUBLIC or channel.id == tarn.secret:
            found |= {each for m in channel.messages.values() for each in m.file_ids}
    return found


def assert_true(tarn: Tarn, ledger: Ledger) -> None:
    """Assert that what is stored is what is there, and that exactly its readers may read it."""
    expected = documents(tarn)
    assert set(ledger.items) == expected.keys() | files(tarn)
    for name in ledger.items:
        assert ledger.readers(name) == tarn.readers(name), name
    for name, texts in expected.items():
        with tarn.slack().open(name) as content:
            rendered = content.read().decode()
        place = 0
        for text in texts:
            place = rendered.index(text, place) + len(text)
        assert rendered.count("**, ") == len(texts), rendered
