"""Whether what Kenward has equals the true state of the source: documents, policies and vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Count

from apps.documents.batch import can_read_many
from apps.documents.models import Document, DocumentText
from apps.search.models import Chunk, ChunkTerms, ChunkVector
from apps.sync_events.models import RunState
from tests.connections.conformance.bench import Bench
from tests.connections.conformance.source import words


def assert_true(bench: Bench) -> None:
    """Fail unless documents, readers, text, passages and vectors are the source's.

    Whatever waits for indexing is indexed before.
    """
    bench.index()
    assert_listed(bench)
    assert_readers(bench)
    with bench.bound(), transaction.atomic():
        _assert_indexed(bench)
    assert_runs_are_honest(bench)
    bench.source.check_requests()


def assert_listed(bench: Bench) -> None:
    """Fail unless exactly the documents of the source are live, each once and by its name."""
    live, stored = bench.source.live(), bench.documents()
    missing, left_over = live.keys() - stored.keys(), stored.keys() - live.keys()
    assert not missing, f"not there: {sorted(missing)}"
    assert not left_over, f"still there: {sorted(left_over)}"
    for item, document in stored.items():
        assert live[item].name in document.path, f"{item} has another name"


def readers(bench: Bench) -> dict[str, set[str]]:
    """Return who may read each live document, of all members of the tenant, by the check API."""
    stored = bench.documents()
    pairs = [(user, document) for document in stored.values() for user in bench.people.values()]
    found: dict[str, set[str]] = {item: set() for item in stored}
    with bench.bound(), transaction.atomic():
        for (user, document), may_read in zip(pairs, can_read_many(pairs), strict=True):
            if may_read:
                found[document.external_id].add(user.email)
    return found


def true_readers(bench: Bench) -> dict[str, set[str]]:
    """Return the same as the source itself says."""
    members = set(bench.people)
    return {item: bench.source.readers(item) & members for item in bench.source.live()}


def assert_readers(bench: Bench) -> None:
    """Fail unless exactly those may read a document whom the source lets read it."""
    assert_same_readers(readers(bench), true_readers(bench))


def assert_same_readers(actual: Mapping[str, set[str]], true: Mapping[str, set[str]]) -> None:
    """Fail with all that differs."""
    wrong = []
    for item in sorted(true.keys() | actual.keys()):
        told, is_true = actual.get(item, set()), true.get(item, set())
        if told - is_true:
            wrong.append(f"{item} is LEAKED to {sorted(told - is_true)}")
        if is_true - told:
            wrong.append(f"{item} is hidden from {sorted(is_true - told)}")
    assert not wrong, "; ".join(wrong)


def assert_runs_are_honest(bench: Bench) -> None:
    """Fail where a run with problems calls itself succeeded, or one without does not."""
    for run in bench.runs():
        if run.state == RunState.SUCCEEDED:
            assert not run.problems, f"a run of {run.lane} has problems, and succeeded"
        if run.state == RunState.PARTIAL:
            assert run.problems, f"a run of {run.lane} is partial, and no problem is told"


def _assert_indexed(bench: Bench) -> None:
    live = bench.source.live()
    stored = Document.objects.live().filter(connection=bench.connection)
    texts = {text.document_id: text for text in DocumentText.objects.filter(document__in=stored)}
    passages = _passages(bench)
    for document in stored:
        name = document.external_id
        assert document.indexed_version == document.version, f"{name} is not indexed"
        assert not document.failure, f"{name}: {document.failure} {document.failure_message}"
        text = texts[document.pk]
        assert text.version == document.version
        assert words(text.text) == words(live[name].text), f"{name} has another text"
        found = passages.pop(document.pk, [])
        assert {word for chunk in found for word in words(chunk.text)} == set(words(text.text))
        assert {chunk.policy_id for chunk in found} == {document.policy_id}, f"{name}: old policy"
    assert not passages, "passages of documents that are gone"
    _assert_vectors(bench)
    _assert_once(bench)


def _passages(bench: Bench) -> dict[int, list[Chunk]]:
    found = defaultdict(list)
    for chunk in Chunk.objects.filter(document__connection=bench.connection):
        found[chunk.document_id].append(chunk)
    return found


def _assert_vectors(bench: Bench) -> None:
    """Fail unless each passage has one vector and one row of terms, with its own policy."""
    documents = Document.objects.filter(connection=bench.connection).values("pk")
    chunks = dict(Chunk.objects.filter(document__in=documents).values_list("pk", "policy_id"))
    for rows in (ChunkVector, ChunkTerms):
        copied = dict(rows.objects.filter(document_id__in=documents).values_list("pk", "policy_id"))
        assert copied == chunks, f"{rows.__name__} are not those of the passages"


def _assert_once(bench: Bench) -> None:
    ids = Document.objects.filter(connection=bench.connection).values("external_id")
    assert not ids.annotate(times=Count("pk")).filter(times__gt=1).exists()
