"""Column types that Django does not bring along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class TransactionIdField(_Field):
    """A 64-bit transaction id of PostgreSQL (`xid8`), which never wraps around."""

    def db_type(self, connection: Any) -> str:
        """Return the column's type."""
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """Turn the text that the driver hands over into a number."""
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Turn a number into the only form that casts to `xid8`."""
        return None if value is None else str(int(value))

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """Say the type, since text does not become `xid8` by itself."""
        return "%s" if hasattr(value, "as_sql") else "%s::xid8"


class CurrentTransactionId(models.Func):
    """The id of the running transaction; asking assigns one."""

    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionIdField()
