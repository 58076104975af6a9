"""A whole small collection: stored, indexed and asked by the product's own path."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from apps.ops.evaluation import run
from apps.search.evaluation import report

ROOT = Path(__file__).resolve().parents[3]
TEXTS = {
    "ferrets": ("Ferrets", "A ferret sleeps up to eighteen hours a day and hunts at dusk."),
    "wings": ("", "The lift of a wing in a slipstream was measured at several angles of attack."),
    "hotels": ("Hotels", "# Hotels\n\nA hotel may cost 140 crowns a night, breakfast included."),
    "empty": ("", ""),
}
EVIDENCE = {"doc_id": "hotels", "text": "A hotel may cost 140 crowns a night", "in_text": True}
QUESTIONS: list[dict[str, Any]] = [
    {"_id": "q1", "text": "how long do ferrets sleep"},
    {"_id": "q2", "text": "what may a hotel cost", "evidence": [EVIDENCE]},
    {"_id": "q3", "text": "how is the lift of a wing changed"},
    {"_id": "q4", "text": "what does the empty page say about zebras"},
]
QRELS = "q1\tferrets\t1\nq2\thotels\t2\nq3\twings\t1\nq4\tempty\t1\nq4\tnowhere\t1\n"


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    rows = [{"_id": name, "title": title, "text": text} for name, (title, text) in TEXTS.items()]
    for name, lines in (("corpus", rows), ("queries", QUESTIONS)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + QRELS)
    return folder


def test_a_collection_is_indexed_and_asked(
    transactional_db: None, collection: Path, tmp_path: Path, settings: LazySettings
) -> None:
    files = tmp_path.resolve() / "files"
    files.mkdir()
    settings.KENWARD_FOLDER_ROOTS = [files]
    told = run.evaluate(run.Wanted(collection, answers=4), files)
    assert (told["documents"], told["searchable"], told["questions"]) == (4, 3, 4)
    assert told["split"] == "all"
    # What is not there, or has no text, is missed and not left out.
    for stage in ("vector", "fused", "final"):
        assert told["stages"][stage]["recall@100"] == 0.75, stage
    for question in ("q1", "q2", "q3"):
        assert told["by_question"][question]["final"]["MRR"] == 1.0
    assert told["passages"] == {"questions": 1, "recall@10": 1.0}
    answers = told["answers"]
    assert (answers["by"], answers["questions"]) == ("quotes, no model", 4)
    assert answers["documents"]["recall"] == 0.75
    assert answers["passages"] == {"precision": 1.0, "recall": 1.0, "questions": 1}
    assert any(line.startswith("final") for line in report.lines(told))


@pytest.mark.slow
def test_the_command_measures_in_a_database_of_its_own(collection: Path, tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    ended = subprocess.run(
        [ROOT / "kenward", "evaluate", collection.name, "--json", out, "--split", "dev"],
        cwd=collection.parent,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert "nDCG@10" in ended.stdout and "indexed 4 of 4" in ended.stderr
    assert json.loads(out.read_text())["split"] == "dev"
