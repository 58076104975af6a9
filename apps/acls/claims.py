"""Whose identity is whose: which person holds which principal of kind user."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from apps.tenants.context import required_tenant_id

# An address counts when exactly one person in the whole installation has verified it, and that
# person is a member here. Lookups by index for each row, and NOT IN: see migration 0002.
_WANTED = """
held AS MATERIALIZED (
    SELECT m.user_id, lower(unnest(ARRAY(
        SELECT a.email FROM account_emailaddress a WHERE a.user_id = m.user_id AND a.verified
    ))) AS email
    FROM tenants_membership m
    WHERE m.tenant_id = %(tenant)s AND m.is_active
        AND (SELECT u.is_active FROM accounts_user u WHERE u.id = m.user_id)
), wanted AS MATERIALIZED (
    SELECT DISTINCT h.user_id, unnest(ARRAY(
        SELECT i.group_ptr_id FROM acls_principal i
        WHERE i.tenant_id = %(tenant)s AND i.email = h.email AND i.kind = 'user' AND i.email <> ''
            AND i.is_active AND i.deleted_at IS NULL
    )) AS principal_id
    FROM held h
    WHERE h.email NOT IN (
        SELECT lower(a.email) FROM account_emailaddress a WHERE a.verified
        GROUP BY lower(a.email) HAVING count(DISTINCT a.user_id) > 1)
)
"""

_END = f"""
WITH {_WANTED}, ended AS (
    UPDATE acls_claim c SET ended_at = statement_timestamp()
    WHERE c.tenant_id = %(tenant)s AND c.ended_at IS NULL AND c.source = 'email'
        AND (c.principal_id, c.user_id) NOT IN (SELECT principal_id, user_id FROM wanted)
    RETURNING 1
) SELECT count(*) FROM ended
"""  # noqa: S608  put together from constants

# A second statement: only then is the ended claim of the address's former holder out of the way.
# Where somebody holds the identity in another way, that stands.
_START = f"""
WITH {_WANTED}, started AS (
    INSERT INTO acls_claim (tenant_id, user_id, principal_id, source, started_at)
    SELECT %(tenant)s, w.user_id, w.principal_id, 'email', statement_timestamp() FROM wanted w
    WHERE w.principal_id NOT IN (
        SELECT c.principal_id FROM acls_claim c
        WHERE c.tenant_id = %(tenant)s AND c.ended_at IS NULL)
    ORDER BY w.principal_id
    ON CONFLICT DO NOTHING
    RETURNING 1
) SELECT count(*) FROM started
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Claimed:
    """How many claims began and ended."""

    started: int
    ended: int


def claim_by_verified_email() -> Claimed:
    """Give each person the identities that carry an address they have verified, and no others.

    For the whole bound tenant at once. Call it after identities were recorded, and whenever a
    membership or somebody's verified addresses change.
    """
    params = {"tenant": required_tenant_id()}
    with connection.cursor() as cursor:
        cursor.execute(_END, params)
        ended = int(cursor.fetchone()[0])
        cursor.execute(_START, params)
        return Claimed(started=int(cursor.fetchone()[0]), ended=ended)
