"""What the sync engine stores of a connector's pages, in memory and by the protocol's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apps.connections.protocol import Page, PrincipalKind, RemoteAcl, RemoteItem, RemotePrincipal
from apps.connections.providers.slack.connector import Slack


@dataclass
class Ledger:
    """Documents, places, groups and people as they were told, the newest observation counting."""

    items: dict[str, tuple[datetime, RemoteItem]] = field(default_factory=dict)
    places: dict[str, tuple[datetime, RemoteAcl]] = field(default_factory=dict)
    groups: dict[str, tuple[datetime, frozenset[str]]] = field(default_factory=dict)
    people: dict[str, RemotePrincipal] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def sweep(self, slack: Slack) -> None:
        """Compare everything, a connector for each page, as after a restart."""
        started_at = datetime.now(UTC)
        if not self.positions:
            self.positions = dict(slack.positions())
        seen: set[str] = set()
        cursor = None
        while True:
            page = next(slack.sweep(cursor))
            self.store(page)
            seen |= {item.external_id for item in page.items}
            cursor = page.cursor
            if cursor is None:
                break
        for name, (at, _) in list(self.items.items()):
            if name not in seen and at <= started_at:
                self._drop(name)

    def follow(self, slack: Slack) -> None:
        """Poll, as often as a reading is begun that has not ended."""
        while True:
            for page in slack.follow(dict(self.positions)):
                self.store(page)
            if not any('"scan"' in position for position in self.positions.values()):
                return

    def follow_in_slices(self, slack: Slack) -> None:
        """Poll anew with the logs that are left after each that was read to its end."""
        left = dict(self.positions)
        while left:
            current: set[str] = set()
            for page in slack.follow(left):
                self.store(page)
                ended = (current - page.positions.keys()) & left.keys()
                current = set(page.positions)
                if ended:
                    break
            else:
                ended = set(left)
            kept = (name for name in left if name not in ended and name in self.positions)
            left = {name: self.positions[name] for name in kept}

    def change(self, slack: Slack, external_ids: Iterable[str]) -> None:
        for page in slack.changes(list(external_ids)):
            self.store(page)

    def permit(self, slack: Slack) -> None:
        cursor = None
        while True:
            page = next(slack.permissions(cursor))
            assert not page.items
            self.store(page)
            cursor = page.cursor
            if cursor is None:
                return

    def store(self, page: Page) -> None:
        self._store_readers(page)
        self._store_items(page)
        for name, (seen_at, item) in list(self.items.items()):
            is_named = name in page.deleted_ids or name.startswith(page.deleted_prefixes)
            is_in = any(set(clause) <= set(page.deleted_places) for clause in item.policy)
            if (is_named or is_in) and seen_at <= page.observed_at:
                self._drop(name)
        self.problems += [problem.code for problem in page.problems]
        for log, position in page.positions.items():
            if position is None:
                self.positions.pop(log, None)
            else:
                self.positions[log] = position

    def _store_readers(self, page: Page) -> None:
        at = page.observed_at
        for acl in page.acls:
            self._name([entry.principal for entry in acl.entries])
            if acl.external_id not in self.places or self.places[acl.external_id][0] <= at:
                self.places[acl.external_id] = (at, acl)
        for group in page.groups:
            self._name(group.members)
            members = frozenset(each.external_id for each in group.members)
            self.groups[group.principal.external_id] = (at, members)

    def _store_items(self, page: Page) -> None:
        assert len({item.external_id for item in page.items}) == len(page.items)
        for item in page.items:
            known = self.items.get(item.external_id)
            if known is not None and known[0] > page.observed_at:
                continue
            if known is None or known[1].version != item.version:
                self.changed.append(item.external_id)
            self.items[item.external_id] = (page.observed_at, item)

    def readers(self, external_id: str) -> set[str]:
        """Return the addresses of those who may read a document."""
        _, item = self.items[external_id]
        found: set[str] = set()
        for place in item.policy[0] if item.policy else ():
            if place in self.places:
                found |= self.place_readers(place)
        return found

    def place_readers(self, place: str) -> set[str]:
        """Return the addresses of those who may read a place."""
        ids: set[str] = set()
        for entry in self.places[place][1].entries:
            assert entry.is_allowed
            if entry.principal.kind == PrincipalKind.USER:
                ids.add(entry.principal.external_id)
            else:
                ids |= self.groups[entry.principal.external_id][1]
        active = (self.people[each] for each in ids if self.people[each].is_active is not False)
        return {each.email.lower() for each in active if each.email}

    def titles(self) -> Mapping[str, str]:
        return {name: item.title for name, (_, item) in self.items.items()}

    def _name(self, principals: Iterable[RemotePrincipal]) -> None:
        """Keep what is known of people; what a mention leaves out stays."""
        for each in principals:
            known = self.people.get(each.external_id, each)
            is_active = known.is_active if each.is_active is None else each.is_active
            self.people[each.external_id] = RemotePrincipal(
                each.kind,
                each.external_id,
                label=each.label or known.label,
                email=each.email or known.email,
                is_active=is_active,
            )

    def _drop(self, name: str) -> None:
        del self.items[name]
        self.deleted.add(name)
