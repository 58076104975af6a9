"""Documents as the sources list them, and their extracted text."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q, Value

from apps.acls.classes import Classification
from apps.acls.models import Policy
from apps.connections.models import CANARY_KIND, Connection
from apps.connections.protocol import ItemKind
from apps.documents.classification_models import ClassificationRule as ClassificationRule
from apps.documents.classification_models import ClassifiedBy as ClassifiedBy
from apps.documents.classification_models import Reclassification as Reclassification
from apps.documents.collection_models import (
    Collection as Collection,
)
from apps.documents.collection_models import (
    CollectionGroupPermission as CollectionGroupPermission,
)
from apps.documents.collection_models import (
    CollectionItem as CollectionItem,
)
from apps.documents.collection_models import (
    CollectionUserPermission as CollectionUserPermission,
)
from apps.documents.history_models import (
    DocumentHistory as DocumentHistory,
)
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class DocumentQuerySet(models.QuerySet["Document"]):
    """Finds documents."""

    def live(self) -> DocumentQuerySet:
        """Return documents that their source still has."""
        return self.filter(deleted_at=None)

    def without_canaries(self) -> DocumentQuerySet:
        """Return what people know of; for lists and counts that are not limited to readers.

        Not the manager's own: a statement that forgets its filter is to find the canaries.
        """
        return self.exclude(
            connection_id__in=Connection.with_canaries.filter(kind=CANARY_KIND).values("pk")
        )

    def to_index(self) -> DocumentQuerySet:
        """Return live documents whose searchable version is behind, oldest first."""
        return self.live().exclude(indexed_version=F("version")).order_by("pk")

    def to_repoint(self) -> DocumentQuerySet:
        """Return documents whose passages carry another policy, or that are gone."""
        behind = ~Q(chunks_policy_id=F("policy_id")) | Q(deleted_at__isnull=False)
        return self.filter(Q(chunks_policy_id__isnull=False) & behind).order_by("pk")


class Document(TenantModel):
    """One item of a source. Its text lies in `DocumentText`, which no admin page shows."""

    class Failure(models.TextChoices):
        """Why a document is not searchable."""

        ENCRYPTED = "encrypted", "Encrypted"
        CORRUPT = "corrupt", "Broken file"
        EMPTY = "empty", "Empty"
        NO_TEXT = "no_text", "No text in it"
        UNSUPPORTED = "unsupported", "Kind of file not supported"
        TOO_LARGE = "too_large", "Too large"
        TIMED_OUT = "timed_out", "Took too long to read"
        OUT_OF_MEMORY = "out_of_memory", "Needs too much memory to read"
        FORBIDDEN = "item_forbidden", "The source does not hand it out"
        OTHER = "other", "Other"

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    connection = TenantForeignKey(Connection, on_delete=models.PROTECT, related_name="documents")
    external_id = models.CharField(max_length=4096)
    # By which of the published schemas its record goes (`normalised`).
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, kind.value.title()) for kind in ItemKind],
        default=ItemKind.FILE.value,
        db_default=ItemKind.FILE.value,
    )
    policy = TenantForeignKey(Policy, on_delete=models.PROTECT, related_name="documents")
    title = models.CharField(max_length=1000)
    # What the source last called it; `title` may come from its content. Empty: not known.
    told_title = models.CharField(
        max_length=1000, blank=True, default="", db_default="", editable=False
    )
    path = models.CharField(max_length=4096)
    url = models.CharField(max_length=4096, blank=True)
    mime_type = models.CharField(max_length=200, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    source_created_at = models.DateTimeField(null=True)
    source_modified_at = models.DateTimeField(null=True)
    # As the source says, else as the file does (`search.indexing`).
    author = models.CharField(max_length=200, blank=True, default="", db_default="")
    # Words that the source itself puts on the item; rules for the class can ask for them.
    labels = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    # What this source alone knows of it; bounded (`source_fields`), without text or readers.
    fields = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    classification = models.CharField(
        "class",
        max_length=20,
        choices=Classification,
        default=Classification.INTERNAL,
        db_default=Classification.INTERNAL,
    )
    classified_by = models.CharField(
        "class given by",
        max_length=10,
        choices=ClassifiedBy,
        default=ClassifiedBy.DEFAULT,
        db_default=ClassifiedBy.DEFAULT,
    )
    # The rule that gave the class; it may be gone by the time its documents are gone through.
    class_rule_id = models.BigIntegerField(null=True, editable=False)
    # The source's own mark of the content, and our count of how often it changed.
    source_version = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    # Text and passages of an earlier version were written for other readers: never shown.
    text_from_version = models.PositiveIntegerField(default=1, editable=False)
    # What the index holds; behind `version` the document waits. The rows are the queue.
    indexed_version = models.PositiveIntegerField(default=0)
    indexed_at = models.DateTimeField(null=True)
    index_claimed_at = models.DateTimeField(null=True, editable=False)
    # The policy that the searchable passages carry; empty while there are none. Behind `policy`,
    # or on a deleted document, the passages wait for `search.repoint`.
    chunks_policy_id = models.BigIntegerField(null=True, editable=False)
    index_attempts = models.PositiveSmallIntegerField(default=0)
    index_after = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(max_length=20, choices=Failure, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    last_synced_at = models.DateTimeField()
    seen_by_run_id = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="document_uuid_once"),
            models.UniqueConstraint(
                fields=["tenant", "connection", "external_id"], name="document_once_per_connection"
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "id"],
                condition=Q(deleted_at=None) & ~Q(indexed_version=F("version")),
                name="document_to_index",
            ),
            models.Index(
                fields=["tenant", "id"],
                condition=Q(chunks_policy_id__isnull=False)
                & (~Q(chunks_policy_id=F("policy_id")) | Q(deleted_at__isnull=False)),
                name="document_to_repoint",
            ),
            models.Index(fields=["tenant", "policy"], name="document_by_policy"),
            models.Index(
                fields=["tenant", "connection", "seen_by_run_id"], name="document_by_sweep"
            ),
        ]
        verbose_name = "object synced"
        verbose_name_plural = "objects synced"

    def __str__(self) -> str:
        return self.path

    @property
    def state(self) -> str:
        """Return `deleted`, `failed`, `searchable` or `waiting` (for indexing)."""
        if self.deleted_at is not None:
            return "deleted"
        if self.failure:
            return "failed"
        return "searchable" if self.indexed_version == self.version else "waiting"


class DocumentText(TenantModel):
    """The extracted text of one version of a document; passages are spans of it."""

    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="texts")
    version = models.PositiveIntegerField()
    text = models.TextField()
    # [[kind, start, end, level, page], …]: structure by character spans of `text`.
    blocks = models.JSONField(default=list)
    pages = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "document"], name="text_once_per_document")
        ]

    def __str__(self) -> str:
        return f"text of {self.document_id}"
