"""A tenant of the size that the permission benchmark asks for, written by a few large statements.

The rows go the usual way: the application's role, row-level security, and all triggers.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, connections, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import entries, placement
from apps.connections.models import Connection
from apps.tenants.context import tenant_context, unrestricted_reading
from apps.tenants.models import Tenant

REALM = "benchmark"
LEVELS = 6  # of groups within groups


@dataclass(frozen=True)
class Size:
    """How many of each; one folder holds a tenth of the documents in places below it."""

    users: int
    groups: int
    acls: int
    policies: int
    documents: int

    @property
    def passages(self) -> int:
        """How many documents have a passage."""
        return self.documents // 5

    @property
    def shared_documents(self) -> int:
        """How many documents lie below the folder that is unshared."""
        return self.documents // 10


FULL = Size(users=10_000, groups=5_000, acls=50_000, policies=60_000, documents=1_000_000)
QUICK = Size(users=1_000, groups=500, acls=5_000, policies=6_000, documents=50_000)

# Numbers 1 … n of users, groups and ACLs become ids by these offsets, so that each statement can
# compute whom it names. Id 0 of groups and ACLs is the shared folder's.
_USERS = """
INSERT INTO accounts_user (id, password, email, name, is_active, is_superuser, date_joined)
SELECT n, '!', 'user' || n || '@bench.example', 'User ' || n, true, false, now()
FROM generate_series(1, %(users)s) n
"""
_MEMBERS = """
INSERT INTO tenants_membership (tenant_id, user_id, role, is_active, is_guest, created_at)
SELECT %(tenant)s, n, 'member', true, false, now() FROM generate_series(1, %(users)s) n
"""
_NAMES = """
INSERT INTO auth_group (id, name)
SELECT n, 'benchmark:' || n FROM generate_series(1, %(users)s + %(groups)s + 1) n
"""
# Principals 1 … users are people; after them come the groups.
_PRINCIPALS = """
INSERT INTO acls_principal (tenant_id, group_ptr_id, uuid, realm, kind, external_id, label, email,
    is_active, members_known)
SELECT %(tenant)s, n, gen_random_uuid(), %(realm)s,
    CASE WHEN n <= %(users)s THEN 'user' ELSE 'group' END, n::text, n::text, '', true, true
FROM generate_series(1, %(users)s + %(groups)s + 1) n
"""
_CLAIMS = """
INSERT INTO acls_claim (tenant_id, user_id, principal_id, source, started_at)
SELECT %(tenant)s, n, n, 'admin', now() FROM generate_series(1, %(users)s) n
"""
# Each group lies in one or two of the next level, which has fewer groups; a few cycles.
_NESTING = """
INSERT INTO acls_edge (tenant_id, member_id, group_id)
SELECT DISTINCT %(tenant)s, %(users)s + m, %(users)s + g FROM (
    SELECT n AS m, (hashint8(n * 2 + k) & 2147483647) %% (%(groups)s / %(levels)s) * %(levels)s
        + n %% %(levels)s + 1 AS g
    FROM generate_series(1, %(groups)s) n, generate_series(0, 1) k
    WHERE (n %% %(levels)s < %(levels)s - 1 OR n %% 997 = 0) AND (k = 0 OR n %% 3 = 0)
) e WHERE m <> g AND g <= %(groups)s
"""
_MEMBERSHIPS = """
INSERT INTO acls_edge (tenant_id, member_id, group_id)
SELECT DISTINCT %(tenant)s, u,
    %(users)s + 1 + (hashint8(u * 31 + k) & 2147483647) %% %(groups)s
FROM generate_series(1, %(users)s) u, generate_series(1, 12) k
"""
# A tree of some depth: each place lies below one with a smaller number, the first ones below none.
_PLACES = """
INSERT INTO acls_acl (tenant_id, id, uuid, realm, external_id, label, form, parent_id, mode)
SELECT %(tenant)s, n, gen_random_uuid(), %(realm)s, n::text, 'place ' || n, 'place',
    CASE WHEN n > 100 THEN n / 6 END, CASE WHEN n %% 40 = 0 THEN 'cut' ELSE 'add' END
FROM generate_series(1, %(acls)s) n
"""
_ENTRIES = """
INSERT INTO acls_aclentry (tenant_id, content_object_id, group_id, permission_id, ord, sticky)
SELECT DISTINCT ON (a, p) %(tenant)s, a, p,
    CASE WHEN hashint8(a * 7 + k) %% 50 = 0 THEN %(deny)s ELSE %(view)s END, 0, false
