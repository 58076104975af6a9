"""The stages of each tenant's search."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from apps.tenants.row_security import SecureTenantTable

_SECOND_STAGES = [
    ("none", "None"),
    ("local", "On this server"),
    ("endpoint", "A reranking model (KENWARD_RERANK_URL)"),
]
_EXPANSIONS = [
    ("none", "Nothing"),
    ("multi_query", "The question in other words"),
    ("hyde", "A passage that could answer it"),
]


class Migration(migrations.Migration):
    dependencies = [("search", "0005_vector_index"), ("tenants", "0005_department")]

    operations = [
        migrations.CreateModel(
            name="SearchSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "second_stage",
                    models.CharField(
                        max_length=10,
                        choices=_SECOND_STAGES,
                        default="local",
                        help_text="Orders the first passages once more, by more than the first search can see.",
                    ),
                ),
                (
                    "collapse_duplicates",
                    models.BooleanField(
                        default=True,
                        help_text="Near-identical passages, and versions of a document, stand once.",
                    ),
                ),
                (
                    "prefer_newer",
                    models.BooleanField(
                        default=True,
                        verbose_name="prefer newer documents",
                        help_text="Among passages that are equally good, the newest document's comes first.",
                    ),
                ),
                (
                    "stitch_neighbours",
                    models.BooleanField(
                        default=True,
                        help_text="What stands before and after a passage goes with it into the answer.",
                    ),
                ),
                (
                    "expansion",
                    models.CharField(
                        max_length=12,
                        choices=_EXPANSIONS,
                        default="none",
                        verbose_name="added by the language model",
                        help_text="For questions in the chat. Costs one more call of the model for each question.",
                    ),
                ),
                (
                    "department_hint",
                    models.BooleanField(
                        default=False,
                        help_text="Prefers documents in whose place the asker's department is named, a little.",
                    ),
                ),
                (
                    "filters_in_words",
                    models.BooleanField(
                        default=True,
                        help_text="“pdf from finance since March” limits a search to such files.",
                    ),
                ),
                (
                    "typo_tolerance",
                    models.BooleanField(
                        default=True,
                        help_text="A word that nothing has is taken for a similar one of a title or a name.",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "search settings",
                "verbose_name_plural": "search settings",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant"], name="search_settings_once_per_tenant"
                    )
                ],
            },
        ),
        SecureTenantTable("SearchSettings"),
    ]
