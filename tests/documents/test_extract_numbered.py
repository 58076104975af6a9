from __future__ import annotations

import pytest

from apps.documents.blocks import Block
from apps.documents.extract.numbered import with_sections
from tests.documents.extract_cases import headings, read

CONTRACT = """SUPPLY AGREEMENT

1. Definitions

In this agreement the words below mean what they say.

1.1 "Goods" means the things that the Supplier sells to the Customer.

1.2 "Price" means the price of the Goods.

2. Delivery

2.1 The Supplier shall deliver:
(a) the Goods; and
(b) the papers.

2.2 Time is of the essence.

3. Termination

Either party may end this agreement:

(i) on breach; or

(ii) with notice.
"""
STATUTE = """Gesetz über Hallen

§ 1 Zweck
Dieses Gesetz regelt Hallen.

§ 2 Anwendung
(1) Es gilt für Hallen.
(2) Es gilt auch für Anbauten.

§ 3 Ausnahmen
Keine.

§ 4
Es tritt morgen in Kraft.
"""
POLICY = """Article I. Scope

Everybody.

Article II. Leave

Twenty days.

Article III. Travel

By train.

Article IV. End

None.
"""


def words(text: str) -> list[str]:
    return text.split()


def test_a_contract() -> None:
    found = read(CONTRACT, "a.txt")
    assert headings(found) == [
        (1, "1. Definitions"), (2, "1.1"), (2, "1.2"),
        (1, "2. Delivery"), (2, "2.1"), (3, "(a)"), (3, "(b)"), (2, "2.2"),
        (1, "3. Termination"), (3, "(i)"), (3, "(ii)"),
    ]  # fmt: skip
    assert words(found.text) == words(CONTRACT)


def test_a_statute() -> None:
    found = read(STATUTE, "a.txt")
    assert [text for level, text in headings(found) if level == 1] == [
        "§ 1 Zweck",
        "§ 2 Anwendung",
        "§ 3 Ausnahmen",
        "§ 4",
    ]
    assert [text for level, text in headings(found) if level == 2] == ["(1)", "(2)"]
    assert words(found.text) == words(STATUTE)


def test_roman_articles() -> None:
    found = read(POLICY, "a.txt")
    assert [text for _, text in headings(found)] == [
        "Article I. Scope",
        "Article II. Leave",
        "Article III. Travel",
        "Article IV. End",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Shopping\n\n1. Milk.\n\n2. Bread, lots of it.\n\n3. Eggs.\n\n4. Tea.",
        "1. Milk\n\n2. Bread\n\n3. Eggs\n\n4. Tea",
        "12 people came.\n\n15 left.\n\n3 stayed on.\n\n40 never heard of it.",
        "3.5 percent\n\n2.1 percent\n\n7.9 percent\n\n4.4 percent",
        "(a) one\n\n(b) two\n\n(c) three\n\n(d) four",
        "2024 was good.\n\n2025 was better.\n\n2026 was best.\n\n2027 is open.",
        "1. One\n\ntext\n\n2. Two\n\ntext",
        "Section 9 says so.\n\nArticle 4 does not.\n\nSection 2 may.\n\nPart 7 will.",
    ],
    ids=["list", "short list", "counts", "figures", "letters", "years", "few", "mentions"],
)
def test_what_does_not_count_on_is_left_alone(text: str) -> None:
    found = read(text, "a.txt")
    assert headings(found) == []
    assert words(found.text) == words(text)


def test_a_text_with_headings_of_its_own_is_left_alone() -> None:
    blocks = [Block("heading", "Own", 1), *(Block("paragraph", f"1.{n} x") for n in range(1, 9))]
    assert with_sections(blocks) == blocks


def test_pages_stay_with_their_sections() -> None:
    blocks = [Block("paragraph", f"1.{n} Clause\nText {n}.", page=n) for n in range(1, 6)]
    found = with_sections(blocks)
    assert [(block.text, block.page) for block in found][:2] == [("1.1 Clause", 1), ("Text 1.", 1)]
    assert [block.page for block in found] == [n for n in range(1, 6) for _ in range(2)]
