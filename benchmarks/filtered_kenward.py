"""Kenward as one of the engines: a corpus in its tables, asked as the search asks it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.db import connection, connections, transaction
from django.utils import timezone
from numpy.typing import NDArray

from apps.accounts.models import User
from apps.acls import entries, placement, resolve
from apps.acls.readable import ReadableSet, Scope, bit_string
from apps.connections.models import Connection
from apps.documents.models import Document
from apps.search.models import Chunk
from apps.search.vectors import vector_index, vector_plan, vector_store
from apps.tenants.context import reader_context, tenant_context, unrestricted_reading
from apps.tenants.models import Tenant
from benchmarks.filtered_data import DIMENSION, REACHES, Corpus, Numbers, Vectors

# Numbers from 0 become ids from 1. Each policy is one place; each reader has entries on theirs.
_PEOPLE = [
    """INSERT INTO accounts_user (id, password, email, name, is_active, is_superuser, date_joined)
    SELECT n, '!', 'user' || n || '@bench.example', 'User ' || n, true, false, now()
    FROM generate_series(1, %(readers)s) n""",
    """INSERT INTO tenants_membership (tenant_id, user_id, role, is_active, is_guest, created_at)
    SELECT %(tenant)s, n, 'member', true, false, now() FROM generate_series(1, %(readers)s) n""",
    """INSERT INTO auth_group (id, name)
    SELECT n, 'benchmark:' || n FROM generate_series(1, %(readers)s) n""",
    """INSERT INTO acls_principal (tenant_id, group_ptr_id, uuid, realm, kind, external_id, label,
        email, is_active, members_known)
    SELECT %(tenant)s, n, gen_random_uuid(), 'benchmark', 'user', n::text, n::text, '', true, true
    FROM generate_series(1, %(readers)s) n""",
    """INSERT INTO acls_claim (tenant_id, user_id, principal_id, source, started_at)
    SELECT %(tenant)s, n, n, 'admin', now() FROM generate_series(1, %(readers)s) n""",
    """INSERT INTO acls_acl (tenant_id, id, uuid, realm, external_id, label, form, mode)
    SELECT %(tenant)s, n, gen_random_uuid(), 'benchmark', n::text, n::text, 'place', 'add'
    FROM generate_series(1, %(policies)s) n""",
    """INSERT INTO acls_policy (tenant_id, id, ordinal, fingerprint, clause_count)
    SELECT %(tenant)s, n, n, 'benchmark' || n, 1 FROM generate_series(1, %(policies)s) n""",
    """INSERT INTO acls_policyclause (tenant_id, policy_id, clause, acl_id, clause_count, ordinal)
    SELECT %(tenant)s, n, 0, n, 1, n FROM generate_series(1, %(policies)s) n""",
    "UPDATE acls_placement SET next_ordinal = %(policies)s + 1",
]
_ENTRIES = """
INSERT INTO acls_aclentry (tenant_id, content_object_id, group_id, permission_id, ord, sticky)
SELECT %(tenant)s, acl, %(reader)s, %(view)s, 0, false FROM unnest(%(acls)s::bigint[]) acl
"""
_STAGE = """
CREATE TEMP TABLE staged (
    id bigint, document_id bigint, policy_id bigint, embedding halfvec) ON COMMIT DROP
"""
# The columns that matter here over a row made by the application, whatever else a row has.
_DOCUMENTS = """
INSERT INTO documents_document SELECT (jsonb_populate_record(t, jsonb_build_object(
    'id', s.document_id, 'uuid', gen_random_uuid(), 'external_id', 'd' || s.document_id,
    'path', 'd/' || s.document_id, 'policy_id', s.policy_id))).*
FROM documents_document t, (SELECT DISTINCT document_id, policy_id FROM staged) s
WHERE t.external_id = 'template'
"""
_CHUNKS = """
INSERT INTO search_chunk SELECT (jsonb_populate_record(t, jsonb_build_object(
    'id', s.id, 'document_id', s.document_id, 'policy_id', s.policy_id,
    'policy_ordinal', s.policy_id, 'ordinal', s.id))).*
