"""What a source is in the proof: its own rules, its own changes, and its own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from apps.connections.protocol import (
    RemoteAcl,
    RemoteGroup,
    RemotePolicy,
    RemotePrincipal,
)

# The people that every source of the proof knows, whatever it calls them.
PEOPLE = tuple(f"person-{number}" for number in range(1, 7))


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that a source would tell Kenward now.

    Attributes:
        items: external id of a document -> its policy; what is not listed is gone.
    """

    items: Mapping[str, RemotePolicy]
    principals: tuple[RemotePrincipal, ...] = ()
    groups: tuple[RemoteGroup, ...] = ()
    deleted_groups: tuple[RemotePrincipal, ...] = ()
    acls: tuple[RemoteAcl, ...] = ()


@dataclass(frozen=True, slots=True)
class Asker:
    """A person as a source sees them.

    Attributes:
        identities: those of `PEOPLE` that the person is in this source.
        former: those that the person was, and nobody is; to a denial they still are.
        is_guest: of the tenant: not among all members.
    """

    identities: frozenset[str]
    is_guest: bool
    former: frozenset[str] = frozenset()

    @property
    def to_denials(self) -> Asker:
        """The person as a denial sees them."""
        return Asker(self.identities | self.former, self.is_guest)


class Source(Protocol):
    """One source system of a company."""

    @property
    def dialect(self) -> str:
        """Return the name of the dialect."""
        ...

    def identity(self, person: str) -> str:
        """Return the external id by which this source knows one of `PEOPLE`."""
        ...

    def change(self, rng: Random, now: datetime) -> str:
        """Change something at random, and return what, for the report of a disagreement."""
        ...

    def pass_time(self, by: timedelta) -> None:
        """Let time pass: every stored time lies so much earlier."""
        ...

    def told(self) -> Told:
        """Return what the source tells now, made by the connectors' constructors."""
        ...

    def may_read(self, item: str, asker: Asker, now: datetime) -> bool:
        """Answer by the source's own rules, without anything of Kenward's."""
        ...
