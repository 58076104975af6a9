"""Errors of the permission engine.

KenwardError
├── Derived          somebody tried to write what only follows from other rows
├── BrokenTree       a place names a parent that nobody told of, or one below itself
├── HistoryGone      asked of a time before the tenant's history begins
├── InvalidPolicy    a policy or one of its clauses is empty
├── CannotShare      what is shared by hand cannot be given to this recipient
├── AlreadyHeld      an identity, an address or a domain is somebody else's
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


class CannotShare(InvalidInput):
    """An object cannot be given to, or taken from, this person or group."""

    code = "cannot_share"


class AlreadyHeld(InvalidInput):
    """An identity, an address or a domain is somebody else's; the message says whose."""

    code = "already_held"


class HistoryGone(InvalidInput):
    """The time lies before what the tenant keeps of its history."""

    code = "history_gone"


class NoMembership(KenwardError):
    """The person does not belong to the tenant now."""

    code = "no_membership"
    http_status = 403
