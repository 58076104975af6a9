"""The statements that bring the claims of a tenant in line with its addresses."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from typing import Final

LOCK: Final = (
    "SELECT pg_advisory_xact_lock(hashtextextended('acls.claims:' || %(tenant)s::text, 0))"
)

# What follows the last @; a quoted local part may hold one, too.
_DOMAIN: Final = "substring({address} from '[^@]*$')"
_IS_FREE: Final = f"{_DOMAIN} NOT IN (SELECT domain FROM managed)"

# told    each address with the people it is said to be of, and how much the word is worth
# owner   the one person of whom the best word says it; a person who has left still is one, so that
#         the address passes to nobody else by a lesser word
# wanted  the live identities of kind user that carry a member's address
# Lookups by index for each row, and NOT IN: see migration 0002. An address counts by the person's
# own word when exactly one person in the whole installation has verified it.
_OWNERS: Final = f"""
managed AS MATERIALIZED (
    SELECT domain FROM tenants_manageddomain WHERE tenant_id = %(tenant)s
    UNION SELECT unicode_domain FROM tenants_manageddomain WHERE tenant_id = %(tenant)s
), member AS MATERIALIZED (
    SELECT m.user_id FROM tenants_membership m
    WHERE m.tenant_id = %(tenant)s AND m.is_active
        AND (SELECT u.is_active FROM accounts_user u WHERE u.id = m.user_id)
), verified AS MATERIALIZED (
    SELECT m.user_id, lower(unnest(ARRAY(
        SELECT a.email FROM account_emailaddress a WHERE a.user_id = m.user_id AND a.verified
    ))) AS address
    FROM member m
), told AS MATERIALIZED (
    SELECT d.user_id, d.address, d.source, 1 AS worth
    FROM acls_directoryidentity d WHERE d.tenant_id = %(tenant)s AND d.is_active
    UNION ALL
    SELECT a.user_id, a.address, 'alias', 2
    FROM acls_confirmedalias a
    WHERE a.tenant_id = %(tenant)s AND a.ended_at IS NULL
        AND {_IS_FREE.format(address="a.address")}
    UNION ALL
    SELECT v.user_id, v.address, 'email', 3
    FROM verified v
    WHERE {_IS_FREE.format(address="v.address")}
        AND v.address NOT IN (
            SELECT lower(a.email) FROM account_emailaddress a WHERE a.verified
            GROUP BY lower(a.email) HAVING count(DISTINCT a.user_id) > 1)
        AND (v.user_id, v.address) NOT IN (
            SELECT d.user_id, d.address FROM acls_directoryidentity d
            WHERE d.tenant_id = %(tenant)s AND NOT d.is_active)
), owner AS MATERIALIZED (
    SELECT t.address, min(t.user_id) AS user_id, min(t.source) AS source
    FROM (SELECT *, min(worth) OVER (PARTITION BY address) AS best FROM told) t
    WHERE t.worth = t.best
    GROUP BY t.address HAVING min(t.user_id) = max(t.user_id)
)"""
_WANTED: Final = f"""{_OWNERS}, wanted AS MATERIALIZED (
    SELECT o.user_id, o.source, o.address, unnest(ARRAY(
        SELECT i.group_ptr_id FROM acls_principal i
        WHERE i.tenant_id = %(tenant)s AND i.email = o.address AND i.kind = 'user'
            AND i.email <> '' AND i.is_active AND i.deleted_at IS NULL
    )) AS principal_id
    FROM owner o WHERE o.user_id IN (SELECT user_id FROM member)
)"""

# Whose each address is, by the best word for it: members alone.
OWNERS: Final = f"""
WITH {_OWNERS} SELECT address, user_id, source FROM owner
WHERE user_id IN (SELECT user_id FROM member)
"""

# Who has left holds nothing, whoever gave it; what an admin gave to a member stays, and so does the
# account that a member has connected.
END: Final = f"""
WITH {_WANTED}, ended AS (
    UPDATE acls_claim c SET ended_at = statement_timestamp()
    WHERE c.tenant_id = %(tenant)s AND c.ended_at IS NULL
        AND ((c.source NOT IN ('admin', 'own')
                AND (c.principal_id, c.user_id, c.source, c.address) NOT IN (
                    SELECT principal_id, user_id, source, address FROM wanted))
            OR (c.principal_id, c.user_id) IN (
                SELECT principal_id, user_id FROM acls_keptapart
                WHERE tenant_id = %(tenant)s AND ended_at IS NULL)
            OR c.user_id NOT IN (
                SELECT m.user_id FROM tenants_membership m
                WHERE m.tenant_id = %(tenant)s AND m.is_active))
    RETURNING 1
) SELECT count(*) FROM ended
"""

# An identity that somebody else has held by this very address, or by an admin's word, is that
# person's, whoever has the address now: an address is given out again, an account's id in its
# source is not. It passes on where the source itself names people by their addresses, and where an
# admin has taken back their word.
_IS_OTHERS: Final = """(SELECT count(*) FROM acls_claim f
        WHERE f.tenant_id = %(tenant)s AND f.principal_id = w.principal_id
            AND f.ended_at IS NOT NULL AND f.user_id <> w.user_id
            AND f.address IN ('', w.address)
            AND (f.source <> 'admin' OR (f.principal_id, f.user_id) NOT IN (
                SELECT principal_id, user_id FROM acls_keptapart
                WHERE tenant_id = %(tenant)s AND ended_at IS NULL))) > 0
    AND (SELECT lower(i.external_id) FROM acls_principal i
        WHERE i.tenant_id = %(tenant)s AND i.group_ptr_id = w.principal_id) <> w.address"""

# A second statement: only then is the ended claim of the address's former holder out of the way.
# Where somebody holds the identity in another way, that stands.
START: Final = f"""
WITH {_WANTED}, started AS (
    INSERT INTO acls_claim (tenant_id, user_id, principal_id, source, address, started_at)
    SELECT %(tenant)s, w.user_id, w.principal_id, w.source, w.address, statement_timestamp()
    FROM wanted w
    WHERE w.principal_id NOT IN (
            SELECT c.principal_id FROM acls_claim c
            WHERE c.tenant_id = %(tenant)s AND c.ended_at IS NULL)
        AND (w.principal_id, w.user_id) NOT IN (
            SELECT principal_id, user_id FROM acls_keptapart
            WHERE tenant_id = %(tenant)s AND ended_at IS NULL)
        AND NOT ({_IS_OTHERS})
    ORDER BY w.principal_id
    ON CONFLICT DO NOTHING
    RETURNING 1
) SELECT count(*) FROM started
"""
