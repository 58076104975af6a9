"""Fixtures. Tests sign in to the database as the application does, with the least rights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from playwright.sync_api import Browser, sync_playwright

from apps.tenants.context import unrestricted_reading
from tests.world import World, make_world

# Argon2 takes its time on purpose; what hashes passwords here only has to tell them apart.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Rows that migrations made and that ids elsewhere are cached of.
_KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")


CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be there (KENWARD_REQUIRE_PEERS), a skip is a failure.

    Only the reference data beside the repository may be absent.
    """
    report = yield
    if report.skipped and os.environ.get("KENWARD_REQUIRE_PEERS"):
        reason = str(report.longrepr)
        if "shared" not in reason and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = f"skipped although KENWARD_REQUIRE_PEERS is set: {reason}"
    return report


@pytest.fixture(autouse=True)
def _reads_passages() -> Iterator[None]:
    """Let tests look at stored text and passages; what acts for a person binds that person.

    The tests of the second wall itself take this back (tests/search/test_reader_wall.py).
    """
    with unrestricted_reading():
        yield


@pytest.fixture
def world(db: None) -> World:
    """Return two tenants and their people (see tests/world.py), inside the test's transaction."""
    return make_world()


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """Return the same people, committed, for tests with several connections or processes."""
    return make_world()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        missing = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("KENWARD_REQUIRE_PEERS"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()
