"""Terms of passages with their BM25 impacts, how many passages have each, and the search in them.

`@@` and `&&` are not leakproof: under row-level security PostgreSQL never lets them drive an index.
So the terms are searched by one function of the owner, which applies the tenant and the reader's
bits itself, in the very words of the policies, and returns ids and scores. Row-level security holds
for the application, but is not forced on the owner of this one table; nothing else runs as owner
but migrations.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

import django.contrib.postgres.fields
import pgvector.django.sparsevec
from django.conf import settings
from django.db import migrations, models

from apps.tenants.row_security import (
    BOUND_TENANT,
    READS_EVERYTHING,
    policy_statements,
    reader_statements,
    reads_ordinal,
)

_TERMS = "search_chunkterms"
_PARTITIONS = [f"{_TERMS}_{remainder}" for remainder in range(16)]


def _protected(table: str) -> list[str]:
    """Return the SQL of both walls, which hold for everybody but the table's owner."""
    forced = f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    walls = policy_statements(table) + reader_statements(table, reads_ordinal("policy_ordinal"))
    return [statement for statement in walls if statement != forced]


def _terms_table() -> list[str]:
    """Return the SQL of the table: narrow, partitioned by tenant; rows lie in line."""
    statements = [
        f"""
        CREATE TABLE {_TERMS} (
            tenant_id bigint NOT NULL,
            id bigint NOT NULL,
            document_id bigint NOT NULL,
            policy_id bigint NOT NULL,
            policy_ordinal integer NOT NULL,
            language text NOT NULL,
            terms integer[] STORAGE MAIN NOT NULL,
            impacts sparsevec STORAGE MAIN NOT NULL,
            PRIMARY KEY (tenant_id, id),
            CONSTRAINT {_TERMS}_id_tenant_fk FOREIGN KEY (tenant_id, id)
                REFERENCES search_chunk (tenant_id, id) ON DELETE CASCADE
        ) PARTITION BY HASH (tenant_id)
        """,
    ]
    for remainder, partition in enumerate(_PARTITIONS):
        statements += [
            f"CREATE TABLE {partition} PARTITION OF {_TERMS}"
            f" FOR VALUES WITH (MODULUS {len(_PARTITIONS)}, REMAINDER {remainder})"
            # Nothing is compressed or moved out of line while it fits on a page.
            " WITH (toast_tuple_target = 8160)",
            *_protected(partition),
        ]
    return [
        *statements,
        f"CREATE INDEX {_TERMS}_policy ON {_TERMS} (tenant_id, policy_id)",
        f"CREATE INDEX {_TERMS}_document ON {_TERMS} (tenant_id, document_id)",
        f"CREATE INDEX {_TERMS}_terms ON {_TERMS} USING gin (terms)"
        # A search reads the whole list of what is not sorted in yet: keep it short.
        " WITH (gin_pending_list_limit = 256)",
        *_protected(_TERMS),
    ]


