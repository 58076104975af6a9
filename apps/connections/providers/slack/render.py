"""Messages as Markdown that people can read: who wrote what, when, with its files and quotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apps.connections.providers.slack import mrkdwn, names
from apps.connections.providers.slack.mrkdwn import Names
from apps.connections.providers.slack.records import File, Message

# Written by people, or by apps for people. Joining, renaming, pinning and so on is Slack's own.
_KEPT = frozenset(
    {
        "",
        "bot_message",
        "file_comment",
        "file_mention",
        "file_share",
        "me_message",
        "reply_broadcast",
        "thread_broadcast",
    }
)
_NO_MORE = frozenset({"hidden_by_limit", "tombstone"})


def is_writing(subtype: str) -> bool:
    """Return whether messages of a subtype are written by somebody, and are no note of Slack's."""
    return subtype in _KEPT


def is_kept(message: Message) -> bool:
    """Return whether a message is something that somebody wrote, and not empty."""
    if not is_writing(message.subtype) or message.body.get("hidden") is True:
        return False
    return bool(_content(message, _by_id))


def markdown(messages: Iterable[Message], people: Names, *, with_days: bool) -> str:
    """Return kept messages, in their order, as one Markdown text.

    Args:
        messages: see `is_kept`.
        people: what a person is called, by id.
        with_days: whether each says its day, too; all times are in UTC.
    """
    return "\n\n".join(_entry(each, people, with_days=with_days) for each in messages) + "\n"


def digest_text(messages: Iterable[Message]) -> str:
    """Return what of messages is content, whatever their writers are called by now."""
    return markdown(messages, _by_id, with_days=True)


def first_words(messages: Iterable[Message], people: Names, limit: int = 80) -> str:
    """Return what the first message that says something begins with, cut behind a word."""
    for message in messages:
        told = mrkdwn.plain(_source(message), people) or _file_names(message)
        if told:
            return told if len(told) <= limit else f"{told[:limit].rsplit(' ', 1)[0]}…"
    return ""


def writer(message: Message, people: Names) -> str:
    """Return who wrote a message."""
    return people(message.user) if message.user else message.writer or "An app"


def _by_id(person_id: str) -> str:
    return person_id


def _entry(message: Message, people: Names, *, with_days: bool) -> str:
    when = names.moment(message.ts)
    told = when.strftime("%Y-%m-%d %H:%M" if with_days else "%H:%M")
    name = mrkdwn.escaped(writer(message, people))
    edited = " (edited)" if message.edited else ""
    return f"**{name}**, {told}{edited}\n\n{_content(message, people)}"


def _content(message: Message, people: Names) -> str:
    parts = [mrkdwn.markdown(_source(message), people)]
    parts += [_quoted(each, people) for each in _listed(message.body, "attachments")]
    parts += [_file_line(each) for each in message.files if each.mode not in _NO_MORE]
    return "\n\n".join(part for part in parts if part.strip())


def _source(message: Message) -> str:
    """Return a message's mrkdwn: of apps that write in blocks, `text` is only a summary."""
    text = message.body.get("text")
    blocks = _listed(message.body, "blocks")
    if blocks and any(block.get("type") not in {"rich_text", "file"} for block in blocks):
        told = "\n".join(line for block in blocks for line in _block(block) if line.strip())
        if told.strip():
            return told
    return text if isinstance(text, str) else ""


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a layout block.

    Source: https://docs.slack.dev/reference/block-kit/blocks/
    """
    for name in ("text", "title", "alt_text"):
        yield _text_object(block.get(name))
    for name in ("fields", "elements"):
        for each in _listed(block, name):
            if each.get("type") in {"mrkdwn", "plain_text"}:
                yield _text_object(each)
            elif str(each.get("type", "")).startswith("rich_text"):
                yield "".join(_rich(each))


def _text_object(told: Any) -> str:
    if isinstance(told, Mapping):
        told = told.get("text")
    return told if isinstance(told, str) else ""


def _rich(element: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a rich text element, as mrkdwn writes them."""
    kind = element.get("type")
    if kind == "user":
        yield f"<@{element.get('user_id', '')}>"
    elif kind == "link":
        label = element.get("text")
        yield f"<{element.get('url', '')}{f'|{label}' if label else ''}>"
    elif isinstance(element.get("text"), str):
        yield element["text"]
    for each in _listed(element, "elements"):
        yield from _rich(each)


def _quoted(attachment: Mapping[str, Any], people: Names) -> str:
    """Return an attachment of an app as a quote.

    A preview of something that stands elsewhere (another message, a web page, a file) has readers
    of its own, so nothing of it is taken over: its address stands in the text.
    """
    if any(attachment.get(name) for name in _PREVIEWS):
        return ""
    lines = [
        mrkdwn.markdown(str(attachment[name]), people)
        for name in ("pretext", "title", "text")
        if isinstance(attachment.get(name), str) and attachment[name].strip()
    ]
    for each in _listed(attachment, "fields"):
        told = f"{_text_object(each.get('title'))}: {_text_object(each.get('value'))}"
        lines.append(mrkdwn.markdown(told, people))
    if not lines and isinstance(attachment.get("fallback"), str):
        lines = [mrkdwn.markdown(attachment["fallback"], people)]
    return "\n".join(f"> {line}" for text in lines for line in text.split("\n"))


_PREVIEWS = (
    "channel_id",
    "from_url",
    "is_msg_unfurl",
    "is_reply_unfurl",
    "is_share",
    "message_blocks",
    "original_url",
)


def _file_line(file: File) -> str:
    label = mrkdwn.escaped(_shown_name(file))
    return f"File: {label}" if label else ""


def _file_names(message: Message) -> str:
    return ", ".join(_shown_name(each) for each in message.files if each.mode not in _NO_MORE)


def _shown_name(file: File) -> str:
    name = file.title or file.name
    both = file.name and file.title not in {"", file.name}
    return f"{file.title} ({file.name})" if both else name


def _listed(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = body.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
