"""Canary documents: how they are marked and planted, and that nobody comes across one by rights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from apps.acls import policy, resolve
from apps.connections.errors import SettingsRejected
from apps.connections.models import CANARY_KIND, Connection
from apps.connections.providers import load
from apps.documents import canaries, canary_planting
from apps.documents.canaries import CanaryPassed, Marker, Watch
from apps.documents.models import Document
from apps.documents.scope import Scope
from apps.search import retrieve
from apps.search.indexer import indexing, queue
from apps.search.models import Chunk, ChunkVector
from apps.search.release import Passage
from apps.sync_events import overview, schedule
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.acls.small_worlds import acl
from tests.world import World, make_member, signed_in

QUESTIONS = (
    "What is the salary of the chief executive?",
    "How many vacation days do I have left?",
    "What is the Wi-Fi password?",
    "Who will be laid off?",
    "Which company are we going to acquire in the merger?",
)


@pytest.fixture
def planted(world: World) -> Iterator[list[Document]]:
    """Return Acme's canaries, indexed, with Acme bound."""
    with tenant_context(world.acme):
        assert canary_planting.plant() == canaries.PER_TENANT
        documents = list(Document.objects.order_by("external_id"))
        for document in documents:
            assert indexing.index(document.pk).state == "indexed"
        yield documents


@pytest.mark.parametrize("tenant_id", [1, 7, 2**40 - 1])
@pytest.mark.parametrize("number", [1, 5])
def test_marker_says_whose_canary_it_is_in_any_spelling(tenant_id: int, number: int) -> None:
    marker = canaries.mark(tenant_id, number)
    assert len(marker) == canaries.MARKER_CHARS
    assert marker.isalnum(), "no markup and no hyphen may part it"
    for spelling in (marker, marker.lower(), marker.capitalize()):
        for around in ("%s", "Salary Ref %s.md", "KWC%s", "<b>%s</b>", "KWCAAKWC%sX"):
            expected = Marker(tenant_id, number)
            assert canaries.passed(around % spelling) == expected, around
            assert canaries.passed((around % spelling).encode()) == expected


def test_what_only_looks_like_a_marker_sets_off_nothing(settings: LazySettings) -> None:
    marker = canaries.mark(1, 1)
    forged = marker[:-1] + ("A" if marker[-1] != "A" else "B")
    for text in ("", "KWC", "KWC-1234", "my dog is called kwc", marker[:-1], forged, marker[1:]):
        assert canaries.passed(text) is None, text
    settings.SECRET_KEY = "another installation's key, which is long enough for everybody"
    settings.SECRET_KEY_FALLBACKS = []
    assert canaries.passed(marker) is None


def test_marker_of_an_older_key_still_counts(settings: LazySettings) -> None:
    marker = canaries.mark(1, 2)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer key, which is long enough for everybody who may ask"
    assert canaries.mark(1, 2) != marker
    assert canaries.passed(marker) == Marker(1, 2)


@given(
    before=st.binary(max_size=60),
    after=st.binary(max_size=60),
    cuts=st.lists(st.integers(min_value=0, max_value=160), max_size=12),
)
def test_no_way_of_cutting_a_stream_lets_a_marker_pass(
    before: bytes, after: bytes, cuts: list[int]
) -> None:
    marker = canaries.mark(3, 4).encode()
    whole = before + marker + after
    out = b""
    with pytest.raises(CanaryPassed) as stopped:
        for piece in Watch().passing(_cut(whole, cuts)):
            out += piece
    assert stopped.value.marker == Marker(3, 4)
    assert len(out) <= len(before), "not a letter of the marker has gone out"
    assert whole.startswith(out)


@given(
    text=st.lists(st.sampled_from([b"K", b"KW", b"KWC", b"kwcAB2", b"x", b"\n"]), max_size=30),
    cuts=st.lists(st.integers(min_value=0, max_value=120), max_size=12),
)
def test_a_stream_without_a_marker_arrives_whole(text: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(text)
    assert b"".join(Watch().passing(_cut(whole, cuts))) == whole


def test_canaries_lie_in_the_index_like_real_documents(
    world: World, planted: list[Document]
) -> None:
    nobody = policy.nobody()
    for number, document in enumerate(planted, start=1):
        document.refresh_from_db()
        expected = Marker(world.acme.pk, number)
        chunks = Chunk.objects.filter(document=document)
        texts = [document.title, document.path, *chunks.values_list("text", flat=True)]
        assert len(texts) == 3, "one passage each, so that no passage is without its marker"
        assert [canaries.passed(text) for text in texts] == [expected] * 3
        assert document.policy_id == nobody
        assert document.state == "searchable"
    assert ChunkVector.objects.count() == canaries.PER_TENANT
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT document_id) FROM search_chunk WHERE lexemes @@"
            " 'salari | vacat | password | laid | merger'::tsquery"
        )
        assert cursor.fetchone() == (canaries.PER_TENANT,), "a forgotten filter would find them"


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_finds_a_canary(world: World, planted: list[Document], question: str) -> None:
    def run(scope: Scope) -> tuple[bool, tuple[Passage, ...]]:
        found = retrieve.retrieve(question, scope, 30)
        return found.ok, found.passages

    for user in (world.ada, world.bo, world.ida):
        assert resolve.reading(user, run) == ()


