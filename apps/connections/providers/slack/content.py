"""Opens what documents hold: rendered messages, and the bytes of files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from apps.connections.errors import ItemGone, ItemUnsupported
from apps.connections.http_session import Content
from apps.connections.providers.slack import names, permissions, render, threads
from apps.connections.providers.slack.client import scope_missing
from apps.connections.providers.slack.names import Name
from apps.connections.providers.slack.records import File, Message
from apps.connections.providers.slack.workspace import Workspace

_HTML = frozenset({"text/html", "application/xhtml+xml"})
# Of a web page that somebody shared, so many bytes are compared with what Slack says it has.
MAX_HTML_BYTES = 32 * 1024 * 1024


@contextmanager
def opened(workspace: Workspace, external_id: str) -> Iterator[BinaryIO]:
    """Open a document's content.

    Raises:
        ItemGone: it is not there any more, or is no document.
        ItemForbidden: the account is not in the channel.
        ConnectorError: Slack hands out no bytes, see `_bytes_of`.
    """
    name = names.parse(external_id)
    if name is None:
        raise _gone(external_id)
    if name.file:
        file = workspace.file(name.file)
        if not permissions.is_document(file):
            raise _gone(external_id)
        with workspace.slack.opened(file.url, item=file.id) as content:
            yield _bytes_of(workspace, file, content)
        return
    text = _text_of(workspace, name)
    if not text:
        raise _gone(external_id)
    yield io.BytesIO(text.encode())


def _text_of(workspace: Workspace, name: Name) -> str:
    messages: list[Message] = []
    if name.day:
        messages = threads.loose(workspace.history.day(name.channel, name.day).messages)
    elif name.ts:
        told = workspace.history.thread(name.channel, name.ts)
        if told[0].begins_thread and told[0].ts == name.ts:
            messages = threads.conversation(told)
    if not messages:
        return ""
    return render.markdown(messages, workspace.people.name, with_days=bool(name.ts))


def _bytes_of(workspace: Workspace, file: File, content: Content) -> BinaryIO:
    """Return a file's bytes, once it is sure that they are no sign-in page.

    Without a right to a file Slack answers with such a page, and the status says all is well. Of
    a file that is itself a web page only the length tells.

    Raises:
        CredentialsRejected: the account is not accepted any more.
        ScopeMissing: it is, so the app lacks the right to read files.
    """
    if content.media_type not in _HTML:
        return content
    if file.mime_type.partition(";")[0].strip().lower() in _HTML:
        if file.size_bytes > MAX_HTML_BYTES:
            raise ItemUnsupported("This web page is too large.", external_id=file.id)
        page = content.read(file.size_bytes + 1)
        if len(page) == file.size_bytes:
            return io.BytesIO(page)
    workspace.slack.ask("auth.test")  # says so itself where the account is not accepted
    raise scope_missing("files:read")


def _gone(external_id: str) -> ItemGone:
    return ItemGone("This is not among the synced items any more.", external_id=external_id)
