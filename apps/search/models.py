"""Chunks: the passages that are searched, and the vector of each in a narrow table of its own."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import HalfVectorField, SparseVectorField

from apps.acls.models import Policy
from apps.documents.models import Document
from apps.search.evaluation.question_set_models import Judgement as Judgement
from apps.search.evaluation.question_set_models import Question as Question
from apps.search.evaluation.question_set_models import QuestionSet as QuestionSet
from apps.search.saved_models import RecentSearch as RecentSearch
from apps.search.saved_models import SavedSearch as SavedSearch
from apps.search.settings_models import SearchSettings as SearchSettings
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class Chunk(TenantModel):
    """A passage of a document: a span of its text, with the headings above it."""

    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    # A copy of the document's, so that the filter runs inside the index scan.
    policy = TenantForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    # The policy's, for row-level security: the bit that stands for it (see `tenants.context`).
    policy_ordinal = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    ordinal = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)
    heading_path = models.JSONField(default=list)
    text = models.TextField()
    token_count = models.PositiveSmallIntegerField()
    sha256 = models.CharField(max_length=64)
    lexemes = SearchVectorField()

    class Meta:
        constraints = [
            # Deferred, so that one UPDATE can renumber the passages of a document.
            models.UniqueConstraint(
                fields=["tenant", "document", "ordinal"],
                name="chunk_ordinal_once",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]
        # No index on `lexemes`: they say where terms stand in a passage, for phrases and for how
        # close words are, once `ChunkTerms` has said which passages to look at.
        indexes = [models.Index(fields=["tenant", "policy"], name="chunk_by_policy")]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


class EmbeddingModel(TenantModel):
    """An embedding model that a tenant's vectors were made with; one is active."""

    name = models.CharField(max_length=200)
    revision = models.CharField(max_length=100, blank=True)
    dimension = models.PositiveSmallIntegerField()
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name", "revision"], name="embedding_model_once"
            ),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_active=True),
                name="one_active_embedding_model",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.revision}".strip()


class ChunkVector(TenantModel):
    """The vector of a chunk, under the chunk's id. Its SQL lies in `vector_store`.

    A narrow table of its own: with text beside them, vectors move out of line and every scan
    fetches them one by one. Hash-partitioned by tenant (see the first migration).
    """

    id = models.BigIntegerField(primary_key=True)
    document_id = models.BigIntegerField()
    policy_id = models.BigIntegerField()
    policy_ordinal = models.IntegerField()
    embedding = HalfVectorField()

    class Meta:
        managed = False
        db_table = "search_chunkvector"

    def __str__(self) -> str:
        return str(self.pk)


class ChunkTerms(TenantModel):
    """The terms of a chunk, under the chunk's id, with what BM25 makes of them. See `lexical`.

    Narrow and partitioned, as `ChunkVector` is. Rows are replaced, never changed, but for their
    policy: triggers count in how many passages of the tenant a term is.
    """

    id = models.BigIntegerField(primary_key=True)
    document_id = models.BigIntegerField()
    policy_id = models.BigIntegerField()
    policy_ordinal = models.IntegerField()
    # By its stemmer's name; see `languages`.
    language = models.TextField()
    terms = ArrayField(models.IntegerField())
    impacts = SparseVectorField()

    class Meta:
        managed = False
        db_table = "search_chunkterms"

    def __str__(self) -> str:
        return str(self.pk)
