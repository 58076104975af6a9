"""RTF as Outlook packs it into a mail: LZFu of [MS-OXRTFCP]."""

from __future__ import annotations

import struct

from apps.documents.extract.errors import Corrupt, TooLarge

_HEADER = struct.Struct("<II4sI")
_PACKED, _PLAIN = b"LZFu", b"MELA"
_DICTIONARY_SIZE = 4096
# What every dictionary begins with, so that short texts pack at all.
_PREFIX = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}"
    rb"{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New Roman"
    rb"Courier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_MAX_BYTES = 50 * 1024 * 1024


def unpacked(content: bytes) -> bytes:
    """Return the RTF.

    Raises:
        Corrupt: it is not packed so.
        TooLarge: there is more of it than a file may have.
    """
    if len(content) < _HEADER.size:
        raise Corrupt
    _, size, kind, _ = _HEADER.unpack_from(content)
    if size > _MAX_BYTES:
        raise TooLarge
    body = content[_HEADER.size :]
    if kind == _PLAIN:
        return body[:size]
    if kind != _PACKED:
        raise Corrupt
    return bytes(_decoded(body, size))


def _decoded(body: bytes, size: int) -> bytearray:
    """Follow the control bytes: each bit says whether a literal or a reference comes next."""
    dictionary = bytearray(_DICTIONARY_SIZE)
    dictionary[: len(_PREFIX)] = _PREFIX
    write = len(_PREFIX)
    found = bytearray()
    place = 0
    while place < len(body) and len(found) < size:
        control = body[place]
        place += 1
        for bit in range(8):
            is_reference = control >> bit & 1
            piece = body[place : place + 1 + is_reference]
            place += len(piece)
            if len(piece) <= is_reference:
                return found
            if is_reference:
                offset, length = piece[0] << 4 | piece[1] >> 4, (piece[1] & 15) + 2
                if offset == write % _DICTIONARY_SIZE:
                    return found
            else:
                dictionary[write % _DICTIONARY_SIZE] = piece[0]
                offset, length = write, 1
            for step in range(length):
                each = dictionary[(offset + step) % _DICTIONARY_SIZE]
                dictionary[write % _DICTIONARY_SIZE] = each
                write += 1
                found.append(each)
    return found
