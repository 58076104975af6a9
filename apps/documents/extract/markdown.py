"""Markdown (CommonMark with tables): front matter for the title, then blocks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from apps.documents.blocks import Block, ExtractedText, assemble, table_block
from apps.documents.extract.author import writer
from apps.documents.extract.html import fragment_blocks
from apps.documents.extract.sniff import SniffedFile

_FRONT_MATTER = re.compile(r"\A\ufeff?(---|\+\+\+)[ \t]*\n(.*?\n|)\1[ \t]*(?:\n|\Z)", re.DOTALL)
_MAX_FRONT_MATTER = 20_000
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_INDENT = "  "
_parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read(file: SniffedFile) -> ExtractedText:
    """Return the document; its title is that of the front matter, else its first heading."""
    text = file.text.replace("\r\n", "\n").replace("\r", "\n")
    said, body = _front_matter(text)
    title = said.get("title")
    title = str(title) if isinstance(title, str | int | float) else None
    blocks = list(blocks_of(body))
    headings = (block.text for block in blocks if block.kind == "heading")
    title = title or next(headings, None)
    return assemble(blocks, title=title, author=writer(said.get("author")))


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the blocks of a text without front matter."""
    yield from _Blocks(_parser.parse(text))


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return what the front matter says, and the text below it."""
    found = _FRONT_MATTER.match(text[:_MAX_FRONT_MATTER])
    if found is None:
        return {}, text
    mark, source = found.groups()
    try:
        values: Any = tomllib.loads(source) if mark == "+++" else yaml.safe_load(source)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError):
        return {}, text  # two rules with text between them
    if not isinstance(values, dict):
        return {}, text if values is not None else text[found.end() :]
    return values, text[found.end() :]


class _Blocks:
    """Iterates over the blocks of a stream of tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def __iter__(self) -> Iterator[Block]:
        while self._next < len(self._tokens):
            yield from self._block()

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _block(self) -> Iterator[Block]:
        token = self._take()
        if token.type == "heading_open":
            yield Block("heading", _inline(self._take()).replace("\n", " "), int(token.tag[1]))
        elif token.type == "inline":
            yield Block("paragraph", _inline(token))
        elif token.type in {"fence", "code_block"}:
            yield Block("code", token.content)
        elif token.type == "html_block":
            yield from fragment_blocks(token.content)
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            yield Block("list", "\n".join(self._list(token, 0)))
        elif token.type == "table_open":
            yield self._table()

    def _table(self) -> Block:
        rows: list[list[str]] = []
        while (token := self._take()).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_inline(token))
        return table_block(rows)

    def _list(self, opening: Token, depth: int) -> Iterator[str]:
        """Yield the lines of a list; what an item holds beyond its first line is indented."""
        closing = opening.type.replace("_open", "_close")
        number = int(opening.attrGet("start") or 1) if opening.tag == "ol" else 0
        mark = ""
        while (token := self._take()).type != closing:
            if token.type == "list_item_open":
                mark = f"{number}. " if number else "- "
                number += bool(number)
            elif token.type in {"bullet_list_open", "ordered_list_open"}:
                if mark:  # an item that begins with a list
                    yield _INDENT * depth + mark.rstrip()
                    mark = ""
                yield from self._list(token, depth + 1)
            else:
                for text in self._item_texts(token):
                    yield _item_line(text, mark, depth)
                    mark = ""

    def _item_texts(self, token: Token) -> Iterator[str]:
        if token.type == "inline":
            yield _inline(token)
        elif token.type in {"fence", "code_block"}:
            yield token.content.rstrip("\n")
        elif token.type == "table_open":
            yield self._table().text
        elif token.type == "html_block":
            yield from (block.text for block in fragment_blocks(token.content))


def _item_line(text: str, mark: str, depth: int) -> str:
    indent = _INDENT * depth
    below = indent + _INDENT
    return (indent + mark if mark else below) + text.replace("\n", "\n" + below)


def _inline(token: Token) -> str:
    """Return what a reader sees of a line of Markdown: link texts, no addresses, no marks."""
    parts = []
    for child in token.children or ():
        if child.type in {"text", "code_inline", "text_special"}:
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type == "image":
            parts.append(_inline(child))
        elif child.type == "html_inline" and _LINE_BREAK_TAG.fullmatch(child.content):
            parts.append("\n")
    return "".join(parts)
