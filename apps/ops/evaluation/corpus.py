"""Makes a tenant of a collection: its documents in a connected folder, indexed by the real path.

Everything is written to a database and a folder that are deleted afterwards. Memory does not grow
with the collection but for the id of each document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import freshness, placement, policy, record
from apps.connections.models import Connection
from apps.connections.protocol import (
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteItem,
    RemotePrincipal,
)
from apps.connections.providers.file_share.location import Access
from apps.documents import store
from apps.documents.models import Document
from apps.ops.evaluation.datasets import SourceDocument
from apps.search.embeddings.embedding import EmbeddingUnavailable
from apps.search.indexer import worker
from apps.search.indexer.indexing import IndexOutcome
from apps.search.models import Chunk
from apps.tenants.context import tenant_context, unrestricted_reading
from apps.tenants.models import Membership, Tenant

_PAGE = 200
_TURN_S = 5.0  # between two words of progress
_REALM = "evaluation"
_PLACE = "all"
_FILES_PER_FOLDER = 1_000
# What Markdown would take for markup in a plain text.
_MARKUP = re.compile(r"([\\`*_<>\[\]|~&#])")


@dataclass
class Corpus:
    """A tenant that holds a collection, and an ordinary member of it.

    Attributes:
        ids: the document's id in the collection -> in the database.
    """

    tenant: Tenant
    member: User
    connection: Connection
    ids: dict[str, int] = field(default_factory=dict)

    def stay_fresh(self) -> None:
        """Do what beat and the sync do in a running installation: what is old is not shown."""
        with tenant_context(self.tenant), transaction.atomic():
            freshness.attend()
            freshness.confirm(self.connection, timezone.now())

    def waiting(self) -> list[int]:
        """Return the documents that wait for indexing."""
        with tenant_context(self.tenant), transaction.atomic():
            return list(Document.objects.to_index().values_list("pk", flat=True))

    def count_passages(self) -> int:
        """Return how many passages the index has."""
        with tenant_context(self.tenant), unrestricted_reading(), transaction.atomic():
            return Chunk.objects.count()


def found(folder: Path) -> Corpus:
    """Make an empty tenant with one member, who reads whatever lies in a folder.

    Args:
        folder: absolute and empty; KENWARD_FOLDER_ROOTS names it.
    """
    tenant = Tenant.objects.create(slug="evaluation", name="Evaluation")
    member = User.objects.create_user("member@evaluation.example")
    with tenant_context(tenant), transaction.atomic():
        placement.ensure()
        Membership.objects.create(tenant=tenant, user=member)
        connection = Connection.objects.create(
            tenant=tenant,
            kind="file_share",
            name="Collection",
            realm=_REALM,
            settings={"path": str(folder), "access": Access.ALL_MEMBERS.value},
        )
        everybody = RemotePrincipal(PrincipalKind.MEMBERS, PrincipalKind.MEMBERS.value)
        place = RemoteAcl(_PLACE, _PLACE, entries=(RemoteEntry(everybody),))
        record.apply(_REALM, acls=[place], observed_at=timezone.now())
    return Corpus(tenant, member, connection)


def fill(corpus: Corpus, documents: Iterable[SourceDocument], folder: Path) -> int:
    """Write the documents into the folder and store them as a sync does, a page at a time.

    Returns:
        how many there are; they wait for indexing.
    """
    numbered = enumerate(documents)
    while page := list(islice(numbered, _PAGE)):
        names = {one.id: _write(folder, number, one) for number, one in page}
        items = [_item(one, names[one.id]) for _, one in page]
        with tenant_context(corpus.tenant), transaction.atomic():
            readers = policy.policies_for_places(_REALM, [items[0].policy])[0]
            store.write(
                corpus.connection,
                items,
                {items[0].policy: readers},
                observed_at=timezone.now(),
                run_id=1,
            )
            stored = dict(
                Document.objects.filter(external_id__in=names.values()).values_list(
                    "external_id", "pk"
                )
            )
        corpus.ids |= {one_id: stored[name] for one_id, name in names.items()}
    return len(corpus.ids)


def indexed(corpus: Corpus) -> Iterator[bool]:
    """Let the indexing worker work off what waits; yield for each document whether it is found now.

    Raises:
        EmbeddingUnavailable: some still wait, since their passages got no vectors.
    """
    outcomes: list[IndexOutcome] = []
    is_left = True
    while is_left:
        with tenant_context(corpus.tenant):
            is_left = worker.work_off(budget_s=_TURN_S, report=outcomes.append)
        yield from (outcome.state == "indexed" for outcome in outcomes)
        outcomes.clear()
    if waiting := corpus.waiting():
        raise EmbeddingUnavailable(
            f"{len(waiting):,} documents could not be indexed.", hint="See what was logged above."
        )


def as_markdown(document: SourceDocument) -> str:
    """Return a document as the file that stands for it: under its title, where it lacks that."""
    if document.is_markdown:
        return document.text
    text = _MARKUP.sub(r"\\\1", document.text)
    if _folded(document.text).startswith(_folded(document.title)):
        return text
    title = _MARKUP.sub(r"\\\1", " ".join(document.title.split()))
    return f"# {title}\n\n{text}"


def _write(folder: Path, number: int, document: SourceDocument) -> str:
    """Write one file and return its path below the folder."""
    name = f"{number // _FILES_PER_FOLDER}/{number}.md"
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(as_markdown(document), encoding="utf-8", errors="replace")
    return name


def _item(document: SourceDocument, name: str) -> RemoteItem:
    title = document.title or name
    return RemoteItem(name, title, name, "1", ((_PLACE,),), mime_type="text/markdown")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
