"""What a person may read, as a value: the policies' ids, and the label that lets it be trusted."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from apps.acls import class_rules, statement
from apps.acls.binary import BigintArray, Ids

# Changes whenever the layout of the stored bytes or the meaning of the ids does.
_LAYOUT = b"KR3"
_LENGTHS = struct.Struct("<III")


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
            faster, with psycopg's own (`binary.cursor`). Those of `class_rules.ALLOWED`, which the
            CTE does not need, are among them.
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
        bits: the same policies by their ordinals, as `reader_context` takes them.
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
    bits: str
    committed: bool = True

    def scope(self) -> Scope:
        """Return the set for a reading statement, guarded inside that statement.

        Where the guard could not prove anything, the set is computed in that statement instead.
        """
        if not self.committed:
            return self.inline_scope()
        params = self.params() | class_rules.params() | {"scope_ids": BigintArray(self.ids)}
        return Scope(statement.GUARDED, params, len(self.ids))

    def inline_scope(self) -> Scope:
        """Return the scope that computes the set inside the reading statement itself."""
        params = class_rules.params() | {
            "scope_tenant": self.tenant_id,
            "scope_user": self.user_id,
        }
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
        """Return the set for the cache: lengths, a JSON head, both arrays as int64, the bits."""
        head = json.dumps(
            {
                "tenant_id": self.tenant_id,
                "user_id": self.user_id,
                "incarnation": self.incarnation,
                "snapshot": self.snapshot,
                "computed_at": self.computed_at.isoformat(),
                "valid_until": self.valid_until.isoformat(),
                "bits": self.bits,
            }
        ).encode()
        lengths = _LENGTHS.pack(len(head), len(self.names), len(self.ids))
        return b"".join([_LAYOUT, lengths, head, _wire(self.names), _wire(self.ids)])

    @classmethod
    def from_bytes(cls, stored: bytes) -> ReadableSet | None:
        """Return the set, or None for bytes of another layout."""
        if not stored.startswith(_LAYOUT):
            return None
        start = len(_LAYOUT) + _LENGTHS.size
        length, names, ids = _LENGTHS.unpack_from(stored, len(_LAYOUT))
        head = json.loads(stored[start : start + length])
        for name in ("computed_at", "valid_until"):
            head[name] = datetime.fromisoformat(head[name]).astimezone(UTC)
        arrays = np.frombuffer(stored, "<i8", count=names + ids, offset=start + length)
        return cls(**head, names=arrays[:names], ids=arrays[names:])


def _wire(ids: Ids) -> bytes:
    return ids.astype("<i8", copy=False).tobytes()


def bit_string(ordinals: Ids) -> str:
    """Return the base64 of a bit string in which the bit of each ordinal is set.

    Bit n is counted as PostgreSQL's get_bit() does: from the lowest of the first byte.

    Args:
        ordinals: of policies, at least 0, shape (n,).
    """
    if not len(ordinals):
        return ""
    bits = np.zeros(int(ordinals.max()) + 1, np.uint8)
    bits[ordinals] = 1
    return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
