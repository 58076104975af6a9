"""Which tenant, person and reader the database is asked for: the one way to row-level security.

The *reader* is the second wall: text, passages and vectors are visible only under the policies of
the person for whom they are read (`reader_context`), or to Kenward's own indexing
(`unrestricted_reading`). With nothing bound there is none to be seen.

The binding is a ContextVar (it follows threads, tasks and coroutines). The database backend
(`apps.tenants.postgresql`) hands it to PostgreSQL at every BEGIN, local to that transaction, so
nothing leaks through a connection pool, and outside a transaction no tenant row is visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from apps.tenants.models import Tenant

_tenant_id: ContextVar[int | None] = ContextVar("kenward_tenant_id", default=None)
_user_id: ContextVar[int | None] = ContextVar("kenward_user_id", default=None)
_reader: ContextVar[str] = ContextVar("kenward_reader", default="")

T = TypeVar("T")

# What `app.reader` holds while everything in the tenant may be read; otherwise the base64 of a bit
# string, in which the bit of a policy's ordinal says whether it admits the reader.
EVERYTHING = "*"

SET_CONTEXT = (
    "select set_config('app.tenant_id', %s, true), set_config('app.user_id', %s, true),"
    " set_config('app.reader', %s, true)"
)


def current_tenant_id() -> int | None:
    """Return the id of the bound tenant, or None when none is bound."""
    return _tenant_id.get()


def required_tenant_id() -> int:
    """Return the id of the bound tenant.

    Raises:
        RuntimeError: no tenant is bound; a caller forgot `tenant_context`.
    """
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise RuntimeError("No tenant is bound: wrap the work in tenant_context(tenant).")
    return tenant_id


def parameters() -> list[str]:
    """Return what `SET_CONTEXT` is executed with; an empty string stands for none."""
    return [str(value.get() or "") for value in (_tenant_id, _user_id, _reader)]


@contextmanager
def tenant_context(tenant: Tenant | int) -> Iterator[None]:
    """Bind a tenant to this thread or task; a transaction that is already open follows.

    Args:
        tenant: the tenant or its id.
    """
    with _bound(_tenant_id, tenant if isinstance(tenant, int) else tenant.pk):
        yield


@contextmanager
def user_context(user_id: int) -> Iterator[None]:
    """Bind a person, who may then see the rows of their own memberships in any tenant.

    What the person may read of documents is bound by each reading statement; until then nothing.
    """
    with _bound(_user_id, user_id), _bound(_reader, ""):
        yield


@contextmanager
def reader_context(bits: str) -> Iterator[None]:
    """Bind the policies under which text and passages are visible (`acls.resolve.reading` does).

    Args:
        bits: base64; bit n, counted from the lowest of the first byte, stands for ordinal n.
    """
    with _bound(_reader, bits):
        yield


@contextmanager
def unrestricted_reading() -> Iterator[None]:
    """Let Kenward itself see all passages of the tenant, for indexing; never for a person."""
    with _bound(_reader, EVERYTHING):
        yield


@contextmanager
def _bound(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        _push_to_open_transactions()
        yield
    finally:
        variable.reset(token)
        _push_to_open_transactions()


def _push_to_open_transactions() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and not _is_aborted(connection):
            with connection.cursor() as cursor:
                cursor.execute(SET_CONTEXT, parameters())


def _is_aborted(connection: Any) -> bool:
    # An aborted transaction refuses every statement; its rollback restores the old values anyway.
    raw = connection.connection
    return raw is None or raw.info.transaction_status == TransactionStatus.INERROR
