"""Which policy, which class, and whether deleted: every state of every document, by triggers.

Statement-level, on tables of a few narrow columns: a page of 200 documents costs one statement
more. Most updates of documents (indexing) change none of it and leave nothing behind.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import apps.acls.fields
from apps.tenants.row_security import SecureTenantTable

TRIGGERS = """
CREATE FUNCTION documents_history_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bound bigint;
BEGIN
    FOR bound IN SELECT DISTINCT n.tenant_id FROM new_rows n LOOP
        PERFORM acls_note_transaction(bound);
    END LOOP;
    INSERT INTO documents_documenthistory
        (tenant_id, document_id, policy_id, classification, is_deleted, from_xid)
    SELECT tenant_id, id, policy_id, classification, deleted_at IS NOT NULL, pg_current_xact_id()
    FROM new_rows;
    RETURN NULL;
END $$;
CREATE TRIGGER history_insert AFTER INSERT ON documents_document
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION documents_history_insert();

CREATE FUNCTION documents_history_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bound bigint;
    touched bigint[];
BEGIN
    FOR bound, touched IN
        SELECT c.tenant_id, array_agg(c.id) FROM (
            SELECT tenant_id, id, policy_id, classification, deleted_at IS NULL FROM new_rows
            EXCEPT
            SELECT tenant_id, id, policy_id, classification, deleted_at IS NULL FROM old_rows
        ) c GROUP BY c.tenant_id
    LOOP
        PERFORM acls_note_transaction(bound);
        UPDATE documents_documenthistory h SET to_xid = pg_current_xact_id()
        WHERE h.tenant_id = bound AND h.document_id = ANY (touched) AND h.to_xid IS NULL;
        INSERT INTO documents_documenthistory
            (tenant_id, document_id, policy_id, classification, is_deleted, from_xid)
        SELECT n.tenant_id, n.id, n.policy_id, n.classification, n.deleted_at IS NOT NULL,
            pg_current_xact_id()
        FROM new_rows n WHERE n.tenant_id = bound AND n.id = ANY (touched);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER history_update AFTER UPDATE ON documents_document
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION documents_history_update();

CREATE FUNCTION documents_history_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bound bigint;
    touched bigint[];
BEGIN
    FOR bound, touched IN SELECT tenant_id, array_agg(id) FROM old_rows GROUP BY tenant_id LOOP
        PERFORM acls_note_transaction(bound);
        UPDATE documents_documenthistory h SET to_xid = pg_current_xact_id()
        WHERE h.tenant_id = bound AND h.document_id = ANY (touched) AND h.to_xid IS NULL;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER history_delete AFTER DELETE ON documents_document
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION documents_history_delete();

CREATE TRIGGER never_rewritten BEFORE UPDATE ON documents_documenthistory
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION acls_refuse_rewriting();
CREATE TRIGGER kept BEFORE DELETE ON documents_documenthistory
    FOR EACH ROW EXECUTE FUNCTION acls_keep_history();
"""

NO_INDEX_ON_THE_TENANT_ALONE = """
DO $$ DECLARE superfluous regclass; BEGIN
    FOR superfluous IN
        SELECT i.indexrelid FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
        WHERE t.relname = 'documents_documenthistory'
            AND t.relnamespace = 'public'::regnamespace AND i.indnatts = 1
            AND i.indkey[0] = a.attnum AND i.indpred IS NULL AND NOT i.indisunique
    LOOP
        EXECUTE 'DROP INDEX ' || superfluous;
    END LOOP;
END $$;
"""

# Without a row in `acls_transaction` a state counts as one that has always been.
WHAT_STANDS = """
DO $$ DECLARE bound bigint; BEGIN
    FOR bound IN SELECT id FROM tenants_tenant ORDER BY id LOOP
        PERFORM set_config('app.tenant_id', bound::text, true);
        INSERT INTO documents_documenthistory
            (tenant_id, document_id, policy_id, classification, is_deleted, from_xid)
        SELECT tenant_id, id, policy_id, classification, deleted_at IS NOT NULL,
            pg_current_xact_id()
        FROM documents_document WHERE tenant_id = bound;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("acls", "0005_history"), ("documents", "0004_class_rules")]

    operations = [
        migrations.CreateModel(
            name="DocumentHistory",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("document_id", models.BigIntegerField()),
                ("policy_id", models.BigIntegerField()),
                ("classification", models.CharField(max_length=20)),
                ("is_deleted", models.BooleanField()),
                ("from_xid", apps.acls.fields.TransactionIdField()),
                ("to_xid", apps.acls.fields.TransactionIdField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(("to_xid__isnull", False)),
                        fields=["tenant", "document_id"],
                        name="documenthistory_past",
                    ),
                    models.Index(fields=["tenant", "policy_id"], name="documenthistory_by_policy"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("to_xid", None)),
                        fields=("tenant", "document_id"),
                        name="documenthistory_one_state",
                    )
                ],
            },
        ),
        SecureTenantTable("DocumentHistory"),
        migrations.RunSQL(NO_INDEX_ON_THE_TENANT_ALONE),
        migrations.RunSQL(TRIGGERS),
        migrations.RunSQL(WHAT_STANDS),
    ]
