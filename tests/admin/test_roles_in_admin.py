"""Who sees which page of the admin, and what none of them shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.admin.conftest import TEXT, TITLE, Stock
from tests.world import World

Browser = Callable[[User], Client]

# Finds the canary title where a search looks at titles, and is not it when a page repeats it.
PART = TITLE[1:-1]
OPERATORS_ONLY = ("tenants.Tenant", "accounts.User")


def lists() -> dict[str, str]:
    """Return the address of every registered model's list."""
    return {
        model._meta.label: reverse(f"admin:{_name(model)}_changelist")
        for model in admin.site._registry
    }


def addresses() -> Iterator[str]:
    """Yield every address of the admin: lists with searches, and each object's pages."""
    yield from ("/admin/", "/admin/jsi18n/", "/admin/search/?s=plan&extended=1")
    for model, page in admin.site._registry.items():
        yield reverse("admin:app_list", args=[model._meta.app_label])
        listed = reverse(f"admin:{_name(model)}_changelist")
        yield listed
        for asked in ("q=a", f"q={PART}", "_popup=1", "o=1.-2", "e=1", "all="):
            yield f"{listed}?{asked}"
        yield reverse("admin:autocomplete") + (
            f"?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
            f"&field_name=connection&term={PART}"
        )
        for pk in page.model._default_manager.values_list("pk", flat=True):
            for act in ("change", "delete", "history"):
                yield reverse(f"admin:{_name(model)}_{act}", args=[pk])
        yield reverse(f"admin:{_name(model)}_add")


def _name(model: type[object]) -> str:
    meta = model._meta  # type: ignore[attr-defined]
    return f"{meta.app_label}_{meta.model_name}"


def test_it_admin_opens_every_list_of_the_tenant_and_none_of_the_installation(
    world: World, acme: Stock, browser: Browser
) -> None:
    client = browser(world.ida)
    for label, url in lists().items():
        expected = 403 if label in OPERATORS_ONLY else 200
        # The search settings are one row, whose list leads to its page.
        assert client.get(url, follow=True).status_code == expected, label


def test_member_and_visitor_open_no_page_of_the_admin(
    world: World, acme: Stock, browser: Browser
) -> None:
    member, visitor = browser(world.bo), Client()
    for url in addresses():
        assert member.get(url, follow=True).status_code in (403, 404), url
        response = visitor.get(url, follow=True)
        assert response.redirect_chain[-1][0].startswith("/accounts/login/"), url


def test_no_page_shows_a_title_or_a_text_or_anything_of_another_tenant(
    world: World, acme: Stock, browser: Browser
) -> None:
    client = browser(world.ida)
    crawled = 0
    for url in addresses():
        page = client.get(url).content.decode()
        for canary in (TITLE, TEXT, "umbra", "Umbra"):
            assert canary not in page, f"{canary} on {url}"
        crawled += 1
    assert crawled > 100


def test_other_tenants_admin_finds_no_object_of_this_one(
    world: World, acme: Stock, umbras_admin: User, browser: Browser
) -> None:
    client = browser(umbras_admin)
    for url in addresses():
        page = client.get(url, follow=True).content.decode()
        assert "acme" not in page, url


def test_titles_cannot_be_found_out_by_filters_in_the_address(
    world: World, acme: Stock, browser: Browser
) -> None:
    client = browser(world.ida)
    listed = reverse("admin:documents_document_changelist")
    for asked in (
        "title__startswith=Canary",
        "texts__text__contains=canary",
        "connection__documents__title__contains=Canary",
        "policy__documents__title=Canarytitle",
    ):
        assert client.get(f"{listed}?{asked}").status_code == 400, asked


@pytest.mark.parametrize("value", ["²", "9" * 30, "1 OR 1", "-1"])
@pytest.mark.parametrize(
    "page",
    [
        "acls_principal_changelist?source=",
        "acls_acl_changelist?source=",
        "audit_event_changelist?actor=",
    ],
)
def test_a_filter_takes_what_it_offers_and_ignores_the_rest(
    world: World, acme: Stock, browser: Browser, page: str, value: str
) -> None:
    name, _, parameter = page.partition("?")
    response = browser(world.ida).get(f"{reverse(f'admin:{name}')}?{parameter}{value}")
    assert response.status_code == 200


