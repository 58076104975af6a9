"""Readers and writers in threads: what a reading statement may show after an acknowledged commit.

A writer opens and closes a document again and again, and says so only once PostgreSQL has
acknowledged the commit. A reader notes what was closed immediately before each statement that could
show something. What such a statement shows although it was closed all the while is a leak.

`Loop` is the reading protocol in short (compute, keep, guard, read). It exists so that the tests
can take its statements apart: a `Protocol` with one of them rewritten is a mutant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from random import uniform
from time import monotonic, sleep
from typing import Any
from typing import Protocol as Interface

from django.db import connection, transaction
from psycopg import IsolationLevel

from apps.accounts.models import User
from apps.acls import binary, statement
from apps.acls.binary import BigintArray
from apps.acls.readable import ReadableSet, bit_string
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.acls.reads import in_threads, inside

READERS = 3
WRITERS = 4
# Between two statements, on both sides: long enough for somebody else's commit to fall into.
_PAUSE_S = 0.004
_REST_S = 0.01
_TRIES = 4

Start = Callable[[], None]


def pause() -> None:
    sleep(uniform(0, _PAUSE_S))  # noqa: S311  not for secrets


def rewritten(text: str, old: str, new: str) -> str:
    """Return a statement with a part swapped, which must have been there."""
    assert old in text, f"the statement no longer says: {old}"
    return text.replace(old, new)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The statements of the reading protocol, and how they are run; the defaults are the real ones.

    Attributes:
        labelled: computes the set with its label.
        label: takes the snapshot in a statement of its own, after the set.
        guard: the condition under which a kept set is shown.
        is_apart: the guard is asked first, in a statement of its own.
        isolation: of the reading transactions; None: READ COMMITTED.
        forgets_tenant: the reading transactions have no tenant bound.
    """

    labelled: str = statement.LABELLED_SET
    label: str = ""
    guard: str = statement.GUARD
    is_apart: bool = False
    isolation: IsolationLevel | None = None
    forgets_tenant: bool = False

    @property
    def shown(self) -> str:
        ok = "true" if self.is_apart else f"({self.guard})"
        return (
            f"SELECT scope.ok, CASE WHEN scope.ok THEN %(scope_ids)s::bigint[] END"
            f" FROM (SELECT {ok} AS ok) scope"
        )


class Reader(Interface):
    """Something that reads for one person."""

    def read(self, start: Start) -> set[int]:
        """Return what the person reads, and call `start` before each statement that may show it."""
        ...


@dataclass
class Loop:
    """One reader by a protocol, with a set of its own that it keeps while the guard accepts it."""

    protocol: Protocol
    tenant: Tenant
    user: User
    kept: ReadableSet | None = None
    refusals: int = 0

    def read(self, start: Start) -> set[int]:
        for _ in range(_TRIES):
            self.kept = self.kept or self._computed()
            if self.kept is None:
                break
            shown = self._shown(self.kept, start)
            if shown is not None:
                return shown
            self.kept, self.refusals = None, self.refusals + 1
        return set()

    def _computed(self) -> ReadableSet | None:
        params: dict[str, Any] = {"scope_tenant": self.tenant.pk, "scope_user": self.user.pk}
        with inside(self.tenant), binary.cursor() as cursor:
            row = cursor.execute(self.protocol.labelled, params).fetchone()
            if row is None:
                return None
            incarnation, snapshot, names, computed_at, valid_until, committed, ids, ordinals = row
            if self.protocol.label:
                pause()
                (snapshot,) = cursor.execute(self.protocol.label).fetchone() or ("",)
        pause()
        return ReadableSet(
            tenant_id=self.tenant.pk,
            user_id=self.user.pk,
            incarnation=incarnation,
            snapshot=snapshot,
            names=names,
            computed_at=computed_at,
            valid_until=valid_until,
            ids=ids,
            bits=bit_string(ordinals),
            committed=committed,
        )

    def _shown(self, kept: ReadableSet, start: Start) -> set[int] | None:
        params = kept.params() | {"scope_ids": BigintArray(kept.ids)}
        with self._transaction(), binary.cursor() as cursor:
            if self.protocol.is_apart:
                guard = f"SELECT {self.protocol.guard}"
                if cursor.execute(guard, params).fetchone() != (True,):
                    return None
            pause()
            start()
            row = cursor.execute(self.protocol.shown, params).fetchone()
        assert row is not None
        return set(row[1].tolist()) if row[0] else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        bound = nullcontext() if self.protocol.forgets_tenant else tenant_context(self.tenant)
        connection.ensure_connection()
        connection.connection.isolation_level = self.protocol.isolation
        try:
            with bound, transaction.atomic():
                yield
        finally:
            connection.connection.isolation_level = None


@dataclass
class Turn:
    """What one writer has last had acknowledged; `number` grows before each opening begins."""

    number: int = 0
    is_closed: bool = False
    closings: int = 0


@dataclass
class Change:
    """Opens and closes one policy for one person.

    Attributes:
        user_id: whom it concerns.
        policy_id: what they read meanwhile.
    """

    user_id: int
    policy_id: int
    open: Callable[[], object]
    close: Callable[[], object]
    turn: Turn = field(default_factory=Turn)


@dataclass
class Race:
    """Readers against the writers of some changes, all at once."""

    tenant: Tenant
    changes: list[Change]
    reads: int = 0
    shown: int = 0
    leaks: int = 0
    stops: Callable[[Race], bool] = lambda race: False
    ends_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, readers: list[tuple[User, Reader]], *, seconds: float) -> None:
        """Let everybody run for a time, or until `stops` says that it is enough."""
        self.ends_at = monotonic() + seconds
        in_threads(
            *(partial(self._write, self.changes[n::WRITERS]) for n in range(WRITERS)),
            *(partial(self._read, who, reader) for who, reader in readers),
        )

    def _is_on(self) -> bool:
        return monotonic() < self.ends_at and not self.stops(self)

    def _read(self, user: User, reader: Reader) -> None:
        mine = [change for change in self.changes if change.user_id == user.pk]
        noted: list[tuple[Change, int, bool]] = []

        def start() -> None:
            noted[:] = [(c, c.turn.number, c.turn.is_closed) for c in mine]

        while self._is_on():
            noted.clear()
            seen = reader.read(start)
            with self.lock:
                self.reads += 1
                self.shown += bool(seen)
                self.leaks += sum(
                    was_closed and change.turn.number == number and change.policy_id in seen
                    for change, number, was_closed in noted
                )

    def _write(self, changes: list[Change]) -> None:
        for change in cycle(changes):
            if not self._is_on():
                break
            turn = change.turn
            turn.number, turn.is_closed = turn.number + 1, False
            with inside(self.tenant):
                change.open()
                pause()
            sleep(_REST_S)
            with inside(self.tenant):
                change.close()
                pause()
            turn.is_closed = True
            turn.closings += 1
            sleep(_REST_S)
