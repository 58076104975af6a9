"""What may this person read now? The cached answer, and the driver that never trusts it blindly.

The guarantee: no statement that starts after a revoking transaction was acknowledged returns what
it revoked. A cached set carries the snapshot in which it was computed, and every reading statement
proves in itself, by the scope it is handed, that nothing which concerns the person has committed
since. See docs/permissions for the protocol.

All functions run inside a READ COMMITTED transaction with the tenant bound.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np

from apps.accounts.models import User
from apps.acls import binary, placement, set_cache, statement
from apps.acls.errors import NoMembership
from apps.acls.readable import ReadableSet, Scope, bit_string
from apps.tenants.context import reader_context, required_tenant_id

T = TypeVar("T")

# How late a widening may be noticed that a sync logged as such. Computing again more often would
# keep every set cold while a sync runs.
LATE_WIDENING = timedelta(seconds=3)


def policies_for(user: User) -> ReadableSet:
    """Return the policies that admit a person in the bound tenant, from the cache where possible.

    A cached set may be out of date: `scope()` guards it in the statement that uses it, and
    `reading` computes it again when the guard refuses.

    Args:
        user: who asks. Without an active membership the set is empty, and no guard passes it.
    """
    name = _name(user)
    cached = set_cache.get(name)
    if cached is not None and not _may_have_widened(cached):
        return cached
    return _recompute(user, name, refused=cached)


def reading(user: User, run: Callable[[Scope], tuple[bool, T]]) -> T:
    """Run a reading statement with what the person may read now, and return its value.

    The policies are bound for row-level security as well: text and passages under any other are
    invisible meanwhile, whatever the statement forgets.

    Args:
        user: who reads.
        run: executes one statement that contains the scope, and returns the scope's `ok` together
            with the value; called once, or up to three times when permissions change meanwhile.

    Raises:
        NoMembership: the person does not belong to the tenant (any more).
    """
    readable = policies_for(user)
    with reader_context(readable.bits):
        ok, value = run(readable.scope())
    if ok:
        return value
    readable = _recompute(user, _name(user), refused=readable)
    with reader_context(readable.bits):
        ok, value = run(readable.scope())
        if not ok:
            ok, value = run(readable.inline_scope())
    if not ok:
        raise NoMembership("You do not belong to this organisation any more.")
    return value


def forget(user: User) -> None:
    """Drop a person's cached set. Never needed for correctness."""
    set_cache.drop(_name(user))


def compute(user: User) -> ReadableSet:
    """Compute a person's set from the rows, past every cache."""
    params = {"scope_tenant": required_tenant_id(), "scope_user": user.pk}
    with binary.cursor() as cursor:
        row = cursor.execute(statement.LABELLED_SET, params).fetchone()
    if row is None:
        return _nothing(user)
    incarnation, snapshot, names, computed_at, valid_until, committed, ids, ordinals = row
    return ReadableSet(
        tenant_id=params["scope_tenant"],
        user_id=user.pk,
        incarnation=incarnation,
        snapshot=snapshot,
        names=names,
        computed_at=computed_at,
        valid_until=valid_until,
        ids=np.sort(ids),
        bits=bit_string(ordinals),
        committed=committed,
    )


def _nothing(user: User) -> ReadableSet:
    now = datetime.now(UTC)
    return ReadableSet(
        tenant_id=required_tenant_id(),
        user_id=user.pk,
        incarnation="",
        snapshot="1:1:",
        names=np.array([-user.pk], np.int64),
        computed_at=now,
        valid_until=now,
        ids=np.empty(0, np.int64),
        bits="",
        committed=False,
    )


def _name(user: User) -> str:
    return set_cache.key(placement.incarnation(), required_tenant_id(), user.pk)


def _may_have_widened(cached: ReadableSet) -> bool:
    if datetime.now(UTC) - cached.computed_at < LATE_WIDENING:
        return False
    with binary.cursor() as cursor:
        row = cursor.execute(statement.BEHIND, cached.params()).fetchone()
    return bool(row and row[0])


def _recompute(user: User, name: str, *, refused: ReadableSet | None) -> ReadableSet:
    with set_cache.flight(name) as leads:
        if not leads:
            found = set_cache.wait_for_other(name, refused)
            if found is not None:
                return found
        fresh = compute(user)
        if fresh.committed:
            set_cache.put(name, fresh)
        return fresh
