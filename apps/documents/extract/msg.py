"""MSG: a mail as Outlook stores it, its properties as streams of an OLE file.

Names and types of the properties are those of [MS-OXMSG] and [MS-OXPROPS].
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from apps.documents.blocks import ExtractedText
from apps.documents.extract.encoding import decode
from apps.documents.extract.errors import Corrupt, ExtractionError
from apps.documents.extract.mail import Mail, extracted
from apps.documents.extract.members import Member
from apps.documents.extract.ole import OleFile
from apps.documents.extract.rtf_packing import unpacked
from apps.documents.extract.sniff import SniffedFile

_SUBJECT, _PLAIN, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_SMTP, _SENDER_ADDRESS = "0c1a", "5d01", "0c1f"
_LISTS = (("To", "0e04"), ("Cc", "0e03"), ("Bcc", "0e02"))
_SENT, _RECEIVED = 0x00390040, 0x0E060040
_CODE_PAGE, _INTERNET_CODE_PAGE = 0x3FFD0003, 0x3FDE0003
_ATTACHED, _MIME_TYPE = "3701", "370e"
_ATTACHMENT_NAMES = ("3707", "3704", "3001")
_ATTACHMENT = re.compile(r"__attach_version1\.0_#[0-9a-f]{8}")
_PROPERTIES = "__properties_version1.0"
# Before the first property: 32 bytes in a mail of its own, 24 in one that is attached.
_HEADER_BYTES, _INNER_HEADER_BYTES = 32, 24
_PROPERTY = struct.Struct("<I4xQ")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_ATTACHMENTS = 500
_MAX_DEPTH = 4


def read(file: SniffedFile) -> ExtractedText:
    """Return headers, text and attachments.

    Raises:
        Corrupt: its streams are broken.
    """
    ole = OleFile(file.content)
    return extracted(_Storage(ole, "").mail(), file)


class _Storage:
    """A mail, or an attachment, in the file.

    Args:
        ole: the file.
        folder: the path of the storage with a slash behind it; empty for the file's own mail.
    """

    def __init__(self, ole: OleFile, folder: str) -> None:
        self._ole = ole
        self._folder = folder
        self._fixed = dict(self._fixed_properties())
        page = self._fixed.get(_INTERNET_CODE_PAGE) or self._fixed.get(_CODE_PAGE) or 0
        self._encoding = {65001: "utf-8", 0: "cp1252"}.get(page & 0xFFFF, f"cp{page & 0xFFFF}")

    def mail(self, depth: int = 0) -> Mail:
        """Return the mail in this storage."""
        mail = Mail(self.text(_SUBJECT), list(self._headers()), self.text(_PLAIN))
        markup = self.binary(_HTML)
        mail.html = decode(markup) if markup else self.text(_HTML)
        mail.attachments = list(self._attachments(depth))
        packed = self.binary(_RTF)
        if not mail.plain.strip() and not mail.html.strip() and packed:
            mail.attachments.insert(0, Member("Text.rtf", _rtf(packed)))
        return mail

    def text(self, tag: str) -> str:
        """Return a property of text, empty if there is none."""
        content = self.binary(tag, kind="001f")
        if content is not None:
            return content.decode("utf-16-le", errors="replace").rstrip("\x00")
        content = self.binary(tag, kind="001e") or b""
        try:
            return content.decode(self._encoding, errors="replace").rstrip("\x00")
        except LookupError:
            return decode(content)

    def binary(self, tag: str, *, kind: str = "0102") -> bytes | None:
        """Return a property's stream."""
        return self._ole.stream(f"{self._folder}__substg1.0_{tag}{kind}")

    def _headers(self) -> Iterator[tuple[str, str]]:
        name = self.text(_SENDER)
        address = self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS)
        if "@" in address and address != name:
            name = f"{name} <{address}>" if name else address
        yield "From", name
        for header, tag in _LISTS:
            yield header, self.text(tag)
        sent = self._fixed.get(_SENT) or self._fixed.get(_RECEIVED)
        yield "Date", _time(sent) if sent else ""

    def _fixed_properties(self) -> Iterator[tuple[int, int]]:
        content = self._ole.stream(self._folder + _PROPERTIES) or b""
        start = _INNER_HEADER_BYTES if self._folder else _HEADER_BYTES
        whole = len(content) - (len(content) - start) % _PROPERTY.size
        if whole > start:
            yield from _PROPERTY.iter_unpack(content[start:whole])

    def _attachments(self, depth: int) -> Iterator[Member]:
        below = (path.removeprefix(self._folder) for path in self._ole.paths)
        folders = sorted({found.group() for path in below if (found := _ATTACHMENT.match(path))})
        for name in folders[:_MAX_ATTACHMENTS]:
            folder = f"{self._folder}{name}/"
            if any(path.startswith(folder) for path in self._ole.paths):
                yield from self._attachment(_Storage(self._ole, folder), folder, depth)

    def _attachment(self, stored: _Storage, folder: str, depth: int) -> Iterator[Member]:
        name = next(filter(None, (stored.text(tag) for tag in _ATTACHMENT_NAMES)), "")
        content = stored.binary(_ATTACHED)
        if content is not None:
            yield Member(name or "attachment", content, stored.text(_MIME_TYPE) or None)
        elif depth < _MAX_DEPTH:  # a mail, in a storage of its own
            mail = _Storage(self._ole, f"{folder}__substg1.0_{_ATTACHED}000d/").mail(depth + 1)
            if mail.subject or mail.plain or mail.html or mail.attachments:
                yield Member(f"{name or mail.subject or 'message'}.eml", mail.as_eml())


def _rtf(packed: bytes) -> bytes | ExtractionError:
    try:
        return unpacked(packed)
    except Corrupt as error:
        return error


def _time(ticks: int) -> str:
    """Return a time counted in tenths of microseconds since 1601, in UTC."""
    try:
        found = _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return ""
    return found.isoformat(sep=" ", timespec="minutes")
