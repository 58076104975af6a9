"""Row-level security and tenant-first keys, as one migration operation per table.

The application signs in as a role that owns nothing and has neither SUPERUSER nor BYPASSRLS.
Each tenant table gets the primary key (tenant_id, id), composite foreign keys to other tables of
the tenant, and a forced policy that compares tenant_id with `app.tenant_id`.
https://www.postgresql.org/docs/18/ddl-rowsecurity.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from apps.tenants.fields import TenantForeignKey

# The sub-select makes PostgreSQL evaluate the setting once per statement, not once per row. Citus
# refuses it on distributed tables; there the bare nullif(...) takes its place, here and only here.
BOUND_TENANT = "(select nullif(current_setting('app.tenant_id', true), '')::bigint)"
BOUND_USER = "(select nullif(current_setting('app.user_id', true), '')::bigint)"


# What `tenants.context` binds as the reader; see there. Sub-selects: once per statement.
READS_EVERYTHING = "(select current_setting('app.reader', true) = '*')"
READER_BITS = (
    "(select decode(nullif(coalesce(current_setting('app.reader', true), ''), '*'), 'base64'))"
)


def reads_ordinal(ordinal: str) -> str:
    """Return the SQL condition that the bound reader's policies include one.

    An ordinal beyond the bits is one that was made later: no, and no error.

    Args:
        ordinal: SQL expression of the policy's ordinal.
    """
    return (
        f"({READS_EVERYTHING} OR CASE WHEN {ordinal} < length({READER_BITS}) * 8"
        f" THEN get_bit({READER_BITS}, {ordinal}) = 1 ELSE false END)"
    )


def reader_statements(table: str, condition: str) -> list[str]:
    """Return the SQL of the second wall: rows are seen only under the bound reader's policies.

    It restricts what the tenant's policy lets through. Writing needs no reader, but an UPDATE or
    DELETE that looks for its rows does.

    Args:
        table: the table's name; each partition needs its own call, as in `policy_statements`.
        condition: SQL over the table's columns.
    """
    return [
        f'CREATE POLICY reader ON "{table}" AS RESTRICTIVE FOR SELECT USING ({condition})',
    ]


def policy_statements(table: str) -> list[str]:
    """Return the SQL that lets only rows of the bound tenant be seen or written.

    Args:
        table: the table's name; a partition needs its own call, since row-level security of the
            parent does not hold for a statement that names the partition.
    """
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant_isolation ON "{table}"'
        f" USING (tenant_id = {BOUND_TENANT}) WITH CHECK (tenant_id = {BOUND_TENANT})",
    ]


class SecureTenantTable(Operation):
    """Give a new tenant table its composite keys and its row-level security.

    Args:
        model_name: model whose table was created by the operation before.
        references: further composite references that the model does not say by a
            TenantForeignKey: column -> (table, column).
    """

    reduces_to_sql = True
    reversible = False

    def __init__(
        self, model_name: str, references: dict[str, tuple[str, str]] | None = None
    ) -> None:
        self.model_name = model_name
        self.references = references or {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the model state as it is: only the database changes."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Swap the primary key, add the composite references, force the policy."""
        model = to_state.apps.get_model(app_label, self.model_name)
        for statement in self._statements(model):
            schema_editor.execute(statement)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Refuse: the table goes with the model, its protection alone never does."""
        raise RuntimeError(f"The protection of {self.model_name} cannot be taken away alone.")

    def describe(self) -> str:
        """Return the line that `migrate --plan` shows."""
        return f"Tenant-first keys and row-level security for {self.model_name}"

    def _statements(self, model: type[models.Model]) -> Iterator[str]:
        table, key = model._meta.db_table, model._meta.pk.column
        yield f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey" CASCADE'
        yield f'ALTER TABLE "{table}" ADD PRIMARY KEY (tenant_id, "{key}")'
        for column, (target, target_column) in {**_references(model), **self.references}.items():
            yield (
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_tenant_fk"'
                f' FOREIGN KEY (tenant_id, "{column}")'
                f' REFERENCES "{target}" (tenant_id, "{target_column}")'
            )
        yield from policy_statements(table)


def _references(model: type[models.Model]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey):
            found[field.column] = _target(field)
    return found


def _target(field: TenantForeignKey[Any, Any]) -> tuple[str, str]:
    related = field.remote_field.model
    return related._meta.db_table, str(related._meta.pk.column)
