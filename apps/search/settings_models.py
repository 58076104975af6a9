"""What a tenant has set about its search."""

from __future__ import annotations

from django.db import models

from apps.search.stages import DEFAULT, Expansion, SecondStage
from apps.tenants.models import TenantModel


class SearchSettings(TenantModel):
    """The stages of a tenant's search, one row at most; `stages.Stages` says what each does."""

    second_stage = models.CharField(
        max_length=10,
        choices=SecondStage,
        default=DEFAULT.second_stage,
        help_text="Orders the first passages once more, by more than the first search can see.",
    )
    collapse_duplicates = models.BooleanField(
        default=DEFAULT.collapse_duplicates,
        help_text="Near-identical passages, and versions of a document, stand once.",
    )
    prefer_newer = models.BooleanField(
        "prefer newer documents",
        default=DEFAULT.prefer_newer,
        help_text="Among passages that are equally good, the newest document's comes first.",
    )
    stitch_neighbours = models.BooleanField(
        default=DEFAULT.stitch_neighbours,
        help_text="What stands before and after a passage goes with it into the answer.",
    )
    expansion = models.CharField(
        "added by the language model",
        max_length=12,
        choices=Expansion,
        default=DEFAULT.expansion,
        help_text="For questions in the chat. Costs one more call of the model for each question.",
    )
    department_hint = models.BooleanField(
        default=DEFAULT.department_hint,
        help_text="Prefers documents in whose place the asker's department is named, a little.",
    )
    filters_in_words = models.BooleanField(
        default=DEFAULT.filters_in_words,
        help_text="“pdf from finance since March” limits a search to such files.",
    )
    typo_tolerance = models.BooleanField(
        default=DEFAULT.typo_tolerance,
        help_text="A word that nothing has is taken for a similar one of a title or a name.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "search settings"
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="search_settings_once_per_tenant")
        ]

    def __str__(self) -> str:
        return "Search settings"