def test_objects_synced_does_not_even_load_titles(world: World, acme: Stock) -> None:
    page = admin.site._registry[Document]
    request = type("Request", (), {"tenant": world.acme, "user": world.ida})()
    assert "title" in page.get_queryset(request)[0].get_deferred_fields()


def test_auditor_looks_at_everything_and_changes_nothing(
    world: World, acme: Stock, auditor: User, browser: Browser
) -> None:
    client = browser(auditor)
    for label, url in lists().items():
        expected = 403 if label in OPERATORS_ONLY else 200
        response = client.get(url)
        assert response.status_code == expected, label
        assert b'name="action"' not in response.content, label
        assert client.get(f"{url}add/").status_code == 403, label
    run = reverse("admin:sync_events_syncrun_changelist")
    client.post(run, _action("cancel", acme.run.pk))
    acme.run.refresh_from_db()
    assert acme.run.state == "queued"


def test_operator_without_a_tenant_sees_numbers_of_all_and_rows_of_none(
    world: World, acme: Stock, operator: User, browser: Browser
) -> None:
    client = browser(operator)
    page = client.get("/admin/").content.decode()
    assert "Acme" in page and "Umbra" in page
    assert "acme files" not in page and "umbra files" not in page
    for label, url in lists().items():
        expected = 200 if label in OPERATORS_ONLY else 403
        assert client.get(url).status_code == expected, label


def test_operator_sees_one_tenant_after_an_audited_switch_and_leaves_it_again(
    world: World, acme: Stock, operator: User, browser: Browser
) -> None:
    client = browser(operator)
    assert client.get(reverse("tenants:enter", args=[world.acme.uuid])).status_code == 405
    client.post(reverse("tenants:enter", args=[world.acme.uuid]))
    listed = client.get(lists()["documents.Document"]).content.decode()
    assert "acme/plan.md" in listed
    assert "umbra/plan.md" not in listed
    client.post(reverse("tenants:leave"))
    assert client.get(lists()["documents.Document"]).status_code == 403
    with tenant_context(world.acme):
        told = Event.objects.filter(actor=operator).order_by("pk").values_list("action", flat=True)
        assert list(told) == ["tenant.entered_by_operator", "tenant.left_by_operator"]


def test_operator_counts_every_tenant_and_leaves_the_bound_one_bound(
    world: World, acme: Stock
) -> None:
    from apps.sync_events import overview

    counts = {row.tenant_id: row for row in overview.per_tenant()}
    acmes = counts[world.acme.pk]
    assert (acmes.documents, acmes.searchable, acmes.failed) == (2, 1, 1)
    assert (acmes.connections, acmes.members, acmes.running) == (1, 3, 0)
    assert counts[world.umbra.pk].members == 1
    assert Document.objects.values_list("tenant_id", flat=True).distinct().get() == world.acme.pk


def test_nothing_is_written_to_djangos_own_log(
    world: World, acme: Stock, operator: User, browser: Browser
) -> None:
    browser(world.ida).post(
        reverse("admin:tenants_membership_add"), {"email": "nia@acme.example", "role": "member"}
    )
    browser(operator).post(
        reverse("admin:tenants_tenant_change", args=[world.umbra.pk]), {"name": "Umbra Ltd"}
    )
    assert Tenant.objects.get(pk=world.umbra.pk).name == "Umbra Ltd"
    assert not LogEntry.objects.exists()


def test_pages_of_the_admin_have_a_policy_of_their_own_and_inline_nothing(
    world: World, acme: Stock, browser: Browser
) -> None:
    response = browser(world.ida).get(lists()["sync_events.SyncRun"])
    policy = response["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_no_model_of_another_package_is_registered() -> None:
    assert all(model.__module__.startswith("apps.") for model in admin.site._registry)


def _action(name: str, *pks: int) -> dict[str, object]:
    return {"action": name, "index": "0", "select_across": "0", "_selected_action": list(pks)}


@pytest.mark.parametrize("label", OPERATORS_ONLY)
def test_nobody_deletes_tenants_or_people(
    label: str, world: World, acme: Stock, operator: User, browser: Browser
) -> None:
    pk = world.umbra.pk if label == "tenants.Tenant" else world.cy.pk
    url = lists()[label] + f"{pk}/delete/"
    assert browser(operator).post(url, {"post": "yes"}).status_code == 403
