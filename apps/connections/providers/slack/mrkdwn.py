"""Slack's mrkdwn as Markdown, and as plain words.

Source: https://docs.slack.dev/messaging/formatting-message-text/. Links, mentions and dates stand
in angle brackets; `&`, `<` and `>` of the text itself are written as entities.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

Names = Callable[[str], str]

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_ANGLE = re.compile(r"<([^<>\n]+)>")
# A mark counts at the edges of words only: 2*3*4 is no bold 3.
_MARKED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)(.+?)(?<=\S)\1(?![\w*_~])")
_MARKDOWN_MARKS = {"*": "**", "_": "*", "~": "~~"}
# What would be Markdown to a reader and is none in Slack.
_SPECIAL = re.compile(r"([\\\[\]<>`|*_~])")
_LINE_START = re.compile(r"^([ \t]*)(#{1,6}(?=\s)|=+[ \t]*$|-{2,}[ \t]*$|\+(?=\s))", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[•◦▪]\s+", re.MULTILINE)
_QUOTE = re.compile(r"^&gt;(?:&gt;&gt;)?[ \t]?", re.MULTILINE)
_BROADCASTS = frozenset({"here", "channel", "everyone"})


def markdown(text: str, names: Names) -> str:
    """Return a message's text as Markdown.

    Args:
        text: as Slack sends it.
        names: what a person is called, by id.
    """
    parts = _CODE.split(text)
    return "".join(
        _code(part, names) if index % 2 else _prose(part, names) for index, part in enumerate(parts)
    ).strip("\n")


def plain(text: str, names: Names) -> str:
    """Return a message's text as words in one line, without marks."""
    shown = _ANGLE.sub(lambda found: _angle(found[1], names)[0], text)
    shown = _MARKED.sub(lambda found: found[2], shown.replace("```", " ").replace("`", ""))
    return " ".join(html.unescape(_QUOTE.sub("", shown)).split())


def _code(text: str, names: Names) -> str:
    bare = html.unescape(_ANGLE.sub(lambda found: _angle(found[1], names)[0], text))
    if not bare.startswith("```"):
        return bare
    inside = bare.removeprefix("```").removesuffix("```").strip("\n")
    return f"\n```\n{inside}\n```\n"


def _prose(text: str, names: Names) -> str:
    """Translate text outside of code: what stands in angle brackets is set aside meanwhile."""
    aside: list[str] = []

    def set_aside(found: re.Match[str]) -> str:
        label, url = _angle(found[1], names)
        aside.append(f"[{escaped(label)}](<{url}>)" if url else escaped(label))
        return f"\0{len(aside) - 1}\0"

    shown = _ANGLE.sub(set_aside, text.replace("\0", ""))
    shown = _BULLET.sub(r"\1- ", shown)
    lines = [_line(line) for line in shown.split("\n")]
    # A line's end is one in Slack; in Markdown two blanks before it say so.
    joined = "\n".join(f"{line}  " if line.strip() else line for line in lines)
    joined = re.sub(r" {2}(?=\n\n|$)|(?<=^) {2}", "", joined)
    return re.sub(r"\0(\d+)\0", lambda found: aside[int(found[1])], joined)


def _line(line: str) -> str:
    quote = "> " if _QUOTE.match(line) else ""
    return quote + _marked(_QUOTE.sub("", line, count=1))


def _marked(line: str) -> str:
    """Translate the marks of one line, and escape whatever else Markdown would read as one."""
    shown, rest = "", line
    while found := _MARKED.search(rest):
        mark = _MARKDOWN_MARKS[found[1]]
        shown += escaped(html.unescape(rest[: found.start()]), is_start=not shown)
        shown += f"{mark}{_marked(found[2])}{mark}"
        rest = rest[found.end() :]
    return shown + escaped(html.unescape(rest), is_start=not shown)


def escaped(text: str, *, is_start: bool = False) -> str:
    """Return words so that Markdown reads nothing into them.

    Args:
        text: bare.
        is_start: whether they stand at the start of a line.
    """
    shown = _SPECIAL.sub(r"\\\1", text)
    return _LINE_START.sub(r"\1\\\2", shown) if is_start else shown


def _angle(inside: str, names: Names) -> tuple[str, str]:
    """Return what stands in angle brackets as words, and the address that it leads to."""
    target, _, label = inside.partition("|")
    label = html.unescape(label)
    kind, rest = target[:1], target[1:]
    if kind == "@":
        return f"@{names(rest)}", ""
    if kind == "#":
        return f"#{label or rest}", ""
    if kind == "!":
        return _command(rest, label), ""
    url = html.unescape(target)
    if url.lower().startswith(("https://", "http://", "mailto:")):
        return label or url.removeprefix("mailto:"), url
    return label or url, ""


def _command(command: str, label: str) -> str:
    """Return `!here`, `!subteam^S1` and `!date^1^{date}` as words."""
    name, *arguments = command.split("^")
    if name in _BROADCASTS:
        return f"@{name}"
    return label or (arguments[0] if arguments else name)