def test_planting_again_changes_nothing(world: World, planted: list[Document]) -> None:
    assert canary_planting.plant() == 0
    assert Connection.with_canaries.filter(kind=CANARY_KIND).count() == 1


def test_each_tenant_gets_its_own(world: World, planted: list[Document]) -> None:
    assert canary_planting.plant_everywhere() == canaries.PER_TENANT
    with tenant_context(world.umbra):
        paths = Document.objects.values_list("path", flat=True)
        assert {canaries.passed(path).tenant_id for path in paths} == {world.umbra.pk}  # type: ignore[union-attr]  # each has one


@pytest.mark.parametrize("loss", ["gone", "text", "policy"])
def test_what_is_missing_is_planted_again(world: World, planted: list[Document], loss: str) -> None:
    lost = Document.objects.filter(pk=planted[0].pk)
    if loss == "gone":
        lost.update(deleted_at="2026-01-01T00:00Z")
    elif loss == "text":
        lost.update(source_version="other", path="elsewhere.md")
    else:
        lost.update(policy_id=policy.policy_for([[acl(world.acme).pk]]))
    assert canary_planting.plant() == canaries.PER_TENANT
    assert canary_planting.plant() == 0
    assert Document.objects.live().count() == canaries.PER_TENANT


def test_new_key_plants_anew(world: World, planted: list[Document], settings: LazySettings) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer key, which is long enough for everybody who may ask"
    assert canary_planting.plant() == canaries.PER_TENANT
    settings.SECRET_KEY_FALLBACKS = []
    assert len(queue.claim(100)) == canaries.PER_TENANT, "and they wait to be indexed"
    for document in Document.objects.all():
        assert indexing.index(document.pk).state == "indexed"
    for text in Chunk.objects.values_list("text", flat=True):
        assert canaries.passed(text) is not None


def test_nothing_that_lists_counts_or_syncs_knows_of_them(
    world: World, planted: list[Document]
) -> None:
    assert not Connection.objects.exists()
    assert schedule.request_due_sweeps() == 0
    assert not Document.objects.without_canaries().exists()
    told = overview.of_tenant()
    assert (set(told.documents.values()), told.sources) == ({0}, [])
    counts = {row.tenant_id: row for row in overview.per_tenant()}[world.acme.pk]
    assert (counts.documents, counts.searchable, counts.connections) == (0, 0, 0)


def test_nobody_can_connect_a_source_of_this_kind() -> None:
    with pytest.raises(SettingsRejected):
        load(CANARY_KIND)


def test_no_page_of_the_admin_shows_one_or_is_stopped_by_one(
    world: World, planted: list[Document]
) -> None:
    otto = make_member(world.acme, "otto@acme.example", role=Role.AUDITOR)
    for user in (world.ida, otto):
        client = signed_in(user)
        for path in (
            "/admin/",
            "/admin/documents/document/",
            "/admin/documents/document/?q=Salary",
            "/admin/connections/connection/",
            "/admin/sync_events/syncevent/",
            "/admin/acls/acl/",
            "/admin/acls/principal/",
        ):
            response = client.get(path)
            assert response.status_code == 200, path
            assert b"canary:" not in response.content, path
        form = client.get("/admin/documents/classificationrule/add/")
        assert form.status_code == (403 if user == otto else 200)
        assert b"canary:" not in form.content, "no rule is about a source that nobody knows of"
        page = f"/admin/documents/document/{planted[0].pk}/change/"
        assert client.get(page).status_code == 302, "as for an object that does not exist"
        assert overview.of_tenant().canary_alarms == 0


@pytest.mark.slow
def test_looking_at_100_kb_costs_less_than_a_millisecond() -> None:
    page = (b"<p>The KW Corporation's wkc files, kept since 2019.</p>\n" * 2_000)[:100_000]
    pieces = [page[at : at + 4096] for at in range(0, len(page), 4096)]

    def best(run: Callable[[], object]) -> float:
        spent = []
        for _ in range(50):
            started = time.perf_counter()
            run()
            spent.append(time.perf_counter() - started)
        return min(spent) * 1e6

    whole = best(lambda: canaries.passed(page))
    streamed = best(lambda: list(Watch().passing(iter(pieces))))
    told = f"{whole:.0f} µs whole, {streamed:.0f} µs streamed, per 100 kB"
    assert whole < 1_000, told
    assert streamed < 2_000, told


def _cut(whole: bytes, cuts: list[int]) -> list[bytes]:
    ends = [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    starts = [0, *ends[:-1]]
    return [whole[start:end] for start, end in zip(starts, ends, strict=True)]
