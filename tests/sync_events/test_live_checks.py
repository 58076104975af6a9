"""Documents about which the source itself is asked, before anything of them is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.acls import freshness
from apps.connections.models import Connection, WhenStale
from apps.documents import access, collections, collections_contents
from apps.documents.collection_models import Collection
from tests.acls.reads import inside
from tests.sync_events.folder import Folder, connect
from tests.sync_events.test_permission_age import let_pass
from tests.world import World

RULES = "version: 1\nfolders:\n  ./: {readers: [ada@acme.example, bo@acme.example]}\n"
ONLY_BO = "  closed: {readers: [bo@acme.example], inherit: false}\n"


@pytest.fixture
def asked(folder: Folder, committed_world: World) -> Folder:
    """A folder that Ada and Bo read, and whose source is asked once what is known is too old."""
    path = folder.path.with_name("asked")
    path.mkdir()
    (path / "kenward.yaml").write_text(RULES)
    made = connect(committed_world.acme, path, access="manifest")
    with inside(made.tenant):
        Connection.objects.filter(pk=made.connection.pk).update(when_stale=WhenStale.CHECK)
    return made


def take_from_ada(asked: Folder) -> None:
    """Let what is known become too old, and close a folder to Ada, which nobody has seen yet."""
    let_pass(asked, timedelta(hours=2))
    (asked.path / "kenward.yaml").write_text(RULES + ONLY_BO)


def test_a_collection_does_not_tell_of_documents_that_the_source_hides(
    asked: Folder, committed_world: World
) -> None:
    ada, bo = committed_world.ada, committed_world.bo
    asked.write(**{f"closed__{n:02}": f"# Note {n}" for n in range(51)})
    asked.write(plan="# Plan")
    asked.sweep()
    with inside(asked.tenant):
        documents = asked.documents()
        hidden = collections.create(name="Closed", owner=ada)
        mixed = collections.create(name="Closed, and one more", owner=ada)
        for path, document in sorted(documents.items()):  # plan.md comes last
            for each in (hidden, mixed) if path != "plan.md" else (mixed,):
                collections.add(each, document.uuid, actor=ada)

    def seen(kept: Collection, **asked_for: Any) -> tuple[list[str], bool]:
        with inside(asked.tenant):
            found = collections_contents.contents(ada, kept, **asked_for)
        return [item.path for item in found.items], found.has_more

    page, has_more = seen(mixed, oldest_first=True)
    assert len(page) == 50 and has_more
    assert seen(mixed, oldest_first=True, page=2) == (["closed/50.md", "plan.md"], False)
    take_from_ada(asked)
    assert seen(hidden) == ([], False), "as if nothing lay in it"
    assert seen(mixed, oldest_first=True) == (["plan.md"], False)
    assert seen(mixed, oldest_first=True, page=2) == ([], False)
    with inside(asked.tenant):
        assert access.can_read(bo, documents["closed/50.md"])


def test_what_old_permissions_let_through_is_asked_about_whatever_is_confirmed_meanwhile(
    asked: Folder, committed_world: World
) -> None:
    asked.write(closed__rates="# Rates")
    asked.sweep()
    take_from_ada(asked)
    (document,) = asked.documents().values()
    confirmed = False

    def confirm_before_asking(run: Callable[..., Any], sql: str, *more: Any) -> Any:
        """A sweep ends between the statement that lets through and the question to the source."""
        nonlocal confirmed
        if not confirmed and "SELECT d.id, d.external_id, d.connection_id" in sql:
            confirmed = True
            freshness.confirm(asked.connection, timezone.now())
        return run(sql, *more)

    with inside(asked.tenant), connection.execute_wrapper(confirm_before_asking):
        is_readable = access.can_read(committed_world.ada, document)
    assert confirmed and not is_readable
