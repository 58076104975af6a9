"""What a page of a sync changes about documents, for whoever wants to be told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Named:
    """A document, by its uuid and by what its source calls it."""

    uuid: UUID
    external_id: str


@dataclass(slots=True)
class Changes:
    """Filled by `store` where a caller hands one in.

    Attributes:
        created: new documents, and those that came back.
        updated: those whose content changed.
        deleted: those that are gone from their source.
        moved: how many have another policy than before, so possibly other readers.
    """

    created: list[Named] = field(default_factory=list)
    updated: list[Named] = field(default_factory=list)
    deleted: list[Named] = field(default_factory=list)
    moved: int = 0
