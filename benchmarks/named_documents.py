"""A tenant of 160,000 documents with names, authors and kinds, and 1,000,000 passages.

It stands on `big_tenant`'s people and policies. Person 1 is admitted by every policy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import connection, transaction

from apps.connections.models import Connection
from apps.tenants.context import tenant_context, unrestricted_reading
from benchmarks import big_tenant
from benchmarks.big_tenant import BigTenant, Size

FULL = Size(users=1_000, groups=500, acls=5_000, policies=6_000, documents=160_000)
QUICK = Size(users=200, groups=100, acls=500, policies=600, documents=16_000)
SOURCES, AUTHORS, WORDS, FOLDERS = 20, 2_000, 30_000, 4_000
PASSAGES_PER_DOCUMENT = 6.25
_AT_ONCE = 20_000

_READS_ALL = """
INSERT INTO acls_aclentry (tenant_id, content_object_id, group_id, permission_id, ord, sticky)
SELECT a.tenant_id, a.id, 1, p.permission_id, 0, true
FROM acls_acl a CROSS JOIN (SELECT permission_id FROM acls_aclentry GROUP BY 1
    ORDER BY count(*) DESC LIMIT 1) p
ON CONFLICT DO NOTHING
"""
# Words as pronounceable as they have to be: three syllables by the digits of a number.
_WORD = """
CREATE TEMPORARY TABLE word ON COMMIT DROP AS SELECT n, string_agg(
    substr('bcdfghklmnprstvz', (n / 16 ^ k)::int %% 16 + 1, 1)
    || substr('aeiou', (n / 5 ^ k)::int %% 5 + 1, 1)
    || substr('lmnrst', (n / 6 ^ k)::int %% 6 + 1, 1), '' ORDER BY k) AS word
FROM generate_series(0, %(words)s - 1) n, generate_series(0, 2) k GROUP BY n
"""
# The lower a word's number, the more often it stands in a title, about as Zipf found.
_DOCUMENTS = """
INSERT INTO documents_document (tenant_id, connection_id, uuid, external_id, policy_id, title, path,
    url, mime_type, size_bytes, source_modified_at, author, classification, source_version, version,
    text_from_version, indexed_version, index_attempts, failure, failure_message, last_synced_at,
    created_at)
SELECT %(tenant)s, (%(connections)s::bigint[])[1 + (r.h %% %(sources)s)], gen_random_uuid(),
    'd' || series.n, 1 + (series.n * 7) %% %(policies)s, initcap(t.title),
    'folder ' || series.n %% 40 || '/' || (SELECT word FROM word WHERE word.n = r.h %% %(folders)s)
        || '/document-' || series.n || '.pdf', '',
    (ARRAY['application/pdf', 'text/markdown', 'text/html', 'message/rfc822', 'text/plain',
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        'application/vnd.openxmlformats-officedocument.presentationml.presentation',
        'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'])[1 + r.h / 7 %% 8],
    1, now() - (r.h %% 2000) * interval '1 day',
    (SELECT initcap(word) FROM word WHERE word.n = r.h %% 200) || ' '
        || (SELECT initcap(word) FROM word WHERE word.n = 200 + r.h %% %(authors)s),
    (ARRAY['public', 'internal', 'internal', 'internal', 'confidential', 'restricted'])
        [1 + r.h / 3 %% 6], '1', 1, 1, 1, 0, '', '', now(), now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) series(n)
CROSS JOIN LATERAL (SELECT hashint8(series.n) & 1073741823 AS h) r
CROSS JOIN LATERAL (SELECT string_agg(w.word, ' ') AS title FROM generate_series(1, 5) k
    JOIN word w
    ON w.n = (%(words)s ^ ((hashint8(series.n * 5 + k) & 1048575) / 1048576.0))::int - 1) t
"""
_PASSAGES = """
INSERT INTO search_chunk (tenant_id, document_id, policy_id, policy_ordinal, version, ordinal,
    start, "end", heading_path, text, token_count, sha256, lexemes)
SELECT tenant_id, id, policy_id, policy_id, 1, k, 0, 900, '[]',
    repeat(title || '. ', 20), 200, '', to_tsvector('simple', title)
FROM documents_document, generate_series(1, 7) k
WHERE k <= 6 OR id %% 4 = 0 ORDER BY id
"""


@dataclass(frozen=True)
class Named:
    """What stands in the database, and a title of it."""

    big: BigTenant
    title: str
    author: str


def build(size: Size, *, has_passages: bool = True) -> Named:
    """Write the tenant; takes some minutes in full size."""
    big = big_tenant.build(replace(size, documents=0))
    with tenant_context(big.tenant), unrestricted_reading():
        values: dict[str, Any] = {
            "tenant": big.tenant.pk,
            "connection": big.source.pk,
            "sources": SOURCES,
            "authors": AUTHORS,
            "words": WORDS,
            "folders": FOLDERS,
            "policies": size.policies,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE acls_aclentry SET ord = 1")
            cursor.execute(_READS_ALL)
            values["connections"] = _sources(big)
        for first in range(1, size.documents + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, size.documents)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_WORD, values)
                cursor.execute("CREATE UNIQUE INDEX ON word (n)")
                cursor.execute(_DOCUMENTS, {**values, "first": first, "last": last})
        with transaction.atomic(), connection.cursor() as cursor:
            if has_passages:
                cursor.execute(_PASSAGES, values)
            cursor.execute("SELECT title, author FROM documents_document ORDER BY id LIMIT 1")
            title, author = cursor.fetchone()
    big_tenant.settle()
    return Named(replace(big, size=size), title, author)


def _sources(big: BigTenant) -> list[int]:
    """Add sources to the one that there is, and return the ids of all."""
    made = Connection.objects.bulk_create(
        Connection(
            tenant=big.tenant,
            kind="memory",
            name=f"Source {number}",
            realm=f"{big_tenant.REALM}-{number}",
            permissions_max_age_s=big.source.permissions_max_age_s,
            permissions_confirmed_at=big.source.permissions_confirmed_at,
        )
        for number in range(2, SOURCES + 1)
    )
    return [big.source.pk, *(one.pk for one in made)]
