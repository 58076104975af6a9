"""A tenant's own questions: kept, taken out, and asked of the live index as one of its members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from apps.audit.models import Event
from apps.documents.models import Document
from apps.errors import InvalidInput, NotFound
from apps.search import retrieve
from apps.search.evaluation import question_sets, report, tenant_run
from apps.search.evaluation.questions import Split
from apps.search.evaluation.tenant_run import Wanted
from apps.search.models import Judgement, Question, QuestionSet
from apps.search.retrieve import Retrieved
from tests.search.library import Library
from tests.world import World

HOTEL = "# Travel\n\nHotels may cost 140 crowns a night. Breakfast is included.\n"
BONUS = "# Bonus\n\nThe bonus pool holds nine million crowns for hotels and people.\n"


@pytest.fixture
def shelf(library: Library, world: World) -> Library:
    library.share("staff", world.ada, world.bo)
    library.share("board", world.ada)
    library.add("staff/travel.md", HOTEL, place="staff")
    library.add("board/bonus.md", BONUS, place="board")
    return library


def keep(shelf: Library, world: World, *rows: Mapping[str, object]) -> QuestionSet:
    with shelf.work():
        kept = QuestionSet.objects.create(tenant=shelf.tenant, name="Travel")
        told = question_sets.read(kept, [json.dumps(row) for row in rows])
        question_sets.put(kept, told, actor_id=world.ida.pk)
    return kept


def asks(
    *documents: str, name: str = "q1", text: str = "what may hotels cost"
) -> dict[str, object]:
    return {"_id": name, "text": text, "evidence": [{"doc_id": one} for one in documents]}


def wanted(email: str, **told: object) -> Wanted:
    return Wanted(tenant="acme", questions="Travel", email=email, **told)  # type: ignore[arg-type]


def test_every_stage_finds_what_answers(shelf: Library, world: World) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    told = tenant_run.evaluate(wanted("ada@acme.example"))
    assert list(told["stages"]) == ["lexical", "vector", "fused", "reranked", "final"]
    for figures in told["stages"].values():
        assert figures["nDCG@10"] == figures["recall@10"] == figures["MRR"] == 1.0
        assert 0 < figures["ms_median"] <= figures["ms_p95"]
    assert told["questions"] == 1 and told["left_out"] == {}


def test_documents_are_named_by_uuid_as_well(shelf: Library, world: World) -> None:
    with shelf.work():
        uuid = Document.objects.get(path="staff/travel.md").uuid
    keep(shelf, world, asks(str(uuid)))
    assert tenant_run.evaluate(wanted("ada@acme.example"))["stages"]["final"]["MRR"] == 1.0


def test_a_further_stage_joins_under_its_own_name(
    shelf: Library, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = retrieve.retrieve

    def with_a_stage(*args: Any, **told: Any) -> Retrieved:
        found = real(*args, **told)
        timings = {**found.timings_ms, "reranked": 1_000.0}
        rankings = {**found.rankings, "reranked": ()}
        return replace(found, timings_ms=timings, rankings=rankings)

    monkeypatch.setattr(retrieve, "retrieve", with_a_stage)
    keep(shelf, world, asks("staff/travel.md"))
    stages = tenant_run.evaluate(wanted("ada@acme.example"))["stages"]
    assert list(stages) == ["lexical", "vector", "fused", "reranked", "final"]
    assert stages["reranked"]["MRR"] == 0.0 and stages["reranked"]["ms_median"] > 1_000
    assert stages["fused"]["ms_median"] < 1_000


def test_a_stage_that_a_question_passes_by_finds_nothing_for_it(
    shelf: Library, world: World
) -> None:
    # Of the second question no word is searched for.
    keep(
        shelf, world, asks("staff/travel.md"), asks("staff/travel.md", name="q2", text="what is it")
    )
    stages = tenant_run.evaluate(wanted("ada@acme.example"))["stages"]
    assert list(stages) == ["lexical", "vector", "fused", "reranked", "final"]
    assert stages["lexical"]["recall@10"] == 0.5


def test_what_the_member_may_not_read_is_neither_found_nor_missed(
    shelf: Library, world: World
) -> None:
    both = asks("staff/travel.md", "board/bonus.md")
    keep(shelf, world, both, asks("board/bonus.md", name="q2"), asks("gone.md", name="q3"))
    told = tenant_run.evaluate(wanted("bo@acme.example"))
    assert told["questions"] == 1
    assert told["stages"]["final"]["recall@10"] == 1.0
    assert told["left_out"] == {
        "judged documents that are not there": 1,
        "judged documents that the member may not read": 2,
        "questions of which nothing else is left": 2,
    }
    assert tenant_run.evaluate(wanted("ada@acme.example"))["questions"] == 2


def test_a_question_without_an_answer_is_refused_rightly(shelf: Library, world: World) -> None:
    keep(shelf, world, asks("staff/travel.md"), asks(name="q2", text="zyzzyva frobnication"))
    told = tenant_run.evaluate(wanted("ada@acme.example"))
    assert told["unanswerable"] == {"questions": 1, "nothing_found": 1}


def test_a_judged_passage_is_looked_for_by_its_place(shelf: Library, world: World) -> None:
    there = {"doc_id": "staff/travel.md", "passage": "10-40"}
    beyond = {"doc_id": "staff/travel.md", "passage": "9000-9100"}
    question = {"_id": "q1", "text": "what may hotels cost", "evidence": [there, beyond]}
    keep(shelf, world, question)
    told = tenant_run.evaluate(wanted("ada@acme.example"))
    assert told["passages"] == {"questions": 1, "recall@10": 0.5}


def test_each_run_is_recorded_under_the_member(shelf: Library, world: World) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    tenant_run.evaluate(wanted("bo@acme.example", split=Split.ALL))
    with shelf.work():
        event = Event.objects.get(action="questionset.evaluated")
    assert event.details == {"user_id": world.bo.pk, "questions": 1, "split": "all"}


@pytest.mark.parametrize("email", ["cy@umbra.example", "nobody@acme.example"])
def test_only_a_member_asks(shelf: Library, world: World, email: str) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    with pytest.raises(NotFound, match="No active member"):
        tenant_run.evaluate(wanted(email))


def test_another_tenant_has_no_such_set(shelf: Library, world: World) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    with pytest.raises(NotFound, match="no question set"):
        tenant_run.evaluate(Wanted("umbra", "Travel", "cy@umbra.example"))


def test_what_is_exported_is_imported_again(shelf: Library, world: World) -> None:
    rows = {
        "_id": "q1",
        "text": "Wieviel?",
        "evidence": [
            {"doc_id": "staff/travel.md", "score": 2, "passage": "3-9"},
            {"doc_id": "board/bonus.md", "score": 0},
        ],
    }
    kept = keep(shelf, world, rows)
    with shelf.work():
        lines = question_sets.export_lines(kept, actor_id=world.ida.pk)
        assert [json.loads(line) for line in lines] == [rows]
        other = QuestionSet.objects.create(tenant=shelf.tenant, name="Copy")
        question_sets.put(other, question_sets.read(other, lines), actor_id=world.ida.pk)
        assert question_sets.export_lines(other, actor_id=world.ida.pk) == lines
        actions = Event.objects.filter(target_id=str(kept.uuid)).order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "questionset.imported",
            "questionset.exported",
        ]


def test_words_of_documents_are_not_kept_with_questions(shelf: Library, world: World) -> None:
    evidence = [{"doc_id": "staff/travel.md", "text": "Hotels may cost 140", "in_text": True}]
    with shelf.work():
        kept = QuestionSet.objects.create(tenant=shelf.tenant, name="Travel")
        line = json.dumps({"_id": "q", "text": "?", "evidence": [*evidence, {"doc_id": "x.md"}]})
        told = question_sets.read(kept, [line])
        found = question_sets.put(kept, told, actor_id=world.ida.pk)
        assert (found.added, found.unknown, found.passages_dropped) == (1, 1, 1)
        again = question_sets.put(kept, told, actor_id=world.ida.pk)
        assert (again.added, again.replaced) == (0, 1)
        assert "Hotels" not in "".join(question_sets.export_lines(kept, actor_id=world.ida.pk))
        assert Question.objects.count() == 1 and Judgement.objects.count() == 2


def test_a_set_has_an_end(shelf: Library, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_sets, "MAX_QUESTIONS", 1)
    kept = keep(shelf, world, asks("staff/travel.md"))
    with shelf.work():
        question_sets.read(kept, [json.dumps(asks("other.md"))])  # takes the place of the first
        with pytest.raises(InvalidInput, match="at most 1 questions"):
            question_sets.read(kept, [json.dumps(asks("other.md", name="q2"))])


def test_a_judgement_names_one_document_and_a_whole_span(shelf: Library, world: World) -> None:
    kept = keep(shelf, world, asks("staff/travel.md"))
    with shelf.work():
        question = kept.questions.get()
        for wrong in (
            {},
            {"document_external_id": "a", "document_uuid": kept.uuid},
            {"document_external_id": "a", "start": 3},
            {"document_external_id": "a", "start": 3, "end": 3},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Judgement.objects.create(tenant=shelf.tenant, question=question, **wrong)


def test_the_command_prints_the_table_and_writes_the_figures(
    shelf: Library, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    who = ["--tenant", "acme", "--questions", "Travel", "--as", "Ada@acme.example"]
    call_command("evaluate", *who, "--json", str(tmp_path / "told.json"))
    printed = capsys.readouterr().out
    assert "acme: Travel (all): 1 questions" in printed and "nDCG@10" in printed
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["by_question"]["q1"]["final"]["MRR"] == 1.0
    assert "travel.md" not in printed + json.dumps(told)


@pytest.mark.parametrize(
    "told",
    [
        [],
        ["--tenant", "acme"],
        ["somewhere", "--tenant", "acme", "--questions", "Travel", "--as", "a@b.c"],
        ["/nowhere"],
        ["--tenant", "nobody", "--questions", "Travel", "--as", "a@b.c"],
        ["--tenant", "acme", "--questions", "T", "--as", "a@b.c", "--answers", "3"],
        ["/nowhere", "--candidates", "0"],
        ["/nowhere", "--json", "/nowhere/at/all.json"],
    ],
)
def test_what_cannot_be_measured_is_said(world: World, told: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("evaluate", *told)
    assert refused.value.returncode == 2


def test_what_each_stage_brings_is_measured_without_it(shelf: Library, world: World) -> None:
    keep(shelf, world, asks("staff/travel.md"))
    told = tenant_run.evaluate(wanted("ada@acme.example", with_gains=True))
    assert list(told["gains"]) == ["second_stage", "collapse_duplicates", "prefer_newer"]
    assert told["gains"]["second_stage"]["nDCG@10"] == 0.0, "one document is found either way"
    lines = list(report.lines(told))
    assert any(line.startswith("what second_stage brings: nDCG@10 +0.0000") for line in lines)
