"""Who may read, as a record says it (`schemas/permissions.json`).

The lists are never wider than the truth: whoever stands in them may read (`acls.permission_list`
says how, and what they leave out). Where something is asked of everybody besides, at each look (a
second factor, a network, hours, or the source's own word), nobody stands in them at all: a program
that knows nothing of the conditions then shows nothing, instead of too much. The rules, which are
added wherever the lists are not exact, say the whole.

It describes and never decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from apps.acls import class_rules, history, permission_levels, permission_list, permission_rules
from apps.acls.history_tree import Tree, is_whole
from apps.acls.history_view import View
from apps.acls.models import Acl, Principal
from apps.acls.permission_list import PermissionList
from apps.acls.permission_rules import RuleEntry, RuleList, Rules
from apps.connections.protocol import Level

ALL: Final = "all"
OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class Carried:
    """What decides about a document.

    Attributes:
        confirmed_at: when its source was last asked who may read.
        asks_source: what is stored is too old to let anybody in without the source's own word.
    """

    policy_id: int
    classification: str
    confirmed_at: datetime | None
    asks_source: bool


def rfc3339(at: datetime | None) -> str | None:
    """Return a time as records have it: in UTC, with a Z."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z" if at else None


def own(document: Carried, level: Level) -> dict[str, Any]:
    """Return what somebody is told who may not see whom else a document lets in.

    Args:
        document: that the person may read.
        level: the person's own.
    """
    return {
        "as_of": rfc3339(history.moment_of(None).at),
        "confirmed_at": rfc3339(document.confirmed_at),
        "shown": OWN,
        "own": _access(level),
        **_lists(None, {}),
        "conditions": _conditions(document),
        "exact": False,
        "rules": None,
    }


def whole(document: Carried, level: Level) -> dict[str, Any]:
    """Return everything that is known of the readers, for those whose role may see it.

    Args:
        document: of the bound tenant.
        level: of the person who asks.
    """
    view = View(history.moment_of(None))
    clauses = view.rows.clauses([document.policy_id])[document.policy_id]
    conditions = _conditions(document)
    found: PermissionList | None = None
    rules: Rules | None = None
    if is_whole(clauses):
        tree = Tree.of(view.rows, permission_levels.acls_of(clauses))
        found = permission_list.listed(document.policy_id, view, tree, clauses)
        rules = permission_rules.rules_of(tree, clauses)
    is_exact = not conditions and (found is None or found.is_exact)
    told = None if is_exact else rules
    shown = None if conditions else found
    named = _Named.of(shown, told, view)
    return {
        "as_of": rfc3339(view.moment.at),
        "confirmed_at": rfc3339(document.confirmed_at),
        "shown": ALL,
        "own": _access(level),
        **_lists(shown, named.principals),
        "link": found is not None and found.has_link,
        "conditions": conditions,
        "exact": is_exact,
        "rules": None if told is None else named.rules(told),
    }


def _conditions(document: Carried) -> list[str]:
    asked = class_rules.conditions_of(document.classification)
    named = {
        "second_factor": asked.second_factor,
        "network": asked.network,
        "hours": asked.hours,
        "source": document.asks_source,
    }
    return [name for name, is_asked in named.items() if is_asked]


def _lists(found: PermissionList | None, principals: Mapping[int, Principal]) -> dict[str, Any]:
    if found is None:
        return {"users": [], "groups": [], "public": "nobody", "link": False}
    users = ((principals[pk], level) for pk, level in found.users.items())
    groups = ((principals[pk], level) for pk, level in found.groups.items())
    return {
        "users": [
            {**_identified(one), "email": one.email or None, "access": _access(level)}
            for one, level in users
        ],
        "groups": [
            {**_identified(one), "kind": one.kind, "access": _access(level)}
            for one, level in groups
        ],
        "public": found.everyone.value if found.everyone else "nobody",
        "link": found.has_link,
    }


def _identified(principal: Principal) -> dict[str, str]:
    return {
        "id": str(principal.uuid),
        "external_id": principal.external_id,
        "label": principal.label,
    }


def _access(level: Level) -> str:
    return level.name.lower()


@dataclass(frozen=True, slots=True)
class _Named:
    """The principals and places of a record, by their ids.

    Attributes:
        vague: principals in which anybody may be, as far as is known.
    """

    principals: Mapping[int, Principal]
    acls: Mapping[int, Acl]
    vague: Collection[int]

    @classmethod
    def of(cls, found: PermissionList | None, rules: Rules | None, view: View) -> _Named:
        wanted: set[int] = set()
        if found is not None:
            wanted |= found.users.keys() | found.groups.keys()
        lists: Collection[RuleList] = ()
        if rules is not None:
            wanted |= permission_rules.principals_of(rules)
            lists = [one for clause in rules for one in clause]
        return cls(
            Principal.objects.in_bulk(list(wanted)),
            Acl.objects.only("uuid", "label", "external_id", "form").in_bulk(
                [one.acl_id for one in lists]
            ),
            view.unsure if rules else (),
        )

    def rules(self, rules: Rules) -> list[list[dict[str, Any]]]:
        return [[self.list(one) for one in clause] for clause in rules]

    def list(self, rule: RuleList) -> dict[str, Any]:
        acl = self.acls[rule.acl_id]
        return {
            "id": str(acl.uuid),
            "label": str(acl),
            "form": acl.form,
            "is_stale": rule.is_stale,
            "entries": self.entries(rule.entries),
        }

    def entries(self, entries: Iterable[RuleEntry]) -> Any:
        return [self.entry(one) for one in entries]

    def entry(self, entry: RuleEntry) -> dict[str, Any]:
        principal = self.principals[entry.principal_id]
        return {
            "principal": {
                **_identified(principal),
                "kind": principal.kind,
                "email": principal.email or None,
                "members_known": entry.principal_id not in self.vague,
            },
            "allow": entry.is_allowed,
            "access": _access(entry.level) if entry.is_allowed else None,
            "distance": entry.distance,
            "order": entry.order,
            "expires_at": rfc3339(entry.expires_at),
        }
