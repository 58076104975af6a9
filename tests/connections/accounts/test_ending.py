"""Disconnecting: the grant and the secret go, the documents are hidden, and deleted if asked."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client

from apps.acls import freshness
from apps.audit.models import Event
from apps.chat.models import Citation, Conversation, Message
from apps.connections.credentials.models import CredentialState
from apps.connections.disconnect import Withdrawal
from apps.connections.models import (
    AuthConfig,
    Connection,
    ConnectionState,
    Credential,
)
from apps.documents import access, data_deletion
from apps.documents import tasks as document_tasks
from apps.documents.models import Document, DocumentText
from apps.errors import InvalidInput
from apps.search.models import Chunk
from apps.sync_events import indexing
from apps.sync_events.accounts import ending
from apps.tenants.context import tenant_context
from tests.acls.reads import inside
from tests.connections.accounts.joined import Source, joined, own_connection, started, sync
from tests.world import World, signed_in


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


@pytest.fixture
def config(world: World, source: Source) -> AuthConfig:
    return source.config(world.acme)


@pytest.fixture
def connection(world: World, source: Source, config: AuthConfig) -> Connection:
    """Return Ada's own account with three documents, synced and indexed."""
    for number in range(3):
        text = f"# Diary {number}\n\nwombattext {number}".encode()
        source.company.add_file(f"Diary {number}.txt", text, owner="ada@example.com")
    return started(signed_in(world.ada), source, config)


def disconnected(world: World, connection: Connection, data: str = "keep") -> Client:
    ada = signed_in(world.ada)
    response = ada.post(f"/connections/{connection.uuid}/disconnect/", {"data": data})
    assert response.status_code == 302
    return ada


def deleted(world: World) -> None:
    """Let the workers do what is left to delete."""
    for _ in range(10):
        document_tasks.delete_data(world.acme.pk)
        with tenant_context(world.acme):
            while indexing.work():
                pass


def rows(world: World) -> tuple[int, int, int]:
    with inside(world.acme):
        return Document.objects.count(), DocumentText.objects.count(), Chunk.objects.count()


def test_the_grant_is_withdrawn_and_the_secret_deleted(
    world: World, source: Source, connection: Connection
) -> None:
    mark = source.company.journal.mark()
    disconnected(world, connection)
    assert [entry.path for entry in source.company.journal.since(mark)] == ["/revoke"]
    with inside(world.acme):
        row = Credential.objects.get()
        assert (row.secret, row.state) == ("", CredentialState.REVOKED)
        now = Connection.objects.get()
        assert (now.state, now.state_reason) == (ConnectionState.DISCONNECTED, "")
        event = Event.objects.get(action="connection.disconnected")
        assert event.details == {"withdrawal": "done"}
    with database.cursor() as cursor, inside(world.acme):
        cursor.execute("SELECT secret FROM connections_credential")
        assert cursor.fetchone() == ("",)


def test_documents_are_hidden_from_the_next_request_on(
    world: World, connection: Connection
) -> None:
    with inside(world.acme):
        diary = Document.objects.order_by("pk")[0]
        assert access.can_read(world.ada, diary)
    ada = disconnected(world, connection)
    assert ada.get(f"/documents/{diary.uuid}/").status_code == 404
    assert "Diary" not in ada.get("/search/?q=wombattext").content.decode()
    page = ada.get(f"/connections/{connection.uuid}/documents/").content.decode()
    assert "Diary 0" not in page and "hidden just now" in page
    with inside(world.acme):
        freshness.confirm(Connection.objects.get(), diary.last_synced_at)
        assert not access.can_read(world.ada, diary), "no run that was under way brings it back"


def test_a_source_that_does_not_answer_does_not_keep_anybody_connected(
    world: World, source: Source, connection: Connection
) -> None:
    with inside(world.acme):
        config = AuthConfig.objects.get()
        config.endpoints["revoke"] = source.base + "/there-is-no-such-page"
        config.save()
    ada = disconnected(world, connection)
    page = ada.get("/connections/").content.decode()
    assert "The source did not confirm" in page and "Disconnected" in page
    with inside(world.acme):
        assert Credential.objects.get().secret == ""
        assert Event.objects.get(action="connection.disconnected").details == {
            "withdrawal": Withdrawal.FAILED
        }


