"""What kind of file it is: its content decides, then its name, then what the source says."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePath

from apps.documents.extract.encoding import decode, looks_like_text
from apps.documents.extract.errors import Corrupt, Empty, Encrypted, TooLarge, Unsupported

_BY_EXTENSION = {
    "csv": "csv",
    "tab": "csv",
    "tsv": "csv",
    "htm": "html",
    "html": "html",
    "xhtml": "html",
    "markdown": "markdown",
    "md": "markdown",
    "mdown": "markdown",
    "mkd": "markdown",
    "": "plain",
    "adoc": "plain",
    "asciidoc": "plain",
    "log": "plain",
    "org": "plain",
    "rst": "plain",
    "text": "plain",
    "txt": "plain",
}
_BY_MIME_TYPE = {
    "application/xhtml+xml": "html",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "plain",
    "text/tab-separated-values": "csv",
    "text/x-markdown": "markdown",
}
# Names that promise a package: text inside one of these is a broken file, not a document.
_BINARY_EXTENSIONS = frozenset({"docx", "pdf"})
_EXTENSION = re.compile(r"\.([a-z][a-z0-9]{0,9})$")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_PDF_HEADER_WITHIN = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_ENCRYPTED_FLAG = 0x1
MAX_UNPACKED_BYTES = 400 * 1024 * 1024
_MAX_PARTS = 20_000


@dataclass(frozen=True, slots=True)
class SniffedFile:
    """A file whose format is known.

    Args:
        format: a key of `child.READERS`.
        content: its bytes.
        extension: of its name, lower case, without the dot.
        text: the decoded content of the formats that are text.
    """

    format: str
    content: bytes
    extension: str = ""
    text: str = ""


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
        raise Encrypted if _OLE_ENCRYPTED in content else Unsupported
    if not looks_like_text(content) or content.startswith(b"{\\rtf"):
        raise _not_what_it_says(extension)
    return _text_file(content, extension, mime_type)


def _text_file(content: bytes, extension: str, mime_type: str | None) -> SniffedFile:
    text = decode(content)
    if not text.strip("\ufeff \t\r\n"):
        raise Empty
    if _HTML_START.match(text[:4096]):
        return SniffedFile("html", content, extension, text)
    if extension in _BINARY_EXTENSIONS:
        raise _not_what_it_says(extension)
    stated = (mime_type or "").partition(";")[0].strip().lower()
    format_name = _BY_EXTENSION.get(extension) if extension else _BY_MIME_TYPE.get(stated, "plain")
    format_name = format_name or _BY_MIME_TYPE.get(stated)
    if format_name is None:
        raise Unsupported
    return SniffedFile(format_name, content, extension, text)


def _not_what_it_says(extension: str) -> Corrupt | Unsupported:
    if extension in _BINARY_EXTENSIONS:
        return Corrupt(f"The file is broken, or is no {extension.upper()} file.")
    return Unsupported()


def _package_format(content: bytes) -> str:
    """Return the format of a zip package after refusing what would burst when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
            names = {part.filename for part in parts}
            if any(part.flag_bits & _ZIP_ENCRYPTED_FLAG for part in parts):
                raise Encrypted
            _refuse_a_bomb(parts, len(content))
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError) as error:
        raise Corrupt(detail=repr(error)) from error
    if any(name.startswith("word/") for name in names):
        return "docx"
    raise Unsupported


def _refuse_a_bomb(parts: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    if any(part.compress_size > packed_bytes for part in parts):
        raise Corrupt
    unpacked_bytes = sum(part.file_size for part in parts)
    if unpacked_bytes > MAX_UNPACKED_BYTES or len(parts) > _MAX_PARTS:
        raise TooLarge("What is packed in the file is too large.")
