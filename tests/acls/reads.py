"""A reading statement such as the search makes, over policies instead of documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, transaction

from apps.accounts.models import User
from apps.acls import binary, resolve
from apps.acls.readable import ReadableSet, Scope
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant

T = TypeVar("T")

STATEMENT = """
WITH scope AS MATERIALIZED ({cte})
SELECT (SELECT ok FROM scope), coalesce(array_agg(p.id ORDER BY p.id), '{{}}'::bigint[])
FROM acls_policy p
WHERE p.id = ANY ((SELECT ids FROM scope)::bigint[]) AND (SELECT ok FROM scope)
"""


@contextmanager
def inside(tenant: Tenant) -> Iterator[None]:
    with tenant_context(tenant), transaction.atomic():
        yield


def run(scope: Scope) -> tuple[bool, set[int]]:
    with binary.cursor() as cursor:
        row = cursor.execute(STATEMENT.format(cte=scope.cte), scope.params).fetchone()
    assert row is not None
    return bool(row[0]), set(row[1].tolist())


def passes(tenant: Tenant, readable: ReadableSet) -> bool:
    """Return whether the guard accepts a set, in a transaction of its own."""
    with inside(tenant):
        return run(readable.scope())[0]


def read(tenant: Tenant, user: User) -> set[int]:
    """Return what a person reads, in a transaction of its own, the way the search does."""
    with inside(tenant):
        return resolve.reading(user, run)


def cached(tenant: Tenant, user: User) -> ReadableSet:
    with inside(tenant):
        return resolve.policies_for(user)


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """Run all at once, each on a database connection of its own, and return their results."""

    def alone(work: Callable[[], T]) -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [f.result() for f in [pool.submit(alone, work) for work in works]]
