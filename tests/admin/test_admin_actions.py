"""What people set going in the admin really happens, and is recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.acls.models import Claim
from apps.audit.models import Event
from apps.connections.models import Connection, ConnectionState
from apps.sync_events.models import ChangeHint, Lane, RunState, SyncRun
from apps.tenants.models import Membership, Role
from tests.admin.conftest import Stock, make_principal
from tests.world import World

Browser = Callable[[User], Client]


def press(client: Client, model: str, action: str, *pks: int, on_page: bool = False) -> str:
    """Choose an action for rows of a list, or press its button on an object's page."""
    chosen: dict[str, object] = {
        "action": action, "index": "0", "select_across": "0", "_selected_action": list(pks)
    }  # fmt: skip
    if on_page:
        chosen["_object"] = pks[0]
    response = client.post(reverse(f"admin:{model}_changelist"), chosen)
    assert response.status_code == 302
    return str(response["Location"])


def recorded() -> list[str]:
    """Return what the bound tenant's trail says, the oldest first."""
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def client(world: World, browser: Browser) -> Client:
    """Return the IT admin's browser."""
    return browser(world.ida)


def test_cancel_ends_a_waiting_run(acme: Stock, client: Client) -> None:
    press(client, "sync_events_syncrun", "cancel", acme.run.pk, acme.finished.pk)
    acme.run.refresh_from_db()
    acme.finished.refresh_from_db()
    assert acme.run.state == RunState.CANCELLED and acme.run.finished_at
    assert acme.finished.state == RunState.PARTIAL
    assert recorded() == ["sync.cancelled"]


def test_button_on_a_runs_page_does_the_same_and_comes_back(acme: Stock, client: Client) -> None:
    page = reverse("admin:sync_events_syncrun_change", args=[acme.run.pk])
    assert 'value="cancel"' in client.get(page).content.decode()
    assert press(client, "sync_events_syncrun", "cancel", acme.run.pk, on_page=True) == page
    acme.run.refresh_from_db()
    assert acme.run.state == RunState.CANCELLED
    assert 'value="cancel"' not in client.get(page).content.decode()


def test_run_again_queues_a_run_like_the_finished_one(acme: Stock, client: Client) -> None:
    press(client, "sync_events_syncrun", "run_again", acme.finished.pk)
    again = SyncRun.objects.get(state=RunState.QUEUED, is_sweep=False)
    assert (again.lane, again.trigger) == (Lane.CONTENT, "person")
    assert again.requested_by == User.objects.get(email="ida@acme.example")
    assert recorded() == ["sync.requested"]


def test_retry_of_a_failed_item_asks_the_source_for_it_again(acme: Stock, client: Client) -> None:
    press(client, "sync_events_faileditem", "retry", acme.failed.pk)
    assert ChangeHint.objects.get().external_id == "acme/locked.md"
    acme.failed.refresh_from_db()
    assert acme.failed.retry_at is None
    assert recorded() == ["sync.items_retried"]


def test_retry_from_a_run_tries_all_failed_items_of_its_source(acme: Stock, client: Client) -> None:
    press(client, "sync_events_syncrun", "retry_failed_items", acme.finished.pk)
    assert ChangeHint.objects.get().external_id == "acme/locked.md"


def test_sync_again_asks_the_source_for_one_item(acme: Stock, client: Client) -> None:
    press(client, "documents_document", "sync_again", acme.document.pk)
    assert ChangeHint.objects.get().external_id == "acme/plan.md"
    assert SyncRun.objects.filter(state=RunState.QUEUED, is_sweep=False).exists()
    assert recorded() == ["sync.item_requested"]


def test_sync_now_queues_permissions_and_content(acme: Stock, client: Client) -> None:
    SyncRun.objects.all().delete()
    press(client, "connections_connection", "sync_now", acme.source.pk)
    queued = SyncRun.objects.filter(state=RunState.QUEUED, is_sweep=True, trigger="person")
    assert set(queued.values_list("lane", flat=True)) == {Lane.PERMISSIONS, Lane.CONTENT}
    assert recorded() == ["sync.requested", "sync.requested"]


def test_sync_now_leaves_a_paused_connection_alone(acme: Stock, client: Client) -> None:
    SyncRun.objects.all().delete()
    Connection.objects.update(state=ConnectionState.PAUSED)
    press(client, "connections_connection", "sync_now", acme.source.pk)
    assert not SyncRun.objects.exists()


def test_an_action_reaches_no_row_of_another_tenant(
    world: World, acme: Stock, umbras_admin: User, browser: Browser
) -> None:
    press(browser(umbras_admin), "sync_events_syncrun", "cancel", acme.run.pk)
    acme.run.refresh_from_db()
    assert acme.run.state == RunState.QUEUED


