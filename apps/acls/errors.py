"""Errors of the permission engine.

KenwardError
├── Derived          somebody tried to write what only follows from other rows
├── BrokenTree       a place names a parent that nobody told of, or one below itself
├── InvalidPolicy    a policy or one of its clauses is empty
└── NoMembership     the person does not belong to the tenant now, so nothing is readable
"""

from __future__ import annotations

from apps.errors import InvalidInput, KenwardError


class Derived(KenwardError):
    """The rows follow from other rows and cannot be written."""

    code = "derived"
    http_status = 409


class BrokenTree(InvalidInput):
    """The places of a source do not form a tree."""

    code = "broken_tree"


class InvalidPolicy(InvalidInput):
    """A policy needs at least one clause, and each clause at least one ACL."""

    code = "invalid_policy"


class NoMembership(KenwardError):
    """The person does not belong to the tenant now."""

    code = "no_membership"
    http_status = 403
