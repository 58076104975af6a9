"""What a person may read, as a value: the policies' ids, and the label that lets it be trusted."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from apps.acls import statement
from apps.acls.binary import BigintArray, Ids

# Changes whenever the layout of the stored bytes or the meaning of the ids does.
_LAYOUT = b"KR1"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """What a reading statement puts in front of itself.

    `cte` is the body of a common table expression with one row `(ok boolean, ids bigint[])`:

        WITH scope AS MATERIALIZED (<cte>)
        SELECT ... WHERE policy_id = ANY ((SELECT ids FROM scope)::bigint[])
            AND (SELECT ok FROM scope)

    Attributes:
        cte: SQL with named parameters.
        params: their values; every name starts with `scope_`. They work with Django's cursors and,
            faster, with psycopg's own (`binary.cursor`).
        size: how many policies the set had when it was last computed; for choosing a plan only.
    """

    cte: str
    params: dict[str, Any]
    size: int


@dataclass(frozen=True, eq=False, slots=True)
class ReadableSet:
    """The policies that admit a person, as of one snapshot of the database.

    Attributes:
        tenant_id: the tenant in which the person asks.
        user_id: the person.
        incarnation: which database, and which run of it, the snapshot belongs to.
        snapshot: PostgreSQL's `pg_snapshot` as text.
        names: whom a change must name to make the set untrue (see `PermissionChange`), shape (m,).
        computed_at: the database's clock.
        valid_until: when the first entry or membership that matters ends or begins.
        ids: policies' ids, sorted and unique, shape (n,).
        committed: False when the computing transaction had written something, whatever it was: its
            snapshot then proves nothing about that transaction's own changes.
    """

    tenant_id: int
    user_id: int
    incarnation: str
    snapshot: str
    names: Ids
    computed_at: datetime
    valid_until: datetime
    ids: Ids
    committed: bool = True

    def scope(self) -> Scope:
        """Return the set for a reading statement, guarded inside that statement.

        Where the guard could not prove anything, the set is computed in that statement instead.
        """
        if not self.committed:
            return self.inline_scope()
        return Scope(
            statement.GUARDED, self.params() | {"scope_ids": BigintArray(self.ids)}, len(self.ids)
        )

    def inline_scope(self) -> Scope:
        """Return the scope that computes the set inside the reading statement itself."""
        params = {"scope_tenant": self.tenant_id, "scope_user": self.user_id}
        return Scope(statement.INLINE, params, len(self.ids))

    def params(self) -> dict[str, Any]:
        """Return what the guard takes."""
        return {
            "scope_tenant": self.tenant_id,
            "scope_user": self.user_id,
            "scope_incarnation": self.incarnation,
            "scope_snapshot": self.snapshot,
            "scope_names": BigintArray(self.names),
            "scope_valid_until": self.valid_until,
        }

    def to_bytes(self) -> bytes:
        """Return the set for the cache: a JSON head, then both arrays as little-endian int64."""
        head = json.dumps(
            {
                "tenant_id": self.tenant_id,
                "user_id": self.user_id,
                "incarnation": self.incarnation,
                "snapshot": self.snapshot,
                "computed_at": self.computed_at.isoformat(),
                "valid_until": self.valid_until.isoformat(),
                "names": len(self.names),
            }
        ).encode()
        arrays = np.concatenate([self.names, self.ids]).astype("<i8").tobytes()
        return b"".join([_LAYOUT, _LENGTH.pack(len(head)), head, arrays])

    @classmethod
    def from_bytes(cls, stored: bytes) -> ReadableSet | None:
        """Return the set, or None for bytes of another layout."""
        if not stored.startswith(_LAYOUT):
            return None
        start = len(_LAYOUT) + _LENGTH.size
        (length,) = _LENGTH.unpack_from(stored, len(_LAYOUT))
        head = json.loads(stored[start : start + length])
        arrays = np.frombuffer(stored, "<i8", offset=start + length).astype(np.int64)
        count = head.pop("names")
        for name in ("computed_at", "valid_until"):
            head[name] = datetime.fromisoformat(head[name]).astimezone(UTC)
        return cls(**head, names=arrays[:count], ids=arrays[count:])
