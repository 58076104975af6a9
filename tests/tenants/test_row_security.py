"""Tenant B reads, updates, inserts and deletes nothing of tenant A; with no context nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction
from psycopg.types.json import Jsonb

from apps.tenants.context import tenant_context, user_context
from apps.tenants.models import Membership
from tests.contracts.tenant_rows import make_row, tenant_models
from tests.world import World

MODELS = tenant_models()


def _rows(sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _changed(sql: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


@pytest.fixture(params=MODELS, ids=lambda model: model._meta.label)
def row_of_acme(request: pytest.FixtureRequest, world: World) -> Iterator[models.Model]:
    with tenant_context(world.acme):
        row = make_row(request.param, world.acme)
        assert type(row)._default_manager.filter(pk=row.pk).exists()
    yield row


def test_all_tenant_models_are_walked() -> None:
    assert {"documents.Document", "search.ChunkVector", "acls.AclEntry", "audit.Event"} <= {
        model._meta.label for model in MODELS
    }


def test_other_tenant_reads_and_changes_nothing_through_the_orm(
    row_of_acme: models.Model, world: World
) -> None:
    manager = type(row_of_acme)._default_manager
    with tenant_context(world.umbra):
        assert not manager.filter(pk=row_of_acme.pk).exists()
        assert manager.filter(pk=row_of_acme.pk).update(tenant=world.umbra) == 0
        assert manager.filter(pk=row_of_acme.pk)._raw_delete(using="default") == 0


def test_other_tenant_inserts_nothing_through_the_orm(
    row_of_acme: models.Model, world: World
) -> None:
    with (
        tenant_context(world.umbra),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        make_row(type(row_of_acme), world.acme)


def test_other_tenant_reads_and_changes_nothing_through_sql(
    row_of_acme: models.Model, world: World
) -> None:
    table, key = row_of_acme._meta.db_table, row_of_acme._meta.pk.column
    with tenant_context(world.umbra):
        assert _rows(f'select 1 from "{table}" where "{key}" = %s', [row_of_acme.pk]) == []
        assert _rows(f'select 1 from "{table}" where tenant_id = %s', [world.acme.pk]) == []
        assert (
            _changed(f'update "{table}" set "{key}" = 0 where "{key}" = %s', [row_of_acme.pk]) == 0
        )
        assert _changed(f'delete from "{table}" where tenant_id = %s', [world.acme.pk]) == 0


def test_other_tenant_inserts_nothing_through_sql(row_of_acme: models.Model, world: World) -> None:
    table, key = row_of_acme._meta.db_table, row_of_acme._meta.pk.column
    columns = [f'"{f.column}"' for f in row_of_acme._meta.local_concrete_fields]
    with tenant_context(world.acme):
        values = _rows(
            f'select {", ".join(columns)} from "{table}" where "{key}" = %s', [row_of_acme.pk]
        )
    marks = ", ".join(["%s"] * len(columns))
    with (
        tenant_context(world.umbra),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        _changed(
            f'insert into "{table}" ({", ".join(columns)}) values ({marks})',
            [
                _adapted(field, value)
                for field, value in zip(
                    row_of_acme._meta.local_concrete_fields, values[0], strict=True
                )
            ],
        )


def test_without_a_tenant_nothing_is_visible(row_of_acme: models.Model) -> None:
    table = row_of_acme._meta.db_table
    assert not type(row_of_acme)._default_manager.exists()
    assert _rows(f'select 1 from "{table}"') == []


def test_own_tenant_cannot_refer_to_a_row_of_another(
    row_of_acme: models.Model, world: World
) -> None:
    """A plain foreign key ignores row-level security; the composite ones do not."""
    referring = _rows(
        """
        select c.conrelid::regclass::text, a.attname, named.attname from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
        join pg_attribute named on named.attrelid = c.confrelid
          and named.attnum = c.confkey[array_position(c.conkey, a.attnum)]
        where c.contype = 'f' and c.confrelid = %s::regclass and a.attname <> 'tenant_id'
          and cardinality(c.conkey) = 2 and c.conparentid = 0
        """,
        [row_of_acme._meta.db_table],
    )
    with tenant_context(world.umbra):
        for table, column, named in referring:
            model = next((m for m in MODELS if m._meta.db_table == str(table).strip('"')), None)
            if model is None:
                continue
            make_row(model, world.umbra)
            with pytest.raises(DatabaseError), transaction.atomic():
                # A trigger may refuse the change first; either way nothing may point across.
                value = getattr(row_of_acme, str(named))
                assert _changed(f'update {table} set "{column}" = %s', [value])


def _adapted(field: models.Field[Any, Any], value: Any) -> object:
    return Jsonb(value) if isinstance(field, models.JSONField) else value


# Not forced on the owner, who runs nothing but migrations and one search function: that applies the
# tenant and the reader itself, because row-level security would keep it from using its index.
# tests/search/words/test_term_search.py attacks it.
NOT_FORCED = ["search_chunkterms", *(f"search_chunkterms_{number}" for number in range(16))]


@pytest.mark.django_db
def test_every_table_with_a_tenant_has_forced_row_security() -> None:
    unprotected = _rows(
        """
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p')
          and exists (select 1 from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'tenant_id')
          and not (c.relrowsecurity and (c.relforcerowsecurity or c.relname = any(%s))
                   and exists (select 1 from pg_policy p where p.polrelid = c.oid))
        """,
        [NOT_FORCED],
    )
    assert unprotected == []


@pytest.mark.django_db
def test_every_key_of_a_tenant_table_contains_the_tenant() -> None:
    without_tenant = _rows(
        """
        select c.conrelid::regclass::text, c.conname from pg_constraint c
        join pg_namespace n on n.oid = c.connamespace
        where n.nspname = 'public' and c.contype in ('p', 'u')
          and exists (select 1 from pg_attribute a
                      where a.attrelid = c.conrelid and a.attname = 'tenant_id')
          and not exists (select 1 from pg_attribute a where a.attrelid = c.conrelid
                          and a.attname = 'tenant_id' and a.attnum = any(c.conkey))
        """
    )
    assert without_tenant == []


@pytest.mark.django_db
def test_the_application_signs_in_with_the_least_rights() -> None:
    assert _rows(
        "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles"
        " where rolname = current_user"
    ) == [(False, False, False, False)]
    assert _rows("select 1 from pg_tables where tableowner = current_user") == []


@pytest.mark.django_db
def test_only_the_own_memberships_are_seen_before_a_tenant_is_chosen(world: World) -> None:
    with user_context(world.ada.pk):
        assert [m.tenant_id for m in Membership.objects.all()] == [world.acme.pk]
        assert Membership.objects.update(role="it_admin") == 0
