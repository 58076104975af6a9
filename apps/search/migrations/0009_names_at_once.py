"""The words of all documents of a statement are noted at once, and no foreign key is checked for each.

Only these triggers write `search_nameword`: from the document's own row, in its transaction. A
foreign key says nothing more about it; its check for each word was nearly all that storing a page
of a first sync cost, as long as no statistics told its cached plan how large the table had become.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from django.db import migrations

_TABLE = "search_nameword"
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
# The rows to be replaced have to be seen, whoever reads: a syncing worker reads as nobody. An
# error undoes the binding together with everything else since the last savepoint.
_DELETE = f"""
    PERFORM set_config('app.reader', '*', true);
    DELETE FROM {_TABLE} w USING {{documents}} d
    WHERE w.tenant_id = d.tenant_id AND w.document_id = d.id;
    PERFORM set_config('app.reader', reader, true);
"""
_DECLARE = "reader text := coalesce(current_setting('app.reader', true), '')"
_COMPARED = "tenant_id, id, title, path, author, policy_id, deleted_at"
_NAMED = f"SELECT {_COMPARED} FROM {{rows}}"
_CHANGED = f"({_NAMED.format(rows='new_rows')} EXCEPT {_NAMED.format(rows='old_rows')})"
_FUNCTIONS = [
    f"""
CREATE FUNCTION search_names_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_ROWS.format(documents="new_rows")};
    RETURN NULL;
END
$$
""",
    f"""
CREATE FUNCTION search_names_of_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    {_DECLARE};
BEGIN
    IF NOT EXISTS {_CHANGED} THEN
        RETURN NULL;
    END IF;
    {_DELETE.format(documents=_CHANGED)}
    {_ROWS.format(documents=_CHANGED)};
    RETURN NULL;
END
$$
""",
    f"""
CREATE FUNCTION search_names_of_gone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    {_DECLARE};
BEGIN
    {_DELETE.format(documents="old_rows")}
    RETURN NULL;
END
$$
""",
]
_AT_ONCE = "FOR EACH STATEMENT EXECUTE FUNCTION"
_TRIGGERS = [
    "CREATE TRIGGER search_names_of_new AFTER INSERT ON documents_document"
    f" REFERENCING NEW TABLE AS new_rows {_AT_ONCE} search_names_of_new()",
    "CREATE TRIGGER search_names_of_changed AFTER UPDATE ON documents_document"
    " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
    f" {_AT_ONCE} search_names_of_changed()",
    "CREATE TRIGGER search_names_of_gone AFTER DELETE ON documents_document"
    f" REFERENCING OLD TABLE AS old_rows {_AT_ONCE} search_names_of_gone()",
]


class Migration(migrations.Migration):
    dependencies = [("search", "0008_score_once")]

    operations = [
        migrations.RunSQL(
            [
                "DROP TRIGGER search_names_of_new ON documents_document",
                "DROP TRIGGER search_names_of_changed ON documents_document",
                "DROP FUNCTION search_note_names()",
                f"ALTER TABLE {_TABLE} DROP CONSTRAINT {_TABLE}_document_tenant_fk",
                *_FUNCTIONS,
                *_TRIGGERS,
            ]
        )
    ]
