"""Conversations, their messages, and what each answer rests on."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.documents.models import Document
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class Conversation(TenantModel):
    """One person's chat. Nobody else opens it."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "uuid"], name="conversation_uuid_once")
        ]
        indexes = [
            models.Index(fields=["tenant", "user", "-updated_at"], name="conversation_of_user")
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"


class Message(TenantModel):
    """A question, or the answer to it."""

    class Author(models.TextChoices):
        """Who wrote it."""

        USER = "user", "Person"
        ASSISTANT = "assistant", "Kenward"

    class Outcome(models.TextChoices):
        """How an answer came out."""

        ANSWERED = "answered", "Answered"
        NOTHING_FOUND = "nothing_found", "Nothing found"
        STOPPED = "stopped", "Stopped by the reader"
        FAILED = "failed", "Failed"

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    conversation = TenantForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    author = models.CharField(max_length=20, choices=Author)
    text = models.TextField()
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "uuid"], name="message_uuid_once")]
        indexes = [
            models.Index(fields=["tenant", "conversation", "id"], name="message_of_conversation")
        ]

    def __str__(self) -> str:
        return f"{self.author} {self.pk}"


class Citation(TenantModel):
    """A passage that was in an answer's prompt; `is_cited` when the answer names its number.

    Every document the model saw counts as evidence: who may no longer read one of them no longer
    sees the answer, since a paraphrase leaks like a quote.
    """

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    document = TenantForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    is_cited = models.BooleanField(default=False)
    # Evidence of an earlier answer that stood in the prompt as history; not listed as a source.
    is_carried = models.BooleanField(default=False)
    # The passage by its place in the document's text, so that re-indexing does not lose it.
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    # What admitted the reader when the prompt was made: see `acls.explain` and `chat.receipts`.
    receipt = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message", "number"], name="citation_once")
        ]

    def __str__(self) -> str:
        return f"[{self.number}]"
