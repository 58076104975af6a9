"""From bytes to text, whatever the encoding."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)"""
)
_DECLARED_WITHIN = 4096
_CONTROL = bytes({*range(0x20)} - {*b"\t\n\x0b\x0c\r\x1b"})
# Guessing tries dozens of encodings: a sample is enough, and is all that a large file gets.
_SAMPLE_BYTES = 64 * 1024
# How much more of a mess the Western reading may seem before another one is believed.
_WESTERN_BONUS = 0.05


def looks_like_text(content: bytes) -> bool:
    """Say whether the bytes are text in some encoding; control characters give others away."""
    if content.startswith(tuple(mark for mark, _ in _MARKS)):
        return True
    sample = content[:_SAMPLE_BYTES]
    if _utf16_without_mark(sample):
        return True
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    return controls * 100 <= len(sample)


def decode(content: bytes) -> str:
    """Return the text of bytes that look like text; what cannot be read becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        return _utf8(content)
    except UnicodeDecodeError:
        name = _utf16_without_mark(content[:_SAMPLE_BYTES]) or _declared(content)
        return content.decode(name or _guessed(content), errors="replace")


def _utf8(content: bytes) -> str:
    if _utf16_without_mark(content[:_SAMPLE_BYTES]):  # its zero bytes are valid UTF-8 as well
        raise UnicodeDecodeError("utf-8", b"", 0, 0, "zero bytes")
    return content.decode()


def _utf16_without_mark(sample: bytes) -> str | None:
    """Return the byte order of text with many Latin letters, whose high bytes are zero."""
    pairs = len(sample) // 2
    if not pairs:
        return None
    high_second = sample[1::2].count(0) / pairs
    high_first = sample[::2].count(0) / pairs
    if high_second > 0.4 and high_first < 0.05:
        return "utf-16-le"
    if high_first > 0.4 and high_second < 0.05:
        return "utf-16-be"
    return None


def _declared(content: bytes) -> str | None:
    found = _DECLARED.search(content[:_DECLARED_WITHIN].lower())
    if found is None:
        return None
    try:
        name = codecs.lookup(found.group(1).decode("ascii", errors="replace")).name
        content[:_DECLARED_WITHIN].decode(name, errors="replace")
    except (LookupError, UnicodeError):  # unknown, or one of Python's that gives no text
        return None
    # A page that says UTF-8 came here because it is not; one that says Latin-1 means Windows.
    return {"utf-8": None, "iso8859-1": "cp1252"}.get(name, name)


def _guessed(content: bytes) -> str:
    matches = from_bytes(content[:_SAMPLE_BYTES])
    best = matches.best()
    if best is None:
        return "cp1252"
    # Most one-byte encodings share most letters: without a reason for another, it is Western.
    for match in matches:
        western = "cp1252" in match.could_be_from_charset
        if western and match.chaos <= best.chaos + _WESTERN_BONUS:
            return "cp1252"
    return best.encoding
