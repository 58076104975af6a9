"""The triggers that append to the change log whom a statement concerned.

An entry concerns its principal, an edge its member, a claim the identity and the person, a
membership the person; the tree, unknown groups and dynamic principals concern everybody (0), since
they may reach people whose cached set names none of them. All that is exact: it is noticed by the
next statement. Late widenings (`exact = false`) are noticed within seconds; a new policy is one.
"""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from django.db import migrations

LOG = "INSERT INTO acls_permissionchange (tenant_id, principal_id, exact)"


def _function(name: str, statement: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {statement}; RETURN NULL; END $$"
    )


def _trigger(table: str, event: str, statement: str) -> list[str]:
    """Return the SQL that runs the statement after each INSERT, UPDATE or DELETE of the table."""
    tables = {
        "INSERT": "NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }[event]
    name = f"{table}_{event.lower()}_logged"
    return [
        _function(name, statement),
        f"CREATE TRIGGER log_{event.lower()} AFTER {event} ON {table} REFERENCING {tables}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]


def _concerns(rows: str, who: list[str]) -> str:
    """Return the statement that logs, for each row, whom the expressions over `r` name."""
    names = ", ".join(f"({expression})" for expression in who)
    return (
        f"{LOG} SELECT DISTINCT r.tenant_id, w.id, true"
        f" FROM {rows} r CROSS JOIN LATERAL (VALUES {names}) w(id)"
    )


def _changed(columns: str) -> str:
    """Return these columns of the rows, before and after, in which one of them has changed."""
    named = ", ".join(["tenant_id", "id", *columns.split()])
    before, after = f"SELECT {named} FROM old_rows", f"SELECT {named} FROM new_rows"
    return f"(({before} EXCEPT {after}) UNION ALL ({after} EXCEPT {before}))"


def _logged(table: str, columns: str, who: list[str]) -> list[str]:
    return [
        *_trigger(table, "INSERT", _concerns("new_rows", who)),
        *_trigger(table, "DELETE", _concerns("old_rows", who)),
        *_trigger(table, "UPDATE", _concerns(_changed(columns), who)),
    ]


# Whoever holds or is in a principal has it in the cached set's label, dead or alive.
PRINCIPAL_UPDATED = f"""{LOG}
    SELECT DISTINCT tenant_id, group_ptr_id, true FROM (
        SELECT tenant_id, group_ptr_id, is_active, deleted_at IS NULL FROM new_rows
        EXCEPT SELECT tenant_id, group_ptr_id, is_active, deleted_at IS NULL FROM old_rows) itself
    UNION
    SELECT DISTINCT tenant_id, 0, true FROM (
        SELECT tenant_id, group_ptr_id, kind, members_known OR deleted_at IS NOT NULL FROM new_rows
        EXCEPT
        SELECT tenant_id, group_ptr_id, kind, members_known OR deleted_at IS NOT NULL FROM old_rows
    ) everybody"""

PRINCIPAL_INSERTED = f"""{LOG}
    SELECT DISTINCT tenant_id, 0, true FROM new_rows
    WHERE kind IN ('members', 'everyone') OR NOT members_known"""

POLICY_INSERTED = f"{LOG} SELECT DISTINCT tenant_id, 0, false FROM new_rows"

STATEMENTS = [
    *_logged(
        "acls_aclentry",
        "permission_id group_id content_object_id ord sticky starts_at expires_at",
        ["r.group_id"],
    ),
    *_logged("acls_edge", "member_id group_id expires_at", ["r.member_id"]),
    *_logged("acls_claim", "user_id principal_id ended_at", ["r.principal_id", "-r.user_id"]),
    *_logged("tenants_membership", "user_id is_active is_guest", ["-r.user_id"]),
    *_trigger("acls_principal", "INSERT", PRINCIPAL_INSERTED),
    *_trigger("acls_principal", "UPDATE", PRINCIPAL_UPDATED),
    *_trigger("acls_acl", "UPDATE", _concerns(_changed("parent_id mode"), ["0"])),
    # A new line comes with a new place, which no cached set knows, or with a move, logged above.
    *_trigger("acls_line", "UPDATE", _concerns(_changed("acl_id ancestor_id distance cut"), ["0"])),
    *_trigger("acls_line", "DELETE", _concerns("old_rows", ["0"])),
    *_trigger("acls_policy", "INSERT", POLICY_INSERTED),
    # Policies are immutable; should a clause change all the same, nobody reads by the old one.
    *_trigger(
        "acls_policyclause",
        "UPDATE",
        _concerns(_changed("policy_id clause acl_id clause_count"), ["0"]),
    ),
    *_trigger("acls_policyclause", "DELETE", _concerns("old_rows", ["0"])),
]


class Migration(migrations.Migration):
    dependencies = [("acls", "0002_kept_by_the_database"), ("tenants", "0001_initial")]

    operations = [migrations.RunSQL(statement) for statement in STATEMENTS]
