"""The past: each state of every row that decides about reading, written by triggers.

An interval belongs to the transactions that began and ended it (`xid8`), so that a snapshot says
exactly what it saw; `acls_transaction` says when each was committed. Statement-level triggers with
transition tables: a page of a sync costs a few statements more, not a few for each row. What only
confirms a row (`observed_at`, `brought_by`, a label) begins no new state.

A connection's confirmations come every few minutes. Only a gap begins a new state: as long as the
next one arrives before the last has become too old, the open state's `confirmed_at` moves on.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from dataclasses import dataclass

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import apps.acls.fields
from apps.tenants.row_security import SecureTenantTable


@dataclass(frozen=True)
class Relation:
    """What is kept of a table; `beside` is kept too, but a change of it alone is no new state."""

    name: str
    table: str
    key: str
    other: str
    kept: str
    beside: str = ""
    row_id: str = "id"


RELATIONS = [
    Relation(
        "entry",
        "acls_aclentry",
        "content_object_id",
        "group_id",
        "permission_id ord sticky starts_at expires_at level",
        "observed_at brought_by",
    ),
    Relation("edge", "acls_edge", "member_id", "group_id", "expires_at", "observed_at brought_by"),
    Relation("claim", "acls_claim", "user_id", "principal_id", "source ended_at", "started_at"),
    Relation("acl", "acls_acl", "id", "parent_id", "realm form mode", "observed_at brought_by"),
    Relation(
        "principal",
        "acls_principal",
        "group_ptr_id",
        "NULL::bigint",
        "realm kind is_active members_known deleted_at",
        "observed_at",
        row_id="group_ptr_id",
    ),
    Relation("membership", "tenants_membership", "user_id", "NULL::bigint", "is_active is_guest"),
    Relation("clause", "acls_policyclause", "policy_id", "acl_id", "clause clause_count"),
]
CONNECTION = Relation(
    "connection",
    "connections_connection",
    "id",
    "NULL::bigint",
    "realm permissions_max_age_s when_stale permissions_confirmed_at",
)

NOTE_TRANSACTION = """
CREATE FUNCTION acls_note_transaction(bound bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO acls_transaction (tenant_id, xid) VALUES (bound, pg_current_xact_id())
    ON CONFLICT (tenant_id, xid) DO NOTHING
$$;

-- At the commit another tenant, or none, may be bound.
CREATE FUNCTION acls_stamp_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    caller text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    PERFORM set_config('app.tenant_id', NEW.tenant_id::text, true);
    UPDATE acls_transaction SET committed_at = clock_timestamp()
    WHERE tenant_id = NEW.tenant_id AND xid = NEW.xid;
    PERFORM set_config('app.tenant_id', caller, true);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER stamp_at_commit AFTER INSERT ON acls_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION acls_stamp_transaction();
"""

# Only triggers change a state, and only by ending it or by confirming it.
PROTECT = """
CREATE FUNCTION acls_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the permission history is written by triggers alone';
END $$;

CREATE FUNCTION acls_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended timestamptz;
    kept interval;
BEGIN
    SELECT make_interval(days => history_days) INTO kept
    FROM tenants_tenant WHERE id = OLD.tenant_id;
    IF TG_TABLE_NAME = 'acls_transaction' THEN
        ended := coalesce(OLD.committed_at, 'infinity');
    ELSIF OLD.to_xid IS NULL THEN
        ended := 'infinity';
    ELSE
        SELECT coalesce(committed_at, 'infinity') INTO ended FROM acls_transaction
        WHERE tenant_id = OLD.tenant_id AND xid = OLD.to_xid;
    END IF;
    IF ended > statement_timestamp() - kept THEN
        RAISE EXCEPTION 'the permission history is kept for %', kept;
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER never_rewritten BEFORE UPDATE ON acls_history
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION acls_refuse_rewriting();
CREATE TRIGGER never_rewritten BEFORE UPDATE ON acls_transaction
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION acls_refuse_rewriting();
CREATE TRIGGER kept BEFORE DELETE ON acls_history
    FOR EACH ROW EXECUTE FUNCTION acls_keep_history();
CREATE TRIGGER kept BEFORE DELETE ON acls_transaction
    FOR EACH ROW EXECUTE FUNCTION acls_keep_history();
"""

# Who is everybody, and whose members are unknown, is asked for by no key.
INDEX_WITHOUT_KEYS = """
CREATE INDEX history_principal_at_large ON acls_history (tenant_id)
WHERE relation = 'principal'
    AND (data->>'kind' IN ('members', 'everyone') OR data->>'members_known' = 'false');
CREATE INDEX history_few ON acls_history (tenant_id, relation)
WHERE relation IN ('connection', 'membership');
"""

NO_INDEX_ON_THE_TENANT_ALONE = """
DO $$ DECLARE superfluous regclass; BEGIN
    FOR superfluous IN
        SELECT i.indexrelid FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
        WHERE t.relname IN ('acls_history', 'acls_transaction')
            AND t.relnamespace = 'public'::regnamespace AND i.indnatts = 1
            AND i.indkey[0] = a.attnum AND i.indpred IS NULL AND NOT i.indisunique
    LOOP
        EXECUTE 'DROP INDEX ' || superfluous;
    END LOOP;
END $$;
"""

_END = """UPDATE acls_history h SET to_xid = pg_current_xact_id()
        WHERE h.tenant_id = bound AND h.relation = '{name}' AND h.row_id = ANY (touched)
            AND h.to_xid IS NULL"""


def _begin(of: Relation, rows: str, condition: str) -> str:
    data = ", ".join(f"'{column}', r.{column}" for column in f"{of.kept} {of.beside}".split())
    other = of.other if of.other.startswith("NULL") else f"r.{of.other}"
    return f"""INSERT INTO acls_history
            (tenant_id, relation, row_id, key, other, data, from_xid)
        SELECT r.tenant_id, '{of.name}', r.{of.row_id}, r.{of.key}, {other},
            jsonb_build_object({data}), pg_current_xact_id()
        FROM {rows} r WHERE {condition}"""


def _changed(of: Relation) -> str:
    columns = ["tenant_id", of.row_id, of.key, *of.kept.split()]
    columns += [] if of.other.startswith("NULL") else [of.other]
    named = ", ".join(dict.fromkeys(columns))
    return f"(SELECT {named} FROM new_rows EXCEPT SELECT {named} FROM old_rows)"


def _trigger(of: Relation, event: str, source: str, steps: list[str]) -> str:
    """Return the SQL of a trigger that runs the steps for each tenant's `touched` rows."""
    tables = {
        "INSERT": "NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }[event]
    name = f"acls_history_{of.name}_{event.lower()}"
    body = ";\n        ".join(steps)
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bound bigint;
    touched bigint[];
BEGIN
    FOR bound, touched IN
        SELECT c.tenant_id, array_agg(c.{of.row_id}) FROM {source} c GROUP BY c.tenant_id
    LOOP
        PERFORM acls_note_transaction(bound);
        {body};
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER history_{event.lower()} AFTER {event} ON {of.table} REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


def _kept(of: Relation, changed: str) -> str:
    end = _END.format(name=of.name)
    begin = _begin(of, "new_rows", f"r.tenant_id = bound AND r.{of.row_id} = ANY (touched)")
    return "".join(
        [
            _trigger(of, "INSERT", "new_rows", [begin]),
            _trigger(of, "DELETE", "old_rows", [end]),
            _trigger(of, "UPDATE", changed, [end, begin]),
        ]
    )


# What the source has confirmed without a gap is one state; its time moves on in place.
_CONNECTION_CHANGED = """(
        SELECT n.tenant_id, n.id FROM new_rows n
        JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id
        WHERE (n.realm, n.permissions_max_age_s, n.when_stale)
                <> (o.realm, o.permissions_max_age_s, o.when_stale)
            OR (n.permissions_confirmed_at IS NULL) <> (o.permissions_confirmed_at IS NULL)
            OR n.permissions_confirmed_at < o.permissions_confirmed_at
            OR (n.permissions_confirmed_at > o.permissions_confirmed_at
                AND o.permissions_confirmed_at + make_interval(secs => o.permissions_max_age_s)
                    <= clock_timestamp()))"""

CONFIRMED = """
CREATE FUNCTION acls_history_connection_confirmed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE acls_history h
    SET data = jsonb_set(h.data, '{permissions_confirmed_at}', to_jsonb(n.permissions_confirmed_at))
    FROM new_rows n
    JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id
        AND o.permissions_confirmed_at < n.permissions_confirmed_at
    WHERE h.tenant_id = n.tenant_id AND h.relation = 'connection' AND h.row_id = n.id
        AND h.to_xid IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER history_update_confirmed AFTER UPDATE ON connections_connection
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_history_connection_confirmed();
"""


def _what_stands() -> str:
    """Return the SQL that begins a state for each row there is, one tenant after the other."""
    begin = ";\n        ".join(
        _begin(of, of.table, "r.tenant_id = bound") for of in [*RELATIONS, CONNECTION]
    )
    return f"""
DO $$ DECLARE bound bigint; BEGIN
    FOR bound IN SELECT id FROM tenants_tenant ORDER BY id LOOP
        PERFORM set_config('app.tenant_id', bound::text, true);
        PERFORM acls_note_transaction(bound);
        {begin};
        UPDATE acls_placement SET history_from = statement_timestamp() WHERE tenant_id = bound;
        INSERT INTO acls_placement (tenant_id, incarnation, floor_xid, next_ordinal, history_from)
        VALUES (bound, gen_random_uuid(), '0', 1, statement_timestamp()) ON CONFLICT DO NOTHING;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0004_shared_by_permissions"),
        ("connections", "0002_shared_by_permissions"),
        ("tenants", "0002_shared_by_permissions"),
    ]

    operations = [
        migrations.AddField(
            model_name="placement",
            name="history_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="History",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("relation", models.CharField(max_length=12)),
                ("row_id", models.BigIntegerField()),
                ("key", models.BigIntegerField()),
                ("other", models.BigIntegerField(null=True)),
                ("data", models.JSONField()),
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
                    models.Index(fields=["tenant", "relation", "key"], name="history_by_key"),
                    models.Index(
                        condition=Q(("other__isnull", False)),
                        fields=["tenant", "relation", "other"],
                        name="history_by_other",
                    ),
                    models.Index(
                        condition=Q(("to_xid__isnull", False)),
                        fields=["tenant", "to_xid"],
                        name="history_ended",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("to_xid", None)),
                        fields=("tenant", "relation", "row_id"),
                        name="history_one_state_at_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("xid", apps.acls.fields.TransactionIdField()),
                ("committed_at", models.DateTimeField(null=True)),
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
                    models.Index(fields=["tenant", "committed_at"], name="transaction_by_time")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "xid"), name="transaction_once")
                ],
            },
        ),
        SecureTenantTable("History"),
        SecureTenantTable("Transaction"),
        migrations.RunSQL(NO_INDEX_ON_THE_TENANT_ALONE),
        migrations.RunSQL(INDEX_WITHOUT_KEYS),
        migrations.RunSQL(NOTE_TRANSACTION),
        migrations.RunSQL(PROTECT),
        *(migrations.RunSQL(_kept(of, _changed(of))) for of in RELATIONS),
        migrations.RunSQL(_kept(CONNECTION, _CONNECTION_CHANGED)),
        migrations.RunSQL(CONFIRMED),
        # Last: what waits for the commit keeps tables from being altered.
        migrations.RunSQL(_what_stands()),
    ]
