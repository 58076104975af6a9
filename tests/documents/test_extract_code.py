from __future__ import annotations

import pytest

from apps.documents.extract.errors import Corrupt, ExtractionError
from apps.documents.extract.grammars import grammar_for, parser_for
from apps.documents.extract.kinds import BY_EXTENSION
from tests.documents.extract_cases import NOTEBOOK, PYTHON, headings, read, shape

SOURCES = {
    "a.js": (
        "import x from 'y';\n// Why.\nexport default class A {\n  m() { return 1; }\n}\n"
        "const f = async () => {\n  1;\n};\nfunction g() {}\n",
        [(1, "A"), (2, "m"), (1, "f"), (1, "g")],
    ),
    "a.tsx": (
        "namespace N { export interface I { a: number } }\nconst C = () => <p>x</p>;\n",
        [(1, "N"), (2, "I"), (1, "C")],
    ),
    "a.ts": ("abstract class A<T> {\n  m(a: T): void {}\n}\n", [(1, "A"), (2, "m")]),
    "a.go": (
        "package a\n\n// F does.\nfunc F() {}\n\ntype T struct{ a int }\n\nfunc (r *T) M() {}\n",
        [(1, "F"), (1, "T"), (1, "(r *T) M")],
    ),
    "a.java": (
        "package a;\n/** Doc. */\nclass A {\n  A() {}\n  int f() { return 1; }\n}\n",
        [(1, "A"), (2, "A"), (2, "f")],
    ),
    "a.c": ("struct s { int a; };\nint *f(int a) { return 0; }\n", [(1, "s"), (1, "f")]),
    "a.cpp": (
        "namespace n {\ntemplate<class T> class A {\n  void f() {}\n};\nvoid A::g() {}\n}\n",
        [(1, "n"), (2, "A"), (3, "f"), (2, "A::g")],
    ),
    "a.rs": (
        "#[test]\npub fn f() {}\nimpl Show for A {\n  /// Doc.\n  fn g() {}\n}\n"
        "mod m { fn h() {} }\n",
        [(1, "f"), (1, "A"), (2, "g"), (1, "m"), (2, "h")],
    ),
    "a.rb": (
        "module M\n  class A\n    def f\n    end\n    def self.g\n    end\n  end\nend\n",
        [(1, "M"), (2, "A"), (3, "f"), (3, "g")],
    ),
    "a.cs": (
        "namespace N;\nclass A {\n  int F() { return 1; }\n  public int P { get; set; }\n}\n",
        [(1, "A"), (2, "F")],
    ),
    "a.php": (
        "<?php\nclass A {\n  function f() {}\n}\nfunction g() {}\n",
        [(1, "A"), (2, "f"), (1, "g")],
    ),
    "a.sh": ("f() {\n  ls\n}\nfunction g {\n  ls\n}\n", [(1, "f"), (1, "g")]),
    "a.kt": (
        "class A {\n    fun f() {}\n}\n\nfun g() {}\n\nobject O {\n    fun h() {}\n}\n",
        [(1, "A"), (2, "f"), (1, "g"), (1, "O"), (2, "h")],
    ),
}


def without_space(text: str) -> str:
    return "".join(text.split())


class TestCode:
    def test_python(self) -> None:
        found = read(PYTHON, "a.py")
        assert headings(found) == [(1, "refund"), (1, "Order"), (2, "ship"), (2, "cancel")]
        first, limit, _, refund, _, order, _, ship, _, cancel = (text for _, text in shape(found))
        assert (first, limit) == ("import os", "LIMIT = 3")
        assert refund.startswith("# Why it is here.\n@cached\ndef refund(order):")
        assert order.startswith("class Order(Base):")
        assert order.endswith('state = "new"')
        assert ship.startswith("    def ship(self):\n        def inner():")
        assert ship.endswith("return inner()")
        assert cancel == "    async def cancel(self): ..."

    @pytest.mark.parametrize("name", SOURCES)
    def test_definitions_of_every_language_and_nothing_lost(self, name: str) -> None:
        source, expected = SOURCES[name]
        found = read(source, name)
        assert headings(found) == expected
        code = "".join(text for kind, text in shape(found) if kind == "code")
        assert without_space(code) == without_space(source)

    def test_every_language_has_its_grammar_on_this_machine(self) -> None:
        extensions = [each for each, kind in BY_EXTENSION.items() if kind == "code"]
        grammars = [grammar for each in extensions if (grammar := grammar_for(each))]
        assert len({grammar.function + grammar.module for grammar in grammars}) == 14
        assert all(parser_for(grammar).parse(b"x").root_node for grammar in grammars)

    def test_broken_source_is_still_text(self) -> None:
        source = "def f(:\n    (((\nclass A\n    def g(self):\n        pass\n"
        code = "".join(text for kind, text in shape(read(source, "a.py")) if kind == "code")
        assert without_space(code) == without_space(source)

    def test_languages_without_a_grammar_are_cut_at_their_blank_lines(self) -> None:
        found = read("[a]\nb = 1\n\n[c]\nd = 2\n", "a.toml")
        assert shape(found) == [("code", "[a]\nb = 1"), ("code", "[c]\nd = 2")]

    def test_deep_nesting_ends(self) -> None:
        source = (
            "".join(f"{' ' * depth}class A{depth}:\n" for depth in range(90)) + " " * 90 + "x = 1"
        )
        found = read(source, "a.py")
        assert "x = 1" in found.text
        assert max(level for level, _ in headings(found)) == 6


class TestJson:
    def test_keys_are_headings_and_records_lines(self) -> None:
        found = read(
            '{"name": "Leave", "days": 20.50, "rules": [{"id": "r1", "for": ["all", "new"]},'
            ' {"id": "r2", "for": [], "also": {"deep": {"er": null}}}]}',
            "a.json",
        )
        assert shape(found) == [
            ("rows", "name: Leave\ndays: 20.50"),
            ("heading", "rules"),
            ("rows", "id: r1; for: all, new"),
            ("heading", "r2"),
            ("rows", "id: r2\nfor:"),
            ("heading", "also"),
            ("heading", "deep"),
            ("rows", "er: null"),
        ]

    def test_json_lines_under_either_name(self) -> None:
        lines = '{"city": "Rome", "rent": 9}\n\n{"city": "Bonn"}\n'
        for name in ("a.jsonl", "a.ndjson", "a.json"):
            assert read(lines, name).text == "city: Rome; rent: 9\ncity: Bonn"

    def test_with_comments_it_is_shown_as_it_is_written(self) -> None:
        assert shape(read('{\n  // why\n  "a": 1,\n}', "a.json"))[0][0] == "code"

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5_000, "[" * 5_000 + "]" * 5_000])
    def test_nesting_is_bounded(self, text: str) -> None:
        with pytest.raises(Corrupt):
            read(text, "a.json")

    def test_long_numbers_stay_as_they_are_written(self) -> None:
        assert read(f'{{"n": {"9" * 9_000}}}', "a.json").text == "n: " + "9" * 9_000


class TestNotebooks:
    def test_cells_in_order(self) -> None:
        found = read(NOTEBOOK, "a.ipynb")
        assert shape(found) == [
            ("heading", "Churn"),
            ("paragraph", "Why they leave."),
            ("code", "print(1)"),
            ("code", "1"),
        ]
        assert found.title == "Churn"

    @pytest.mark.parametrize(
        "text",
        ["[]", "{}", '{"cells": 3}', '{"cells": [{"cell_type": 3, "source": {}}]}', "{" * 9999],
    )
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ExtractionError):
            read(text, "a.ipynb")
