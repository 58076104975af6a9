"""Who is who in the sources, what is granted where, and which documents need which grants.

The algebra: an entry allows or denies a principal on an ACL; a place's line is itself and the
places above it, up to a cut; the entry that is nearest, then least in order, decides; a policy is
an AND of clauses, each an OR of ACLs. `statement.py` computes it.
"""

from __future__ import annotations

from apps.acls.models.changes import PermissionChange, Placement
from apps.acls.models.class_rules import AccessRule, Weekday
from apps.acls.models.history import History, Transaction
from apps.acls.models.holds import HeldChange, HeldPart, HoldState
from apps.acls.models.identities import (
    DYNAMIC_KINDS,
    NESTING_KINDS,
    Claim,
    ClaimSource,
    Closure,
    Edge,
    Principal,
    UserGroup,
)
from apps.acls.models.lists import Acl, AclEntry, Line
from apps.acls.models.people import ConfirmedAlias, DirectoryIdentity, KeptApart, Person
from apps.acls.models.policies import Policy, PolicyClause

__all__ = [
    "DYNAMIC_KINDS",
    "NESTING_KINDS",
    "AccessRule",
    "Acl",
    "AclEntry",
    "Claim",
    "ClaimSource",
    "Closure",
    "ConfirmedAlias",
    "DirectoryIdentity",
    "Edge",
    "HeldChange",
    "HeldPart",
    "History",
    "HoldState",
    "KeptApart",
    "Line",
    "PermissionChange",
    "Person",
    "Placement",
    "Policy",
    "PolicyClause",
    "Principal",
    "Transaction",
    "UserGroup",
    "Weekday",
]
