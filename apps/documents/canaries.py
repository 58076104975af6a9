"""Markers of canary documents: how they are made, and how one is found in what goes out. Pure.

Every tenant holds a few documents that nobody may read, written to match what people like to ask.
Each carries a marker in its title, its path and its text. Whatever lets a marker pass has forgotten
who asks: every way out looks for one and stops what it was about to hand out.

A marker is a single word, so that neither markup nor a highlighted word can cut it in two. It says
which tenant's canary it is, because a leak can cross tenants, and is signed with the installation's
key: nobody can set off an alarm by typing something that looks alike.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import salted_hmac

from apps.errors import KenwardError

PER_TENANT = 5
_PREFIX = "KWC"
_SALT = "kenward.canaries"
_TENANT_BYTES = 5
_SIGNATURE_BYTES = 9
# One byte for the number; 15 bytes are 24 letters and digits, without any padding.
_WORD_CHARS = (1 + _TENANT_BYTES + _SIGNATURE_BYTES) * 8 // 5
MARKER_CHARS = len(_PREFIX) + _WORD_CHARS

# A search for fixed bytes is some fifty times faster than any expression, and as good as always
# the only one. Other spellings come from what changes the case of words: lexemes, slugs, headings.
_BEGINNINGS = tuple(prefix.encode() for prefix in (_PREFIX, _PREFIX.lower(), _PREFIX.capitalize()))
# Looking ahead, because a marker may stand behind what is only the beginning of one.
_MARKER = re.compile(rb"(?=KWC([A-Z2-7]{%d}))" % _WORD_CHARS, re.IGNORECASE)
_UNFINISHED = re.compile(rb"(?:K|KW|KWC[A-Z2-7]{0,%d})\Z" % (_WORD_CHARS - 1), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marker:
    """A canary that was found where it must not be: whose, and which of them."""

    tenant_id: int
    number: int


class CanaryPassed(KenwardError):
    """A canary was about to go out. The message is what the person sees: nothing of it."""

    code = "error"

    def __init__(self, marker: Marker) -> None:
        super().__init__("Something broke on our side.", hint="Try again in a moment.")
        self.marker = marker


def mark(tenant_id: int, number: int) -> str:
    """Return the marker of a tenant's canary, signed with the newest key.

    Args:
        tenant_id: whose.
        number: which, from 1.
    """
    told = _told(tenant_id, number)
    word = base64.b32encode(told + _signature(told, settings.SECRET_KEY))
    return _PREFIX + word.decode()


def passed(text: str | bytes) -> Marker | None:
    """Return the first canary whose marker stands in the text, or None."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if not any(beginning in data for beginning in _BEGINNINGS):
        return None
    for found in _MARKER.finditer(data):
        marker = _verified(found[1].upper())
        if marker is not None:
            return marker
    return None


def refuse(texts: Iterable[str]) -> None:
    """Check texts before they are used.

    Raises:
        CanaryPassed: a canary's marker stands in one of them.
    """
    for text in texts:
        marker = passed(text)
        if marker is not None:
            raise CanaryPassed(marker)


class Watch:
    """Looks at text that goes out in pieces; a marker may lie across any number of them."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Return what may go out by now: all but what may be the beginning of a marker.

        Raises:
            CanaryPassed: with this piece, a marker is complete.
        """
        data = self._held + piece
        marker = passed(data)
        if marker is not None:
            raise CanaryPassed(marker)
        unfinished = _UNFINISHED.search(data[-MARKER_CHARS:])
        end = len(data) - len(unfinished[0]) if unfinished else len(data)
        self._held = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """Return what was held back, after the last piece."""
        held, self._held = self._held, b""
        return held

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces as far as they may go out.

        Raises:
            CanaryPassed: a marker is complete.
        """
        for piece in pieces:
            yield self.feed(piece)
        yield self.rest()


def _verified(word: bytes) -> Marker | None:
    data = base64.b32decode(word)
    told, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
    # What was planted under an older key stays a canary until it is planted anew.
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(signature, _signature(told, key)):
            return Marker(int.from_bytes(told[1:]), told[0])
    return None


def _told(tenant_id: int, number: int) -> bytes:
    return bytes([number]) + tenant_id.to_bytes(_TENANT_BYTES)


def _signature(told: bytes, key: str | bytes) -> bytes:
    digest = salted_hmac(_SALT, told, secret=key, algorithm="sha256").digest()
    return digest[:_SIGNATURE_BYTES]
