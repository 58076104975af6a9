"""Makes a row of any tenant model from its fields, so that new models are covered unasked."""

from __future__ import annotations

import datetime
import itertools
import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils import timezone
from pgvector import HalfVector, SparseVector
from pgvector.django import HalfVectorField, SparseVectorField

from apps.accounts.models import User
from apps.acls.fields import TransactionIdField
from apps.tenants.models import Membership, Tenant


def tenant_models() -> list[type[models.Model]]:
    """Return every model with a tenant and a table of its own."""
    return [
        model
        for model in apps.get_models()
        if model.__module__.startswith("apps.")
        and not model._meta.proxy
        and any(field.name == "tenant" for field in model._meta.fields)
    ]


def make_row(model: type[models.Model], tenant: Tenant) -> models.Model:
    """Create one row, with the rows it refers to, in the bound tenant."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.auto_created or field.primary_key or _has_own_value(field):
            continue
        values[field.name] = _value(field, tenant)
    for name, referred in _UNDECLARED_REFERENCES.get(model._meta.label, {}).items():
        row = make_row(apps.get_model(referred), tenant)
        values["pk" if name == "id" else name] = row.pk
    return model._default_manager.create(**values)


# References that a model keeps as plain numbers, for the narrowness of its table.
_UNDECLARED_REFERENCES = {
    "search.ChunkVector": {"id": "search.Chunk"},
    "search.ChunkTerms": {"id": "search.Chunk"},
}


def _has_own_value(field: models.Field[Any, Any]) -> bool:
    return field.has_default() or field.null or field.has_db_default()


def _value(field: models.Field[Any, Any], tenant: Tenant) -> Any:
    if field.name == "tenant":
        return tenant
    if isinstance(field, models.ForeignKey):
        return _referred(field, tenant)
    if field.choices:
        return next(iter(field.flatchoices))[0]
    for kind, value in _BY_KIND:
        if isinstance(field, kind):
            return value()
    return next(_NUMBERS)


def _referred(field: models.ForeignKey[Any, Any], tenant: Tenant) -> Any:
    target = field.related_model
    if target is User:
        # One membership per person and tenant: a new person each time.
        person = User.objects.create_user(f"{uuid.uuid4().hex}@rows.example")
        if field.model is not Membership:
            Membership.objects.create(tenant=tenant, user=person)
        return person
    if target is Permission:
        of = field.model._meta.get_field("content_object").related_model
        assert of is not None
        return Permission.objects.get(codename=f"view_{of._meta.model_name}")
    if field.name == "group" and target._meta.label == "auth.Group":
        return make_row(apps.get_model("acls.Principal"), tenant)
    return make_row(target, tenant)


_NUMBERS = itertools.count(1000)
# Far from those that the test's own transactions have.
_TRANSACTIONS = itertools.count(10**12)
_BY_KIND: list[tuple[type, Any]] = [
    (models.BinaryField, lambda: b"told"),
    (TransactionIdField, lambda: next(_TRANSACTIONS)),
    (models.DateTimeField, timezone.now),
    (models.DateField, datetime.date.today),
    (models.UUIDField, uuid.uuid4),
    (models.BinaryField, lambda: b"row"),
    (models.JSONField, dict),
    (models.BooleanField, lambda: False),
    (SearchVectorField, str),
    (models.CharField, lambda: uuid.uuid4().hex[:12]),
    (models.TextField, lambda: uuid.uuid4().hex),
    (HalfVectorField, lambda: HalfVector([0.1] * 384)),
    (SparseVectorField, lambda: SparseVector({0: 0.5}, 1_000_000_000)),
    (ArrayField, lambda: [1]),
]
