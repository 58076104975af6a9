"""Django's PostgreSQL backend, with metrics and with the tenant told to every transaction."""

from __future__ import annotations

from django_prometheus.db.backends.postgresql import base

from apps.tenants import context


class DatabaseWrapper(base.DatabaseWrapper):
    """Sets `app.tenant_id` and `app.user_id` whenever a transaction begins."""

    def set_autocommit(
        self,
        autocommit: bool,  # noqa: FBT001  Django's signature
        force_begin_transaction_with_broken_autocommit: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin or end a transaction; a new one starts with the bound tenant and person."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if not autocommit:
            with self.connection.cursor() as cursor:
                cursor.execute(context.SET_CONTEXT, context.parameters())