FROM search_chunk t, staged s WHERE t.id = -1
"""
_VECTORS = """
INSERT INTO search_chunkvector (tenant_id, id, document_id, policy_id, policy_ordinal, embedding)
SELECT %(tenant)s, id, document_id, policy_id, policy_id, embedding FROM staged
"""
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            (f"{name}{part}", kind)
            for name in "idp"
            for part, kind in (("size", ">i4"), ("", ">i8"))
        ),
        ("size", ">i4"),
        ("dimension", ">i2"),
        ("unused", ">i2"),
        ("vector", ">f2", DIMENSION),
    ]
)
_AT_ONCE = 99_996  # whole documents


class Kenward:
    """Its own `vector_store.nearest`, over readable sets that `acls` computed."""

    name = "Kenward"
    chunks = _CHUNKS

    def __init__(self) -> None:
        self.load_s = self.index_s = 0.0
        self._tenant, self._is_new = Tenant.objects.get_or_create(
            slug="benchmark", defaults={"name": "Benchmark"}
        )
        self._scope: Scope | None = None

    def build(self, corpus: Corpus) -> None:
        """Load the rows, then make the index; in a database that has them nothing is loaded."""
        if self._is_new:
            self._load(corpus)

    def _load(self, corpus: Corpus) -> None:
        started = time.perf_counter()
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"DROP INDEX {vector_index.name(DIMENSION)}")
        with tenant_context(self._tenant), unrestricted_reading():
            self._permissions(corpus)
            for first in range(0, len(corpus.vectors), _AT_ONCE):
                self._passages(corpus, slice(first, first + _AT_ONCE))
        loaded = time.perf_counter()
        with connections["owner"].cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '4GB'")
            cursor.execute("SET max_parallel_maintenance_workers = 1")
            vector_index.create(connections["owner"], DIMENSION)
            cursor.execute("ANALYZE")
        self.load_s, self.index_s = loaded - started, time.perf_counter() - loaded

    @contextmanager
    def asking(self, reach: str, only: Numbers | None = None) -> Iterator[None]:
        """Hold one transaction open, as a request does, with a reader bound.

        Args:
            reach: whose policies.
            only: some of them instead of all, ascending.
        """
        with tenant_context(self._tenant):
            with transaction.atomic(), connection.cursor() as cursor:
                # As the scheduler does: what nobody looks after is hidden after a quarter hour.
                cursor.execute("UPDATE acls_placement SET attended_at = now()")
            readable = self._readable(reach)
            if only is not None:
                bits = bit_string(only + 1)
                readable = dataclasses.replace(readable, ids=only + 1, bits=bits)
            with transaction.atomic(), reader_context(readable.bits):
                vector_plan.forget()
                self._scope = readable.scope()
                yield

    def _readable(self, reach: str) -> ReadableSet:
        with transaction.atomic():
            number = list(REACHES).index(reach) + 1
            return resolve.compute(User.objects.get(pk=number))

    def nearest(self, reach: str, question: Vectors, count: int) -> Numbers:
        """Return the numbers of the nearest passages that the reader may see, best first."""
        if self._scope is None:
            raise RuntimeError("Nobody asks: enter `asking` first.")
        found = vector_store.nearest(self._scope, question, count)
        if not found.ok:
            raise RuntimeError("Nothing changes here, so the guard has to hold.")
        return np.array([hit.chunk_id - 1 for hit in found.hits], np.int64)

    def _permissions(self, corpus: Corpus) -> None:
        values = {
            "tenant": self._tenant.pk,
            "readers": len(REACHES),
            "policies": corpus.policy_count,
            "view": entries.permission_ids()[True],
        }
        with transaction.atomic(), connection.cursor() as cursor:
            placement.ensure()
            for statement in _PEOPLE:
                cursor.execute(statement, values)
            for number, policies in enumerate(corpus.readers.values(), start=1):
                acls = (policies + 1).tolist()
                cursor.execute(_ENTRIES, {**values, "reader": number, "acls": acls})
        with transaction.atomic():
            self._templates()

    def _templates(self) -> None:
        source = Connection.objects.create(
            tenant=self._tenant,
            kind="memory",
            name="Benchmark",
            realm="benchmark",
            permissions_max_age_s=7 * 24 * 3600,
            permissions_confirmed_at=timezone.now(),
        )
        document = Document.objects.create(
            tenant=self._tenant,
            pk=-1,
            connection=source,
            external_id="template",
            policy_id=1,
            title="Document",
            path="template",
            source_version="1",
            indexed_version=1,
            last_synced_at=timezone.now(),
        )
        Chunk.objects.create(
            tenant=self._tenant,
            pk=-1,
            document=document,
            policy_id=1,
            policy_ordinal=1,
            version=1,
            ordinal=0,
            start=0,
            end=1,
            text="-",
            token_count=1,
            sha256="",
        )

    def _passages(self, corpus: Corpus, part: slice) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            self._stage(cursor, corpus, part)
            for statement in (_DOCUMENTS, self.chunks, _VECTORS):
                cursor.execute(statement, {"tenant": self._tenant.pk})

    def _stage(self, cursor: Any, corpus: Corpus, part: slice) -> None:
        """Put rows of the corpus where the statements that fill the tables find them."""
        cursor.execute(_STAGE)
        with cursor.copy("COPY staged FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_COPY_HEADER)
            copy.write(_wire(corpus, part))
            copy.write(b"\xff\xff")


def _wire(corpus: Corpus, part: slice) -> bytes:
    """Return the rows as COPY takes them in binary."""
    vectors = corpus.vectors[part]
    rows: NDArray[np.void] = np.zeros(len(vectors), _ROW)
    rows["fields"] = 4
    rows["isize"] = rows["dsize"] = rows["psize"] = 8
    rows["i"] = np.arange(part.start, part.start + len(vectors)) + 1
    rows["d"] = corpus.documents[part] + 1
    rows["p"] = corpus.policies[part] + 1
    rows["size"] = 4 + 2 * DIMENSION
    rows["dimension"] = DIMENSION
    rows["vector"] = vectors
    return rows.tobytes()
