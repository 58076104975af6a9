"""What people call a file of a MIME type."""

from __future__ import annotations

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
LABELS = {
    "text/markdown": "Markdown",
    "text/plain": "Text",
    "text/html": "Web page",
    "text/csv": "Table (CSV)",
    "application/pdf": "PDF",
    f"{_OFFICE}.wordprocessingml.document": "Word document",
    f"{_OFFICE}.presentationml.presentation": "Presentation",
    f"{_OFFICE}.spreadsheetml.sheet": "Spreadsheet",
    f"{_OPEN}.text": "OpenDocument text",
    f"{_OPEN}.spreadsheet": "OpenDocument spreadsheet",
    f"{_OPEN}.presentation": "OpenDocument presentation",
    "application/msword": "Word document (before 2007)",
    "application/rtf": "Rich text",
    "message/rfc822": "Mail",
    "application/vnd.ms-outlook": "Mail (Outlook)",
    "application/json": "JSON",
    "application/x-ndjson": "JSON lines",
    "application/x-ipynb+json": "Notebook",
    "application/zip": "Archive (zip)",
    "application/gzip": "Archive (gz)",
    "application/x-tar": "Archive (tar)",
}


def label(mime_type: str) -> str:
    """Return the name of a kind of file, the MIME type itself where it has none."""
    return LABELS.get(mime_type) or mime_type or "File"
