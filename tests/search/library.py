"""Documents for the tests of search: a source in memory, real permissions, the real index."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import policy, record, resolve
from apps.connections.errors import ItemGone
from apps.connections.models import Connection
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemoteEntry, RemotePrincipal
from apps.documents.models import Document
from apps.documents.scope import Scope
from apps.search import retrieve
from apps.search.indexer import indexing
from apps.search.models import SearchSettings
from apps.search.release import Passage
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.sources import confirmed

REALM = "test"


@dataclass
class MemorySource:
    """A source whose files are strings; an exception in place of content is raised."""

    files: dict[str, str | bytes | Exception] = field(default_factory=dict)
    on_open: Callable[[], object] = lambda: None

    @contextmanager
    def open(self, external_id: str) -> Iterator[BinaryIO]:
        """Open a file as a connector does."""
        self.on_open()
        content = self.files.get(external_id)
        if content is None:
            raise ItemGone("The file is gone.", external_id=external_id)
        if isinstance(content, Exception):
            raise content
        yield io.BytesIO(content.encode() if isinstance(content, str) else content)


@dataclass
class Library:
    """One tenant's documents."""

    tenant: Tenant
    source: MemorySource
    connection: Connection

    @contextmanager
    def work(self) -> Iterator[None]:
        """Bind the tenant and open a transaction."""
        with tenant_context(self.tenant), transaction.atomic():
            yield

    def share(self, place: str, *readers: User) -> None:
        """Let exactly these people read what lies in a place."""
        entries = tuple(
            RemoteEntry(RemotePrincipal(PrincipalKind.USER, user.email, user.name, user.email))
            for user in readers
        )
        with self.work():
            acl = RemoteAcl(place, place, entries=entries)
            record.apply(REALM, acls=[acl], observed_at=timezone.now())

    def let_copies_stand(self) -> None:
        """Find each of several documents that say the same."""
        with self.work():
            SearchSettings.objects.create(tenant=self.tenant, collapse_duplicates=False)

    def policy(self, place: str) -> int:
        """Return the policy of what lies in a place."""
        return policy.policies_for_places(REALM, [((place,),)])[0]

    def put(self, path: str, content: str | bytes | Exception, *, place: str) -> Document:
        """Add a file or its next version, as a sync would, without indexing it."""
        self.source.files[path] = content
        with self.work():
            document, is_new = Document.objects.get_or_create(
                tenant=self.tenant,
                connection=self.connection,
                external_id=path,
                defaults={
                    "policy_id": self.policy(place),
                    "title": path.rpartition("/")[2].partition(".")[0],
                    "path": path,
                    "mime_type": "text/markdown",
                    "source_version": "1",
                    "last_synced_at": timezone.now(),
                },
            )
            if not is_new:
                document.version += 1
                document.save()
        return document

    def index(self, document: Document) -> indexing.IndexOutcome:
        """Index one document."""
        with tenant_context(self.tenant):
            return indexing.index(document.pk)

    def add(self, path: str, content: str, *, place: str) -> Document:
        """Add a file and index it."""
        document = self.put(path, content, place=place)
        outcome = self.index(document)
        assert outcome.state == "indexed", outcome
        return document

    def move(self, document: Document, place: str) -> None:
        """Give a document another policy; its passages keep the old one for now."""
        with self.work():
            Document.objects.filter(pk=document.pk).update(policy_id=self.policy(place))

    def ask(self, user: User, question: str, limit: int = 10) -> tuple[Passage, ...]:
        """Return what the person finds."""

        def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
            found = retrieve.retrieve(question, scope, limit)
            return found.ok, found.passages

        with self.work():
            return resolve.reading(user, run)

    def paths(self, user: User, question: str) -> list[str]:
        """Return the paths of the documents that the person finds."""
        return [passage.path for passage in self.ask(user, question)]


def make_library(tenant: Tenant, monkeypatch: Any, name: str = "Files") -> Library:
    """Return an empty library of the tenant."""
    source = MemorySource()
    with tenant_context(tenant), transaction.atomic():
        connection = confirmed(
            Connection.objects.create(tenant=tenant, kind="memory", name=name, realm=REALM)
        )
    monkeypatch.setattr(
        "apps.connections.providers.connector_for",
        lambda connection: sources[connection.tenant_id],
        raising=False,
    )
    sources[tenant.pk] = source
    return Library(tenant, source, connection)


# One source for each tenant; tests run one after the other.
sources: dict[int, MemorySource] = {}
