"""Collections: their forms, their splits, and the files that stand for their documents."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from apps.ops.evaluation import corpus, datasets
from apps.ops.evaluation.datasets import NotACollection, SourceDocument
from apps.search.evaluation.questions import NotQuestions, Split

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def put(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        path.write_text(text)


def beir(folder: Path, qrels: dict[str, str]) -> Path:
    put(folder / "corpus.jsonl.gz", [{"_id": "d1", "title": "Ferrets", "text": "They run."}])
    put(folder / "queries.jsonl", [{"_id": f"q{n}", "text": "what runs"} for n in range(1, 5)])
    for name, lines in qrels.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("query-id\tcorpus-id\tscore\n" + lines)
    return folder


def test_a_collections_own_split_is_kept(tmp_path: Path) -> None:
    qrels = {"qrels/train.tsv": "q1\td1\t1\nq2\td1\t0\n", "qrels/test.tsv": "q3\td1\t2\n"}
    found = datasets.found_in(beir(tmp_path, qrels))
    assert found.usual_split == Split.TEST
    assert [one.id for one in found.questions(Split.TEST)] == ["q3"]
    assert [one.id for one in found.questions(Split.DEV)] == ["q1", "q2"]
    assert [one.grades for one in found.questions(Split.ALL)] == [{"d1": 1}, {"d1": 0}, {"d1": 2}]


def test_without_one_the_questions_are_split_by_their_ids(tmp_path: Path) -> None:
    lines = "".join(f"q{n}\td1\t1\n" for n in range(1, 5))
    found = datasets.found_in(beir(tmp_path, {"qrels.tsv": lines}))
    assert found.usual_split == Split.ALL
    sides = [{one.id for one in found.questions(side)} for side in Split]
    assert sides[0] | sides[1] == sides[2] == {"q1", "q2", "q3", "q4"}
    assert not sides[0] & sides[1]


def test_a_question_that_nobody_judged_is_not_asked(tmp_path: Path) -> None:
    found = datasets.found_in(beir(tmp_path, {"qrels.tsv": "q4\td1\t1\n"}))
    assert [one.id for one in found.questions(Split.ALL)] == ["q4"]


@pytest.mark.parametrize("line", ["q1\td1\tgood\n", "q1\n"])
def test_a_broken_judgement_is_named(tmp_path: Path, line: str) -> None:
    found = datasets.found_in(beir(tmp_path, {"qrels.tsv": line}))
    with pytest.raises(NotQuestions, match=r"qrels\.tsv, line 2"):
        found.questions(Split.ALL)


def test_a_folder_without_judgements_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(NotACollection, match="no collection"):
        datasets.found_in(beir(tmp_path, {}))


def test_a_broken_document_is_named(tmp_path: Path) -> None:
    folder = beir(tmp_path, {"qrels.tsv": "q1\td1\t1\n"})
    put(folder / "corpus.jsonl.gz", [{"_id": "d1", "text": "a"}, {"_id": "d2"}])
    with pytest.raises(NotACollection, match="line 2"):
        list(datasets.found_in(folder).documents())


def test_a_plain_text_keeps_its_signs_and_stands_under_its_title_once() -> None:
    told = SourceDocument("1", "Cell *growth*", "P < 0.05 in [3] of `x_1`.", is_markdown=False)
    assert corpus.as_markdown(told).startswith("# Cell \\*growth\\*\n\nP \\< 0.05 in \\[3\\]")
    told = SourceDocument("1", "Shear  flow .", "shear flow . A wing", is_markdown=False)
    assert corpus.as_markdown(told) == "shear flow . A wing"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared")
@pytest.mark.parametrize(
    ("name", "documents", "counts"),
    [
        ("scifact", 5183, (809, 300, 1109)),
        ("cranfield", 1400, (None, None, 225)),
        ("rag_multi_corpus", 236, (None, None, 539)),
        ("enterprise_rag", 44, (None, None, 58)),
    ],
)
def test_the_reference_collections_are_read(
    name: str, documents: int, counts: tuple[int | None, int | None, int]
) -> None:
    found = datasets.found_in(SHARED / name)
    assert sum(1 for _ in found.documents()) == documents
    asked = {side: found.questions(side) for side in Split}
    for side, count in zip(Split, counts, strict=True):
        assert count is None or len(asked[side]) == count
    assert len(asked[Split.DEV]) + len(asked[Split.TEST]) == counts[2]
    if name == "cranfield":
        assert {grade for one in asked[Split.ALL] for grade in one.grades.values()} == {1}
    if name == "rag_multi_corpus":
        assert sum(any(j.has_passage for j in one.judgements) for one in asked[Split.ALL]) > 100
    if name == "enterprise_rag":
        assert sum(not one.is_answerable for one in asked[Split.ALL]) == 20
