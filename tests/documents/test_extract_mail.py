from __future__ import annotations

import base64
from email.message import EmailMessage
from pathlib import Path

import pytest

from apps.documents.extract.allowance import MAX_DEPTH, Allowance
from apps.documents.extract.errors import Corrupt, ExtractionError
from apps.documents.extract.mail import Mail
from tests.documents.extract_cases import FILES, eml, headings, read, shape

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "file_samples" / "files"


def test_headers_text_history_and_attachments() -> None:
    found = read(eml(), "a.eml")
    assert shape(found) == [
        ("heading", "Größe der Halle"),
        ("rows", "From: Zoë <zoe@example.com>\nTo: bo@example.com\nDate: 2027-05-03 14:30+02:00"),
        ("paragraph", "Dear Bo,"),
        ("paragraph", "it is large."),
        ("heading", "On 2 May, Bo wrote:"),
        ("paragraph", "> How large?"),
        ("heading", "rents.csv"),
        ("rows", "City: Rome; Rent: 1200"),
        ("heading", "Not read"),
        ("list", "- logo.png: Kenward does not read this kind of file."),
    ]
    assert found.title == "Größe der Halle"


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----",
        "---------- Forwarded message ---------",
        "Am 2. Mai 2027 schrieb Bo <bo@example.com>:",
        "Le 2 mai, Bo a écrit :",
    ],
)
def test_where_an_earlier_mail_begins_is_a_heading(line: str) -> None:
    found = read(f"Subject: x\n\nNew.\n\n{line}\nOld.", "a.eml")
    assert headings(found) == [(1, "x"), (2, line)]
    assert found.text.endswith("Old.")


def test_a_sentence_about_writing_is_no_earlier_mail() -> None:
    text = "On Monday the board wrote: we agree.\nMore."
    assert headings(read(f"Subject: x\n\n{text}", "a.eml")) == [(1, "x")]


def test_html_is_read_where_the_plain_version_says_nothing() -> None:
    message = EmailMessage()
    message["Subject"] = "Offer"
    message.set_content("See the HTML version.")
    rows = "<table><tr><th>Item<th>Price<tr><td>Lamp<td>9</table>" + "<p>Yours sincerely</p>" * 9
    message.add_alternative(f"<html><h1>Our offer</h1>{rows}</html>", subtype="html")
    found = read(message.as_bytes(), "a.eml")
    assert ("table", "Item | Price\nLamp | 9") in shape(found)
    assert "HTML version" not in found.text


def test_an_attached_mail_and_its_attachment_are_read_under_it() -> None:
    outer = EmailMessage()
    outer["Subject"] = "Outer"
    outer.set_content("See below.")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("The answer.")
    inner.add_attachment("# Plan", filename="plan.md")
    outer.add_attachment(inner)
    found = read(outer.as_bytes(), "a.eml")
    assert headings(found) == [
        (1, "Outer"),
        (2, "Inner.eml"),
        (3, "Inner"),
        (4, "plan.md"),
        (5, "Plan"),
    ]


def test_mails_in_mails_end_somewhere() -> None:
    message = EmailMessage()
    message["Subject"] = "0"
    message.set_content("innermost")
    for number in range(1, 12):
        outer = EmailMessage()
        outer["Subject"] = str(number)
        outer.set_content(f"level {number}")
        outer.add_attachment(message)
        message = outer
    found = read(message.as_bytes(), "a.eml")
    assert f"level {11 - MAX_DEPTH}" in found.text
    assert "innermost" not in found.text
    assert "too many other files" in found.text


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b'Content-Type: text/plain; charset="iso-8859-2"\n\n\xa3\xf3d\xbc', "Łódź"),
        (b'Content-Type: text/plain; charset="no-such"\n\nGr\xc3\xbc\xc3\x9fe', "Grüße"),
        (b"Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe=", "Grüße"),
        (b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode("Grüße".encode()), "Grüße"),
        (b"Content-Transfer-Encoding: base64\n\n!!!not base64", ""),
        (b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\nGreetings', "Greetings"),
        (b"Content-Type: multipart/mixed\n\nGreetings", "Greetings"),
    ],
)
def test_encodings_stated_wrongly_or_not_at_all(part: bytes, expected: str) -> None:
    found = read(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n" + part, "a.eml")
    assert found.title == "Grüße"
    assert expected in found.text


def test_what_is_no_mail_is_refused() -> None:
    with pytest.raises(Corrupt):
        read("Just a text.", "a.eml")


def test_an_attachment_that_breaks_its_reader_leaves_the_mail() -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("Text.")
    message.add_attachment(FILES["a.pptx"][:9000], "application", "zip", filename="half.pptx")
    found = read(message.as_bytes(), "a.eml")
    assert "Text." in found.text
    assert "half.pptx: The file is broken." in found.text


def test_members_share_one_allowance() -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("Text.")
    for number in range(5):
        message.add_attachment(f"number {number}", filename=f"{number}.txt")
    found = read(message.as_bytes(), "a.eml", Allowance(members=2))
    assert "number 1" in found.text
    assert "number 2" not in found.text
    assert "2.txt: There are too many files beside it." in found.text


def test_a_mail_inside_outlook_is_handed_on_as_one() -> None:
    mail = Mail("Größe", [("From", "Zoë")], plain="One\n\nTwo", html="")
    found = read(mail.as_eml(), "a.eml")
    assert shape(found)[:2] == [("heading", "Größe"), ("rows", "From: Zoë")]
    assert "Two" in found.text


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the reference data (../shared/data) is not on this machine"
)
def test_outlook_files_give_headers_and_survive_any_cut() -> None:
    content = (SAMPLES / "fake-email.msg").read_bytes()
    found = read(content, "a.msg")
    assert found.title == "Test Email"
    assert "From: Matthew Robinson <mrobinson@unstructured.io>" in found.text
    assert "Date: 2023-03-28 17:00+00:00" in found.text
    for size in range(512, len(content), 997):
        try:
            assert read(content[:size], "a.msg").text
        except ExtractionError as error:
            assert error.hint
