"""OLE files, the containers of the older Office and of Outlook: which streams they hold."""

# olefile has no types.
# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import io

import olefile

from apps.documents.extract.errors import Corrupt

# olefile's own errors are OSErrors; what it does not foresee comes as the others.
_BROKEN = (OSError, ValueError, IndexError, TypeError, AttributeError, RecursionError)
ENCRYPTED_STREAM = "EncryptedPackage"


class OleFile:
    """The streams of an OLE file by their paths.

    Raises:
        Corrupt: it is broken.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._file = olefile.OleFileIO(io.BytesIO(content))
            self._paths = {
                "/".join(path).lower(): path
                for path in self._file.listdir(streams=True, storages=True)
            }
        except _BROKEN as error:
            raise Corrupt(detail=repr(error)) from error

    @property
    def paths(self) -> tuple[str, ...]:
        """All streams and storages, in lower case, the parts of a path joined by `/`."""
        return tuple(self._paths)

    def stream(self, path: str) -> bytes | None:
        """Return a stream's content, None if there is none.

        Raises:
            Corrupt: its sectors are broken.
        """
        found = self._paths.get(path.lower())
        if found is None or self._file.get_type(found) != olefile.STGTY_STREAM:
            return None
        try:
            return self._file.openstream(found).read()
        except _BROKEN as error:
            raise Corrupt(detail=repr(error)) from error


def root_names(content: bytes) -> frozenset[str]:
    """Return the names in the root, in lower case.

    Raises:
        Corrupt: it is broken.
    """
    return frozenset(path.partition("/")[0] for path in OleFile(content).paths)
