"""Turns an answer's Markdown into HTML that loads nothing and runs nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from apps.chat.citations import CITATION

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
# "*" would allow `title` and `lang` everywhere by default.
_ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href", "data-number"}, "ol": {"start"}}
_CLASSES = {"a": {"cite"}}
# Below the question, which is an h2 of the page.
_HIGHEST_HEADING = 3

# Without `reference`, no "[1]: https://…" in an answer can say where [1] leads.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
    ["table", "strikethrough"]
)
_markdown.disable(["reference", "html_block", "html_inline"])


def render(text: str, urls: Mapping[int, str]) -> SafeString:
    """Return the answer as safe HTML in which [n] leads to its source.

    Args:
        text: Markdown; HTML in it is shown as the text it is, images as their description.
        urls: of the sources, by number; other numbers stay plain text.
    """
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _HIGHEST_HEADING - 1)}"
        if token.children:
            token.children = list(_inline(token.children, urls))
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    safe = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(safe)  # noqa: S308  cleaned on the line above


def _inline(tokens: Sequence[Token], urls: Mapping[int, str]) -> Iterator[Token]:
    """Link citations and take away images, and links that would pass for a citation."""
    disguised = _disguised_links(tokens)
    depth = 0
    for place, token in enumerate(tokens):
        if place in disguised:
            continue
        depth += token.nesting if token.type.startswith("link_") else 0
        if token.type == "image":
            yield _text(token.content)
        elif token.type == "text" and not depth:
            yield from _linked(token.content, urls)
        else:
            yield token


def _disguised_links(tokens: Sequence[Token]) -> set[int]:
    """Return the places of the opening and closing tokens of links whose text has a [n]."""
    found: set[int] = set()
    opened = 0
    for place, token in enumerate(tokens):
        if token.type == "link_open":
            opened = place
        elif token.type == "link_close" and _is_citation_like(tokens[opened + 1 : place]):
            found |= {opened, place}
    return found


def _is_citation_like(tokens: Iterable[Token]) -> bool:
    label = "".join(token.content for token in tokens).strip()
    return CITATION.search(label) is not None or label.isdigit()


def _linked(text: str, urls: Mapping[int, str]) -> Iterator[Token]:
    end = 0
    for match in CITATION.finditer(text):
        number = int(match[1])
        if number not in urls:
            continue
        yield _text(text[end : match.start()])
        attributes = {"class": "cite", "href": urls[number], "data-number": str(number)}
        yield Token("link_open", "a", 1, attrs=dict(attributes))
        yield _text(match[0])
        yield Token("link_close", "a", -1)
        end = match.end()
    yield _text(text[end:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
