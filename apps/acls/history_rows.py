"""The rows that decide about reading, as they stood at a moment."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from apps.acls.freshness import UNATTENDED_AFTER
from apps.acls.history_moments import Moment
from apps.acls.models import NESTING_KINDS, Placement
from apps.connections.models import WhenStale
from apps.tenants.context import required_tenant_id

_ROWS: Final = """
SELECT h.row_id, h.key, h.other, h.data FROM acls_history h
WHERE h.tenant_id = %(tenant)s AND h.relation = %(relation)s AND {which} AND {holds}
ORDER BY h.row_id
"""
_BY_KEY = "h.key = ANY (%(ids)s::bigint[])"
_BY_OTHER = "h.other = ANY (%(ids)s::bigint[])"
_AT_LARGE = "(h.data->>'kind' IN ('members', 'everyone') OR h.data->>'members_known' = 'false')"
_OF_REALMS = "h.data->>'realm' = ANY (%(ids)s::text[])"
# Everything above some places, and all memberships that lead up from some principals, or down: one
# statement each, however deep. UNION ends at what was met before, so circles are no matter.
_ABOVE: Final = """
WITH RECURSIVE above(id) AS (
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT h.other FROM above JOIN acls_history h ON h.tenant_id = %(tenant)s
        AND h.relation = 'acl' AND h.key = above.id AND h.other IS NOT NULL AND {holds}
)
SELECT h.row_id, h.key, h.other, h.data FROM above JOIN acls_history h
    ON h.tenant_id = %(tenant)s AND h.relation = 'acl' AND h.key = above.id AND {holds}
"""
_UP: Final = """
WITH RECURSIVE up(id) AS (
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT h.other FROM up JOIN acls_history h ON h.tenant_id = %(tenant)s
        AND h.relation = 'edge' AND h.key = up.id AND h.other <> ALL (%(but)s::bigint[])
        AND coalesce((h.data->>'expires_at')::timestamptz, 'infinity') > %(moment_at)s AND {holds}
)
SELECT h.row_id, h.key, h.other, h.data FROM up JOIN acls_history h
    ON h.tenant_id = %(tenant)s AND h.relation = 'edge' AND h.key = up.id AND {holds}
