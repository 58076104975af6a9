"""What a certain person may read now, by paths and counts, for an admin: no title, no text.

It runs on the person's own readable set under its guard, like every other page that shows
documents. The circumstances of the person's session are unknown here, so classes that a rule
narrows are left out (see `Preview.classes_left_out`).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.accounts.models import User
from apps.acls import circumstances, class_rules
from apps.acls.circumstances import Circumstances
from apps.acls.classes import Classification
from apps.documents import scope as scopes
from apps.documents.scope import IS_READABLE_DOCUMENT

PAGE_SIZE = 50
# Pages are counted up to here; nobody turns more of them.
COUNTED_AT_MOST = 10_000

_FROM = (
    "documents_document d JOIN connections_connection source"
    " ON source.tenant_id = d.tenant_id AND source.id = d.connection_id"
)
_SOURCES = (
    f"SELECT source.id, source.name, count(*) FROM {_FROM} WHERE {IS_READABLE_DOCUMENT}"  # noqa: S608
    " GROUP BY source.id, source.name"
)
# Of people's own accounts an admin learns how much is in them, and no path.
_FOUND = (
    f"{IS_READABLE_DOCUMENT} AND source.owner_id IS NULL"
    " AND (%(part)s = '' OR strpos(lower(d.path), lower(%(part)s)) > 0)"
)
_COUNT = f"SELECT count(*) FROM (SELECT FROM {_FROM} WHERE {_FOUND} LIMIT %(counted_at_most)s) hits"  # noqa: S608
_DOCUMENTS = (
    "SELECT d.path, d.uuid, source.name, d.classification, CASE WHEN d.failure <> '' THEN 'failed'"  # noqa: S608
    " WHEN d.indexed_version = d.version THEN 'searchable' ELSE 'waiting' END"
    f" FROM {_FROM} WHERE {_FOUND}"
    " ORDER BY d.path, d.id LIMIT %(limit)s OFFSET %(offset)s"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One document that the person may read."""

    path: str
    uuid: UUID
    source: str
    classification: str
    state: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person may read now.

    Attributes:
        sources: (name of the source, documents), of everything.
        rows: one page of what was searched for.
        found: how many that search has, counted up to `COUNTED_AT_MOST`.
        classes_left_out: words for the classes whose documents may be readable, too, if the rules
            for classes let the person's session see them.
    """

    sources: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    found: int
    classes_left_out: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many documents of all sources."""
        return sum(count for _, count in self.sources)


def of(user: User, *, part: str = "", page: int = 1) -> Preview:
    """Return what a member of the bound tenant may read now; nothing for who is none.

    Args:
        user: the person.
        part: of a path; case does not matter.
        page: of `PAGE_SIZE` rows, from 1.
    """
    asked = {
        "part": part,
        "limit": PAGE_SIZE,
        "offset": (max(page, 1) - 1) * PAGE_SIZE,
        "counted_at_most": COUNTED_AT_MOST,
    }
    # Not those of the admin who looks.
    with circumstances.bound(Circumstances()):
        shown = class_rules.allowed_classes()
        sources = scopes.rows_for(user, _SOURCES, "found.name, found.id", asked)
        counted = scopes.rows_for(user, _COUNT, "found.count", asked)
        rows = scopes.rows_for(user, _DOCUMENTS, "found.path, found.uuid", asked)
    return Preview(
        sources=tuple((name, count) for _, name, count in sources),
        rows=tuple(Row(*row) for row in rows),
        found=counted[0][0] if counted else 0,
        classes_left_out=tuple(each.label for each in Classification if each not in shown),
    )
