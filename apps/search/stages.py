"""Which stages of the search a tenant uses; each can be switched off, and its gain measured."""

from __future__ import annotations

from dataclasses import dataclass, fields

from django.db import models


class SecondStage(models.TextChoices):
    """What orders the first passages once more."""

    NONE = "none", "None"
    LOCAL = "local", "On this server"
    ENDPOINT = "endpoint", "A reranking model (KENWARD_RERANK_URL)"


class Expansion(models.TextChoices):
    """What a language model adds to a question before it is searched for."""

    NONE = "none", "Nothing"
    MULTI_QUERY = "multi_query", "The question in other words"
    HYDE = "hyde", "A passage that could answer it"


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one search.

    Attributes:
        second_stage: see `second_stage`.
        collapse_duplicates: near-identical passages and versions stand once (`duplicates`).
        prefer_newer: among passages that are equally good, the newest document's is first.
        stitch_neighbours: what stands before and after a passage goes with it into the prompt.
        expansion: what a language model adds, where one is configured.
        department_hint: documents of the asker's department are preferred a little.
        filters_in_words: "pdf from finance since March" limits the search.
        typo_tolerance: a word that nothing has is taken for one that something has.
    """

    second_stage: str = SecondStage.LOCAL
    collapse_duplicates: bool = True
    prefer_newer: bool = True
    stitch_neighbours: bool = True
    expansion: str = Expansion.NONE
    department_hint: bool = False
    filters_in_words: bool = True
    typo_tolerance: bool = True


DEFAULT = Stages()
NAMES = tuple(one.name for one in fields(Stages))


def of_tenant() -> Stages:
    """Return the bound tenant's stages; the defaults where nobody has changed anything."""
    from apps.search.models import SearchSettings  # its columns take their defaults from here

    row = SearchSettings.objects.values(*NAMES).first()
    return Stages(**row) if row else DEFAULT
