"""What the sync engine stores of a connector's pages, in memory and by the protocol's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from apps.connections.protocol import (
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteItem,
    RemotePrincipal,
)
from apps.connections.providers.google_drive.connector import GoogleDrive

Name = tuple[PrincipalKind, str]


@dataclass
class Ledger:
    """Documents, places, groups and people as they were told, the newest observation counting.

    Args:
        company_domains: whose members count as all members.
    """

    company_domains: Sequence[str] = ("example.com",)
    items: dict[str, tuple[datetime, RemoteItem]] = field(default_factory=dict)
    places: dict[str, tuple[datetime, RemoteAcl]] = field(default_factory=dict)
    groups: dict[Name, tuple[datetime, tuple[RemotePrincipal, ...], bool]] = field(
        default_factory=dict
    )
    people: dict[Name, RemotePrincipal] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    pages: int = 0

    def recall(self, external_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what was told of documents."""
        known = (name for name in external_ids if name in self.items)
        return {name: self.items[name][1].fields for name in known}

    def sweep(self, drive: GoogleDrive) -> None:
        """Compare everything, laid down and taken up after each page."""
        drive.recalls(self.recall)
        started_at = datetime.now(UTC)
        if not self.positions:
            self.positions = dict(drive.positions())
        seen: set[str] = set()
        cursor = None
        while True:
            page = next(drive.sweep(cursor))
            self.store(page)
            seen |= {item.external_id for item in page.items}
            cursor = page.cursor
            if cursor is None:
                break
        for name, (at, _) in list(self.items.items()):
            if name not in seen and at <= started_at:
                del self.items[name]

    def follow(self, drive: GoogleDrive) -> None:
        """Read all logs."""
        drive.recalls(self.recall)
        for page in drive.follow(dict(self.positions)):
            assert page.cursor is None
            self.store(page)

    def change(self, drive: GoogleDrive, external_ids: Iterable[str]) -> None:
        """Look at single things again."""
        drive.recalls(self.recall)
        for page in drive.changes(list(external_ids)):
            assert not page.positions
            self.store(page)

    def permit(self, drive: GoogleDrive) -> None:
        """Compare permissions, laid down and taken up after each page."""
        drive.recalls(self.recall)
        cursor = None
        while True:
            page = next(drive.permissions(cursor))
            assert not page.items
            self.store(page)
            cursor = page.cursor
            if cursor is None:
                return

    def store(self, page: Page) -> None:
        """Store a page as the engine does: readers, documents, what is gone."""
        self.pages += 1
        self._store_readers(page)
        self._store_items(page)
        for name in page.deleted_ids:
            self._drop(name, page.observed_at)
        gone = set(page.deleted_places)
        for name, (_, item) in list(self.items.items()):
            if any(all(self._is_below(p, gone) for p in clause) for clause in item.policy):
                self._drop(name, page.observed_at)
        self.problems += [problem.code for problem in page.problems]
        for log, position in page.positions.items():
            if position is None:
                self.positions.pop(log, None)
            else:
                self.positions[log] = position

    def readers(self, external_id: str) -> set[str]:
        """Return the addresses of those who may read a document."""
        _, item = self.items[external_id]
        assert item.policy
        clauses = [
            {email for place in clause for email in self.place_readers(place)}
            for clause in item.policy
        ]
        return set.intersection(*clauses)

    def all_readers(self) -> dict[str, set[str]]:
        """Return who may read each document."""
        return {name: self.readers(name) for name in self.items}

    def place_readers(self, place: str) -> set[str]:
        """Return the addresses of those who may read at a place; all entries are allowances."""
        found: set[str] = set()
        for entry in self._entries(place):
            assert entry.is_allowed
            if entry.expires_at is None or entry.expires_at > datetime.now(UTC):
                found |= self._addresses(entry.principal, frozenset())
        return found

    def titles(self) -> set[str]:
        """Return the titles of all documents."""
        return {item.title for _, item in self.items.values()}

    def paths(self) -> set[str]:
        """Return the paths of all documents."""
        return {item.path for _, item in self.items.values()}

    def _entries(self, place: str) -> Iterator[RemoteEntry]:
        name: str | None = place
        is_cut = False
        while name is not None:
            _, acl = self.places[name]
            yield from (entry for entry in acl.entries if entry.is_sticky or not is_cut)
            is_cut = is_cut or acl.mode == Mode.CUT
            name = acl.parent

    def _addresses(self, principal: RemotePrincipal, above: frozenset[Name]) -> set[str]:
        name = (principal.kind, principal.external_id)
        if principal.kind == PrincipalKind.USER:
            person = self.people[name]
            return {person.email} if person.email and person.is_active is not False else set()
        if principal.kind in {PrincipalKind.GROUP, PrincipalKind.DOMAIN}:
            _, members, is_known = self.groups.get(name, (None, (), False))
            if not is_known or name in above:
                return set()
            return {e for m in members for e in self._addresses(m, above | {name})}
        if principal.kind == PrincipalKind.LINK:
            return set()
        everybody = {p.email for p in self.people.values() if p.is_active is not False and p.email}
        if principal.kind == PrincipalKind.EVERYONE:
            return everybody
        return {email for email in everybody if email.rpartition("@")[2] in self.company_domains}

    def _store_readers(self, page: Page) -> None:
        at = page.observed_at
        for acl in page.acls:
            self._name([entry.principal for entry in acl.entries])
            if acl.external_id not in self.places or self.places[acl.external_id][0] <= at:
                self.places[acl.external_id] = (at, acl)
        for acl in page.acls:
            assert acl.parent is None or acl.parent in self.places, "a parent is not described"
        for group in page.groups:
            self._name(group.members)
            name = (group.principal.kind, group.principal.external_id)
            self.groups[name] = (at, group.members, group.is_known)

    def _store_items(self, page: Page) -> None:
        assert len({item.external_id for item in page.items}) == len(page.items)
        for item in page.items:
            for clause in item.policy:
                assert all(place in self.places for place in clause), "a place is not described"
            known = self.items.get(item.external_id)
            if known is not None and known[0] > page.observed_at:
                continue
            if known is None or known[1].version != item.version:
                self.changed.append(item.external_id)
            self.items[item.external_id] = (page.observed_at, item)
        for name, policy in page.item_policies:
            known = self.items.get(name)
            if known is not None and known[0] <= page.observed_at:
                self.items[name] = (page.observed_at, replace(known[1], policy=policy))

    def _is_below(self, place: str, gone: set[str]) -> bool:
        name: str | None = place
        while name is not None:
            if name in gone:
                return True
            name = self.places[name][1].parent if name in self.places else None
        return False

    def _drop(self, name: str, observed_at: datetime) -> None:
        if name in self.items and self.items[name][0] <= observed_at:
            del self.items[name]

    def _name(self, principals: Iterable[RemotePrincipal]) -> None:
        """Keep what is known of people; what a mention leaves out stays."""
        for each in principals:
            name = (each.kind, each.external_id)
            known = self.people.get(name, each)
            is_active = known.is_active if each.is_active is None else each.is_active
            self.people[name] = replace(
                each,
                label=each.label or known.label,
                email=each.email or known.email,
                is_active=is_active,
            )
