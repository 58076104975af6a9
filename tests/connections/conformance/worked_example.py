"""The connector of a feed of notes, which lie on boards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar

from apps.connections.credentials.account import Account
from apps.connections.credentials.models import AuthMethod
from apps.connections.credentials.sign_in import SignIn
from apps.connections.dialects.audience import person
from apps.connections.dialects.value import value
from apps.connections.errors import ConnectorError, ContractBroken, CursorExpired, ItemGone
from apps.connections.http_answers import Answer
from apps.connections.protocol import (
    Capabilities,
    Cursor,
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePolicy,
    RemotePrincipal,
)
from apps.connections.settings_form import SettingsForm

Json = Mapping[str, Any]
LOG = "feed"


class NotesFeed:
    """Reads the notes of one feed, and who may read them."""

    settings_form: ClassVar[type[SettingsForm]] = SettingsForm  # nothing to choose
    sign_in: ClassVar[SignIn] = SignIn(
        methods=(AuthMethod.API_KEY,),
        endpoints={"api": "https://notes.example"},
        setup=("Make a key for reading under “Settings, Keys”, and paste it here.",),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(requests_per_s=10, burst=20)

    def __init__(self, settings: Mapping[str, Any], *, account: Account) -> None:
        self._api = account.endpoints["api"]
        self._http = account.client(judge=judge)

    def item_space(self) -> str:
        return self._api  # two keys for one feed see the same notes

    def check(self) -> None:
        self._get("/audience")

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        if cursor is None:  # readers come before what they read
            yield self._audience(cursor={"after": ""})
        for asked_at, notes, rest in self._listed(cursor):
            yield Page(asked_at, items=tuple(map(item, notes)), acls=values(notes), cursor=rest)

    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        if cursor is None:
            yield self._audience(cursor={"after": ""})
        for asked_at, notes, rest in self._listed(cursor):
            policies = tuple((note["id"], policy(note)) for note in notes)
            yield Page(asked_at, item_policies=policies, acls=values(notes), cursor=rest)

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        asked_at = datetime.now(UTC)
        notes: list[Json] = []
        gone: list[str] = []
        for note_id in dict.fromkeys(external_ids):
            try:
                notes.append(self._get(f"/notes/{note_id}", item=note_id))
            except ItemGone:
                gone.append(note_id)
        items = tuple(map(item, notes))
        yield Page(asked_at, items=items, acls=values(notes), deleted_ids=tuple(gone))

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        address = f"{self._api}/notes/{external_id}/text"
        with self._http.opened(address, item=external_id) as text:
            yield text

    def positions(self) -> Mapping[str, str]:
        return {LOG: str(self._get("/changes")["position"])}

    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        yield self._audience()  # it says nothing of the log, so it names no position
        since, is_last = positions[LOG], False
        while not is_last:
            asked_at = datetime.now(UTC)
            told = self._get("/changes", since=since)
            since, is_last, notes = str(told["position"]), told["is_last"], listed(told, "notes")
            yield Page(
                asked_at,
                items=tuple(map(item, notes)),
                acls=values(notes),
                deleted_ids=tuple(told["gone"]),
                positions={LOG: since},
            )

    def _audience(self, cursor: Cursor | None = None) -> Page:
        asked_at = datetime.now(UTC)
        told = self._get("/audience")
        return Page(
            asked_at,
            groups=tuple(
                RemoteGroup(group(each["name"]), tuple(map(person, each["members"])))
                for each in listed(told, "groups")
            ),
            acls=tuple(
                RemoteAcl(board(each["id"]), each["id"], mode=Mode.CUT, entries=entries(each))
                for each in listed(told, "boards")
            ),
            are_acls_complete=True,
            cursor=cursor,
        )

    def _listed(
        self, cursor: Cursor | None
    ) -> Iterator[tuple[datetime, Sequence[Json], Cursor | None]]:
        after = cursor["after"] if cursor else ""
        while after is not None:
            asked_at = datetime.now(UTC)
            told = self._get("/notes", after=after or None)
            after = told.get("next")
            yield asked_at, listed(told, "notes"), {"after": after} if after else None

    def _get(self, path: str, *, item: str = "", **params: Any) -> Any:
        return self._http.get(f"{self._api}{path}", params, item=item)


def judge(answer: Answer) -> ConnectorError | None:
    """Know what the table of statuses cannot know."""
    if answer.status == 410 and not answer.item:
        return CursorExpired("The feed no longer knows this position.")
    return None


def item(note: Json) -> RemoteItem:
    path = f"{note['board']}/{note['title']}"
    revision = str(note["revision"])
    return RemoteItem(note["id"], note["title"], path, revision, policy(note), "text/plain")


def policy(note: Json) -> RemotePolicy:
    """Who reads the board reads the note, and so do the readers of its own."""
    own = (value(entries(note)).external_id,) if note["readers"] else ()
    return ((board(note["board"]), *own),)


def values(notes: Iterable[Json]) -> tuple[RemoteAcl, ...]:
    return tuple(dict.fromkeys(value(entries(each)) for each in notes if each["readers"]))


def entries(told: Json) -> tuple[RemoteEntry, ...]:
    return tuple(
        RemoteEntry(person(name) if "@" in name else group(name)) for name in told["readers"]
    )


def group(name: str) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.GROUP, name, label=name)


def board(name: str) -> str:
    return f"board:{name}"


def listed(told: Any, name: str) -> Sequence[Json]:
    """An answer in another form is no empty list."""
    found = told.get(name) if isinstance(told, Mapping) else None
    if not isinstance(found, list):
        raise ContractBroken(f"The feed leaves out “{name}”.")
    return found