def test_progress_is_told_without_loading_the_page_again(acme: Stock, client: Client) -> None:
    SyncRun.objects.filter(pk=acme.run.pk).update(state=RunState.RUNNING, seen=30, total=120)
    live = reverse("admin:sync_events_live")
    asked = [str(acme.run.pk), "999999", "x", "²", "9" * 30, "9" * 5_000]
    told = client.get(live, {"run": asked}).json()["runs"]
    assert set(told) == {str(acme.run.pk)}
    assert "30 of 120" in told[str(acme.run.pk)]["progress"]
    assert "Running" in told[str(acme.run.pk)]["state"]


def test_progress_is_not_told_to_other_tenants_nor_members(
    world: World, acme: Stock, umbras_admin: User, browser: Browser
) -> None:
    live = reverse("admin:sync_events_live")
    assert browser(umbras_admin).get(live, {"run": acme.run.pk}).json()["runs"] == {}
    assert browser(world.bo).get(live, {"run": acme.run.pk}, follow=True).status_code == 403


def test_member_added_by_address_is_created_without_password_and_claims_nothing_yet(
    acme: Stock, client: Client
) -> None:
    make_principal(acme.source, "user", "nia@acme.example", "Nia")
    client.post(
        reverse("admin:tenants_membership_add"),
        {"email": "Nia@Acme.example", "name": "Nia", "role": Role.AUDITOR},
    )
    nia = User.objects.get(email="nia@acme.example")
    assert not nia.has_usable_password()
    assert not EmailAddress.objects.get(user=nia).verified
    assert Membership.objects.get(user=nia, tenant=acme.source.tenant).role == Role.AUDITOR
    assert not Claim.objects.filter(user=nia).exists()
    assert recorded() == ["membership.added"]


def test_existing_person_added_keeps_name_and_claims_by_the_verified_address(
    world: World, acme: Stock, client: Client
) -> None:
    make_principal(acme.source, "user", world.cy.email, "Cy")
    client.post(
        reverse("admin:tenants_membership_add"),
        {"email": world.cy.email, "name": "Somebody else", "role": Role.MEMBER},
    )
    world.cy.refresh_from_db()
    assert world.cy.name == "Cy"
    assert Claim.objects.filter(user=world.cy, ended_at=None).exists()


def test_member_is_not_added_twice(world: World, acme: Stock, client: Client) -> None:
    response = client.post(
        reverse("admin:tenants_membership_add"), {"email": world.bo.email, "role": "member"}
    )
    assert "is a member already" in response.content.decode()


def test_ended_membership_ends_the_claims(world: World, acme: Stock, client: Client) -> None:
    make_principal(acme.source, "user", world.bo.email, "Bo")
    membership = Membership.objects.get(user=world.bo)
    page = reverse("admin:tenants_membership_change", args=[membership.pk])
    client.post(page, {"role": Role.MEMBER, "is_active": "on", "is_guest": "on"})
    assert Claim.objects.filter(user=world.bo, ended_at=None).exists()
    client.post(page, {"role": Role.MEMBER})
    membership.refresh_from_db()
    assert not membership.is_active
    assert not Claim.objects.filter(user=world.bo, ended_at=None).exists()
    assert recorded() == ["membership.changed", "membership.changed"]
    last = Event.objects.order_by("pk").last()
    assert last is not None and last.details["fields"] == ["is_active", "is_guest"]


def test_it_admin_does_not_lock_themselves_out(world: World, acme: Stock, client: Client) -> None:
    own = Membership.objects.get(user=world.ida)
    client.post(reverse("admin:tenants_membership_change", args=[own.pk]), {"role": Role.MEMBER})
    own.refresh_from_db()
    assert (own.role, own.is_active) == (Role.IT_ADMIN, True)


def test_operators_change_of_a_person_is_told_in_each_of_their_tenants(
    world: World, acme: Stock, operator: User, browser: Browser
) -> None:
    browser(operator).post(
        reverse("admin:accounts_user_change", args=[world.bo.pk]), {"name": "Bo Berg"}
    )
    world.bo.refresh_from_db()
    assert (world.bo.name, world.bo.is_active) == ("Bo Berg", False)
    event = Event.objects.get(action="user.changed")
    assert event.tenant == world.acme
    assert sorted(event.details["fields"]) == ["is_active", "name"]


def test_item_of_a_paused_connection_is_not_asked_for(acme: Stock, client: Client) -> None:
    Connection.objects.update(state=ConnectionState.PAUSED)
    press(client, "documents_document", "sync_again", acme.document.pk)
    assert not ChangeHint.objects.exists()
