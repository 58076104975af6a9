"""Real folders for tests, and what the pages of a connector say about them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from apps.connections.protocol import Mode, Page, PrincipalKind, RemoteAcl
from apps.connections.providers.file_share.connector import FileShare
from apps.connections.providers.file_share.manifest import NAME

LONG_AGO = 1_700_000_000


@dataclass
class Share:
    """A folder on disk, and connectors of it."""

    folder: Path

    def write(self, *paths: str) -> None:
        """Make files, with the folders around them; their content is their path."""
        for path in paths:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(path)

    def manifest(self, text: str, *, is_settled: bool = True) -> None:
        """Write the manifest; unless told otherwise it looks as if it had been there for long."""
        file = self.folder / NAME
        file.write_text(text)
        if is_settled:
            os.utime(file, (LONG_AGO, LONG_AGO))

    def connector(self, access: str = "manifest", *audience: str, **more: object) -> FileShare:
        """Return a connector of this folder."""
        stored = {"path": str(self.folder), "access": access, "audience": list(audience), **more}
        return FileShare(stored, tenant_slug="acme")


@dataclass
class Known:
    """What a reader of pages knows in the end, as the sync engine would store it."""

    items: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    places: dict[str, RemoteAcl] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    seen_at: dict[str, datetime] = field(default_factory=dict)

    def take(self, pages: Iterable[Page]) -> Known:
        """Apply pages in order."""
        for page in pages:
            self._take_places(page)
            self._take_items(page)
        return self

    def _take_places(self, page: Page) -> None:
        if page.are_acls_complete:
            self.places.clear()
            self.members.clear()
        self.places |= {acl.external_id: acl for acl in page.acls}
        self.members |= {
            group.principal.external_id: [member.external_id for member in group.members]
            for group in page.groups
        }

    def _take_items(self, page: Page) -> None:
        self.told += [item.external_id for item in page.items]
        self.items |= {item.external_id: item.policy for item in page.items}
        self.items |= {path: policy for path, policy in page.item_policies if path in self.items}
        self.seen_at |= {item.external_id: page.observed_at for item in page.items}
        for path in list(self.items):
            is_older = path not in self.seen_at or self.seen_at[path] <= page.observed_at
            if is_older and (path in page.deleted_ids or path.startswith(page.deleted_prefixes)):
                del self.items[path]

    def readers(self, path: str) -> set[str]:
        """Return the addresses of the people (or kinds of people) who read a known file."""
        readable = [self._readers_of_clause(clause) for clause in self.items[path]]
        return set.intersection(*readable) if readable else set()

    def _readers_of_clause(self, clause: tuple[str, ...]) -> set[str]:
        return {person for place in clause for person in self._readers_of_place(place)}

    def _readers_of_place(self, name: str | None) -> set[str]:
        found: set[str] = set()
        while name is not None:
            place = self.places[name]
            for entry in place.entries:
                if entry.principal.kind == PrincipalKind.GROUP:
                    found |= self._people_in(entry.principal.external_id, set())
                else:
                    found.add(entry.principal.external_id)
            name = None if place.mode == Mode.CUT else place.parent
        return found

    def _people_in(self, group: str, seen: set[str]) -> set[str]:
        if group in seen:
            return set()
        seen.add(group)
        found: set[str] = set()
        for member in self.members.get(group, []):
            found |= {member} if "@" in member else self._people_in(member, seen)
        return found


def problems(pages: Iterable[Page]) -> dict[str, str]:
    """Return the messages of all problems by code and external id."""
    return {f"{p.code} {p.external_id}": p.message for page in pages for p in page.problems}