_COUNTS = [
    """
    CREATE TABLE search_termcount (
        tenant_id bigint NOT NULL REFERENCES tenants_tenant,
        term integer NOT NULL,
        passages integer NOT NULL,
        PRIMARY KEY (tenant_id, term)
    ) WITH (fillfactor = 70)
    """,
    *policy_statements("search_termcount"),
    """
    CREATE TABLE search_languagecount (
        tenant_id bigint NOT NULL REFERENCES tenants_tenant,
        language text NOT NULL,
        passages bigint NOT NULL,
        PRIMARY KEY (tenant_id, language)
    )
    """,
    *policy_statements("search_languagecount"),
]
# Two writers of one tenant meet at its common words anyway; the lock lets them do so in an order.
_LOCK = "pg_advisory_xact_lock(hashtextextended('search_termcount', tenant_id))"
_COUNT = f"""
CREATE FUNCTION kenward_count_terms() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    step integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    PERFORM {_LOCK} FROM (SELECT DISTINCT tenant_id FROM changed ORDER BY 1) writers;
    INSERT INTO search_languagecount AS held (tenant_id, language, passages)
        SELECT tenant_id, language, step * count(*) FROM changed GROUP BY 1, 2
        ON CONFLICT (tenant_id, language) DO UPDATE SET passages = held.passages + excluded.passages;
    INSERT INTO search_termcount AS held (tenant_id, term, passages)
        SELECT c.tenant_id, t.term, step * count(*) FROM changed c, unnest(c.terms) t(term)
        GROUP BY 1, 2
        ON CONFLICT (tenant_id, term) DO UPDATE SET passages = held.passages + excluded.passages;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM search_termcount held USING (
            SELECT DISTINCT c.tenant_id, t.term FROM changed c, unnest(c.terms) t(term)) gone
        WHERE held.tenant_id = gone.tenant_id AND held.term = gone.term AND held.passages = 0;
    END IF;
    RETURN NULL;
END $$
"""
_REFUSE = """
CREATE FUNCTION kenward_refuse_changed_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The terms of a passage are replaced, not changed: they are counted.';
END $$
"""
_TRIGGERS = [
    f"CREATE TRIGGER count_added AFTER INSERT ON {_TERMS} REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION kenward_count_terms()",
    f"CREATE TRIGGER count_gone AFTER DELETE ON {_TERMS} REFERENCING OLD TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION kenward_count_terms()",
    f"CREATE TRIGGER refuse_changed BEFORE UPDATE OF tenant_id, language, terms ON {_TERMS}"
    " FOR EACH ROW EXECUTE FUNCTION kenward_refuse_changed_terms()",
]
_ARGUMENTS = "integer[], integer[], sparsevec, tsquery, bigint[], bigint[], integer"
# The order by id makes equal scores come in the same order by either plan. What is asked of the
# policies comes as "+ 0", and index scans are off, because only the index on terms is any good here.
_SEARCH = f"""
CREATE FUNCTION kenward_search_terms(
    matching integer[],     -- any of these is in each passage that is found
    required integer[],     -- and all of these
    question sparsevec,     -- what each term of the question counts
    phrases tsquery,        -- and this matches; NULL: no phrase
    policies bigint[],      -- those asked for; the bound reader's are meant anyway
    documents bigint[],     -- only these; NULL: all
    most integer)
RETURNS TABLE (id bigint, score float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    bound bigint := {BOUND_TENANT};
    -- With a reader's bits bound, these are the policies asked for, and much faster to look at.
    asked bigint[] := CASE WHEN {READS_EVERYTHING} THEN policies END;
BEGIN
    IF bound IS NULL THEN RETURN; END IF;
    RETURN QUERY
        SELECT t.id, -(t.impacts <#> question) AS score
        FROM {_TERMS} t
        WHERE t.tenant_id = bound
          AND t.terms && matching
          AND (cardinality(required) = 0 OR t.terms @> required)
          AND {reads_ordinal("t.policy_ordinal")}
          AND (asked IS NULL OR t.policy_id + 0 IN (SELECT unnest(asked)))
          AND (documents IS NULL OR t.document_id + 0 IN (SELECT unnest(documents)))
          AND (phrases IS NULL OR kenward_has_phrases(bound, t.id, phrases))
        ORDER BY t.impacts <#> question, t.id
        LIMIT most;
END $$
"""
# A function of its own, since index scans are off in the other.
_HAS_PHRASES = """
CREATE FUNCTION kenward_has_phrases(tenant bigint, chunk bigint, phrases tsquery) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_indexscan = on AS $$
BEGIN
    RETURN EXISTS (SELECT FROM search_chunk c
                   WHERE c.tenant_id = tenant AND c.id = chunk AND c.lexemes @@ phrases);
END $$
"""


def only_for_the_application(apps, schema_editor):
    role = schema_editor.connection.ops.quote_name(settings.DATABASES["default"]["USER"])
    function = f"kenward_search_terms({_ARGUMENTS})"
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")


# Every document is read again; passages that are as before keep their vectors.
_AGAIN = [
    "ALTER TABLE documents_document NO FORCE ROW LEVEL SECURITY",
    "UPDATE documents_document SET indexed_version = 0, index_attempts = 0, index_after = NULL"
    " WHERE deleted_at IS NULL AND chunks_policy_id IS NOT NULL",
    "ALTER TABLE documents_document FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [("search", "0003_question_sets")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_terms_table())],
            state_operations=[
                migrations.CreateModel(
                    name="ChunkTerms",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("document_id", models.BigIntegerField()),
                        ("policy_id", models.BigIntegerField()),
                        ("policy_ordinal", models.IntegerField()),
                        ("language", models.TextField()),
                        (
                            "terms",
                            django.contrib.postgres.fields.ArrayField(models.IntegerField()),
                        ),
                        ("impacts", pgvector.django.sparsevec.SparseVectorField()),
                    ],
                    options={"db_table": _TERMS, "managed": False},
                ),
            ],
        ),
        migrations.RunSQL([*_COUNTS, _COUNT, _REFUSE, *_TRIGGERS]),
        migrations.RunSQL([_HAS_PHRASES, _SEARCH]),
        migrations.RunPython(only_for_the_application, migrations.RunPython.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RunSQL(_AGAIN),
    ]
