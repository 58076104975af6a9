"""Statements over what the asker may read: the readable set stands in front as the CTE `scope`.

`acls.resolve` hands the set out as a piece of SQL, into which nobody here looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.accounts.models import User
from apps.acls import binary, class_rules, resolve
from apps.acls.errors import NoMembership
from apps.tenants.context import required_tenant_id

# Belongs into the WHERE of everything that finds or releases: {alias} carries the policy. The
# sub-select becomes an InitPlan that drives the index; without the cast it would be a row compare.
IS_READABLE = (
    "{alias}.tenant_id = %(tenant_id)s"
    " AND {alias}.policy_id = ANY ((SELECT ids FROM scope)::bigint[])"
    " AND (SELECT ok FROM scope)"
)
# The document behind a passage; its own policy is the one that counts.
IS_READABLE_DOCUMENT = (
    IS_READABLE.format(alias="d")
    + f" AND d.deleted_at IS NULL AND d.classification = ANY ({class_rules.ALLOWED}::text[])"
)
# A passage alone, by the policy that it copied from its document.
_PASSAGES = "{table} p"
_PASSAGES_WITH_DOCUMENT = (
    "{table} p JOIN documents_document d ON d.tenant_id = p.tenant_id AND d.id = p.document_id"
    # Passages do not all say of which version they are; the document knows what the index holds.
    " AND d.indexed_version >= d.text_from_version"
)


class Scope(Protocol):
    """The readable set of one person, with its guard.

    Attributes:
        cte: SQL that gives exactly one row (ok boolean, ids bigint[]); ok says that nothing that
            touches this person has changed since the set was made.
        params: named parameters of that SQL; all names start with `scope_`.
    """

    @property
    def cte(self) -> str:
        """The SQL of the CTE's body."""
        ...

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters."""
        ...


def passages(table: str, *, exact: bool) -> tuple[str, str]:
    """Return the FROM and the WHERE that limit a table of passages (alias p) to readable ones.

    Args:
        table: has tenant_id, document_id and policy_id.
        exact: ask the document too, and not only the copy of its policy that the passage carries.
            Slower by a join, and right also while the copies wait to be brought up to date: until
            then both policies count, since row-level security goes by the copy.
    """
    if exact:
        is_same_tenant = "p.tenant_id = %(tenant_id)s"
        return (
            _PASSAGES_WITH_DOCUMENT.format(table=table),
            f"{IS_READABLE_DOCUMENT} AND {is_same_tenant}",
        )
    return _PASSAGES.format(table=table), IS_READABLE.format(alias="p")


def rows(
    scope: Scope, select: str, order_by: str, params: Mapping[str, Any]
) -> tuple[bool, list[tuple[Any, ...]]]:
    """Run a statement under the guard and return (guard held, rows).

    Args:
        scope: the asker's.
        select: the statement; may name the CTE `scope`, and `%(tenant_id)s`.
        order_by: columns of `select`, which the join with the guard would not keep in order.
        params: of `select`.

    Returns:
        the rows; none when the guard did not hold, which is not the same as nothing found.
    """
    bound = {**params, **scope.params, "tenant_id": required_tenant_id()}
    with binary.cursor() as cursor:
        cursor.execute(guarded(scope, select, order_by), bound)
        found = cursor.fetchall()
    # A scope without a row admits nobody.
    if not found or not found[0][0]:
        return False, []
    return True, [row[1:] for row in found if row[1] is not None]


def rows_for(
    user: User, select: str, order_by: str, params: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run a statement over what a person may read now; who is no member finds nothing.

    Args:
        user: who asks.
        select: as for `rows`.
        order_by: likewise.
        params: likewise.
    """

    def run(scope: Scope) -> tuple[bool, list[tuple[Any, ...]]]:
        return rows(scope, select, order_by, params)

    try:
        return resolve.reading(user, run)
    except NoMembership:
        return []


def guarded(scope: Scope, select: str, order_by: str) -> str:
    """Return the statement that `rows` runs: the guard's verdict, then the columns of `select`.

    One row comes back even when nothing is found: it carries the verdict.
    """
    return (
        f"WITH scope AS MATERIALIZED ({scope.cte})"  # noqa: S608  no value stands in it
        f" SELECT scope.ok, found.* FROM scope LEFT JOIN LATERAL ({select}) found ON true"
        f" ORDER BY {order_by}"
    )
