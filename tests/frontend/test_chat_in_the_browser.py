"""The chat page against a server that behaves, and one that does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.frontend import pages
from tests.frontend.peer import Peer

pytestmark = [pytest.mark.browser]

Show = Callable[..., Page]
QUESTION = "How many days can I carry over?"


def ask(page: Page, text: str = QUESTION) -> None:
    page.locator("#question").fill(text)
    page.locator("#question").press("Enter")


def below(page: Page) -> float:
    """Return how many pixels of the page lie below what is in view."""
    height = "document.documentElement.scrollHeight - innerHeight - scrollY"
    return float(page.evaluate(height))


def wait_until(page: Page, is_true: Callable[[], bool]) -> None:
    """Poll from here: the page's own policy forbids playwright's way of waiting for a function."""
    for _ in range(100):
        if is_true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("waited 5 s in vain")


def wire_sources(*numbers: int) -> list[dict[str, object]]:
    return [pages.source(n, modified_at=pages.LONG_AGO.isoformat()) for n in numbers]


def test_streamed_markup_stays_text(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    assert peer.next() == {"type": "ask", "text": QUESTION}
    peer.say("token", text="<img src=x> **five")
    peer.say("token", text=" days**")
    expect(page.locator("[data-answer]")).to_contain_text("<img src=x> **five days**")
    expect(page.locator("[data-answer]")).to_have_attribute("aria-busy", "true")
    expect(page.locator("[data-answer] img")).to_have_count(0)


def test_finished_answer_replaces_the_stream_and_marks_what_it_cites(
    peer: Peer, open_page: Show
) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("sources", question=QUESTION, sources=wire_sources(1, 2))
    peer.say("token", text="Five **days**")
    peer.done(
        '<p>Five <b>days</b> <a class="cite" href="/x" data-number="2">[2]</a></p>', cited=[2]
    )
    expect(page.locator("[data-text] b")).to_have_text("days")
    expect(page.locator("[data-answer]")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".source.is-cited")).to_have_count(1)
    page.locator(".cite").hover()
    expect(page.locator(".source.is-lit [data-source-number]")).to_have_text("2")
    expect(page.locator("[data-announce]")).to_contain_text("Five days")
    expect(page).to_have_url(f"{peer.url}/chat/c0ffee/")
    expect(page.locator("nav .history-item[aria-current]")).to_contain_text("Leave")


def test_typing_goes_on_while_an_answer_streams_and_is_kept(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="Five")
    box = page.locator("#question")
    box.press_sequentially("and part-timers?")
    box.press("Enter")
    expect(page.locator("[data-send]")).to_be_disabled()
    expect(page.locator("[data-turn]")).to_have_count(1)
    peer.done()
    expect(page.locator("[data-send]")).to_be_enabled()
    expect(box).to_have_value("and part-timers?")
    box.press("Enter")
    assert peer.next()["text"] == "and part-timers?"


def test_shift_and_enter_break_the_line(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    box = page.locator("#question")
    box.press_sequentially("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    box.press("Enter")
    assert peer.next()["text"] == "one\ntwo"


def test_an_example_is_asked_by_clicking_it(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    page.get_by_role("button", name="Who do I tell").click()
    assert peer.next()["text"] == "Who do I tell when I am ill?"
    expect(page.locator("[data-start]")).to_have_count(0)


def test_stop_is_sent_and_what_was_written_stays(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="Five")
    page.get_by_role("button", name="Stop").click()
    assert peer.next() == {"type": "stop"}
    peer.done("<p>Five</p>", outcome="stopped", notice="Stopped.")
    expect(page.locator("[data-turn]")).to_have_attribute("data-state", "stopped")
    expect(page.locator("[data-text]")).to_have_text("Five")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_an_error_is_no_answer_and_try_again_asks_the_same(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="Half an ans")
    peer.say("error", code="model", message="The model is silent.", hint="Wait.", retryable=True)
    expect(page.get_by_role("alert")).to_contain_text("The model is silent.")
    expect(page.locator("[data-text]")).to_have_text("")
    page.get_by_role("button", name="Try again").click()
    assert peer.next() == {"type": "ask", "text": QUESTION}
    expect(page.locator("[data-turn]")).to_have_count(1)


def test_a_missing_frame_is_said_until_the_whole_answer_is_there(
    peer: Peer, open_page: Show
) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("sources", question=QUESTION, sources=wire_sources(1))
    peer.say("token", text="Five")
    expect(page.locator("[data-gap]")).to_have_count(0)
    peer.say("token", text="carry", skip=1)
    expect(page.locator("[data-gap]")).to_contain_text("went missing")
    peer.done()
    expect(page.locator("[data-gap]")).to_have_count(0)


def test_a_lost_connection_fails_the_answer_and_comes_back(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="Five")
    peer.is_refusing = True
    peer.hang_up()
    expect(page.get_by_role("alert")).to_contain_text("The connection broke")
    expect(page.locator("[data-status]")).to_contain_text("No connection")
    peer.is_refusing = False
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("[data-status]")).to_have_text("")
    page.get_by_role("button", name="Try again").click()
    assert peer.next()["text"] == QUESTION


def test_somebody_signed_out_is_told_and_nothing_connects_again(
    peer: Peer, open_page: Show
) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="Five")
    peer.hang_up(4401)
    expect(page.get_by_role("alert")).to_contain_text("You are signed out.")
    expect(page.locator("[data-text]")).to_have_text("")
    expect(page.locator("[data-status]")).to_contain_text("You are signed out.")
    page.locator("#question").press_sequentially("more")
    page.wait_for_timeout(800)
    expect(page.locator("[data-status]")).to_contain_text("Load the page again")
    assert peer.asked.empty()


def test_a_conversation_can_be_deleted_once_there_is_one(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    expect(page.get_by_text("Delete this conversation")).to_be_hidden()
    ask(page)
    peer.next()
    peer.done()
    page.get_by_text("Delete this conversation").click()
    form = page.locator("[data-delete] form")
    expect(form.get_by_role("button", name="Delete")).to_be_visible()
    expect(form).to_have_attribute("action", f"/chat/{pages.CONVERSATION}/delete/")


def test_the_end_stays_in_view_unless_the_reader_scrolls_away(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page)
    peer.next()
    peer.say("token", text="line\n" * 60)
    wait_until(page, lambda: below(page) <= 1 and page.evaluate("scrollY") > 300)
    page.mouse.move(600, 300)
    page.mouse.wheel(0, -400)
    wait_until(page, lambda: below(page) > 300)
    peer.say("token", text="line\n" * 20)
    expect(page.get_by_role("button", name="Jump to latest")).to_be_visible()
    assert below(page) > 300
    page.get_by_role("button", name="Jump to latest").click()
    peer.say("token", text="line\n" * 20)
    wait_until(page, lambda: below(page) <= 1)


def test_a_question_that_is_too_long_is_not_sent(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat())
    ask(page, "x" * 2_003)
    expect(page.locator("[data-status]")).to_have_text("3 characters too long.")
    expect(page.locator("[data-turn]")).to_have_count(0)
    assert peer.asked.empty()


def test_a_handed_over_question_waits_in_the_box(peer: Peer, open_page: Show) -> None:
    page = open_page(pages.chat(), query="?q=carry%20over")
    expect(page.locator("#question")).to_have_value("carry over")
    assert peer.asked.empty()


def test_the_history_is_a_drawer_where_it_is_narrow(open_page: Show) -> None:
    page = open_page(pages.chat(pages.turn("Leave?", "<p>27 days.</p>")), width=390)
    item = page.locator(".history-item")
    expect(item).not_to_be_visible()
    page.get_by_role("button", name="History", exact=True).click()
    expect(item).to_be_visible()
    expect(page.locator("[data-history-close]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(item).not_to_be_visible()
    expect(page.get_by_role("button", name="History", exact=True)).to_be_focused()


def test_slash_goes_to_the_box_and_stays_a_letter_in_it(open_page: Show) -> None:
    page = open_page(pages.chat(), width=390)
    page.get_by_role("link", name="Search").focus()
    page.keyboard.press("/")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#question")).to_have_value("/")
