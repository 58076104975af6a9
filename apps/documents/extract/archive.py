"""Archives (zip, tar, gz, bz2, xz): every file in one, read in memory within bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from apps.documents.blocks import ExtractedText, assemble
from apps.documents.extract import readers
from apps.documents.extract.allowance import MAX_DEPTH, MAX_UNPACKED_BYTES
from apps.documents.extract.errors import Corrupt, TooLarge
from apps.documents.extract.members import Member, Members, is_content, room
from apps.documents.extract.sniff import SniffedFile

_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,  # a method of packing that Python does not know
    ValueError,
)
# Text packs to a tenth, logs to a hundredth; what packs better is made to burst.
_MAX_RATIO = 250
_ALWAYS_ALLOWED_BYTES = 4 * 1024 * 1024
_LZMA_MEMORY_BYTES = 256 * 1024 * 1024
_TAR_MARK = slice(257, 262)


def read(file: SniffedFile) -> ExtractedText:
    """Return the members' texts, each under a heading of its path.

    Raises:
        ExtractionError: the archive is broken or bursts, or none of its members can be read.
    """
    try:
        if file.content.startswith(b"PK"):
            return _all(file, _zip_members(file))
        tar = file.content
        if tar[_TAR_MARK] != b"ustar":
            tar = _taken(file, _packed_stream(file.content))
            if tar[_TAR_MARK] != b"ustar":
                return _only(file, tar)
        return _all(file, _tar_members(file, tar))
    except _BROKEN as error:
        raise Corrupt(detail=repr(error)) from error


def _all(file: SniffedFile, found: Iterator[Member]) -> ExtractedText:
    members = Members(file, level=1)
    text = assemble(members.blocks(found))
    if not members.read:
        raise members.why_nothing()
    return text


def _only(file: SniffedFile, content: bytes) -> ExtractedText:
    """Return the text of the one file that gz, bz2 and xz pack; its name is the archive's."""
    if file.depth >= MAX_DEPTH:
        raise TooLarge("It lies in too many other files.")
    name = file.name.removesuffix(f".{file.extension}")
    return readers.read(content, name, None, file.allowance, depth=file.depth + 1)


def _packed_stream(content: bytes) -> Callable[[int], bytes]:
    """Return what reads from a stream up to as many bytes as it is told."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read
    if content.startswith(b"BZh"):
        return bz2.BZ2File(io.BytesIO(content)).read
    # Not LZMAFile, which takes as much memory as the file's own header asks for.
    unpacker = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES)
    return lambda limit: unpacker.decompress(content, limit)


def _taken(file: SniffedFile, source: Callable[[int], bytes]) -> bytes:
    limit = min(_limit(len(file.content)), file.allowance.unpacked_bytes)
    return _within(file, limit, source)


def _limit(packed_bytes: int) -> int:
    return min(MAX_UNPACKED_BYTES, max(_ALWAYS_ALLOWED_BYTES, packed_bytes * _MAX_RATIO))


def _within(file: SniffedFile, limit: int, source: Callable[[int], bytes]) -> bytes:
    """Return what unpacks to no more than allowed, whatever any header says of its size.

    Raises:
        TooLarge: there is more.
    """
    content = source(limit + 1)
    file.allowance.unpacked_bytes = max(0, file.allowance.unpacked_bytes - len(content))
    if len(content) > limit:
        raise TooLarge("It is too large when unpacked.")
    return content


def _zip_members(file: SniffedFile) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not is_content(entry.filename):
                continue
            limit = min(room(file), _limit(entry.compress_size))
            yield _member(file, entry.filename, limit, _zip_source(archive, entry))


def _zip_source(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def source(limit: int) -> bytes:
        with archive.open(entry) as stream:
            return stream.read(limit)

    return source


def _tar_members(file: SniffedFile, content: bytes) -> Iterator[Member]:
    """Yield the plain files; links and devices are none, and nothing is ever written."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:", errors="replace") as archive:
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isreg() else None
            if stream is not None and is_content(entry.name):
                yield _member(file, entry.name, room(file), stream.read)


def _member(file: SniffedFile, name: str, limit: int, source: Callable[[int], bytes]) -> Member:
    """Return a member with its content, or with why it could not be had."""
    try:
        return Member(name, _within(file, limit, source))
    except TooLarge as error:
        return Member(name, error)
    except _BROKEN as error:
        return Member(name, Corrupt(detail=repr(error)))
