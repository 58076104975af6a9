"""Every page and every act of the admin, crawled for what documents are called and say."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from apps.connections.models import Connection
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.admin.test_roles_in_admin import addresses
from tests.leaks.conftest import Browser
from tests.leaks.scene import SUM, TEXT, TITLE, Scene, set_up
from tests.search.library import Library
from tests.world import World, make_member

# Parts of them, which a page that repeats the question would not complete.
PARTS = (TITLE[1:-1], TEXT[1:-1])


@pytest.fixture
def scene(committed_world: World, library: Library, planted: list[Document]) -> Scene:
    """Return the secret, with canaries beside it: a page that shows one is stopped."""
    with library.work():  # of a kind whose settings the admin can show
        Connection.objects.update(kind="file_share")
    return set_up(committed_world, library)


def assert_silent(status: int, page: str, url: str) -> None:
    assert status != 500, f"{url} was stopped: a canary would have passed"
    for word in (TITLE, TEXT, SUM):
        assert word not in page, f"{word} on {url}"


@pytest.mark.slow
@pytest.mark.parametrize("role", [Role.IT_ADMIN, Role.AUDITOR])
def test_no_page_and_no_act_shows_a_title_or_a_text(
    scene: Scene, browser: Browser, role: Role
) -> None:
    client = browser(make_member(scene.library.tenant, f"{role}@acme.example", role=role))
    with tenant_context(scene.library.tenant), transaction.atomic():
        urls = [*addresses(), *_searches(), *_suggestions()]
        acts = list(_acts())
    assert len(urls) > 200
    for url in urls:
        response = client.get(url, follow=True)
        assert_silent(response.status_code, response.content.decode(), url)
    assert acts
    for url, data in acts:
        response = client.post(url, data, follow=True)
        assert_silent(response.status_code, response.content.decode(), f"{url} {data}")
    assert not LogEntry.objects.exists()


def test_members_see_no_count_of_the_admin(scene: Scene, browser: Browser) -> None:
    ada = browser(scene.world.ada)
    for url in (_list(Document), "/admin/", "/admin/autocomplete/"):
        response = ada.get(url)
        assert response.status_code in (302, 403)
        assert b"paginator" not in response.content


def test_lists_count_the_library_and_no_canary(scene: Scene, browser: Browser) -> None:
    page = browser(scene.world.ida).get(_list(Document))
    assert page.context["cl"].result_count == 4
    assert {row.path for row in page.context["cl"].result_list} == {
        "staff/travel.md", "staff/ferret.md", "board/bonus.md", scene.secret.path
    }  # fmt: skip


def test_visitors_are_sent_to_the_sign_in(scene: Scene) -> None:
    response = Client().get(_list(Document), {"q": TITLE})
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def _list(model: type[models.Model]) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def _searches() -> list[str]:
    return [f"{_list(model)}?q={part}" for model in admin.site._registry for part in PARTS]


def _suggestions() -> list[str]:
    """Return the addresses of autocompletion for every reference of every model."""
    return [
        f"/admin/autocomplete/?app_label={model._meta.app_label}"
        f"&model_name={model._meta.model_name}&field_name={field.name}&term={part}"
        for model in admin.site._registry
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.ManyToManyField)
        for part in (PARTS[0], "a")
    ]


def _acts() -> list[tuple[str, dict[str, object]]]:
    """Return every act that a list offers, on its first rows."""
    return [
        (_list(model), {"action": name, "index": "0", "_selected_action": rows})
        for model, page in admin.site._registry.items()
        for rows in [list(model._default_manager.values_list("pk", flat=True)[:3])]
        for act in page.actions or ()
        for name in [act if isinstance(act, str) else act.__name__]
        if rows
    ]
