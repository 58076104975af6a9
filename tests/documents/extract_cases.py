"""Small files of each format, made by the libraries that people make them with, or by hand."""

# openpyxl and python-pptx have no types.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from email.message import EmailMessage

from openpyxl.workbook.workbook import Workbook
from pptx import Presentation
from pptx.util import Inches

from apps.documents.blocks import ExtractedText
from apps.documents.extract import readers
from apps.documents.extract.allowance import Allowance

ODF = "urn:oasis:names:tc:opendocument:xmlns"


def read(content: bytes | str, name: str, allowance: Allowance | None = None) -> ExtractedText:
    """Read a file in this process; `extract` is for what has to be survived."""
    encoded = content.encode() if isinstance(content, str) else content
    return readers.read(encoded, name, None, allowance or Allowance())


def shape(found: ExtractedText) -> list[tuple[str, str]]:
    return [(block.kind, found.text[block.start : block.end]) for block in found.blocks]


def headings(found: ExtractedText) -> list[tuple[int, str]]:
    return [
        (block.level, found.text[block.start : block.end])
        for block in found.blocks
        if block.kind == "heading"
    ]


def package(parts: Mapping[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def pptx() -> bytes:
    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text = "Quarterly review"
    first.placeholders[1].text = "Finance"
    second = deck.slides.add_slide(deck.slide_layouts[1])
    second.shapes.title.text = "Costs"
    frame = second.placeholders[1].text_frame
    frame.text = "Travel is up"
    item = frame.add_paragraph()
    item.text, item.level = "by a tenth", 1
    table = second.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table
    for place, text in enumerate(["Team", "Cost", "Sales", "900"]):
        table.cell(place // 2, place % 2).text = text
    second.notes_slide.notes_text_frame.text = "Say why."
    third = deck.slides.add_slide(deck.slide_layouts[6])
    outer = third.shapes.add_group_shape()
    inner = outer.shapes.add_group_shape()
    box = inner.shapes.add_textbox(0, 0, 9, 9)
    box.text_frame.text = "Deep inside"
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()


def xlsx() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Rents"
    sheet.append(["Rents of all shops", None, None, None])
    sheet.append(["City", "Since", "Rent", "Share"])
    sheet.append(["Rome", date(2027, 5, 3), 1200.5, 0.25])
    sheet.append(["Bonn", datetime(2027, 5, 3, 14, 30), 900, True])  # noqa: DTZ001  as Excel has it
    sheet["D3"].number_format = "0.0%"
    other = book.create_sheet("Empty")
    other["A1"] = None
    book.create_sheet("Notes")["B2"] = "=1+1"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def odf(kind: str, body: str) -> bytes:
    names = ("office", "text", "table", "drawing", "presentation", "meta")
    spaces = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in names)
    content = f"<office:document-content {spaces}><office:body>{body}</office:body>"
    return package(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{content}</office:document-content>",
        }
    )


def odt() -> bytes:
    return odf(
        "text",
        "<office:text><text:h text:outline-level='1'>Leave</text:h>"
        "<text:p>Twenty<text:s text:c='2'/>days<text:note><text:note-body><text:p>In full."
        "</text:p></text:note-body></text:note> a year.</text:p>"
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item>"
        "<text:p>deep</text:p></text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>City</text:p></table:table-cell>"
        "<table:table-cell table:number-columns-repeated='2'><text:p>x</text:p></table:table-cell>"
        "</table:table-row></table:table></office:text>",
    )


def eml() -> bytes:
    message = EmailMessage()
    message["From"] = "Zoë <zoe@example.com>"
    message["To"] = "bo@example.com"
    message["Subject"] = "Größe der Halle"
    message["Date"] = "Mon, 03 May 2027 14:30:00 +0200"
    message.set_content("Dear Bo,\n\nit is large.\n\nOn 2 May, Bo wrote:\n> How large?\n")
    message.add_alternative("<p>Dear Bo, it is large.</p>", subtype="html")
    message.add_attachment(b"City,Rent\nRome,1200\n", "text", "csv", filename="rents.csv")
    message.add_attachment(b"\x89PNG\r\n\x1a\n\0\0", "image", "png", filename="logo.png")
    return message.as_bytes()


def archive() -> bytes:
    return package(
        {
            "handbook/leave.md": "# Leave\n\n## How much\n\nTwenty days.",
            "logo.png": b"\x89PNG\r\n\x1a\n\0\0",
            "__MACOSX/._leave.md": b"\0\5\x16\7",
            "inner.zip": package({"../../etc/cron.d/x.txt": "Nothing is written."}),
        }
    )


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}"
    rb"{\stylesheet{\s0 Normal;}{\s1 heading 1;}}{\info{\title hidden}}"
    rb"\pard\s1 Leave\par\pard Gr\'fc\'dfe, \u8364?5 {\f1 \'cf\'f0\'e8} \{x\}\par"
    rb"\trowd\pard\intbl City\cell Rent\cell\row\pard\intbl Rome\cell 9\cell\row\pard End\par}"
)
NOTEBOOK = (
    '{"nbformat": 4, "metadata": {}, "cells": ['
    '{"cell_type": "markdown", "source": ["# Churn\\n", "\\n", "Why they leave."]},'
    '{"cell_type": "code", "source": "print(1)", "outputs": ['
    '{"output_type": "stream", "text": ["\\u001b[31m1\\u001b[0m\\n"]}]}]}'
)
PYTHON = '''import os

LIMIT = 3


# Why it is here.
@cached
def refund(order):
    """Pay back."""
    return order


class Order(Base):
    """One order."""

    state = "new"

    def ship(self):
        def inner():
            return 1

        return inner()

    async def cancel(self): ...
'''
# Names with files that the readers of their formats take.
FILES: dict[str, bytes] = {
    "a.pptx": pptx(),
    "a.xlsx": xlsx(),
    "a.odt": odt(),
    "a.eml": eml(),
    "a.rtf": RTF,
    "a.ipynb": NOTEBOOK.encode(),
    "a.json": b'{"name": "Leave", "days": 20, "rules": [{"id": "r1", "for": ["all"]}]}',
    "a.jsonl": b'{"city": "Rome"}\n{"city": "Bonn"}\n',
    "a.py": PYTHON.encode(),
    "a.zip": archive(),
}
