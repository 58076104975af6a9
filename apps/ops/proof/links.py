"""Whether each link of an explanation is true, by what the source itself told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from apps.accounts.models import User
from apps.acls.explain_parts import Clause, Deciding, Explanation
from apps.acls.models import Acl, Principal
from apps.connections.protocol import Mode, RemoteAcl, RemotePrincipal
from apps.ops.proof.company import Company, Site

Name = tuple[str, str]  # kind and external id


@dataclass(frozen=True)
class Names:
    """What the sources call the rows that an explanation names; made for one company."""

    principals: dict[int, Name]
    acls: dict[int, str]

    @classmethod
    def of(cls) -> Names:
        """Read them from the bound tenant's rows."""
        principals = Principal.objects.values_list("pk", "kind", "external_id")
        return cls(
            {pk: (kind, external_id) for pk, kind, external_id in principals},
            dict(Acl.objects.values_list("pk", "external_id")),
        )


def untrue(
    company: Company, site: Site, user: User, explanation: Explanation, names: Names
) -> Iterator[str]:
    """Yield a sentence for each link that does not hold.

    Args:
        company: whose members count.
        site: the source of the document.
        user: about whom the explanation is.
        explanation: what Kenward says.
        names: of the company's rows.
    """
    if not explanation.verdict:
        if not explanation.missing:
            yield "a refusal names nothing that is missing"
        return
    if user.pk not in company.members:
        yield "somebody who is no member reads"
    checked = _Checked(site, user, names)
    for clause in explanation.clauses:
        yield from checked.clause(clause)


class _Checked:
    def __init__(self, site: Site, user: User, names: Names) -> None:
        self._user, self._names = user, names
        self._acls = {acl.external_id: acl for acl in site.told.acls}
        self._members = {
            _name(group.principal): {_name(member) for member in group.members}
            for group in site.told.groups
        }
        self._people = {
            site.source.identity(person): holder for person, holder in site.holders.items()
        }

    def clause(self, clause: Clause) -> Iterator[str]:
        if not clause.is_fulfilled or clause.deciding is None or not clause.deciding.is_allowed:
            yield f"clause {clause.number} has no entry that lets in"
            return
        deciding = clause.deciding
        chain = [self._acls.get(self._names.acls[place.acl_id]) for place in deciding.places]
        if any(place is None for place in chain):
            yield "a place is none of the source's"
            return
        yield from self._places([place for place in chain if place is not None], deciding)
        yield from self._way(deciding)

    def _places(self, chain: list[RemoteAcl], deciding: Deciding) -> Iterator[str]:
        for below, above in pairwise(chain):
            if below.parent != above.external_id:
                yield f"{below.external_id} does not lie in {above.external_id}"
        if any(place.mode == Mode.CUT for place in chain[:-1]) and not deciding.is_sticky:
            yield f"a cut below {chain[-1].external_id} keeps its entry from counting"
        named = self._names.principals[deciding.principal_id]
        entries = {_name(entry.principal): entry for entry in chain[-1].entries}
        if named not in entries:
            yield f"{chain[-1].external_id} has no entry of {named}"
        elif not entries[named].is_allowed:
            yield f"{chain[-1].external_id} denies {named}"

    def _way(self, deciding: Deciding) -> Iterator[str]:
        step = self._names.principals[deciding.principal_id]
        for within in reversed(deciding.groups):
            if self._names.principals[within.group_id] != step:
                yield "the memberships do not join"
            step = self._names.principals[within.member_id]
            group = self._names.principals[within.group_id]
            if step not in self._members.get(group, set()):
                yield f"{step} is not in {group}"
        kind, external_id = step
        if kind == "user" and self._people.get(external_id) != self._user.pk:
            yield f"{external_id} is not this person"
        if kind not in ("user", "members", "everyone"):
            yield f"nothing leads to {step}"


def _name(principal: RemotePrincipal) -> Name:
    return str(principal.kind), principal.external_id
