"""Kinds of files as people speak of them: several MIME types each. Every type has one kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        key: what stands in addresses.
        label: what people read.
        mime_types: the types that are of this kind; none for what is of no other kind.
    """

    key: str
    label: str
    mime_types: tuple[str, ...]


OTHER = FileKind("other", "Other files", ())
KINDS: dict[str, FileKind] = {
    kind.key: kind
    for kind in (
        FileKind("pdf", "PDF", ("application/pdf",)),
        FileKind(
            "document",
            "Text document",
            (
                f"{_OFFICE}.wordprocessingml.document",
                "application/msword",
                "application/rtf",
                "text/rtf",
                f"{_OPEN}.text",
            ),
        ),
        FileKind(
            "presentation",
            "Presentation",
            (
                f"{_OFFICE}.presentationml.presentation",
                f"{_OPEN}.presentation",
                "application/vnd.ms-powerpoint",
            ),
        ),
        FileKind(
            "spreadsheet",
            "Spreadsheet",
            (
                f"{_OFFICE}.spreadsheetml.sheet",
                f"{_OPEN}.spreadsheet",
                "application/vnd.ms-excel",
                "text/csv",
                "text/tab-separated-values",
            ),
        ),
        FileKind("mail", "Mail", ("message/rfc822", "application/vnd.ms-outlook")),
        FileKind("page", "Web page", ("text/html", "application/xhtml+xml")),
        FileKind("note", "Note", ("text/markdown", "text/x-markdown", "text/plain", "text/x-rst")),
        FileKind("notebook", "Notebook", ("application/x-ipynb+json",)),
        FileKind(
            "code",
            "Code",
            (
                "text/x-python",
                "text/javascript",
                "application/javascript",
                "application/x-javascript",
                "application/x-sh",
                "application/x-csh",
                "application/x-tex",
                "application/xml",
                "text/xml",
                "application/yaml",
                "text/css",
            ),
        ),
        FileKind(
            "data",
            "Data",
            ("application/json", "application/x-ndjson", "application/geo+json"),
        ),
        FileKind(
            "archive",
            "Archive",
            ("application/zip", "application/gzip", "application/x-tar"),
        ),
        OTHER,
    )
}
_BY_TYPE = {mime: kind for kind in KINDS.values() for mime in kind.mime_types}
# What `other` is not.
KNOWN_TYPES: tuple[str, ...] = tuple(sorted(_BY_TYPE))


def of(mime_type: str) -> FileKind:
    """Return the kind of a MIME type."""
    return _BY_TYPE.get(mime_type, OTHER)


def mime_types(keys: Iterable[str]) -> list[str]:
    """Return the MIME types of kinds by their keys; unknown keys, and `other`, have none."""
    return sorted({mime for key in keys if key in KINDS for mime in KINDS[key].mime_types})
