"""Why may this person read this, or why not? Each link of the answer is a row of that moment.

It explains and never decides: only a guarded statement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apps.accounts.models import User
from apps.acls import circumstances, class_rules, history
from apps.acls.explain_missing import Labels
from apps.acls.explain_missing import sentence as missing_link
from apps.acls.explain_parts import (
    Brought,
    Clause,
    Deciding,
    Explanation,
    Identity,
    Place,
    Within,
)
from apps.acls.history_moments import Moment
from apps.acls.history_rows import Row
from apps.acls.history_tree import Decision, Standing, Tree, is_whole
from apps.acls.history_view import View
from apps.acls.models import Acl, Principal
from apps.connections.protocol import PrincipalKind


@dataclass(frozen=True, slots=True)
class Carried:
    """What decides about a document, as it was at the moment that is asked about.

    Attributes:
        policy_id: the policy it carried.
        classification: its class; empty leaves the rules for classes out.
        is_deleted: its source did not have it any more.
    """

    policy_id: int
    classification: str = ""
    is_deleted: bool = False


def explain(user: User, document: Carried, at: datetime | Moment | None = None) -> Explanation:
    """Return why a person may read what carries a policy, or what is missing.

    It runs in the bound tenant. Rules for classes are judged by the circumstances that are bound,
    as the rules are today: their past is not kept.

    Args:
        user: about whom it is asked.
        document: see `documents.explain_at`, which takes a document.
        at: a time, or the moment of a receipt; None for now.

    Raises:
        HistoryGone: it lies before what the tenant keeps.
        InvalidInput: it lies ahead.
    """
    return explain_many(user, [document], history.moment_of(at))[0]


def explain_many(
    user: User, documents: Sequence[Carried], moment: Moment
) -> tuple[Explanation, ...]:
    """Return an explanation for each document, all of one moment; as costly as one.

    Args:
        user: about whom it is asked.
        documents: in any order, twice as well.
        moment: see `history_moments`.
    """
    view = View(moment)
    standing = view.standing(user.pk)
    conditions: dict[int, tuple[Clause, ...]] = {}
    if standing is not None:
        conditions = _clauses(view, standing, {each.policy_id for each in documents})
    classes = {each.classification for each in documents} - {""}
    barred = _barred(classes, moment) if classes else {}
    found: list[Explanation] = []
    for document in documents:
        clauses = conditions.get(document.policy_id, ())
        missing = [clause.missing for clause in clauses if not clause.is_fulfilled]
        if standing is None:
            missing.append("no active membership in the organisation")
        elif not clauses:
            missing.append("nobody may read it: its readers are not known")
        if document.is_deleted:
            missing.append("the document was deleted")
        if document.classification in barred:
            missing.append(barred[document.classification])
        found.append(
            Explanation(
                verdict=not missing,
                at=moment.at,
                snapshot=moment.snapshot,
                policy_id=document.policy_id,
                clauses=clauses,
                missing=tuple(dict.fromkeys(missing)),
            )
        )
    return tuple(found)


def why(user: User, policy_id: int) -> Explanation | None:
    """Return why a person may read what carries a policy now, or None when they may not."""
    explained = explain(user, Carried(policy_id))
    return explained if explained.verdict else None


def _barred(classes: set[str], moment: Moment) -> dict[str, str]:
    """Return what the circumstances lack, by the classes that they bar."""
    current = circumstances.current()
    asked = current if moment.is_now or current.at else replace(current, at=moment.at)
    with circumstances.bound(asked):
        barred = classes - set(class_rules.allowed_classes())
        missing = class_rules.missing() if barred else None
    if missing is None:
        return {}
    needs = [
        words
        for is_missing, words in (
            (missing.second_factor, "a second factor"),
            (missing.network, "a network that is allowed"),
            (missing.hours, "other hours"),
        )
        if is_missing
    ]
    return {c: f"documents of the class {c} need {' and '.join(needs)}" for c in barred}


def _clauses(view: View, standing: Standing, policies: set[int]) -> dict[int, tuple[Clause, ...]]:
    found = {pk: each for pk, each in view.rows.clauses(policies).items() if is_whole(each)}
    acls = {row.other for each in found.values() for some in each.values() for row in some}
    tree = Tree.of(view.rows, acls)
    places = Acl.objects.only("uuid", "label", "external_id").in_bulk(list(tree.places))
    parts = _Parts(tree, standing, _labels(tree, standing, places), places)
    return {
        pk: tuple(parts.clause(number, [row.other for row in each[number]]) for number in each)
        for pk, each in found.items()
    }


def _labels(tree: Tree, standing: Standing, places: Mapping[int, Acl]) -> Labels:
    wanted = tree.principals.keys() | standing.sure.keys() | standing.claims.keys()
    named = Principal.objects.filter(pk__in=wanted).values_list(
        "pk", "label", "email", "external_id"
    )
    return Labels(
        {pk: label or email or external_id for pk, label, email, external_id in named},
        {pk: str(acl) for pk, acl in places.items()},
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Turns rows into the parts of an explanation."""

    tree: Tree
    standing: Standing
    labels: Labels
    acls: Mapping[int, Acl]

    def clause(self, number: int, acls: Sequence[int]) -> Clause:
        decided = {
            acl: decision
            for acl in sorted(acls)
            if (decision := self.tree.decide(acl, self.standing)) is not None
        }
        letting = [
            (decision.distance, acl)
            for acl, decision in decided.items()
            if decision.is_allowed and not self.tree.is_stale(acl)
        ]
        denying = [(d.distance, acl) for acl, d in decided.items() if not d.is_allowed]
        best = min(letting or denying, default=None)
        reasons = [] if letting else [self._missing(acl) for acl in sorted(acls)]
        return Clause(
            number=number,
            is_fulfilled=bool(letting),
            deciding=self.deciding(decided[best[1]]) if best else None,
            missing="; ".join(dict.fromkeys(reasons)),
            acls=tuple(
                self.place(place) for acl in sorted(acls) if (place := self.tree.places.get(acl))
            ),
        )

    def _missing(self, acl: int) -> str:
        return missing_link(self.tree, self.standing, acl, self.labels)

    def deciding(self, decision: Decision) -> Deciding:
        entry = decision.entry
        principal = self.tree.principals[entry.other]
        way = () if decision.is_by_unknown else self.standing.way(entry.other)
        first = way[0].key if way else entry.other
        return Deciding(
            is_allowed=decision.is_allowed,
            principal_id=entry.other,
            principal=self.labels.principal(entry.other),
            kind=PrincipalKind(principal.data["kind"]),
            level=entry.data["level"],
            is_sticky=entry.data["sticky"],
            expires_at=entry.time("expires_at"),
            places=tuple(self.place(row) for row in decision.chain),
            identity=None if decision.is_by_unknown else self.identity(first),
            groups=tuple(self.within(edge) for edge in way),
            is_by_unknown=decision.is_by_unknown,
            brought=_brought(entry),
        )

    def identity(self, principal: int) -> Identity | None:
        claim = self.standing.claims.get(principal)
        if claim is None:
            return None  # all members: it follows from the membership
        return Identity(
            principal_id=principal,
            label=self.labels.principal(principal),
            source=claim.data["source"],
            since=claim.time("started_at"),
            brought=_brought(claim),
        )

    def within(self, edge: Row) -> Within:
        return Within(
            member_id=edge.key,
            group_id=edge.other,
            group=self.labels.principal(edge.other),
            expires_at=edge.time("expires_at"),
            brought=_brought(edge),
        )

    def place(self, row: Row) -> Place:
        acl = self.acls.get(row.key)
        return Place(
            acl_id=row.key,
            uuid=acl.uuid if acl else None,
            label=self.labels.acl(row.key),
            is_cut=row.data["mode"] == "cut",
            brought=_brought(row),
        )


def _brought(row: Row) -> Brought:
    return Brought(row.row_id, row.time("observed_at"), row.brought_by)