def test_a_grant_that_another_connection_lives_by_stays(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    """At the source both are one: to withdraw it would end the other one, too."""
    ida = signed_in(world.ida)
    joined(ida, source, config, "ada@example.com", name="Desks of all")
    mark = source.company.journal.mark()
    disconnected(world, connection)
    assert source.company.journal.since(mark) == []
    with inside(world.acme):
        assert (
            "another connection uses the same account"
            in Connection.objects.get(pk=connection.pk).state_reason
        )
        other = Connection.objects.get(name="Desks of all")
        ending.end(other, actor=world.ida, deletes_data=False)
    assert [entry.path for entry in source.company.journal.since(mark)] == ["/revoke"]


def test_what_was_copied_is_deleted_on_request(world: World, connection: Connection) -> None:
    documents, texts, chunks = rows(world)
    assert documents == 3 and texts == 3 and chunks >= 3
    disconnected(world, connection, "delete")
    deleted(world)
    assert rows(world) == (0, 0, 0)
    with inside(world.acme):
        now = Connection.objects.get()
        assert (now.data_deletion_at, now.data_deleted) == (None, 3)
        told = Event.objects.get(action="connection.data_deleted").details
        assert told == {"documents": 3}
        asked = Event.objects.get(action="connection.data_deletion_requested")
        assert (asked.actor, asked.details) == (world.ada, {"documents": 3})


def test_deletion_goes_on_where_it_was_broken_off_and_again_does_nothing(
    world: World, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_deletion, "BATCH", 1)
    disconnected(world, connection, "delete")
    with tenant_context(world.acme):
        assert data_deletion.step(connection), "one is marked; then the worker dies"
        assert data_deletion.step(connection)
    deleted(world)
    assert rows(world) == (0, 0, 0)
    with tenant_context(world.acme):
        assert not data_deletion.step(connection)
    with inside(world.acme):
        assert Connection.objects.get().data_deleted == 3


def test_nothing_is_deleted_of_what_is_connected(world: World, connection: Connection) -> None:
    with inside(world.acme), pytest.raises(InvalidInput, match="Disconnect it first"):
        data_deletion.request(connection, actor=world.ada)


def test_hidden_documents_can_be_deleted_later(world: World, connection: Connection) -> None:
    ada = disconnected(world, connection)
    page = ada.get("/connections/").content.decode()
    assert "Delete its documents" in page
    ada.post(f"/connections/{connection.uuid}/disconnect/", {"data": "delete"})
    deleted(world)
    assert rows(world)[0] == 0
    with inside(world.acme):
        assert Event.objects.filter(action="connection.disconnected").count() == 1


def test_an_answer_that_rests_on_a_deleted_document_stays_hidden(
    world: World, connection: Connection
) -> None:
    with inside(world.acme):
        diary = Document.objects.order_by("pk")[0]
        chat = Conversation.objects.create(tenant=world.acme, user=world.ada, uuid=uuid4())
        answer = Message.objects.create(
            tenant=world.acme, conversation=chat, author="assistant", text="It was a wombat."
        )
        Citation.objects.create(
            tenant=world.acme, message=answer, document=diary, number=1, start=0, end=5
        )
    disconnected(world, connection, "delete")
    deleted(world)
    assert rows(world) == (1, 0, 0)
    with inside(world.acme):
        left = Document.objects.get()
        assert (left.pk, left.title, left.path, left.url) == (diary.pk, "", "", "")
        assert not access.can_read(world.ada, left)
    page = signed_in(world.ada).get(f"/chat/{chat.uuid}/").content.decode()
    assert "It was a wombat." not in page


def test_an_account_connected_again_brings_its_documents_back(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    ada = disconnected(world, connection)
    joined(ada, source, config, own="1", connection=str(connection.uuid))
    sync(world.acme)
    with inside(world.acme):
        assert access.can_read(world.ada, Document.objects.order_by("pk")[0])
        assert Connection.objects.get().state == ConnectionState.ACTIVE


def test_nothing_is_connected_again_while_its_documents_are_being_deleted(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    ada = disconnected(world, connection, "delete")
    response = joined(ada, source, config, own="1", connection=str(connection.uuid))
    said = " ".join(str(each) for each in response.wsgi_request._messages)  # type: ignore[attr-defined]
    assert "are being deleted just now" in said
    with inside(world.acme):
        assert Connection.objects.get().state == ConnectionState.DISCONNECTED


def test_what_was_disconnected_is_not_simply_resumed(world: World, connection: Connection) -> None:
    ada = disconnected(world, connection)
    ada.post(f"/connections/{connection.uuid}/start")
    with inside(world.acme):
        assert Connection.objects.get().state == ConnectionState.DISCONNECTED


def test_other_people_s_documents_stay(
    world: World, source: Source, config: AuthConfig, connection: Connection
) -> None:
    source.company.add_file("Bo's.txt", b"numbattext", owner="bo@example.com")
    started(signed_in(world.bo), source, config, "bo@example.com")
    disconnected(world, connection, "delete")
    deleted(world)
    with inside(world.acme):
        assert [each.title for each in Document.objects.all()] == ["Bo's.txt"]


def test_a_new_account_that_was_never_started_is_disconnected_as_well(
    world: World, source: Source, config: AuthConfig
) -> None:
    connection = own_connection(signed_in(world.ada), source, config)
    disconnected(world, connection, "delete")
    deleted(world)
    with inside(world.acme):
        now = Connection.objects.get()
        assert (now.state, now.data_deletion_at) == (ConnectionState.DISCONNECTED, None)
