"""Jira: (the project's readers ∪ this issue's reporter and assignee) ∧ its security level.

providers.md, 6: Browse Projects by the project's permission scheme, whose holders may be the
issue's own people (reporter, assignee, a user field) [M]: then those are an ACL of the issue that
stands beside the project's. A comment with a `visibility` (role or group) is a document of its own,
with one more clause. Customers of a service desk see only their requests: do not list them among
the project's readers.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.connections.dialects.granting import place
from apps.connections.protocol import RemoteAcl, RemoteEntry, RemotePolicy, RemotePrincipal


def project(key: str, readers: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of whoever browses the whole project."""
    return place(f"project:{key}", map(RemoteEntry, readers), label=key)


def own_people(issue_key: str, people: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of an issue's people whom the scheme lets browse it by being that."""
    return place(f"issue:{issue_key}", map(RemoteEntry, people), label=issue_key)


def security_level(
    project_key: str, level_id: str, members: Iterable[RemotePrincipal]
) -> RemoteAcl:
    """Return the place of an issue security level: its users, groups and project roles.

    Projects share levels, and a role of the same name holds other people in each: so there is one
    place for each project.
    """
    return place(_level(project_key, level_id), map(RemoteEntry, members), label=level_id)


def issue_in_level(level_id: str, issue_key: str, people: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of those who are in a level by being this issue's reporter or assignee."""
    return place(_own_level(level_id, issue_key), map(RemoteEntry, people), label=issue_key)


def role_visibility(project_key: str, role: str, members: Iterable[RemotePrincipal]) -> RemoteAcl:
    """Return the place of a comment's visibility for one role of its project."""
    return place(f"role:{project_key}:{role}", map(RemoteEntry, members), label=role)


def group_visibility(group_id: str, group: RemotePrincipal) -> RemoteAcl:
    """Return the place of a comment's visibility for one group."""
    return place(f"group:{group_id}", [RemoteEntry(group)], label=group_id)


def policy(
    project_key: str,
    issue_key: str,
    *,
    browsed_by_own_people: bool = False,
    level_id: str = "",
    level_names_issue_people: bool = False,
    visible_to: RemoteAcl | None = None,
) -> RemotePolicy:
    """Return the policy of an issue, or of a restricted comment on it.

    Args:
        project_key: its project.
        issue_key: of the issue.
        browsed_by_own_people: whether the scheme lets the issue's own people browse.
        level_id: its security level; "" for none.
        level_names_issue_people: whether the level holds the reporter or assignee as such.
        visible_to: the place of a restricted comment's visibility.
    """
    own = [f"issue:{issue_key}"] if browsed_by_own_people else []
    clauses: list[tuple[str, ...]] = [(f"project:{project_key}", *own)]
    if level_id:
        in_level = [_own_level(level_id, issue_key)] if level_names_issue_people else []
        clauses.append((_level(project_key, level_id), *in_level))
    if visible_to is not None:
        clauses.append((visible_to.external_id,))
    return tuple(clauses)


def _level(project_key: str, level_id: str) -> str:
    return f"level:{project_key}:{level_id}"


def _own_level(level_id: str, issue_key: str) -> str:
    return f"issue-level:{issue_key}:{level_id}"
