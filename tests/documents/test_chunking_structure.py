from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apps.documents import topics
from apps.documents.blocks import Block
from tests.documents.test_chunking import cut, paragraph


class TestSourceCode:
    def test_every_function_is_a_chunk_under_its_class(self) -> None:
        parts = [Block("code", "import os"), Block("heading", "Order", 1)]
        parts.append(Block("code", "class Order:\n" + "    state = 'new'\n" * 12))
        for name in ("ship", "cancel", "refund"):
            parts.append(Block("heading", name, 2))
            body = "".join(f"        self.{name}_{n}(order)\n" for n in range(9))
            parts.append(Block("code", f"    def {name}(self):\n{body}"))
        found = cut(*parts)
        by_name = {chunk.text.split("\n")[0]: chunk for chunk in found}
        for name in ("ship", "cancel", "refund"):
            assert by_name[name].heading_path == ("Order",)
            assert f"def {name}" in by_name[name].text
            assert by_name[name].text.count("def ") == 1

    def test_a_long_function_names_itself_in_all_of_its_chunks(self) -> None:
        body = "".join(f"        self.step_{n}(order, amount, currency)\n" for n in range(90))
        found = cut(
            Block("heading", "Order", 1),
            Block("code", "class Order:"),
            Block("heading", "refund", 2),
            Block("code", f"    def refund(self):\n{body}"),
        )
        assert len(found) > 3
        assert all(chunk.heading_path == ("Order", "refund") for chunk in found[2:])

    def test_small_functions_are_taken_together(self) -> None:
        parts = [
            block
            for n in range(4)
            for block in (Block("heading", f"f{n}", 1), Block("code", f"def f{n}(): ..."))
        ]
        assert len(cut(*parts)) == 1


def test_a_clause_is_found_under_its_article() -> None:
    parts = [Block("heading", "Article 4", 1), Block("paragraph", paragraph(12))]
    for letter in "abc":
        parts += [Block("heading", f"({letter})", 2), Block("paragraph", paragraph(12))]
    assert {chunk.heading_path for chunk in cut(*parts)} == {(), ("Article 4",)}


def about(*words: str, sentences: int = 40) -> str:
    """Return sentences that say something else each time, in the words of one subject."""
    said = (f"{words[n % len(words)]} {words[(n * 3 + 1) % len(words)]}" for n in range(sentences))
    return " ".join(f"Here the {pair} number {n} is told." for n, pair in enumerate(said))


SUBJECTS = (
    about("payroll", "salary", "bonus", "pension", "payslip"),
    about("reactor", "coolant", "turbine", "pressure", "valve"),
    about("orchard", "blossom", "harvest", "pruning", "cider"),
)


class TestTopics:
    def test_a_long_text_without_headings_is_cut_where_its_subject_changes(self) -> None:
        text = " ".join(SUBJECTS)
        found = cut(Block("paragraph", text))
        changes = [text.index(subject) for subject in SUBJECTS[1:]]
        begins = [chunk.start for chunk in found]
        assert all(change in begins for change in changes)
        mixed = [chunk for chunk in found if "payslip" in chunk.text and "turbine" in chunk.text]
        assert not mixed

    def test_a_text_with_headings_is_cut_as_before(self) -> None:
        found = cut(Block("heading", "All", 1), Block("paragraph", " ".join(SUBJECTS)))
        assert all(a.end > b.start for a, b in pairwise(found))

    def test_a_text_about_one_thing_has_no_breaks(self) -> None:
        assert (
            topics.breaks([f"Sentence {n} about payroll and salary." for n in range(80)]) == set()
        )
        assert topics.breaks(["short"] * 5) == set()

    @given(st.lists(st.text(max_size=30), max_size=60))
    def test_breaks_are_places_between_sentences(self, sentences: list[str]) -> None:
        found = topics.breaks(sentences)
        assert all(0 <= place < len(sentences) - 1 for place in found)
        assert found == topics.breaks(sentences)
