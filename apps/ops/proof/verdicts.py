"""What Kenward answers, by every way that it can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from apps.accounts.models import User
from apps.acls import history, resolve
from apps.acls.errors import NoMembership
from apps.acls.explain_parts import Explanation
from apps.documents import explain_at
from apps.documents import scope as scopes
from apps.documents.batch import can_read_many
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE_DOCUMENT, Scope
from apps.ops.proof.company import QUESTION, Company
from apps.search import retrieve
from apps.search.retrieve import How
from apps.search.stages import DEFAULT

_LISTED = f"SELECT d.external_id FROM documents_document d WHERE {IS_READABLE_DOCUMENT}"  # noqa: S608  no value stands in it
_FORGOTTEN = (
    "SELECT DISTINCT d.external_id FROM search_chunk c"
    " JOIN documents_document d ON d.tenant_id = c.tenant_id AND d.id = c.document_id"
    " WHERE d.deleted_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one person gets.

    Attributes:
        listed: documents that a statement over documents returns.
        found: documents that the search finds by words that all of them have.
        count: how many documents a counting statement counts.
        unfiltered: documents whose passages a statement sees that forgets every filter.
    """

    listed: set[str]
    found: set[str]
    count: int
    unfiltered: set[str]

    def ways(self) -> dict[str, set[str]]:
        """Return the sets by how they were asked for."""
        return {"listed": self.listed, "found": self.found, "unfiltered": self.unfiltered}


# Documents that say nearly the same are each to be found.
_EACH = How(stages=replace(DEFAULT, collapse_duplicates=False))
_NOTHING = Answers(set(), set(), 0, set())


def of(company: Company, user: User) -> Answers:
    """Ask for one person, each time in the way the product does."""

    def run(scope: Scope) -> tuple[bool, Answers]:
        ok, rows = scopes.rows(scope, _LISTED, "found.external_id", {})
        if not ok:
            return False, _NOTHING
        retrieved = retrieve.retrieve(QUESTION, scope, 100, how=_EACH)
        counted, counts = scopes.rows(
            scope,
            _LISTED.replace("d.external_id", "count(*) AS n", 1),
            "found.n",
            {},
        )
        with connection.cursor() as cursor:
            cursor.execute(_FORGOTTEN)
            unfiltered = {name for (name,) in cursor.fetchall()}
        answers = Answers(
            {name for (name,) in rows},
            {passage.path for passage in retrieved.passages},
            _number(counts),
            unfiltered,
        )
        return retrieved.ok and counted, answers

    with company.open():
        try:
            return resolve.reading(user, run)
        except NoMembership:
            return _NOTHING


def _number(counts: list[tuple[Any, ...]]) -> int:
    return int(counts[0][0]) if counts else 0


def checked(company: Company, users: Sequence[User]) -> dict[int, set[str]]:
    """Return, by the people's ids, what the check API says that each may read, in one call."""
    with company.open():
        documents = list(Document.objects.live())
        pairs = [(user, document) for user in users for document in documents]
        verdicts = can_read_many(pairs)
    found: dict[int, set[str]] = {user.pk: set() for user in users}
    for (user, document), may in zip(pairs, verdicts, strict=True):
        if may:
            found[user.pk].add(document.external_id)
    return found


def explained(company: Company, user: User) -> dict[str, Explanation]:
    """Return an explanation for each live document of the company."""
    with company.open():
        documents = dict(Document.objects.live().values_list("pk", "external_id"))
        found = explain_at.explain_many(user, list(documents), history.moment_of(None))
    return {documents[pk]: explanation for pk, explanation in found.items()}
