"""The words in the names of documents, for suggestions and slips of the pen; kept searches.

`search_nameword` holds one row for each word of a document's title and file name, of its author and
of its folders. A trigger on the documents writes it, so that it is never behind: a document that
moves or goes takes its words with it in the same transaction. Only operators that are leakproof
(`=`, `<`, `>=` of text) are ever asked of it, so its key is used under row-level security.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.tenants.row_security import (
    SecureTenantTable,
    policy_statements,
    reader_statements,
    reads_ordinal,
)

_TABLE = "search_nameword"
_READ = ("documents_document", "acls_policy", _TABLE)

# Accents fold, case folds; what is no letter or digit parts words, of at most 40 characters.
_WORDS = """
CREATE FUNCTION search_name_words(said text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT word COLLATE "C" FROM regexp_split_to_table(
        lower(regexp_replace(normalize(left(said, 2000), NFKD), '[\u0300-\u036f]', '', 'g')
            COLLATE pg_c_utf8),
        '[^[:alnum:]]+' COLLATE pg_c_utf8) word
    WHERE length(word) BETWEEN 1 AND 40
$$
"""
_TABLE_ITSELF = f"""
CREATE TABLE {_TABLE} (
    tenant_id bigint NOT NULL,
    word text COLLATE "C" NOT NULL,
    field "char" NOT NULL,
    document_id bigint NOT NULL,
    policy_id bigint NOT NULL,
    policy_ordinal integer NOT NULL,
    PRIMARY KEY (tenant_id, word, field, document_id) INCLUDE (policy_id, policy_ordinal),
    CONSTRAINT {_TABLE}_document_tenant_fk FOREIGN KEY (tenant_id, document_id)
        REFERENCES documents_document (tenant_id, id) ON DELETE CASCADE
)
"""
# t: title and name of the file; a: author; f: the folders above.
_ROWS = f"""
INSERT INTO {_TABLE} (tenant_id, word, field, document_id, policy_id, policy_ordinal)
SELECT d.tenant_id, word, named.field, d.id, d.policy_id, p.ordinal
FROM {{documents}} d
JOIN acls_policy p ON p.tenant_id = d.tenant_id AND p.id = d.policy_id
CROSS JOIN LATERAL (VALUES
    ('t'::"char", d.title || ' ' || regexp_replace(d.path, '^.*/', '')),
    ('a'::"char", d.author),
    ('f'::"char", CASE WHEN d.path ~ '/' THEN regexp_replace(d.path, '/[^/]*$', '') ELSE '' END)
) named(field, said)
CROSS JOIN LATERAL search_name_words(named.said) word
WHERE d.deleted_at IS NULL
"""
# The rows that it replaces have to be seen, whoever reads: a syncing worker reads as nobody. An
# error undoes the binding together with everything else since the last savepoint.
_NOTE = f"""
CREATE FUNCTION search_note_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reader text := coalesce(current_setting('app.reader', true), '');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM set_config('app.reader', '*', true);
        DELETE FROM {_TABLE} WHERE tenant_id = OLD.tenant_id AND document_id = OLD.id;
        PERFORM set_config('app.reader', reader, true);
    END IF;
    {_ROWS.format(documents="(SELECT NEW.*)")};
    RETURN NULL;
END
$$
"""
_CHANGED = " OR ".join(
    f"OLD.{column} IS DISTINCT FROM NEW.{column}"
    for column in ("title", "path", "author", "policy_id", "deleted_at")
)
_TRIGGERS = [
    "CREATE TRIGGER search_names_of_new AFTER INSERT ON documents_document"
    " FOR EACH ROW EXECUTE FUNCTION search_note_names()",
    "CREATE TRIGGER search_names_of_changed AFTER UPDATE ON documents_document"
    f" FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION search_note_names()",
]
# One document in sixteen, from which `facets` estimates what is too many to count.
_SAMPLE = """
CREATE INDEX search_document_sample ON documents_document (tenant_id, policy_id)
WHERE deleted_at IS NULL AND (hashint8(id) & 15) = 0
"""


def _forced(forced: str) -> list[str]:
    # The owner, too, sees no row of a table whose row-level security is forced.
    return [f"ALTER TABLE {table} {forced} ROW LEVEL SECURITY" for table in _READ]


def _names() -> list[str]:
    return [
        "SET CONSTRAINTS ALL IMMEDIATE",
        _WORDS,
        _TABLE_ITSELF,
        f"CREATE INDEX {_TABLE}_by_document ON {_TABLE} (tenant_id, document_id)",
        *policy_statements(_TABLE),
        *reader_statements(_TABLE, reads_ordinal("policy_ordinal")),
        *_forced("NO FORCE"),
        _ROWS.format(documents="documents_document"),
        *_forced("FORCE"),
        _NOTE,
        *_TRIGGERS,
        _SAMPLE,
    ]


def _of_every_table():
    key = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    tenant = models.ForeignKey(
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenants.tenant",
    )
    owner = models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )
    return [("id", key), ("tenant", tenant), ("owner", owner)]


class Migration(migrations.Migration):
    dependencies = [
        ("search", "0006_search_settings"),
        ("documents", "0007_author"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(_names()),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                *_of_every_table(),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=200)),
                ("query", models.CharField(blank=True, max_length=2000)),
                ("filters", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "uuid"], name="savedsearch_uuid_once"
                    ),
                    models.UniqueConstraint(
                        fields=["tenant", "owner", "name"], name="savedsearch_name_once"
                    ),
                ],
            },
        ),
        SecureTenantTable("SavedSearch"),
        migrations.CreateModel(
            name="RecentSearch",
            fields=[
                *_of_every_table(),
                ("query", models.CharField(max_length=200)),
                ("searched_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "owner", "query"], name="recentsearch_query_once"
                    )
                ],
            },
        ),
        SecureTenantTable("RecentSearch"),
    ]