FROM (
    SELECT a, k, CASE WHEN k = 1
        THEN 1 + (hashint8(a * 13 + k) & 2147483647) %% %(users)s
        ELSE %(users)s + 1 + ((hashint8(a * 17 + k) & 2147483647)::float / 2147483647) ^ 3
            * (%(groups)s - 1) END::bigint AS p
    FROM generate_series(1, %(acls)s) a, generate_series(1, 3) k
    WHERE k < 3 OR a %% 2 = 0
) e ORDER BY a, p
"""
_POLICIES = """
INSERT INTO acls_policy (tenant_id, id, ordinal, fingerprint, clause_count)
SELECT %(tenant)s, n, n, 'benchmark' || n, CASE WHEN n <= %(acls)s THEN 1 ELSE 2 END
FROM generate_series(1, %(policies)s) n
"""
_CLAUSES = """
INSERT INTO acls_policyclause (tenant_id, policy_id, clause, acl_id, clause_count, ordinal)
SELECT %(tenant)s, n, c, 1 + (n * 7 + c * 3) %% %(acls)s,
    CASE WHEN n <= %(acls)s THEN 1 ELSE 2 END, n
FROM generate_series(1, %(policies)s) n, generate_series(0, 1) c
WHERE c = 0 OR n > %(acls)s
"""
_ORDINALS = "UPDATE acls_placement SET next_ordinal = %(policies)s + 1"
_DOCUMENTS = """
INSERT INTO documents_document (tenant_id, connection_id, uuid, external_id, policy_id, title, path,
    url, mime_type, size_bytes, source_version, version, text_from_version, indexed_version,
    index_attempts, failure, failure_message, last_synced_at, created_at)
SELECT %(tenant)s, %(connection)s, gen_random_uuid(), 'd' || n, 1 + (n * 7) %% %(policies)s,
    'Document ' || n, 'd/' || n, '', '', 1, '1', 1, 1, 1, 0, '', '', now(), now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
# One passage for each of so many documents: enough to weigh the second wall.
_PASSAGES = """
INSERT INTO search_chunk (tenant_id, document_id, policy_id, policy_ordinal, version, ordinal,
    start, "end", heading_path, text, token_count, sha256, lexemes)
SELECT %(tenant)s, id, policy_id, policy_id, 1, 0, 0, 40, '[]', 'Passage of ' || title, 4, '',
    to_tsvector('simple', title)
FROM documents_document ORDER BY id LIMIT %(passages)s
"""
_AT_ONCE = 100_000


@dataclass(frozen=True)
class BigTenant:
    """What stands in the database."""

    tenant: Tenant
    source: Connection
    size: Size


def build(size: Size) -> BigTenant:
    """Write the tenant; takes some minutes in full size."""
    tenant = Tenant.objects.create(slug="benchmark", name="Benchmark")
    permission = entries.permission_ids()
    with tenant_context(tenant):
        with transaction.atomic():
            placement.ensure()
            source = Connection.objects.create(
                tenant=tenant,
                kind="memory",
                name="Benchmark",
                realm=REALM,
                permissions_max_age_s=7 * 24 * 3600,
                permissions_confirmed_at=timezone.now(),
            )
        values: dict[str, int | str] = {
            "tenant": tenant.pk,
            "connection": source.pk,
            "realm": REALM,
            "levels": LEVELS,
            "view": permission[True],
            "deny": permission[False],
            **{name: getattr(size, name) for name in ("users", "groups", "acls", "policies")},
        }
        for statement in _STATEMENTS:
            _run(statement, values)
        for first in range(1, size.documents + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, size.documents)
            _run(_DOCUMENTS, {**values, "first": first, "last": last})
        with unrestricted_reading():
            _run(_PASSAGES, {**values, "passages": size.passages})
        _run(_SEQUENCES, values)
    settle()
    return BigTenant(tenant, source, size)


def settle() -> None:
    """Do what autovacuum does within its minute, so that no measure begins before it has."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


_STATEMENTS = [
    _USERS,
    _MEMBERS,
    _NAMES,
    _PRINCIPALS,
    _CLAIMS,
    _NESTING,
    _MEMBERSHIPS,
    _PLACES,
    _ENTRIES,
    _POLICIES,
    _CLAUSES,
    _ORDINALS,
]
# The application may take numbers, not set them.
_SEQUENCES = """
SELECT count(nextval(pg_get_serial_sequence(t, 'id')))
FROM unnest(ARRAY['auth_group', 'acls_acl', 'acls_policy', 'accounts_user']) t,
    generate_series(0, greatest(%(users)s + %(groups)s, %(acls)s, %(policies)s) + 1)
"""


def _run(statement: str, values: dict[str, int | str]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def user(number: int) -> User:
    """Return one of the people, by number from 1."""
    return User.objects.get(pk=number)
