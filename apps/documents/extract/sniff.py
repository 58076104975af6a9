"""What kind of file it is: its content decides, then its name, then what the source says."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePath

from apps.documents.extract.allowance import Allowance
from apps.documents.extract.encoding import decode, looks_like_text
from apps.documents.extract.errors import Corrupt, Empty, Encrypted, TooLarge, Unsupported
from apps.documents.extract.kinds import (
    BINARY_EXTENSIONS,
    BY_EXTENSION,
    BY_MIME_TYPE,
    BY_OLE_STREAM,
    BY_PACKAGE_FOLDER,
    SAVE_AS_BY_OLE_STREAM,
)

_EXTENSION = re.compile(r"\.([a-z][a-z0-9]{0,9})$")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_PDF_HEADER_WITHIN = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED_STARTS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_TAR_MARK = slice(257, 262)
_BINARY_WORKBOOK = "xl/workbook.bin"
_NO_XLSB = "Kenward does not read binary workbooks (XLSB)."
_ODF_TYPE = b"application/vnd.oasis.opendocument."
_ZIP_ENCRYPTED_FLAG = 0x1
MAX_UNPACKED_BYTES = 400 * 1024 * 1024
_MAX_PARTS = 20_000


@dataclass(frozen=True, slots=True)
class SniffedFile:
    """A file whose format is known.

    Args:
        format: a key of `readers.READERS`.
        content: its bytes.
        extension: of its name, lower case, without the dot.
        text: the decoded content of the formats that are text.
        name: of the file.
        allowance: what reading it may take.
        depth: how many files it is packed in.
    """

    format: str
    content: bytes
    extension: str = ""
    text: str = ""
    name: str = ""
    allowance: Allowance = field(default_factory=Allowance)
    depth: int = 0


def sniff(content: bytes, file_name: str, mime_type: str | None) -> SniffedFile:
    """Return the file with its format.

    Raises:
        ExtractionError: there is no reader for it, or it plainly cannot be read.
    """
    if not content.strip(b"\x00 \t\r\n"):
        raise Empty
    found = _EXTENSION.search(PurePath(file_name).name.lower())
    extension = found.group(1) if found else ""
    if b"%PDF-" in content[:_PDF_HEADER_WITHIN]:
        return SniffedFile("pdf", content, extension)
    if content.startswith(_ZIP_STARTS):
        return SniffedFile(_package_format(content), content, extension)
    if content.startswith(_OLE):
        return SniffedFile(_ole_format(content), content, extension)
    if content.startswith(b"{\\rtf"):
        return SniffedFile("rtf", content, extension)
    if content.startswith(_PACKED_STARTS) or content[_TAR_MARK] == b"ustar":
        return SniffedFile("archive", content, extension)
    if not looks_like_text(content):
        raise _not_what_it_says(extension)
    return _text_file(content, extension, mime_type)


def _text_file(content: bytes, extension: str, mime_type: str | None) -> SniffedFile:
    text = decode(content)
    if not text.strip("\ufeff \t\r\n"):
        raise Empty
    stated = (mime_type or "").partition(";")[0].strip().lower()
    named = BY_EXTENSION.get(extension) if extension else BY_MIME_TYPE.get(stated, "plain")
    format_name = named or BY_MIME_TYPE.get(stated)
    if format_name != "eml" and _HTML_START.match(text[:4096]):
        return SniffedFile("html", content, extension, text)
    if extension in BINARY_EXTENSIONS:
        raise _not_what_it_says(extension)
    if format_name is None:
        raise Unsupported
    return SniffedFile(format_name, content, extension, text)


def _not_what_it_says(extension: str) -> Corrupt | Unsupported:
    if extension in BINARY_EXTENSIONS:
        return Corrupt(f"The file is broken, or is no {extension.upper()} file.")
    return Unsupported()


def _ole_format(content: bytes) -> str:
    """Return the format of an OLE file by the names in its root."""
    # Few files are of this kind, and the start of the reading process is waited for.
    from apps.documents.extract import ole

    try:
        names = ole.root_names(content)
    except Corrupt as error:
        is_encrypted = ole.ENCRYPTED_STREAM.encode("utf-16-le") in content
        raise (Encrypted if is_encrypted else Unsupported) from error
    if ole.ENCRYPTED_STREAM.lower() in names:
        raise Encrypted
    for name in names & BY_OLE_STREAM.keys():
        return BY_OLE_STREAM[name]
    for name in names & SAVE_AS_BY_OLE_STREAM.keys():
        modern = SAVE_AS_BY_OLE_STREAM[name]
        raise Unsupported(
            f"Kenward does not read the format that came before {modern}.",
            hint=f"Save it as {modern} or PDF and replace the file.",
        )
    raise Unsupported


def _package_format(content: bytes) -> str:
    """Return the format of a zip package after refusing what would burst when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
            if any(part.flag_bits & _ZIP_ENCRYPTED_FLAG for part in parts):
                raise Encrypted
            _refuse_a_bomb(parts, len(content))
            stated = package.read("mimetype")[:100] if _has_short_type(parts) else b""
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError) as error:
        raise Corrupt(detail=repr(error)) from error
    if stated.startswith(_ODF_TYPE):
        return "odf"
    if any(part.filename == _BINARY_WORKBOOK for part in parts):
        raise Unsupported(_NO_XLSB, hint="Save it as XLSX and replace the file.")
    for folder, format_name in BY_PACKAGE_FOLDER.items():
        if any(part.filename.startswith(folder) for part in parts):
            return format_name
    return "archive"


def _has_short_type(parts: list[zipfile.ZipInfo]) -> bool:
    return any(part.filename == "mimetype" and part.file_size < 200 for part in parts)


def _refuse_a_bomb(parts: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    if any(part.compress_size > packed_bytes for part in parts):
        raise Corrupt
    unpacked_bytes = sum(part.file_size for part in parts)
    if unpacked_bytes > MAX_UNPACKED_BYTES or len(parts) > _MAX_PARTS:
        raise TooLarge("What is packed in the file is too large.")
