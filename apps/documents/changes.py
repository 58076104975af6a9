"""What a page of a sync changes about documents: counted, listed and told of."""

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
    """Filled by `store`.

    Attributes:
        created: new documents, and those that came back.
        updated: those whose content changed.
        moved: those whose path changed, and whose content did not.
        deleted: those that are gone from their source.
        other_readers: those under another policy than before, so possibly with other readers.
    """

    created: list[Named] = field(default_factory=list)
    updated: list[Named] = field(default_factory=list)
    moved: list[Named] = field(default_factory=list)
    deleted: list[Named] = field(default_factory=list)
    other_readers: list[Named] = field(default_factory=list)
