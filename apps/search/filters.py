"""What a search is limited to, beside what the person may read. A filter only ever narrows.

Each filter is one more condition, joined by AND, over the document's own row; so a statement with
filters returns a part of what it returns without. Nothing here says who may read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.documents import file_kinds

_IN_COLLECTION = (
    "EXISTS (SELECT FROM documents_collectionitem filter_item"
    " WHERE filter_item.tenant_id = d.tenant_id AND filter_item.document_id = d.id"
    " AND filter_item.collection_id = ANY (%(filter_collections)s::bigint[]))"
)
_IN_FOLDER = (
    "EXISTS (SELECT FROM unnest(%(filter_folders)s::text[]) filter_folder"
    " WHERE starts_with(d.path, filter_folder))"
)
_OF_KIND = "d.mime_type = ANY (%(filter_mime_types)s::text[])"
_OF_NO_KIND = "d.mime_type <> ALL (%(filter_known_types)s::text[])"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the documents that are found must be; several values of one filter are alternatives.

    Attributes:
        sources: ids of connections.
        kinds: keys of `documents.file_kinds.KINDS`; an unknown one is no document's.
        authors: as the documents say them, letter by letter.
        since: changed at or after this moment; a document without a time of change never is.
        until: changed before this moment.
        classes: values of `acls.classes.Classification`.
        collections: ids of collections, which the asker may open: the caller has looked.
        folders: paths of folders inside their sources, with a trailing slash.
    """

    sources: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    classes: tuple[str, ...] = ()
    collections: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != NONE

    @property
    def condition(self) -> str:
        """SQL over the alias d of documents_document; "TRUE" without any filter."""
        wanted = (
            (self.sources, "d.connection_id = ANY (%(filter_sources)s::bigint[])"),
            (self.kinds, self._of_kinds()),
            (self.authors, "d.author = ANY (%(filter_authors)s::text[])"),
            (self.since, "d.source_modified_at >= %(filter_since)s::timestamptz"),
            (self.until, "d.source_modified_at < %(filter_until)s::timestamptz"),
            (self.classes, "d.classification = ANY (%(filter_classes)s::text[])"),
            (self.collections, _IN_COLLECTION),
            (self.folders, _IN_FOLDER),
        )
        return " AND ".join(sql for value, sql in wanted if value) or "TRUE"

    @property
    def params(self) -> dict[str, Any]:
        """The named parameters of `condition`; every name starts with `filter_`."""
        return {
            "filter_sources": list(self.sources),
            "filter_mime_types": file_kinds.mime_types(self.kinds),
            "filter_known_types": list(file_kinds.KNOWN_TYPES),
            "filter_authors": list(self.authors),
            "filter_since": self.since,
            "filter_until": self.until,
            "filter_classes": list(self.classes),
            "filter_collections": list(self.collections),
            "filter_folders": list(self.folders),
        }

    def _of_kinds(self) -> str:
        if file_kinds.OTHER.key in self.kinds:
            return f"({_OF_KIND} OR {_OF_NO_KIND})"
        return _OF_KIND


NONE = Filters()
