"""What an explanation is made of. Each part names the row that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.acls.models import DYNAMIC_KINDS
from apps.connections.protocol import PrincipalKind


@dataclass(frozen=True, slots=True)
class Brought:
    """How a row came to be as it was.

    Attributes:
        row_id: its id in its table.
        observed_at: when the source was asked that first said so; None for Kenward's own rows.
        brought_by: uuid of the sync run; None when a person did it, or Kenward itself.
    """

    row_id: int
    observed_at: datetime | None = None
    brought_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as a source knows them, and why they count as that.

    Attributes:
        source: how the identity was recognised (`ClaimSource`).
        since: from when on.
    """

    principal_id: int
    label: str
    source: str
    since: datetime | None
    brought: Brought


@dataclass(frozen=True, slots=True)
class Within:
    """One direct membership: a person or a group in a group."""

    member_id: int
    group_id: int
    group: str
    expires_at: datetime | None
    brought: Brought


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the way from what a document carries up to the entry that decided."""

    acl_id: int
    uuid: UUID | None
    label: str
    is_cut: bool
    brought: Brought


@dataclass(frozen=True, slots=True)
class Deciding:
    """The entry that decided for one clause, with the ways that lead to it from both sides.

    Attributes:
        is_allowed: whether it lets in or keeps out.
        principal_id: whom it names.
        places: from the document's own ACL up to the one it stands on, both included.
        identity: of the person; None where it names all members, or a group of unknown members.
        groups: memberships from that identity up to the principal.
        is_by_unknown: it keeps out a group of which it is unknown whether the person is in it.
    """

    is_allowed: bool
    principal_id: int
    principal: str
    kind: PrincipalKind
    level: int
    is_sticky: bool
    expires_at: datetime | None
    places: tuple[Place, ...]
    identity: Identity | None
    groups: tuple[Within, ...]
    is_by_unknown: bool
    brought: Brought

    @property
    def place(self) -> Place:
        """Where the entry stands."""
        return self.places[-1]

    @property
    def way(self) -> str:
        """Return how the person comes to it, as a part of a sentence in the second person."""
        place = self.place.label
        if self.kind == PrincipalKind.USER:
            return f"you are among the readers of {place}"
        if self.kind in DYNAMIC_KINDS:
            return f"everyone in your organisation is among the readers of {place}"
        chain = [each.group for each in self.groups] or [self.principal]
        belongs = "".join(f", which belongs to {group}" for group in chain[1:])
        return f"you are in {chain[0]}{belongs}, which is among the readers of {place}"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of the document's policy: at least one of its ACLs must let the person in.

    Attributes:
        number: within the policy.
        is_fulfilled: whether one of them does.
        deciding: the entry that lets in; where the clause is not fulfilled, one that keeps out.
        missing: what is missing, in words; empty where it is fulfilled.
        acls: the ACLs themselves.
    """

    number: int
    is_fulfilled: bool
    deciding: Deciding | None
    missing: str
    acls: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person may read something at a moment, or why not.

    Attributes:
        verdict: whether they may.
        at: the moment.
        snapshot: what the database had seen; empty for a time in the past.
        policy_id: which policy was asked for.
        clauses: its conditions; without a membership they are not looked at.
        missing: everything that is missing, in words; empty where the verdict is yes.
    """

    verdict: bool
    at: datetime
    snapshot: str
    policy_id: int
    clauses: tuple[Clause, ...]
    missing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return one line for the person, in the second person."""
        if not self.verdict:
            return f"You cannot read this: {'; '.join(self.missing)}."
        grounds = dict.fromkeys(c.deciding.way for c in self.clauses if c.deciding)
        return f"You can read this because {', and '.join(grounds)}."

    def as_json(self) -> list[dict[str, Any]]:
        """Return the deciding entries by their ids, as a receipt keeps them."""
        return [
            {
                "clause": clause.number,
                "entry": clause.deciding.brought.row_id,
                "principal": clause.deciding.principal_id,
                "acl": str(clause.deciding.places[0].uuid),
                "place": str(clause.deciding.place.uuid),
            }
            for clause in self.clauses
            if clause.deciding is not None
        ]
