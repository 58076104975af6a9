"""Sources whose documents follow one list each: GitHub, Linear, Trello, Zendesk, SQL.

* GitHub: `GET /repos/{owner}/{repo}/collaborators` is the effective list of a private repository
  [D in providers.md, 10]; public and internal ones are for all members [internal: M].
* Linear: a public team is for all members, a private one and every guest by membership (15).
* Trello: a board by `prefs.permissionLevel` and its memberships, without the deactivated ones; a
  board for its Workspace (`org`) lists the group of that Workspace's members (12).
* Zendesk: tickets by the agents' groups or organisations and by requester; internal comments are
  documents of their own, for agents only (16) [M].
* SQL: a query of the admin's that names the readers of each row (17); no row means nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from apps.connections.dialects.audiences import MEMBERS
from apps.connections.dialects.granting import place
from apps.connections.protocol import Level, RemoteAcl, RemoteEntry, RemotePrincipal


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody on the list; the times are those of an invitation that begins or ends."""

    principal: RemotePrincipal
    level: Level = Level.READ
    starts_at: datetime | None = None
    expires_at: datetime | None = None


def readers(
    external_id: str, listed: Iterable[Reader], *, label: str = "", all_members: bool = False
) -> RemoteAcl:
    """Return the place of a repository, team, board, ticket or row.

    Args:
        external_id: as the source names it.
        listed: whoever is on its list.
        label: what people see.
        all_members: whether the source opens it to the whole organisation; guests are not meant.
    """
    entries = [
        RemoteEntry(r.principal, level=r.level, starts_at=r.starts_at, expires_at=r.expires_at)
        for r in listed
    ]
    if all_members:
        entries.append(RemoteEntry(MEMBERS))
    return place(external_id, entries, label=label)


class Visibility(StrEnum):
    """How a repository, team or board is opened, in the words of GitHub, Linear and Trello."""

    PUBLIC = "public"
    INTERNAL = "internal"
    ORG = "org"
    ENTERPRISE = "enterprise"
    PRIVATE = "private"


def is_for_all_members(visibility: str) -> bool:
    """Return whether a visibility opens something to all members; an unknown one does not.

    Trello's `org` does not either: a Workspace may hold fewer people than the company.
    """
    return visibility in {Visibility.PUBLIC, Visibility.INTERNAL, Visibility.ENTERPRISE}


# GitHub's role_name. Custom roles have names of their own, and read at least.
_GITHUB: Mapping[str, Level] = {
    "admin": Level.WRITE,
    "maintain": Level.WRITE,
    "write": Level.WRITE,
    "triage": Level.COMMENT,
}
_NO_ROLE = frozenset({"", "none"})


def github_level(role_name: str) -> Level | None:
    """Return what a collaborator's role lets them do; None where it includes no reading."""
    return None if role_name in _NO_ROLE else _GITHUB.get(role_name, Level.READ)
