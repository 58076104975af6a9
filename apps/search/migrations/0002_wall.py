"""The second wall: passages and vectors are seen only under the bound reader's policies."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from django.db import migrations, models

from apps.tenants.row_security import reader_statements, reads_ordinal

_VECTORS = "search_chunkvector"
_PARTITIONS = [f"{_VECTORS}_{remainder}" for remainder in range(16)]


def _force(forced: str) -> list[str]:
    # The owner, too, sees no row of a table whose row-level security is forced.
    tables = ["acls_policy", "search_chunk", _VECTORS, *_PARTITIONS]
    return [f"ALTER TABLE {table} {forced} ROW LEVEL SECURITY" for table in tables]


def _fill(table: str) -> list[str]:
    return [
        f"UPDATE {table} c SET policy_ordinal = p.ordinal FROM acls_policy p"
        " WHERE p.tenant_id = c.tenant_id AND p.id = c.policy_id",
        f"ALTER TABLE {table} ALTER policy_ordinal DROP DEFAULT",
    ]


def _wall() -> list[str]:
    condition = reads_ordinal("policy_ordinal")
    tables = ["search_chunk", _VECTORS, *_PARTITIONS]
    return [each for table in tables for each in reader_statements(table, condition)]


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial"), ("acls", "0004_shared_by_permissions")]

    operations = [
        # The deferred checks of earlier statements have to be over before a table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "ALTER TABLE search_chunk ADD policy_ordinal integer NOT NULL DEFAULT 0"
                )
            ],
            [
                migrations.AddField(
                    model_name="chunk",
                    name="policy_ordinal",
                    field=models.PositiveIntegerField(),
                )
            ],
        ),
        migrations.RunSQL(f"ALTER TABLE {_VECTORS} ADD policy_ordinal integer NOT NULL DEFAULT 0"),
        migrations.RunSQL(_force("NO FORCE")),
        migrations.RunSQL([*_fill("search_chunk"), *_fill(_VECTORS)]),
        migrations.RunSQL(_force("FORCE")),
        migrations.RunSQL(_wall()),
    ]
