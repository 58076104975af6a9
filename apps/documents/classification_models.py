"""Rules that give documents their class, and how far a changed set of rules has been applied."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.acls.classes import Classification
from apps.connections.models import Connection
from apps.tenants.fields import TenantForeignKey
from apps.tenants.models import TenantModel


class ClassifiedBy(models.TextChoices):
    """What gave a document its class."""

    DEFAULT = "default", "No rule"
    RULE = "rule", "Rule"
    HAND = "hand", "By hand"


class ClassificationRule(TenantModel):
    """Documents that all of this is true of get the class, if no earlier rule is about them.

    An empty part is true of every document.
    """

    position = models.PositiveIntegerField(help_text="The first rule that matches decides.")
    connection = TenantForeignKey(
        Connection,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="source",
        help_text="Empty: every source.",
    )
    path_glob = models.CharField(
        "path",
        max_length=500,
        blank=True,
        help_text="Such as hr/** or **/contracts/*.pdf: * stands for a part of a name, ** for any"
        " number of folders. Capitals make no difference. Empty: every path.",
    )
    # The glob as a regular expression of PostgreSQL.
    path_pattern = models.CharField(max_length=4000, blank=True, editable=False)
    label = models.CharField(
        max_length=100, blank=True, help_text="A label of the source. Empty: any, or none."
    )
    classification = models.CharField("class", max_length=20, choices=Classification)

    class Meta:
        verbose_name = "class rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values),
                name="classificationrule_known_class",
            ),
        ]

    def __str__(self) -> str:
        return f"Rule {self.position}"


class Reclassification(TenantModel):
    """How far the tenant's rules, as they are now, have been applied to stored documents.

    Two passes by ascending id: documents that become stricter first, then all others.
    """

    is_tightening = models.BooleanField(default=True)
    after_id = models.BigIntegerField(default=0)
    up_to_id = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="reclassification_once_per_tenant")
        ]

    def __str__(self) -> str:
        return f"up to {self.after_id} of {self.up_to_id}"
