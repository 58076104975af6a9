"""When a connection's permissions begin or cease to count, everybody's cached set is made anew.

That they lapse with time needs no log: every set says until when it is valid. Nor does a timely
confirmation, which only moves that time: logging each would keep all sets cold. Shortly before the
end counts as the end, since sets made just then know nothing of a confirmation still under way.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from django.db import migrations, models

LOG = "INSERT INTO acls_permissionchange (tenant_id, principal_id, exact)"

STATEMENTS = [
    f"""CREATE FUNCTION acls_connection_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {LOG} SELECT DISTINCT n.tenant_id, 0, true
    FROM new_rows n JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id
    WHERE (n.realm, n.permissions_max_age_s, n.when_stale)
            <> (o.realm, o.permissions_max_age_s, o.when_stale)
        OR (n.permissions_confirmed_at IS NULL) <> (o.permissions_confirmed_at IS NULL)
        OR n.permissions_confirmed_at < o.permissions_confirmed_at
        OR n.permissions_confirmed_at > o.permissions_confirmed_at
            AND o.permissions_confirmed_at + make_interval(secs =>
                o.permissions_max_age_s - least(60, o.permissions_max_age_s / 4))
                <= clock_timestamp();
    RETURN NULL;
END $$""",
    """CREATE TRIGGER log_update AFTER UPDATE ON connections_connection
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_connection_updated()""",
    # A realm of which a connection appears or vanishes begins or ceases to have an age.
    f"""CREATE FUNCTION acls_connection_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {LOG} SELECT DISTINCT tenant_id, 0, true FROM changed_rows;
    RETURN NULL;
END $$""",
    """CREATE TRIGGER log_insert AFTER INSERT ON connections_connection
    REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_connection_changed()""",
    """CREATE TRIGGER log_delete AFTER DELETE ON connections_connection
    REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION acls_connection_changed()""",
]


class Migration(migrations.Migration):
    dependencies = [("acls", "0009_sharing"), ("connections", "0002_shared_by_permissions")]

    operations = [
        migrations.AddField(
            model_name="placement",
            name="resumed_at",
            field=models.DateTimeField(null=True),
        ),
        *(migrations.RunSQL(statement) for statement in STATEMENTS),
    ]
