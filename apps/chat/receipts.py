"""What admitted the reader to each passage of a prompt: made with it, kept with the citation.

A receipt names rows and a snapshot of the database, so that anybody can later ask the history
whether it was true: `documents.explain_at.explain(user, document, receipt.moment)` says the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from apps.accounts.models import User
from apps.acls import history_moments
from apps.acls.explain_parts import Explanation
from apps.acls.history_moments import Moment
from apps.documents import explain_at
from apps.tenants.context import required_tenant_id

_CONFIRMED: Final = """
SELECT d.id, source.permissions_confirmed_at
FROM documents_document d
JOIN connections_connection source ON source.tenant_id = d.tenant_id AND source.id = d.connection_id
WHERE d.tenant_id = %s AND d.id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Why a person could read a document when it went into a prompt.

    Attributes:
        at: the database's clock.
        snapshot: `pg_snapshot` of the statement that looked.
        policy_id: what the document carried.
        entries: for each clause of the policy the entry that let the person in, its principal, the
            document's ACL and the place that the entry stands on (both by uuid).
        confirmed_at: when the source had last confirmed its permissions; None for Kenward's own.
        observed_at: when the newest of the entries was first seen.
        because: the ways in words, in the second person, as places and groups were called then.
    """

    at: datetime
    snapshot: str
    policy_id: int
    entries: tuple[dict[str, Any], ...]
    confirmed_at: datetime | None
    observed_at: datetime | None
    because: str

    @property
    def moment(self) -> Moment:
        """The moment to explain it by once more."""
        return Moment(self.at, self.snapshot)

    @property
    def age_s(self) -> int | None:
        """How old the permissions were (seconds)."""
        if self.confirmed_at is None:
            return None
        return max(0, round((self.at - self.confirmed_at).total_seconds()))

    def agrees_with(self, explanation: Explanation) -> bool:
        """Return whether an explanation of the same moment says the same."""
        return (
            explanation.verdict
            and explanation.policy_id == self.policy_id
            and explanation.as_json() == list(self.entries)
        )

    def as_json(self) -> dict[str, Any]:
        """Return what a citation keeps."""
        return {
            "at": self.at.isoformat(),
            "snapshot": self.snapshot,
            "policy": self.policy_id,
            "entries": list(self.entries),
            "confirmed_at": self.confirmed_at.isoformat() if self.confirmed_at else None,
            "observed_at": self.observed_at.isoformat() if self.observed_at else None,
            "age_s": self.age_s,
            "because": self.because,
        }

    def for_audit(self, document_id: int) -> dict[str, Any]:
        """Return what the audit trail keeps: numbers and ids, no names."""
        return {
            "document": document_id,
            "policy": self.policy_id,
            "entries": [each["entry"] for each in self.entries],
            "principals": [each["principal"] for each in self.entries],
            "snapshot": self.snapshot,
            "age_s": self.age_s,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Receipt | None:
        """Return a citation's receipt; None where it has none, from before there were any."""
        if not stored:
            return None
        return cls(
            at=datetime.fromisoformat(stored["at"]),
            snapshot=stored["snapshot"],
            policy_id=stored["policy"],
            entries=tuple(stored["entries"]),
            confirmed_at=_time(stored["confirmed_at"]),
            observed_at=_time(stored["observed_at"]),
            because=stored["because"],
        )


def made(user: User, document_ids: Collection[int]) -> dict[int, Receipt]:
    """Return a receipt for each of the documents that the person may read now.

    A document that the history does not say is readable gets none, and must not be used.

    Args:
        user: who asks; rules for classes are judged by the circumstances that are bound.
        document_ids: of the bound tenant.
    """
    if not document_ids:
        return {}
    moment = history_moments.now()
    explained = explain_at.explain_many(user, document_ids, moment)
    confirmed = _confirmed(document_ids)
    return {
        pk: _receipt(explanation, confirmed.get(pk))
        for pk, explanation in explained.items()
        if explanation.verdict
    }


def _receipt(explanation: Explanation, confirmed_at: datetime | None) -> Receipt:
    deciding = [clause.deciding for clause in explanation.clauses if clause.deciding]
    observed = [each.brought.observed_at for each in deciding if each.brought.observed_at]
    return Receipt(
        at=explanation.at,
        snapshot=explanation.snapshot,
        policy_id=explanation.policy_id,
        entries=tuple(explanation.as_json()),
        confirmed_at=confirmed_at,
        observed_at=max(observed, default=None),
        because=", and ".join(dict.fromkeys(each.way for each in deciding)),
    )


def _confirmed(document_ids: Collection[int]) -> dict[int, datetime | None]:
    with connection.cursor() as cursor:
        cursor.execute(_CONFIRMED, [required_tenant_id(), list(document_ids)])
        return dict(cursor.fetchall())


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
