"""Writes every stored secret anew under the newest key, so that an old key can be taken out.

Each value is exchanged by a statement that names the old one: a worker that renews a token at the
same time wins, and has written it under the newest key already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Cast

from apps.tenants import encryption
from apps.tenants.context import tenant_context
from apps.tenants.encryption import SECOND_FACTORS, EncryptedTextField, Undecipherable
from apps.tenants.models import Tenant

# Rows of one transaction.
BATCH = 200
# Whoever has read a row before it was rewritten may save it after: seen once more, it is found.
_PASSES = 5
# Where allauth keeps secrets in the data of a second factor.
_FACTOR_SECRETS = ("secret", "seed", "migrated_codes")


@dataclass
class Rotated:
    """What a rotation did.

    Attributes:
        seen: secrets looked at in the last pass.
        rewritten: rows that held one under an older key.
        unreadable: rows that no key opens, as “table column row”; never what is in them.
    """

    seen: int = 0
    rewritten: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate() -> Rotated:
    """Rewrite all secrets of all tenants, and the second factors; safe to run at any time.

    It goes over everything until a pass finds nothing to do.

    Returns:
        what was done; `unreadable` is of the last pass.
    """
    rewritten = 0
    for _ in range(_PASSES):
        found = _one_pass()
        rewritten += found.rewritten
        if not found.rewritten:
            break
    found.rewritten = rewritten
    return found


def encrypted_fields() -> Iterator[tuple[type[models.Model], EncryptedTextField]]:
    """Yield every encrypted column of the installation with its model."""
    for model in apps.get_models():
        for column in model._meta.local_fields:
            if isinstance(column, EncryptedTextField):
                yield model, column


def _one_pass() -> Rotated:
    found = Rotated()
    _rotate_factors(found)
    columns = list(encrypted_fields())
    for tenant_id in Tenant.objects.order_by("pk").values_list("pk", flat=True):
        with tenant_context(tenant_id):
            for model, column in columns:
                _rotate_column(model, column.name, found)
    return found


def _rotate_column(model: type[models.Model], name: str, found: Rotated) -> None:
    raw = Cast(name, models.TextField())  # as it is stored
    rows = model._base_manager.annotate(_stored=raw)
    for batch in _batches(rows.exclude(_stored=""), "_stored"):
        for pk, stored in batch:
            new = _renewed(stored, f"{model._meta.db_table} {name} {pk}", found)
            if new != stored:
                same = rows.filter(pk=pk, _stored=stored)
                changed = same.update(**{name: Value(new, output_field=models.TextField())})
                found.rewritten += changed


def _rotate_factors(found: Rotated) -> None:
    rows = Authenticator.objects.all()
    for batch in _batches(rows, "data"):
        for pk, data in batch:
            new = dict(data)
            for name in _FACTOR_SECRETS:
                if name in data:
                    where = f"{Authenticator._meta.db_table} {name} {pk}"
                    new[name] = _factor(data[name], where, found)
            if new != data:
                found.rewritten += rows.filter(pk=pk, data=data).update(data=new)


def _factor(stored: Any, where: str, found: Rotated) -> Any:
    if isinstance(stored, list):
        return [_factor(one, where, found) for one in stored]
    return _renewed(stored, where, found, purpose=SECOND_FACTORS)


def _renewed(stored: str, where: str, found: Rotated, *, purpose: bytes = encryption.STORED) -> str:
    found.seen += 1
    try:
        return encryption.renewed(stored, purpose=purpose)
    except Undecipherable:
        found.unreadable.append(where)
        return stored


def _batches(rows: models.QuerySet[Any], column: str) -> Iterator[list[tuple[Any, Any]]]:
    """Yield (key, value) of all rows in portions, each in a transaction with what is done to it."""
    last: Any = None
    while True:
        with transaction.atomic():
            later = rows if last is None else rows.filter(pk__gt=last)
            batch = list(later.order_by("pk").values_list("pk", column)[:BATCH])
            if batch:
                yield batch
        if len(batch) < BATCH:
            return
        last = batch[-1][0]
