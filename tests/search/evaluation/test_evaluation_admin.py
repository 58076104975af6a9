"""Question sets in the admin: collected by IT admins, looked at by auditors, without any title."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.search.models import Judgement, Question, QuestionSet
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.admin.conftest import TEXT, TITLE, Stock, stock
from tests.world import World, make_member

ADD_SET = "admin:search_questionset_add"
ADD_QUESTION = "admin:search_question_add"
SETS = "admin:search_questionset_changelist"


@pytest.fixture(autouse=True)
def _static(settings: LazySettings) -> None:
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def acme(world: World) -> Iterator[Stock]:
    with tenant_context(world.umbra):
        stock(world.umbra, "umbra")
        QuestionSet.objects.create(tenant=world.umbra, name="Umbra's own")
    with tenant_context(world.acme):
        yield stock(world.acme, "acme")


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(world.ida)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def upload(*rows: dict[str, Any]) -> SimpleUploadedFile:
    return SimpleUploadedFile("q.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())


def add_set(client: Client, **told: Any) -> QuestionSet:
    response = client.post(reverse(ADD_SET), {"name": "Ours", "description": "", **told})
    assert response.status_code == 302, response.context["adminform"].form.errors
    return QuestionSet.objects.get(name=told.get("name", "Ours"))


def recorded() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def test_an_it_admin_imports_a_file_and_takes_it_out_again(
    acme: Stock, client: Client, world: World
) -> None:
    row = {
        "_id": "q1",
        "text": "What is planned?",
        "evidence": [{"doc_id": "acme/plan.md", "score": 2, "passage": "0-9"}],
    }
    kept = add_set(client, file=upload(row, {"_id": "q2", "text": "And what is not?"}))
    assert kept.created_by == world.ida
    listed = client.get(reverse(SETS))
    (shown,) = listed.context["cl"].result_list
    assert shown.counted == (2, 1) and b"Umbra" not in listed.content
    taken = client.post(reverse(SETS), {"action": "export", "_selected_action": [kept.pk]})
    lines = [json.loads(line) for line in taken.content.decode().splitlines()]
    assert lines == [row, {"_id": "q2", "text": "And what is not?", "evidence": []}]
    assert recorded() == ["questionset.added", "questionset.imported", "questionset.exported"]


def test_a_file_that_is_wrong_somewhere_changes_nothing(acme: Stock, client: Client) -> None:
    good, bad = {"_id": "q1", "text": "What?"}, {"_id": "q2"}
    response = client.post(
        reverse(ADD_SET), {"name": "Ours", "description": "", "file": upload(good, bad)}
    )
    assert "Line 2 of the file" in str(response.context["adminform"].form.errors["file"])
    binary = SimpleUploadedFile("q.jsonl", b"\xff\xfe\x00")
    response = client.post(reverse(ADD_SET), {"name": "Ours", "description": "", "file": binary})
    assert "UTF-8" in str(response.context["adminform"].form.errors["file"])
    assert not QuestionSet.objects.exists() and recorded() == []


def test_two_sets_of_one_name_would_be_one_to_the_command(acme: Stock, client: Client) -> None:
    add_set(client)
    response = client.post(reverse(ADD_SET), {"name": "Ours ", "description": ""})
    assert "name" in response.context["adminform"].form.errors


def test_a_question_is_judged_by_ids_and_pasted_addresses(acme: Stock, client: Client) -> None:
    kept = add_set(client)
    address = f"https://k.example/documents/{acme.document.uuid}/?passage=3-40#passage"
    form = {"question_set": kept.pk, "external_id": "q1", "text": "What is planned?"}
    judged = f"{address} | 2\nacme/scan.pdf | 0\n"
    assert client.post(reverse(ADD_QUESTION), {**form, "judged": judged}).status_code == 302
    question = Question.objects.get()
    assert list(
        Judgement.objects.order_by("pk").values_list(
            "document_uuid", "document_external_id", "grade", "start", "end"
        )
    ) == [(acme.document.uuid, "", 2, 3, 40), (None, "acme/scan.pdf", 0, None, None)]
    change = reverse("admin:search_question_change", args=[question.pk])
    page = client.get(change).content.decode()
    assert "acme/plan.md" in page and "acme/scan.pdf" in page
    assert TITLE not in page and TEXT not in page
    told = client.post(change, {**form, "judged": ""})
    assert told.status_code == 302 and not Judgement.objects.exists()
    assert recorded() == ["questionset.added", "question.added", "question.changed"]


@pytest.mark.parametrize("judged", ["acme/no-such.md", "umbra/plan.md", "acme/plan.md | 999"])
def test_a_typing_error_is_refused(acme: Stock, client: Client, judged: str) -> None:
    kept = add_set(client)
    form = {"question_set": kept.pk, "external_id": "q1", "text": "What?", "judged": judged}
    response = client.post(reverse(ADD_QUESTION), form)
    assert "judged" in response.context["adminform"].form.errors
    assert not Question.objects.exists()


def test_an_id_stands_in_a_set_once(acme: Stock, client: Client) -> None:
    kept = add_set(client, file=upload({"_id": "q1", "text": "What?"}))
    form = {"question_set": kept.pk, "external_id": "q1", "text": "Why?", "judged": ""}
    response = client.post(reverse(ADD_QUESTION), form)
    assert "external_id" in response.context["adminform"].form.errors


def test_a_set_goes_with_its_questions(acme: Stock, client: Client) -> None:
    row = {"_id": "q1", "text": "What?", "evidence": [{"doc_id": "acme/plan.md"}]}
    kept = add_set(client, file=upload(row))
    url = reverse("admin:search_questionset_delete", args=[kept.pk])
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not Question.objects.exists() and not Judgement.objects.exists()
    assert recorded()[-1] == "questionset.deleted"


def test_auditors_look_and_change_nothing_and_members_see_nothing(
    acme: Stock, client: Client, world: World
) -> None:
    row = {"_id": "q1", "text": "What?", "evidence": [{"doc_id": "acme/plan.md"}]}
    kept = add_set(client, file=upload(row))
    auditor = signed_in(make_member(world.acme, "otto@acme.example", role=Role.AUDITOR))
    question = reverse("admin:search_question_change", args=[kept.questions.get().pk])
    for url in (reverse(SETS), question):
        assert auditor.get(url).status_code == 200
        assert signed_in(world.ada).get(url).status_code in (302, 403)
        assert Client().get(url).status_code == 302
    assert auditor.get(reverse(ADD_SET)).status_code == 403
    taken = auditor.post(reverse(SETS), {"action": "export", "_selected_action": [kept.pk]})
    assert b"What?" not in taken.content
    assert auditor.post(question, {"text": "Changed"}).status_code == 403
