"""Messages become Markdown that says what Slack shows, and nothing that is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from apps.connections.providers.slack import mrkdwn, records, render

NAMES = {"U1": "Ada_Abel", "U2": "Bo"}


def called(person_id: str) -> str:
    return NAMES.get(person_id, person_id)


def read(text: str) -> str:
    """Return the words that a reader of Markdown sees."""
    parts = []
    for token in MarkdownIt().parse(text):
        for child in token.children or [token]:
            if child.type in {"softbreak", "hardbreak"}:
                parts.append("\n")
            else:
                parts.append(child.content)
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold* _slanted_ ~gone~ `co*de*`", "**bold** *slanted* ~~gone~~ `co*de*`"),
        ("2*3*4 and snake_case_name", r"2\*3\*4 and snake\_case\_name"),
        ("Hi <@U1>, see <#C1|rivers> <!here>", r"Hi @Ada\_Abel, see #rivers @here"),
        ("<https://a.example/x_y|the *plan*>", r"[the \*plan\*](<https://a.example/x_y>)"),
        ("<https://a.example>", "[https://a.example](<https://a.example>)"),
        ("<mailto:a@b.example|a@b.example>", "[a@b.example](<mailto:a@b.example>)"),
        ("<javascript:alert(1)|click>", "click"),
        ("<!subteam^S1|@crew> <!date^1^{date}|May 1>", "@crew May 1"),
        ("a &lt;b&gt; &amp; c", r"a \<b\> & c"),
        ("&gt; quoted\nnot", "> quoted\n\nnot"),
        ("&gt;&gt;&gt; all\nof it", "> all  \n> of it"),
        ("• one\n• two", "- one\n- two"),
        ("# no heading\n---", "\\# no heading  \n\\---"),
        ("```x = <https://a.example>;\n*p* &lt; 1```", "```\nx = https://a.example;\n*p* < 1\n```"),
    ],
)  # fmt: skip
def test_mrkdwn_becomes_markdown(text: str, expected: str) -> None:
    shown = mrkdwn.markdown(text, called)
    assert MarkdownIt().render(shown) == MarkdownIt().render(expected), shown


def test_plain_words_are_bare() -> None:
    text = "Who *measures* `it`,\n<@U1>? &gt; 3 <https://a.example|gauge>"
    assert mrkdwn.plain(text, called) == "Who measures it, Ada_Abel? > 3 gauge".replace(
        "Ada", "@Ada"
    )


@given(st.text(alphabet=st.sampled_from("ab 1*_~`#>-=+[]()|\\\n!.&;lt<U@"), max_size=60))
def test_no_text_breaks_the_rendering(text: str) -> None:
    shown = mrkdwn.markdown(text, called)
    assert "\0" not in shown
    tokens = {token.type for token in MarkdownIt().parse(shown)}
    assert not tokens & {"heading_open", "html_block", "hr"}


@given(st.text(alphabet=st.sampled_from("ab #*_`>=-+[]\\\n"), max_size=40))
def test_names_are_words_and_nothing_else(name: str) -> None:
    line = " ".join(name.split())
    assert read(f"x {mrkdwn.escaped(line)}") == f"x {line}".strip()


def message(**told: Any) -> records.Message:
    return records.message({"type": "message", "ts": "1700000000.000100", "user": "U1", **told})


def rendered(**told: Any) -> str:
    return render.markdown([message(**told)], called, with_days=True)


def test_who_wrote_when_and_whether_it_was_edited() -> None:
    assert rendered(text="Hi").startswith(r"**Ada\_Abel**, 2023-11-14 22:13")
    assert "(edited)" in rendered(text="Hi", edited={"user": "U1", "ts": "1700000001.000000"})
    told = rendered(text="Built", user=None, subtype="bot_message", username="Builder")
    assert told.startswith("**Builder**")


def test_files_are_named_unless_they_are_gone() -> None:
    files = [
        {"id": "F1", "name": "plan_v2.txt", "title": "The plan"},
        {"id": "F2", "mode": "tombstone"},
        {"id": "F3", "mode": "hidden_by_limit", "name": "old"},
    ]
    told = rendered(text="", files=files)
    assert "File: The plan (plan\\_v2.txt)" in told
    assert told.count("File:") == 1
    assert not render.is_kept(message(text="", files=files[1:]))


def test_apps_write_in_blocks_and_attachments() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Alarm"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Level* 3"}]},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "see "},
                        {"type": "user", "user_id": "U2"},
                    ],
                }
            ],
        },
        {"type": "divider"},
    ]
    told = rendered(text="Alarm (summary)", blocks=blocks)
    assert all(word in told for word in ("Alarm", "**Level** 3", "see @Bo"))
    assert "summary" not in told
    assert "said" in rendered(text="said", blocks=[blocks[2]])
    quoted = rendered(text="", attachments=[{"title": "Build", "text": "red\nbroken"}])
    assert "> Build" in quoted
    assert "> broken" in quoted


@pytest.mark.parametrize("mark", ["is_msg_unfurl", "from_url", "channel_id", "is_share"])
def test_a_preview_of_something_elsewhere_is_not_taken_over(mark: str) -> None:
    attachment = {"text": "from a channel that few may read", mark: "C0SECRET1"}
    assert "few" not in rendered(text="look", attachments=[attachment])


@pytest.mark.parametrize("subtype", ["channel_join", "bot_add", "pinned_item", "tombstone", "huh"])
def test_what_nobody_wrote_is_left_out(subtype: str) -> None:
    assert not render.is_kept(message(text="joined", subtype=subtype))
    assert not render.is_kept(message(text="", subtype=""))


def test_titles_are_cut_behind_a_word() -> None:
    told = render.first_words([message(text="river " * 40)], called)
    assert told.endswith("river…")
    assert len(told) <= 81
    assert render.first_words(
        [message(text="", files=[{"id": "F1", "name": "a.txt"}])], called
    ) == ("a.txt")