"""
_DOWN: Final = """
WITH RECURSIVE down(id) AS (
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT h.key FROM down JOIN acls_history h ON h.tenant_id = %(tenant)s
        AND h.relation = 'edge' AND h.other = down.id
        AND coalesce((h.data->>'expires_at')::timestamptz, 'infinity') > %(moment_at)s AND {holds}
)
SELECT h.row_id, h.key, h.other, h.data FROM down JOIN acls_history h
    ON h.tenant_id = %(tenant)s AND h.relation = 'edge' AND h.other = down.id AND {holds}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One state of one row (see `models.history`)."""

    row_id: int
    key: int
    other: int
    data: dict[str, Any]

    def time(self, name: str) -> datetime | None:
        """Return a time of the row, or None."""
        value = self.data.get(name)
        return datetime.fromisoformat(value) if value else None

    @property
    def brought_by(self) -> UUID | None:
        """The sync run that brought this state."""
        value = self.data.get("brought_by")
        return UUID(value) if value else None

    def lasts(self, at: datetime) -> bool:
        """Return whether it has begun and not expired."""
        starts, ends = self.time("starts_at"), self.time("expires_at")
        return (starts is None or starts <= at) and (ends is None or ends > at)

    @property
    def stands(self) -> bool:
        """Whether a principal counts at all."""
        return bool(self.data["is_active"]) and not self.data["deleted_at"]


class Rows:
    """Reads rows of the bound tenant as of one moment; in a transaction."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self._principals: dict[int, Row] = {}
        self._stale: set[str] | None = None
        self._at_large: list[Row] | None = None
        self._aged: dict[int, Row] | None = None

    def find(
        self, relation: str, *, key: Iterable[int] | None = None, other: Iterable[int] | None = None
    ) -> list[Row]:
        """Return the rows of a relation, of the keys if any are given."""
        if key is not None:
            return self._read(relation, _BY_KEY, sorted(key))
        if other is not None:
            return self._read(relation, _BY_OTHER, sorted(other))
        return self._read(relation, "true", None)

    def principals(self, ids: Iterable[int]) -> dict[int, Row]:
        """Return principals by their ids."""
        wanted = set(ids)
        missing = wanted - self._principals.keys()
        if missing:
            self._principals |= {row.key: row for row in self.find("principal", key=missing)}
        return {pk: self._principals[pk] for pk in wanted & self._principals.keys()}

    def at_large(self) -> list[Row]:
        """Return the dynamic principals, and the groups whose members are unknown."""
        if self._at_large is None:
            self._at_large = self._read("principal", _AT_LARGE, None)
        return self._at_large

    def aged(self) -> dict[int, Row]:
        """Return the groups of sources whose permissions are too old."""
        if self._aged is None:
            found = self._read("principal", _OF_REALMS, sorted(self.stale()))
            self._aged = {row.key: row for row in found if row.data["kind"] in NESTING_KINDS}
        return self._aged

    def places(self, ids: Iterable[int]) -> dict[int, Row]:
        """Return ACLs with everything above them."""
        return {row.key: row for row in self._walk(_ABOVE, ids)}

    def climb(
        self, start: Iterable[int], *, but: Collection[int] = ()
    ) -> dict[int, tuple[Row | None, int]]:
        """Return what is reached from some principals up along live memberships.

        Args:
            start: reached by themselves.
            but: groups that are not entered.

        Returns:
            principal -> the membership by which it is first reached, and its distance.
        """
        reached: dict[int, tuple[Row | None, int]] = dict.fromkeys(start, (None, 0))
        edges: dict[int, list[Row]] = defaultdict(list)
        for edge in self._walk(_UP, reached, but=but):
            if edge.lasts(self.moment.at) and edge.other not in but:
                edges[edge.key].append(edge)
        frontier, distance = set(reached), 0
        while frontier:
            distance += 1
            steps = [edge for member in frontier for edge in edges.get(member, ())]
            frontier = {edge.other for edge in steps} - reached.keys()
            for edge in sorted(steps, key=lambda e: (e.other, e.key), reverse=True):
                if edge.other in frontier:
                    reached[edge.other] = (edge, distance)
        return reached

    def groups(self, members: Iterable[int], *, but: Collection[int] = ()) -> dict[int, set[int]]:
        """Return what some principals are directly in, and every group above them, just then.

        Args:
            members: principals of any kind.
            but: groups that are not entered.
        """
        direct: dict[int, set[int]] = defaultdict(set)
        for edge in self._walk(_UP, members, but=but):
            if edge.lasts(self.moment.at) and edge.other not in but:
                direct[edge.key].add(edge.other)
        return direct

    def members(self, groups: Iterable[int]) -> dict[int, set[int]]:
        """Return who is directly in some groups, and in every group within them, just then."""
        direct: dict[int, set[int]] = defaultdict(set)
        for edge in self._walk(_DOWN, groups):
            if edge.lasts(self.moment.at):
                direct[edge.other].add(edge.key)
        return direct

    def entries(self, acls: Iterable[int]) -> dict[int, list[Row]]:
        """Return the entries of ACLs."""
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self.find("entry", key=acls):
            found[row.key].append(row)
        return found

    def clauses(self, policies: Iterable[int] | None) -> dict[int, dict[int, list[Row]]]:
        """Return the clauses of policies, each as its ACLs."""
        found: dict[int, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in self.find("clause", key=policies):
            found[row.key][row.data["clause"]].append(row)
        return found

    def stale(self) -> set[str]:
        """Return the realms whose permissions were confirmed too long before the moment."""
        if self._stale is None:
            is_unattended = self.moment.is_now and self._is_unattended()
            self._stale = {
                row.data["realm"]
                for row in self.find("connection")
                if is_unattended or self._is_stale(row)
            }
        return self._stale

    def _is_stale(self, row: Row) -> bool:
        confirmed = row.time("permissions_confirmed_at")
        if confirmed is None:
            return True
        if row.data["when_stale"] == WhenStale.CHECK.value:
            return False
        age = timedelta(seconds=row.data["permissions_max_age_s"])
        return confirmed + age <= self.moment.at

    def _is_unattended(self) -> bool:
        placement = Placement.objects.filter(tenant_id=required_tenant_id())
        attended = placement.values_list("attended_at", flat=True).first()
        return attended is not None and attended + UNATTENDED_AFTER <= self.moment.at

    def _walk(self, statement: str, ids: Iterable[int], *, but: Collection[int] = ()) -> list[Row]:
        wanted = sorted(ids)
        if not wanted:
            return []
        params: dict[str, Any] = {"tenant": required_tenant_id(), "ids": wanted, "but": list(but)}
        return self._rows(statement, params)

    def _read(self, relation: str, which: str, ids: list[Any] | None) -> list[Row]:
        """Return the rows that a condition chooses; `ids` are its own, None where it takes none."""
        if ids == []:
            return []
        params: dict[str, Any] = {"tenant": required_tenant_id(), "relation": relation, "ids": ids}
        return self._rows(_ROWS.replace("{which}", which), params)

    def _rows(self, statement: str, params: dict[str, Any]) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(
                statement.replace("{holds}", self.moment.holds("h")), params | self.moment.params()
            )
            return [
                Row(row_id, key, other, _loaded(data))
                for row_id, key, other, data in cursor.fetchall()
            ]


def _loaded(data: Any) -> dict[str, Any]:
    # Django hands jsonb of raw statements over as text.
    loaded: dict[str, Any] = json.loads(data) if isinstance(data, str) else data
    return loaded
