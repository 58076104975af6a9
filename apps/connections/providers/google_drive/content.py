"""The text of documents: files as they are, documents of Google's editors in another format."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from apps.connections.errors import ItemForbidden, ItemUnsupported
from apps.connections.providers.google_drive.items import EXPORTS, MARKDOWN, is_document
from apps.connections.providers.google_drive.lookup import Found

# Google exports at most 10 MB.
_MOST_EXPORTED = 11 * 1024 * 1024
# Pictures come as data within the text: "[image1]: <data:image/png;base64,…>".
_PICTURE = re.compile(rb"^\[[^\]\n]+\]: <data:[^>\n]*>[ \t]*\r?\n?", re.MULTILINE)


@contextmanager
def opened(found: Found, *, honours_restrictions: bool) -> Iterator[BinaryIO]:
    """Open a document's content, to be read as it arrives.

    Args:
        found: with the log whose reader is asked.
        honours_restrictions: refuse what readers must not download.

    Raises:
        ItemGone: it has vanished.
        ItemForbidden: Google or the restrictions refuse it.
        ItemUnsupported: there is no text to be had.
    """
    file, log = found.file, found.log
    assert log is not None  # noqa: S101  of an item that is synced
    if honours_restrictions and file.is_restricted:
        raise ItemForbidden(
            "Its owner does not let readers download it.",
            external_id=file.id,
            hint="The connection's settings say whether such documents are read nevertheless.",
        )
    if not file.may_download:
        raise ItemForbidden("Google does not let it be downloaded.", external_id=file.id)
    if not is_document(file):
        raise ItemUnsupported("Google has no text of this.", external_id=file.id)
    formats = EXPORTS.get(file.mime_type, ())
    with ExitStack() as stack:
        if not formats:
            yield stack.enter_context(log.client.media(file.id))
            return
        for number, mime_type in enumerate(formats, start=1):
            try:
                content = stack.enter_context(log.client.export(file.id, mime_type))
            except ItemUnsupported:  # too large, mostly; a plainer format may not be
                if number == len(formats):
                    raise
                continue
            yield _without_pictures(content) if mime_type == MARKDOWN else content
            return


def _without_pictures(content: BinaryIO) -> BinaryIO:
    return io.BytesIO(_PICTURE.sub(b"", content.read(_MOST_EXPORTED)))
