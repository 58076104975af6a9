"""The oracle and the web API, written apart, agree on who reads what in random workspaces."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from apps.ops.sandbox.slack.api import app
from apps.ops.sandbox.slack.records import Guest
from apps.ops.sandbox.slack.state import Refused
from apps.ops.sandbox.slack.workspace import SlackWorkspace

READ = ("channels:read", "groups:read", "channels:history", "groups:history", "files:read")
PEOPLE, CHANNELS = 4, 3
ACTS = ("invite", "leave", "guest", "member", "archive", "private", "public", "share", "unshare")
acts = st.lists(
    st.tuples(
        st.sampled_from([*ACTS, "deactivate", "reactivate"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, CHANNELS - 1),
    ),
    max_size=14,
)


class Small:
    """A workspace with four people, three channels and one file."""

    def __init__(self) -> None:
        self.workspace = space = SlackWorkspace()
        self.people = [space.add_person(f"P{n}", f"p{n}@small.example").id for n in range(PEOPLE)]
        self.channels = [
            space.create_channel(f"c{n}", self.people[n], private=n == 1).id
            for n in range(CHANNELS)
        ]
        self.file = space.upload(self.people[0], "f.txt", b"f", "text/plain").id
        installed = [space.install((), READ, installer_id=each).user for each in self.people]
        self.tokens = [token.value for token in installed if token]

    def act(self, what: str, person: int, channel: int) -> None:
        space, who, where = self.workspace, self.people[person], self.channels[channel]
        verbs: dict[str, Callable[[], object]] = {
            "invite": lambda: space.invite(where, who),
            "leave": lambda: space.remove_member(where, who),
            "guest": lambda: space.set_guest(who, Guest.MULTI_CHANNEL),
            "member": lambda: space.set_guest(who, Guest.NO),
            "archive": lambda: space.archive(where),
            "private": lambda: space.make_private(where),
            "public": lambda: space.make_public(where),
            "share": lambda: space.share_file(self.file, where, self.people[0]),
            "unshare": lambda: space.unshare_file(self.file, where),
            "deactivate": lambda: space.deactivate(who),
            "reactivate": lambda: space.reactivate(who),
        }
        try:
            verbs[what]()
        except Refused:
            return

    def answered(self, client: TestClient, method: str, **arguments: str) -> set[str]:
        """Return the addresses of the people whom a method gives an answer."""
        got = set()
        for number, token in enumerate(self.tokens):
            headers = {"Authorization": f"Bearer {token}"}
            if client.get(f"/api/{method}", params=arguments, headers=headers).json()["ok"]:
                got.add(f"p{number}@small.example")
        return got


@given(told=acts)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_oracle_and_answers_agree(told: list[tuple[str, int, int]]) -> None:
    small = Small()
    client = TestClient(app(small.workspace))
    for act in told:
        small.act(*act)
    for channel in small.channels:
        readers = small.workspace.readers(channel)
        assert small.answered(client, "conversations.history", channel=channel) == readers
    owner = "p0@small.example"
    reading = small.answered(client, "files.info", file=small.file) - {owner}
    assert reading == small.workspace.file_readers(small.file) - {owner}


def test_what_is_live_is_what_people_wrote() -> None:
    small = Small()
    space, where, who = small.workspace, small.channels[0], small.people[0]
    kept = space.post(where, who, "Kept")
    gone = space.post(where, who, "Gone")
    space.delete(where, gone.ts)
    space.rename_channel(where, "renamed")
    assert [(m.ts, m.text) for m in space.live_messages().values()] == [(kept.ts, "Kept")]
    assert space.live_files() == {small.file: b"f"}
    space.delete_channel(where)
    assert space.live_messages() == {}
