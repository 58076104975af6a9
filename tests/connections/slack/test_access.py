"""Slack itself is asked whether somebody may read an item now."""

from __future__ import annotations

import pytest

from apps.connections.dialects.audiences import MEMBERS
from apps.connections.errors import ItemGone, RateLimited
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from apps.connections.providers.slack.names import day_of
from apps.ops.sandbox.slack.records import Guest
from tests.connections.slack.tarn import Tarn


def person(person_id: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, person_id)


def test_it_answers_as_slack_would(tarn: Tarn) -> None:
    work = tarn.workspace
    work.connect_team(tarn.rivers, "T0OTHER001")
    stranger = work.add_stranger("Sam Strange", "sam@other.example", "T0OTHER001").id
    work.invite(tarn.rivers, stranger)
    work.set_guest(tarn.cy, Guest.NO)
    closed = work.add_person("Out Gone", "out@tarn.example").id
    work.deactivate(closed)
    names = []
    for channel in (tarn.general, tarn.rivers, tarn.secret):
        message = work.post(channel, tarn.bo, f"in {channel}")
        names.append(f"{channel}:{day_of(message.ts)}")
    root = work.post(tarn.secret, tarn.bo, "root")
    work.post(tarn.secret, tarn.bo, "reply", thread_ts=root.ts)
    names.append(f"{tarn.secret}:{root.ts}")
    channels = [tarn.secret, tarn.rivers]
    names.append(work.upload(tarn.bo, "a", b"a", "text/plain", channel_ids=channels).id)
    names.append(work.upload(tarn.bo, "b", b"b", "text/plain", channel_ids=[tarn.secret]).id)
    people = {name: work.person(name).email for name in (*work.people,) if work.person(name).email}
    slack = tarn.slack()
    for name in names:
        for person_id, email in people.items():
            said = slack.check_access(name, [person(person_id)])
            assert said is (email in tarn.readers(name)), (name, email)
    assert closed in people


def test_all_members_count_only_where_the_workspace_is_the_whole_company(tarn: Tarn) -> None:
    message = tarn.workspace.post(tarn.general, tarn.ada, "Hello")
    name = f"{tarn.general}:{day_of(message.ts)}"
    assert tarn.slack().check_access(name, [MEMBERS]) is False
    assert tarn.slack(is_whole_company=True).check_access(name, [MEMBERS]) is True
    secret = tarn.workspace.post(tarn.secret, tarn.bo, "Hush")
    hidden = f"{tarn.secret}:{day_of(secret.ts)}"
    assert tarn.slack(is_whole_company=True).check_access(hidden, [MEMBERS]) is False
    assert tarn.slack().check_access(hidden, [person("U0NOBODY01")]) is False
    assert tarn.slack().check_access(name, []) is False


def test_what_is_gone_or_not_synced_says_so(tarn: Tarn) -> None:
    message = tarn.workspace.post(tarn.secret, tarn.bo, "Hush")
    name = f"{tarn.secret}:{day_of(message.ts)}"
    for gone in (f"{tarn.secret}:2020-01-01", f"{tarn.secret}:{message.ts}", "F0NOWHERE1", "x"):
        with pytest.raises(ItemGone):
            tarn.slack().check_access(gone, [person(tarn.bo)])
    with pytest.raises(ItemGone):
        tarn.slack(channels=[]).check_access(name, [person(tarn.bo)])
    tarn.workspace.faults.add("too_many", retry_after_s=60)
    with pytest.raises(RateLimited):
        tarn.slack().check_access(name, [person(tarn.bo)])


def test_an_app_that_was_taken_out_cannot_say(tarn: Tarn) -> None:
    message = tarn.workspace.post(tarn.rivers, tarn.bo, "Hello")
    tarn.workspace.remove_member(tarn.rivers, tarn.workspace.bot_user_id)
    name = f"{tarn.rivers}:{day_of(message.ts)}"
    assert tarn.slack().check_access(name, [person(tarn.bo)]) is None
