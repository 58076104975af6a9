"""However messages come, the same state gives the same documents; versions follow the content."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from apps.connections.protocol import RemoteItem
from apps.connections.providers.slack import names, records, render, threads
from apps.connections.providers.slack.records import Channel, ChannelKind
from apps.connections.providers.slack.threads import Setting
from apps.ops.sandbox.serve import serving
from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from tests.connections.slack.ledger import Ledger
from tests.connections.slack.tarn import founded
from tests.connections.slack.test_follow import window_is_due
from tests.connections.slack.truth import assert_true

CHANNEL = Channel("C0RIVERS1", ChannelKind.PUBLIC, "rivers")
SETTING = Setting(CHANNEL, "https://tarn.example/", str)
DAY = "2023-11-14"

written = st.builds(
    lambda second, user, text, subtype, replies: {
        "ts": f"{1_699_920_000 + second}.000100",
        "user": user,
        "text": text,
        **({"subtype": subtype} if subtype else {}),
        **({"reply_count": replies, "latest_reply": "1700000000.000100"} if replies else {}),
    },
    st.integers(0, 86_399),
    st.sampled_from(["U1", "U2"]),
    st.sampled_from(["", "one", "two *bold*"]),
    st.sampled_from(["", "", "", "bot_message", "channel_join", "tombstone"]),
    st.sampled_from([0, 0, 2]),
)
history = st.lists(written, max_size=8, unique_by=lambda each: each["ts"])


def read(told: list[dict[str, Any]]) -> list[records.Message]:
    return [records.message({"type": "message", **each}) for each in told]


def naive(told: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what of a day is content, by a plain loop."""
    found = []
    for each in sorted(told, key=lambda one: str(one["ts"])):
        is_own = each.get("subtype") in {"channel_join", "tombstone"}
        if each["text"] and not is_own and not each.get("reply_count"):
            found.append((each["ts"], each["user"], each["text"]))
    return found


@given(history, st.data())
def test_neither_order_nor_repetition_matters(told: list[dict[str, Any]], data: Any) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=4)) if told else []
    shuffled = data.draw(st.permutations([*told, *again]))
    one, other = (threads.day_item(SETTING, DAY, read(each)) for each in (told, shuffled))
    assert one == other
    assert (one is None) == (not naive(told))
    if one is not None:
        shown = render.markdown(threads.loose(read(shuffled)), str, with_days=False)
        assert shown.count("**, ") == len(naive(told))
        assert one.fields["message_count"] == len(naive(told))


@given(history, history)
def test_versions_differ_exactly_where_the_content_does(
    some: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    one, other = (threads.day_item(SETTING, DAY, read(each)) for each in (some, others))
    if one is not None and other is not None:
        assert (one.version == other.version) == (naive(some) == naive(others))


@given(history.filter(bool))
def test_what_is_no_content_changes_no_version(told: list[dict[str, Any]]) -> None:
    one = threads.day_item(SETTING, DAY, read(told))
    noisy = [{**each, "reactions": [{"name": "ok"}], "subscribed": True} for each in told]
    renamed = replace(SETTING, people=lambda who: f"{who} the Great")
    other = threads.day_item(renamed, DAY, read(noisy))
    assert (one.version if one else None) == (other.version if other else None)


def test_a_thread_that_lost_all_its_words_is_none() -> None:
    root = read([{"ts": "1700000000.000100", "text": "", "subtype": "tombstone", "reply_count": 1}])
    assert threads.thread_item(SETTING, root[0], []) is None
    unread = threads.thread_item(SETTING, root[0], None)
    assert isinstance(unread, RemoteItem)


@given(st.datetimes(min_value=names.moment("0000000000.000000").replace(tzinfo=None)))
def test_timestamps_are_told_and_read_alike(when: Any) -> None:
    if when.year < 2286:
        ts = names.ts_at(when.replace(tzinfo=UTC))
        assert names.moment(ts).replace(tzinfo=None) == when
        assert names.start_of(names.day_of(ts)) <= ts < names.end_of(names.day_of(ts))


class Interleaved(RuleBasedStateMachine):
    """People write while Kenward sweeps, polls and looks: at rest, all that is there is known."""

    @initialize()
    def found(self) -> None:
        self.workspace = SlackWorkspace("Tarn", "tarn")
        self.serving = serving(app(self.workspace))
        self.tarn = founded(self.workspace, self.serving.__enter__())
        self.ledger = Ledger()
        self.ledger.sweep(self.tarn.slack())
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "tarn"):
            self.ledger.sweep(self.tarn.slack())
            assert_true(self.tarn, self.ledger)
            self.serving.__exit__(None, None, None)
            self.workspace.close()

    def _messages(self) -> list[tuple[str, str]]:
        return sorted(self.workspace.live_messages())

    def _text(self) -> str:
        self.number += 1
        return f"text{self.number}x"

    @rule(channel=st.sampled_from(["general", "rivers", "secret"]), age=st.sampled_from([0, 1, 3]))
    def post(self, channel: str, age: int) -> None:
        at = self.workspace.clock.now() - age * 86_400 if age else None
        self.workspace.post(getattr(self.tarn, channel), self.tarn.ada, self._text(), at=at)

    @precondition(lambda self: self._messages())
    @rule(which=st.integers(0, 99), broadcast=st.booleans())
    def reply(self, which: int, broadcast: bool) -> None:
        channel, ts = self._messages()[which % len(self._messages())]
        root = self.workspace.message(channel, ts).thread_ts or ts
        self.workspace.post(
            channel, self.tarn.bo, self._text(), thread_ts=root, broadcast=broadcast
        )

    @precondition(lambda self: self._messages())
    @rule(which=st.integers(0, 99))
    def edit(self, which: int) -> None:
        channel, ts = self._messages()[which % len(self._messages())]
        self.workspace.edit(channel, ts, self._text())

    @precondition(lambda self: self._messages())
    @rule(which=st.integers(0, 99))
    def delete(self, which: int) -> None:
        channel, ts = self._messages()[which % len(self._messages())]
        self.workspace.delete(channel, ts)

    @rule(channel=st.sampled_from(["rivers", "secret"]), who=st.sampled_from(["ada", "cy", "gil"]))
    def come_or_go(self, channel: str, who: str) -> None:
        place, person = getattr(self.tarn, channel), getattr(self.tarn, who)
        if person in self.workspace.channels[place].member_ids:
            self.workspace.remove_member(place, person)
        else:
            self.workspace.invite(place, person)

    @rule()
    def sweep(self) -> None:
        self.ledger.sweep(self.tarn.slack())
        assert_true(self.tarn, self.ledger)

    @rule()
    def poll(self) -> None:
        """Poll with the window due: nothing here is older than it."""
        window_is_due(self.ledger)
        self.ledger.follow(self.tarn.slack())
        self.ledger.permit(self.tarn.slack())
        assert_true(self.tarn, self.ledger)

    @precondition(lambda self: self._messages())
    @rule(which=st.integers(0, 99))
    def look(self, which: int) -> None:
        channel, ts = self._messages()[which % len(self._messages())]
        self.ledger.change(self.tarn.slack(), [f"{channel}:{ts}", channel])


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(
    max_examples=5,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
