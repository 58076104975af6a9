"""Who has been an identity counts as it for denials, unless an admin has kept the two apart.

So what is kept apart decides about reading: it is logged and has a history like a claim. Both are
made as migrations 0003 and 0005 make them for the other tables.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from importlib import import_module

from django.db import migrations

_log = import_module("apps.acls.migrations.0003_change_log")
_history = import_module("apps.acls.migrations.0005_history")

KEPT_APART = _history.Relation("keptapart", "acls_keptapart", "user_id", "principal_id", "ended_at")

LOGGED: list[str] = _log._logged(
    "acls_keptapart", "user_id principal_id ended_at", ["r.principal_id", "-r.user_id"]
)

WHAT_STANDS = f"""
DO $$ DECLARE bound bigint; BEGIN
    FOR bound IN SELECT id FROM tenants_tenant ORDER BY id LOOP
        PERFORM set_config('app.tenant_id', bound::text, true);
        PERFORM acls_note_transaction(bound);
        {_history._begin(KEPT_APART, KEPT_APART.table, "r.tenant_id = bound")};
        {_log.LOG} VALUES (bound, 0, true);
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("acls", "0010_freshness")]

    operations = [
        *(migrations.RunSQL(statement) for statement in LOGGED),
        migrations.RunSQL(_history._kept(KEPT_APART, _history._changed(KEPT_APART))),
        # Last: what waits for the commit keeps tables from being altered.
        migrations.RunSQL(WHAT_STANDS),
    ]
