"""What an editor's document becomes when it is exported."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from apps.ops.sandbox.drive.errors import ApiError
from apps.ops.sandbox.drive.records import DOCUMENT, PRESENTATION, SPREADSHEET, Item

MOST_BYTES = 10 * 1024 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = f"{OFFICE}.wordprocessingml.document"
XLSX = f"{OFFICE}.spreadsheetml.sheet"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def exported(item: Item, mime_type: str) -> bytes:
    """Return a document of an editor in another format.

    Raises:
        ApiError: it is no such document, the format is none of its own, or the result is larger
            than Google exports.
    """
    formats = EXPORTS.get(item.mime_type)
    if formats is None:
        raise ApiError(403, "fileNotExportable", "Export only supports Docs Editors files.")
    if mime_type not in formats:
        raise ApiError(400, "badRequest", "The requested conversion is not supported.", "convertTo")
    content = formats[mime_type](item.content)
    if len(content) > MOST_BYTES:
        message = "This file is too large to be exported."
        raise ApiError(403, "exportSizeLimitExceeded", message)
    return content


def _same(content: bytes) -> bytes:
    return content


def _plain(markdown: bytes) -> bytes:
    lines = (_words(line) for line in markdown.decode().splitlines())
    return "\r\n".join(lines).encode("utf-8-sig")


def _words(line: str) -> str:
    without_marks = re.sub(r"^\s*(#{1,6}|>|[-*+]|\d+\.)\s+", "", line)
    without_links = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", without_marks)
    return re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", without_links)


def _docx(markdown: bytes) -> bytes:
    paragraphs = "".join(_paragraph(line) for line in markdown.decode().splitlines() if line)
    body = f'<w:document xmlns:w="{WORD}"><w:body>{paragraphs}</w:body></w:document>'
    return _package({"word/document.xml": (f"{DOCX}.main+xml", body)}, {})


def _paragraph(line: str) -> str:
    level = len(line) - len(line.lstrip("#"))
    style = f'<w:pPr><w:pStyle w:val="Heading{level}"/></w:pPr>' if level else ""
    text = escape(_words(line))
    return f'<w:p>{style}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def _xlsx(rows: bytes) -> bytes:
    lines = "".join(
        "<row>" + "".join(_cell(value) for value in row) + "</row>"
        for row in csv.reader(io.StringIO(rows.decode()))
    )
    book = (
        f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    sheet = f'<worksheet xmlns="{SHEET}"><sheetData>{lines}</sheetData></worksheet>'
    parts = {
        "xl/workbook.xml": (f"{XLSX}.main+xml", book),
        "xl/worksheets/sheet1.xml": (f"{OFFICE}.spreadsheetml.worksheet+xml", sheet),
    }
    return _package(parts, {"xl/_rels/workbook.xml.rels": ("worksheet", "worksheets/sheet1.xml")})


def _cell(value: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _package(
    parts: Mapping[str, tuple[str, str]], relations: Mapping[str, tuple[str, str]]
) -> bytes:
    """Return an Office package: parts as (type, XML) by path, the first being its document."""
    document = next(iter(parts))
    types = "".join(
        f'<Override PartName="/{path}" ContentType="{kind}"/>' for path, (kind, _) in parts.items()
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    texts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="{rels}"/>{types}</Types>',
        "_rels/.rels": _relation("officeDocument", document),
        **{path: _relation(kind, target) for path, (kind, target) in relations.items()},
        **{path: text for path, (_, text) in parts.items()},
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as package:
        for path, text in texts.items():
            package.writestr(path, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return written.getvalue()


def _relation(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/{kind}" Target="{target}"/></Relationships>'
    )


EXPORTS: Mapping[str, Mapping[str, Callable[[bytes], bytes]]] = {
    DOCUMENT: {"text/markdown": _same, "text/plain": _plain, DOCX: _docx},
    SPREADSHEET: {"text/csv": _same, XLSX: _xlsx},
    PRESENTATION: {"text/plain": _same},
}
