"""Source code: functions and classes under their names; other files cut at their blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from apps.documents.blocks import Block, ExtractedText, assemble, one_line
from apps.documents.extract.grammars import Grammar, grammar_for, parser_for
from apps.documents.extract.sniff import SniffedFile

_DEEPEST_HEADING = 6
_MAX_NAME_CHARACTERS = 120
_MAX_NESTING = 40
# Nobody wrote a larger one by hand.
_MAX_PARSED_BYTES = 4 * 1024 * 1024
# A blank line before one that begins at the margin, where a thought may end.
_GAP = re.compile(r"\n[ \t]*\n(?=\S)")
_COMMENTS = frozenset({"comment", "line_comment", "block_comment", "attribute_item", "decorator"})
# What closes something that began further up.
_CLOSING = re.compile(rb"[\s})\];]*(?:end[\s;]*)*")
_FUNCTION_VALUES = frozenset({"arrow_function", "function_expression", "generator_function"})


@dataclass(frozen=True, slots=True)
class _Definition:
    """A function or class: bytes [start, end) of the source, with the comments before it."""

    name: str
    start: int
    end: int
    inside: tuple[_Definition, ...] = ()


def read(file: SniffedFile) -> ExtractedText:
    """Return the source, each definition under a heading of its name; a file has no title."""
    text = file.text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    grammar = grammar_for(file.extension)
    source = text.encode(errors="replace")
    if grammar is None or len(source) > _MAX_PARSED_BYTES:
        return assemble(_plain(text))
    tree = parser_for(grammar).parse(source)
    found = tuple(_definitions(tree.root_node, grammar, source))
    return assemble(_blocks(source, 0, len(source), found, 1))


def _plain(text: str) -> Iterator[Block]:
    for part in _GAP.split(text):
        yield Block("code", part)


def _blocks(
    source: bytes, start: int, end: int, found: tuple[_Definition, ...], level: int
) -> Iterator[Block]:
    """Yield the source from start to end; what stands between two definitions leads the second."""
    if not found and level > 1:
        yield Block("code", source[start:end].decode())
        return
    place = start
    for number, definition in enumerate(found):
        following = found[number + 1].start if number + 1 < len(found) else end
        # A closing brace, and nothing else, belongs to what it closes.
        until = _closed(source, definition.end, following)
        begin = definition.start
        if number == 0:
            yield from _plain(source[place:begin].decode())
        else:
            begin = place
        yield Block("heading", definition.name, min(level, _DEEPEST_HEADING))
        yield from _blocks(source, begin, until, definition.inside, level + 1)
        place = until
    yield from _plain(source[place:end].decode())


def _closed(source: bytes, start: int, end: int) -> int:
    closing = _CLOSING.match(source, start, end)
    return closing.end() if closing else start


def _definitions(
    parent: Node, grammar: Grammar, source: bytes, depth: int = 0
) -> Iterator[_Definition]:
    """Yield the definitions right below a node, or in what only wraps them."""
    begin: int | None = None  # of the comments that lead up to the next definition
    last_row = -1
    for node in parent.named_children:
        if node.type in _COMMENTS:
            if begin is None or node.start_point.row > last_row + 1:
                begin = node.start_byte
            last_row = node.end_point.row
            continue
        start = node.start_byte
        if begin is not None and node.start_point.row <= last_row + 1:
            start = begin
        begin = None
        yield from _below(node, _line_start(source, start), grammar, source, depth)


def _below(
    node: Node, start: int, grammar: Grammar, source: bytes, depth: int
) -> Iterator[_Definition]:
    name = _name(node, grammar)
    if name and node.type in grammar.functions:
        yield _Definition(name, start, node.end_byte)
    elif name and node.type in grammar.containers:
        inside = tuple(_inside(node, grammar, source, depth))
        yield _Definition(name, start, node.end_byte, inside)
    elif node.type in grammar.wrappers and depth < _MAX_NESTING:
        found = list(_definitions(node, grammar, source, depth + 1))
        if len(found) == 1 and not _is_body(node):
            only = found[0]
            found = [_Definition(only.name, min(start, only.start), node.end_byte, only.inside)]
        yield from found


def _inside(node: Node, grammar: Grammar, source: bytes, depth: int) -> Iterator[_Definition]:
    for each in node.named_children:
        if each.type in grammar.wrappers and depth < _MAX_NESTING:
            yield from _definitions(each, grammar, source, depth + 1)


def _is_body(node: Node) -> bool:
    """Say whether a node holds definitions, other than one that decorates a single one."""
    return node.type.endswith(("body", "block", "_list", "_declarations", "namespace_definition"))


def _name(node: Node, grammar: Grammar) -> str:
    if node.type == "variable_declarator":  # const name = () => …
        value = node.child_by_field_name("value")
        if value is None or value.type not in _FUNCTION_VALUES:
            return ""
    found = node.child_by_field_name("name") or _declared(node)
    text = (found.text or b"").decode(errors="replace") if found else ""
    receiver = node.child_by_field_name("receiver") if node.type == "method_declaration" else None
    if receiver is not None and receiver.text:
        text = f"{receiver.text.decode(errors='replace')} {text}"
    return one_line(text)[:_MAX_NAME_CHARACTERS]


def _declared(node: Node) -> Node | None:
    """Return the name in C's declarators, or the type that Rust implements something for."""
    found = node.child_by_field_name("declarator") or node.child_by_field_name("type")
    for _ in range(_MAX_NESTING):
        inner = found.child_by_field_name("declarator") if found else None
        if inner is None:
            break
        found = inner
    return found


def _line_start(source: bytes, place: int) -> int:
    """Return the begin of the line, if only its indentation stands before a place."""
    begin = source.rfind(b"\n", 0, place) + 1
    return begin if not source[begin:place].strip() else place
