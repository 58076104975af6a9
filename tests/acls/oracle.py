"""A second opinion on who may read what: plain recursion, sharing nothing with the engine.

It walks edges and parents themselves, never the derived closure, lines or views.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission

from apps.acls.models import (
    Acl,
    AclEntry,
    Claim,
    Edge,
    KeptApart,
    Placement,
    Policy,
    PolicyClause,
    Principal,
)
from apps.connections.models import Connection
from apps.tenants.models import Membership

UNATTENDED = timedelta(minutes=15)

Row = Any  # a row as `values()` returns it


@dataclass
class Oracle:
    """All rows of one tenant, and a time."""

    now: datetime
    principals: dict[int, Row]
    edges: list[Row]
    claims: list[Row]
    acls: dict[int, Row]
    entries: dict[int, list[Row]]
    policies: dict[int, int]
    clauses: dict[int, dict[int, set[int]]]
    memberships: dict[int, Row]
    view_id: int
    ended: list[Row] = field(default_factory=list)
    apart: set[tuple[int, int]] = field(default_factory=set)
    sources: list[Row] = field(default_factory=list)
    attended_at: datetime | None = None

    @classmethod
    def of(cls, tenant_id: int, now: datetime) -> Oracle:
        mine = {"tenant_id": tenant_id}
        entries: dict[int, list[Row]] = defaultdict(list)
        for entry in AclEntry.objects.filter(**mine).values():
            entries[entry["content_object_id"]].append(entry)
        clauses: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        for row in PolicyClause.objects.filter(**mine).values():
            clauses[row["policy_id"]][row["clause"]].add(row["acl_id"])
        return cls(
            now=now,
            principals={p["group_ptr_id"]: p for p in Principal.objects.filter(**mine).values()},
            edges=list(Edge.objects.filter(**mine).values()),
            claims=list(Claim.objects.filter(**mine, ended_at=None).values()),
            acls={a["id"]: a for a in Acl.objects.filter(**mine).values()},
            entries=entries,
            policies=dict(Policy.objects.filter(**mine).values_list("pk", "clause_count")),
            clauses=clauses,
            memberships={m["user_id"]: m for m in Membership.objects.filter(**mine).values()},
            view_id=Permission.objects.get(
                content_type__app_label="acls", content_type__model="acl", codename="view_acl"
            ).pk,
            ended=list(Claim.objects.filter(**mine).exclude(ended_at=None).values()),
            apart=set(
                KeptApart.objects.filter(**mine, ended_at=None).values_list(
                    "user_id", "principal_id"
                )
            ),
            sources=list(Connection.objects.filter(**mine).values()),
            attended_at=Placement.objects.filter(**mine).values_list("attended_at", flat=True)[0],
        )

    def readable(self, user_id: int) -> set[int]:
        membership = self.memberships.get(user_id)
        if membership is None or not membership["is_active"]:
            return set()
        sure = self._principals_of(user_id, membership)
        unsure = self._unknown() | self._formerly(user_id)
        return {
            policy
            for policy, count in self.policies.items()
            if len(self.clauses[policy]) == count
            and all(
                any(self._decide(acl, sure, unsure) for acl in acls)
                for acls in self.clauses[policy].values()
            )
        }

    def groups_of(self, user_id: int) -> set[int]:
        """Return the identities that a person holds and all groups above them, as far as live."""
        own = {c["principal_id"] for c in self.claims if c["user_id"] == user_id}
        live = {pk for pk in own if self._stands(pk)}
        return live | {g for pk in live for g in self.ancestors(pk) if self._stands(g)}

    def ancestors(self, start: int, *, avoid: frozenset[int] = frozenset()) -> set[int]:
        found: set[int] = set()
        self._climb(start, found, avoid)
        return found

    def _climb(self, member: int, found: set[int], avoid: frozenset[int]) -> None:
        for edge in self.edges:
            group = edge["group_id"]
            if edge["member_id"] != member or group in found or group in avoid:
                continue
            if self._lasts(edge):
                found.add(group)
                self._climb(group, found, avoid)

    def is_stale(self, realm: str) -> bool:
        """Return whether what is known of a realm is too old to let anybody in by it."""
        mine = [source for source in self.sources if source["realm"] == realm]
        return any(self._has_lapsed(source) for source in mine)

    def _has_lapsed(self, source: Row) -> bool:
        assert self.attended_at is not None
        confirmed_at = source["permissions_confirmed_at"]
        if confirmed_at is None or self.attended_at + UNATTENDED <= self.now:
            return True
        lapses = confirmed_at + timedelta(seconds=source["permissions_max_age_s"])
        return bool(source["when_stale"] == "hide" and lapses <= self.now)

    def _aged(self) -> frozenset[int]:
        return frozenset(
            pk
            for pk, row in self.principals.items()
            if row["kind"] in ("group", "domain") and self.is_stale(row["realm"])
        )

    def _lasts(self, row: Row) -> bool:
        return row["expires_at"] is None or row["expires_at"] > self.now

    def _stands(self, principal: int) -> bool:
        row = self.principals[principal]
        return bool(row["is_active"]) and row["deleted_at"] is None

    def _principals_of(self, user_id: int, membership: Row) -> set[int]:
        own = {c["principal_id"] for c in self.claims if c["user_id"] == user_id}
        for pk, row in self.principals.items():
            if row["kind"] == "everyone" or (
                row["kind"] == "members" and not membership["is_guest"]
            ):
                own.add(pk)
        found: set[int] = set()
        aged = self._aged()
        for identity in own:
            if self._stands(identity):
                found |= {identity} | self.ancestors(identity, avoid=aged)
        return {pk for pk in found if self._stands(pk)}

    def _unknown(self) -> set[int]:
        found: set[int] = set()
        aged = self._aged()
        for pk, row in self.principals.items():
            is_known = row["members_known"] and pk not in aged
            if not is_known and row["deleted_at"] is None:
                found |= {pk} | self.ancestors(pk)
        return {pk for pk in found if self._stands(pk)}

    def _formerly(self, user_id: int) -> set[int]:
        held = {c["principal_id"] for c in self.claims}
        found: set[int] = set()
        for claim in self.ended:
            identity = claim["principal_id"]
            if claim["user_id"] != user_id or identity in held or (user_id, identity) in self.apart:
                continue
            if self._stands(identity):
                found |= {identity} | self.ancestors(identity)
        return {pk for pk in found if self._stands(pk)}

    def _decide(self, acl: int, sure: set[int], unsure: set[int]) -> bool:
        if self.is_stale(self.acls[acl]["realm"]):
            return False
        place: int | None = acl
        cut = False
        while place is not None:
            live = [e for e in self.entries[place] if self._matches(e, cut, sure, unsure)]
            if live:
                return bool(min((e["ord"], e["permission_id"] == self.view_id) for e in live)[1])
            cut = cut or self.acls[place]["mode"] == "cut"
            place = self.acls[place]["parent_id"]
        return False

    def _matches(self, entry: Row, cut: bool, sure: set[int], unsure: set[int]) -> bool:
        if not self._lasts(entry) or (entry["starts_at"] and entry["starts_at"] > self.now):
            return False
        if cut and not entry["sticky"]:
            return False
        denies = entry["permission_id"] != self.view_id
        return entry["group_id"] in sure or (denies and entry["group_id"] in unsure)
