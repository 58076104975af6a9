"""What a visitor does first: two employees ask the same question and may read different files."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BEN = "ben.okoro@tarnbrook.example"
COLIN = "colin.thwaite@tarnbrook.example"
NOOR = "noor.haddad@greyfell-accounts.example"

SignIn = Callable[..., Page]


def ask(page: Page, question: str) -> str:
    """Ask in a new conversation and return the finished answer's text."""
    page.goto("/chat/")
    page.get_by_role("textbox", name=re.compile("ask", re.IGNORECASE)).fill(question)
    page.keyboard.press("Enter")
    answer = page.locator("[data-answer]").last
    expect(answer).to_have_attribute("aria-busy", "false", timeout=20_000)
    return answer.inner_text()


def test_two_people_get_different_cited_answers_to_one_question(signed_in: SignIn) -> None:
    ben, colin = signed_in(BEN), signed_in(COLIN)
    for_ben = ask(ben, "What is the travel budget for 2027?")
    for_colin = ask(colin, "What is the travel budget for 2027?")
    assert "£96,000" in for_ben
    assert "£41,500" in for_colin
    assert "£41,500" not in for_ben
    ben.locator("a.cite").first.click()
    expect(ben.get_by_text("You can read this because", exact=False)).to_be_visible()
    expect(ben.locator(".is-passage").first).to_be_visible()


def test_an_edited_manifest_takes_a_file_out_of_the_next_answer(
    signed_in: SignIn, running: Running
) -> None:
    question = "How large is the bonus pool for 2026?"
    colin = signed_in(COLIN)
    assert "£142,000" in ask(colin, question)
    manifest = running.data_dir / "sample" / "tarnbrook-cycles" / "kenward.yaml"
    before = manifest.read_text(encoding="utf-8")
    rules = yaml.safe_load(before)
    rules["groups"]["payroll"]["members"].remove("finance-leads")
    try:
        manifest.write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
        colin.wait_for_timeout(2_000)  # what the product promises
        assert "£142,000" not in ask(colin, question)
        colin.goto("/chat/")
        colin.locator("nav a", has_text="How large is the bonus pool").last.click()
        expect(colin.get_by_text("no longer read", exact=False).first).to_be_visible()
        expect(colin.get_by_text("£142,000")).to_have_count(0)
    finally:
        manifest.write_text(before, encoding="utf-8")


def test_somebody_in_two_companies_picks_one(signed_in: SignIn) -> None:
    noor = signed_in(NOOR)
    noor.goto("/chat/")
    expect(noor).to_have_url(re.compile("/tenants/choose/"))
    noor.get_by_role("button", name=re.compile("Oatmere")).click()
    assert "24" in ask(noor, "How many days of annual leave do I have?")


def test_nothing_found_is_said_as_such(signed_in: SignIn) -> None:
    ben = signed_in(BEN)
    said = ask(ben, "zxqv wobbleflux quantum chromodynamics lattice?")
    assert "nothing that you can read" in said
