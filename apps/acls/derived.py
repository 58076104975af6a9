"""Rows that follow from others and cannot be written."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from apps.acls.errors import Derived


class DerivedQuerySet(models.QuerySet[Any]):
    """Refuses, with a reason, what the database would refuse without one."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise Derived(
            "Membership follows from the sources' groups and the identities a person holds.",
            hint="Change the group in its source, or add an identity to the person.",
        )

    create = _refuse
    bulk_create = _refuse
    update = _refuse
    delete = _refuse
    _raw_delete = _refuse
