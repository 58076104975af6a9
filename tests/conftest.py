"""Fixtures. Tests sign in to the database as the application does, with the least rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase

from tests.world import World, make_world

# Argon2 takes its time on purpose; what hashes passwords here only has to tell them apart.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Rows that migrations made and that ids elsewhere are cached of.
_KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Migrate the services' database as its owner."""
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", verbosity=0, interactive=False)
    yield


def _truncate(_self: TransactionTestCase) -> None:
    """Empty every table after a test that commits; Django's flush would renumber permissions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select string_agg(format('%%I', tablename), ', ') from pg_tables"
            " where schemaname = 'public' and tablename <> all(%s)",
            [list(_KEPT_TABLES)],
        )
        cursor.execute(f"truncate {cursor.fetchone()[0]}")
    redis.Redis.from_url(settings.REDIS_URL).flushdb()


TransactionTestCase._fixture_teardown = _truncate  # type: ignore[attr-defined,unused-ignore]


@pytest.fixture
def world(db: None) -> World:
    """Return two tenants and their people (see tests/world.py), inside the test's transaction."""
    return make_world()


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """Return the same people, committed, for tests with several connections or processes."""
    return make_world()
