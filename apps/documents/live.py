"""Asks the source itself about documents whose permissions were confirmed too long ago.

Only for connections whose admin chose so: the others hide such documents. An answer holds for the
one look that it was asked for and is kept nowhere, and it only ever narrows: whoever is not let in
by what is stored is not asked about. No answer in time means no.

Whether to ask is decided by the statement that lets documents through, in its snapshot (`ASKS`). A
moment later permissions may have been confirmed which are others than those that let them through.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from django.db import connection as database
from django.db import connections as database_connections

from apps.accounts.models import User
from apps.acls.freshness import COUNTS_UNTIL
from apps.acls.models import Claim
from apps.connections.errors import (
    ConnectorError,
    CredentialsRejected,
    ItemGone,
    RateLimited,
    ScopeMissing,
    SourceUnavailable,
)
from apps.connections.models import Connection, WhenStale
from apps.connections.protocol import ChecksAccess, PrincipalKind, RemotePrincipal
from apps.documents import live_lines, recall
from apps.documents.live_lines import Asked
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

log = logging.getLogger(__name__)

# How long all questions of one look may take together (seconds).
PATIENCE_S = 2.0

# Belongs into every statement that lets documents (alias d) through, as the last of its columns:
# whether their source has the last word.
ASKS: Final = f"""(SELECT source.when_stale = '{WhenStale.CHECK.value}'
        AND (source.permissions_confirmed_at IS NULL OR {COUNTS_UNTIL} <= statement_timestamp())
    FROM connections_connection source
    WHERE source.tenant_id = d.tenant_id AND source.id = d.connection_id)"""  # noqa: S608  constants

_TO_ASK = """
SELECT d.id, d.external_id, d.connection_id FROM documents_document d
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (%(ids)s)
"""

# Answers to one question that hold for all others.
_OF_ALL: Final = (CredentialsRejected, RateLimited, ScopeMissing, SourceUnavailable)
# A question is an item's id in its source, and who asks.
Question = tuple[str, Sequence[RemotePrincipal]]


def permitted(
    user: User, found: Iterable[tuple[int, bool]], *, ends_at: float | None = None
) -> frozenset[int]:
    """Return those of the documents about which nobody has to be asked, or whose source says yes.

    Belongs behind every statement that releases something of documents, in the same transaction.

    Args:
        user: who wants to read.
        found: what the guarded statement let through: ids, of the bound tenant, with its `ASKS`.
        ends_at: until when answers are waited for, by `time.monotonic()`; None: `PATIENCE_S`.
    """
    wanted = dict(found)
    to_ask = [pk for pk, asks in wanted.items() if asks is not False]
    if not to_ask:
        return frozenset(wanted)
    with database.cursor() as cursor:
        cursor.execute(_TO_ASK, {"tenant": required_tenant_id(), "ids": to_ask})
        rows = cursor.fetchall()
    if ends_at is None:
        ends_at = time.monotonic() + PATIENCE_S
    return frozenset(wanted.keys() - to_ask) | _confirmed(user, rows, ends_at)


def answers(
    connection: Connection, questions: Sequence[Question], *, patience_s: float = PATIENCE_S
) -> list[bool | None]:
    """Ask a source whether it lets people read items now, and return its answers in that order.

    Args:
        connection: of the bound tenant.
        questions: the item's id in its source, and the principals of one person.
        patience_s: how long all of them may take together (seconds).

    Returns:
        None where the source cannot say, does not answer, or has not answered in time.
    """
    ends_at = time.monotonic() + patience_s
    return [asked.answer(ends_at) for asked in _asked(connection, questions)]


def principals_of(user: User, connection: Connection) -> list[RemotePrincipal]:
    """Return who a person is in a connection's source: own identities, and all who count as such.

    Args:
        user: the person.
        connection: of the bound tenant.
    """
    mine = {"tenant_id": connection.tenant_id, "user": user}
    claims = Claim.objects.filter(
        **mine,
        ended_at=None,
        principal__realm=connection.realm,
        principal__is_active=True,
        principal__deleted_at=None,
    )
    found = [
        RemotePrincipal(PrincipalKind(one.kind), one.external_id, one.label, one.email)
        for one in (claim.principal for claim in claims.select_related("principal"))
    ]
    membership = Membership.objects.filter(**mine, is_active=True).first()
    if membership is not None:
        found.append(RemotePrincipal(PrincipalKind.EVERYONE, PrincipalKind.EVERYONE.value))
        if not membership.is_guest:
            found.append(RemotePrincipal(PrincipalKind.MEMBERS, PrincipalKind.MEMBERS.value))
    return found


def _confirmed(user: User, rows: Sequence[tuple[Any, ...]], ends_at: float) -> frozenset[int]:
    by_source: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for document_id, external_id, connection_id in rows:
        by_source[connection_id].append((document_id, external_id))
    waiting: list[tuple[int, Asked]] = []
    for connection in Connection.objects.select_related("tenant").filter(pk__in=by_source):
        if connection.permissions_confirmed_at is None:
            continue  # never, or not since a stop
        who = principals_of(user, connection)
        ids, names = zip(*by_source[connection.pk], strict=True)
        put = _asked(connection, [(name, who) for name in names])
        waiting += zip(ids, put, strict=True)
    return frozenset(pk for pk, asked in waiting if asked.answer(ends_at))


def _asked(connection: Connection, questions: Sequence[Question]) -> list[Asked]:
    """Put the questions, as many side by side as the line has threads."""
    line = live_lines.to(connection.pk)
    source = _Source(connection, at_once=min(len(questions), live_lines.AT_ONCE))
    # A context can be entered once at a time; it carries the tenant.
    return [
        line.ask(partial(copy_context().run, source.ask, external_id, who))
        for external_id, who in questions
    ]


class _Source:
    """A source that is asked several questions at once, with a connector for each at a time.

    Args:
        connection: of the bound tenant.
        at_once: how many threads ask it.
    """

    def __init__(self, connection: Connection, *, at_once: int) -> None:
        self._free: SimpleQueue[object] = SimpleQueue()
        # The first answer that concerns all questions; nothing is asked after it.
        self._refusal: ConnectorError | None = None
        try:
            for _ in range(at_once):
                self._free.put(recall.connector_for(connection))
        except ConnectorError as error:  # its settings, or its whole kind, are not usable any more
            self._refuse(error)

    def ask(self, external_id: str, who: Sequence[RemotePrincipal]) -> bool | None:
        """Return what the source says, on a thread of the line; None where it does not say."""
        if self._refusal is not None:
            return None
        connector = self._free.get()
        try:
            if not isinstance(connector, ChecksAccess):
                return None
            return connector.check_access(external_id, who)
        except ItemGone:
            return False
        except _OF_ALL as error:
            self._refuse(error)
        except ConnectorError as error:
            log.warning("live check: %s", error.code)
        finally:
            self._free.put(connector)
            database_connections.close_all()  # this thread's, back to the pool
        return None

    def _refuse(self, error: ConnectorError) -> None:
        if self._refusal is None:
            log.warning("live check: %s", error.code)
        self._refusal = error
