"""A source's places and people keep their connection: without it their permissions had no age."""

from __future__ import annotations

from django.db import migrations

KEEP = """
CREATE FUNCTION acls_realm_keeps_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM acls_acl WHERE tenant_id = OLD.tenant_id AND realm = OLD.realm)
        OR EXISTS (SELECT FROM acls_principal
            WHERE tenant_id = OLD.tenant_id AND realm = OLD.realm)
    THEN
        RAISE EXCEPTION 'connection % still has people and places: pause it instead', OLD.id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER kept_by_its_realm BEFORE DELETE ON connections_connection
    FOR EACH ROW EXECUTE FUNCTION acls_realm_keeps_connection();

-- Its realm is its connection's for good, for the same reason.
CREATE FUNCTION acls_realm_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the realm of connection % is fixed', OLD.id USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER realm_stays BEFORE UPDATE OF realm ON connections_connection
    FOR EACH ROW WHEN (OLD.realm <> NEW.realm) EXECUTE FUNCTION acls_realm_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0011_former_identities"),
        ("connections", "0001_initial"),
    ]

    operations = [migrations.RunSQL(KEEP)]
