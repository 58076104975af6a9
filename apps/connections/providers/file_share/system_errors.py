"""What the operating system says about a file, in the words of the connector contract."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import override

from apps.connections.errors import ConnectorError, ItemForbidden, ItemGone, SourceUnavailable

_LONGEST_SHOWN = 500

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what the system says into what the sync engine acts on.

    Only what is known to concern this one item is its own fault. Anything else (EIO, ESTALE, too
    many open files) must never look like a missing file.
    """
    try:
        yield
    except OSError as error:
        if error.errno in GONE:
            raise ItemGone("This is not there any more.", external_id=path) from error
        if error.errno in FORBIDDEN:
            raise forbidden(path) from error
        raise unavailable(error) from error


def forbidden(path: str) -> ItemForbidden:
    """Return the error of an item that Kenward may not read."""
    return ItemForbidden(
        f"Kenward may not read “/{shown(path)}”.",
        external_id=path,
        hint="Give the user that Kenward runs as the right to read it.",
    )


def unavailable(error: OSError) -> ConnectorError:
    """Return the error of a file system that does not answer."""
    return SourceUnavailable(
        "The folder's file system does not answer as it should just now.",
        hint="Kenward tries again; check the disk or the network share.",
        detail=repr(error),
    )


class Content(io.FileIO):
    """An open file whose read errors say that the source does not answer."""

    def __init__(self, fd: int, path: str) -> None:
        super().__init__(fd, "rb")
        self._path = path

    @override
    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer."""
        with translated(self._path):
            return super().readinto(buffer)

    @override
    def readall(self) -> bytes:
        """Read what is left."""
        with translated(self._path):
            return super().readall()


def shown(path: str) -> str:
    """Return a path that can be stored and printed, whatever bytes the name has."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[:_LONGEST_SHOWN]
