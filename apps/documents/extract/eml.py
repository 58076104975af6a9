"""EML and MHTML: a message of RFC 5322 with its parts."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import datetime
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime

from apps.documents.blocks import ExtractedText
from apps.documents.extract.encoding import decode
from apps.documents.extract.errors import Corrupt
from apps.documents.extract.mail import Mail, extracted
from apps.documents.extract.members import Member
from apps.documents.extract.sniff import SniffedFile

_SHOWN = ("From", "To", "Cc", "Bcc", "Date")
_MAX_PARTS = 2_000
_MAX_DEPTH = 20
# A list of a thousand recipients; decoding takes the square of the length.
_MAX_HEADER_CHARACTERS = 50_000
# Signatures and the like that programs attach for each other.
_NOT_CONTENT = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)


def read(file: SniffedFile) -> ExtractedText:
    """Return headers, text and attachments.

    Raises:
        Corrupt: there is no header that a mail has.
    """
    message = _parsed(file)
    if not any(name in message for name in ("From", "Subject", "Date", "Content-Type", "To")):
        raise Corrupt("The file is no mail.")
    mail = Mail(_header(message, "Subject"), list(_headers(message)))
    for part in _parts(message):
        _add(mail, part)
    return extracted(mail, file)


def _parsed(file: SniffedFile) -> Message:
    content = file.content
    if b"\x00" in content[:200]:  # saved as UTF-16, headers and all
        content = file.text.lstrip("\ufeff").encode()
    # Not the newer policy: its header parser gives up on what strangers send.
    content = content.lstrip(b"\xef\xbb\xbf\r\n")
    return email.message_from_bytes(content, policy=email.policy.compat32)


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    for name in _SHOWN:
        text = _header(message, name)
        yield name, _date(text) if name == "Date" else text


def _header(message: Message, name: str) -> str:
    return ", ".join(_decoded(str(each)) for each in message.get_all(name, ()))


def _decoded(text: str) -> str:
    text = text[:_MAX_HEADER_CHARACTERS]
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return decode(text.encode(errors="surrogateescape"))


def _date(text: str) -> str:
    """Return the day and time as ISO 8601 writes them, in the zone of the sender."""
    try:
        found: datetime = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return text
    return found.isoformat(sep=" ", timespec="minutes")


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """Yield the leaves; an attached message is one."""
    is_inside = message.get_content_maintype() == "multipart" and message.is_multipart()
    if not is_inside:
        yield message
    elif depth < _MAX_DEPTH:
        for part in list(message.get_payload())[:_MAX_PARTS]:
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)


def _add(mail: Mail, part: Message) -> None:
    kind = part.get_content_type()
    name = _decoded(part.get_filename() or "")
    is_body = part.get_content_disposition() != "attachment" and not name
    if is_body and kind == "text/plain":
        mail.plain = "\n\n".join(filter(None, (mail.plain, _text(part))))
    elif is_body and kind == "text/html":
        mail.html += _text(part)
    elif kind not in _NOT_CONTENT:
        mail.attachments.append(_attachment(part, name, kind))


def _attachment(part: Message, name: str, kind: str) -> Member:
    inner = part.get_payload()
    first = inner[0] if isinstance(inner, list) and inner else None
    if kind.startswith("message/") and isinstance(first, Message):
        subject = _header(first, "Subject") or "message"
        return Member(name or f"{subject}.eml", first.as_bytes(), "message/rfc822")
    return Member(name or kind, _content(part), kind)


def _content(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    raw = part.get_payload()
    return raw.encode(errors="surrogateescape") if isinstance(raw, str) else b""


def _text(part: Message) -> str:
    content = _content(part)
    stated = str(part.get_content_charset() or "")
    try:
        return content.decode(stated)
    except (LookupError, UnicodeDecodeError, ValueError):
        return decode(content)
