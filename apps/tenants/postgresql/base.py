"""Django's PostgreSQL backend, with metrics and with the tenant told to every transaction."""

from __future__ import annotations

from django.db.backends.postgresql.features import DatabaseFeatures as PostgresqlFeatures
from django_prometheus.db.backends.postgresql import base

from apps.tenants import context


class DatabaseFeatures(PostgresqlFeatures):
    """PostgreSQL with keys of two columns."""

    # Django knows `id` as the key; alone it is none, so the other columns do not follow from it.
    allows_group_by_selected_pks = False


class DatabaseWrapper(base.DatabaseWrapper):
    """Tells the bound tenant, person and reader whenever a transaction begins."""

    features_class = DatabaseFeatures

    def set_autocommit(
        self,
        autocommit: bool,  # noqa: FBT001  Django's signature
        force_begin_transaction_with_broken_autocommit: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin or end a transaction; a new one starts with what is bound."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if not autocommit:
            with self.connection.cursor() as cursor:
                cursor.execute(context.SET_CONTEXT, context.parameters())
