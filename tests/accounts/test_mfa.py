"""Second factors: setting one up, signing in with it, and what it is worth afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.mfa_adapter import MFAAdapter
from apps.accounts.models import User
from apps.audit.models import Event
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role, Tenant
from tests.accounts import totp
from tests.world import PASSWORD, World, make_member


@pytest.fixture(autouse=True)
def _static(settings: object) -> Iterator[None]:
    settings.WHITENOISE_AUTOREFRESH = True  # type: ignore[attr-defined]  # nobody collected them
    yield


def actions(world: World) -> list[str]:
    with tenant_context(world.acme), transaction.atomic():
        return list(Event.objects.order_by("pk").values_list("action", flat=True))


def test_setting_up_needs_the_password_once_more(committed_world: World) -> None:
    client = totp.sign_in(committed_world.ada)
    session = client.session
    session["account_authentication_methods"] = []  # it was long ago
    session.save()
    response = client.get(totp.SETUP)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_reauthenticate"))


def test_code_is_asked_for_at_sign_in_and_wrong_ones_do_not_count(committed_world: World) -> None:
    _, secret = totp.set_up(committed_world.ada)
    client = totp.sign_in(committed_world.ada)
    assert client.get("/chat/").status_code == 302  # the password alone lets nobody in
    page = client.get(totp.SIGN_IN)
    assert page.status_code == 200 and "Your second factor" in page.content.decode()
    assert client.post(totp.SIGN_IN, {"code": "000000"}).status_code == 200
    assert client.get("/chat/").status_code == 302
    assert client.post(totp.SIGN_IN, {"code": totp.code(secret)}).status_code == 302
    assert client.get("/chat/").status_code == 200


def test_code_counts_once(committed_world: World) -> None:
    _, secret = totp.set_up(committed_world.ada)
    code = totp.code(secret)
    first, second = totp.sign_in(committed_world.ada), totp.sign_in(committed_world.ada)
    assert first.post(totp.SIGN_IN, {"code": code}).status_code == 302
    assert second.post(totp.SIGN_IN, {"code": code}).status_code == 200
    assert second.get("/chat/").status_code == 302


def test_recovery_code_lets_in_once(committed_world: World) -> None:
    client, _ = totp.set_up(committed_world.ada)
    page = client.get(reverse("mfa_view_recovery_codes"))
    code = page.context["unused_codes"][0]
    assert f"<code>{code}</code>" in page.content.decode()
    for expected in (302, 200):
        other = totp.sign_in(committed_world.ada)
        assert other.post(totp.SIGN_IN, {"code": code}).status_code == expected


def test_secrets_lie_encrypted_and_survive_a_rotation_of_keys(
    committed_world: World, settings: object
) -> None:
    _, secret = totp.set_up(committed_world.ada)
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored and MFAAdapter().decrypt(stored) == secret
    old = settings.SECRET_KEY  # type: ignore[attr-defined]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [old]  # type: ignore[attr-defined]
    assert MFAAdapter().decrypt(stored) == secret


def test_trail_tells_of_factors_and_names_no_secret(committed_world: World) -> None:
    client, secret = totp.set_up(committed_world.ada)
    client.post(reverse("mfa_generate_recovery_codes"))
    client.post(reverse("mfa_deactivate_totp"))
    assert actions(committed_world) == [
        "account.second_factor_added",
        "account.second_factor_added",
        "account.recovery_codes_renewed",
        "account.second_factor_removed",
        "account.second_factor_removed",
    ]
    with tenant_context(committed_world.acme), transaction.atomic():
        kinds = [event.details["kind"] for event in Event.objects.order_by("pk")]
        assert kinds[:2] == ["totp", "recovery_codes"] or kinds[:2] == ["recovery_codes", "totp"]
        assert secret not in str(list(Event.objects.values()))
    assert not Authenticator.objects.exists()


def test_every_page_of_it_shows_in_our_own_frame(committed_world: World) -> None:
    client, _ = totp.set_up(committed_world.ada)
    for name in (
        "mfa_index",
        "mfa_reauthenticate",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "account_reauthenticate",
    ):
        page = client.get(reverse(name))
        assert page.status_code == 200 and 'class="card"' in page.content.decode(), name
        assert "unsafe-inline" not in page["Content-Security-Policy"]
    fresh = Client()
    fresh.post("/accounts/login/", {"login": committed_world.bo.email, "password": PASSWORD})
    assert "Set up an app" in fresh.get(reverse("mfa_index")).content.decode()


def take_away(actor: Client, world: World) -> None:
    with tenant_context(world.acme), transaction.atomic():
        membership = Membership.objects.get(tenant=world.acme, user=world.ada)
    response = actor.post(
        reverse("admin:tenants_membership_changelist"),
        {"action": "take_second_factor_away", "_selected_action": [membership.pk]},
    )
    assert response.status_code == 302


def test_it_admin_takes_a_lost_factor_away(committed_world: World) -> None:
    world = committed_world
    _first, _ = totp.set_up(world.ada)
    take_away(totp.sign_in(world.ida), world)
    assert not Authenticator.objects.filter(user=world.ada).exists()
    assert totp.sign_in(world.ada).get("/chat/").status_code == 200
    assert "account.second_factor_taken_away" in actions(world)


def test_one_organisation_does_not_take_away_what_protects_another(committed_world: World) -> None:
    world = committed_world
    make_member(world.umbra, world.ada.email)
    totp.set_up(world.ada)
    take_away(totp.sign_in(world.ida), world)
    assert Authenticator.objects.filter(user=world.ada).exists()
    assert "account.second_factor_taken_away" not in actions(world)


@pytest.mark.parametrize("ended", ["membership", "tenant"])
def test_what_protects_a_suspended_membership_elsewhere_stays_too(
    committed_world: World, ended: str
) -> None:
    world = committed_world
    make_member(world.umbra, world.ada.email)
    totp.set_up(world.ada)
    with tenant_context(world.umbra), transaction.atomic():
        if ended == "membership":
            Membership.objects.filter(tenant=world.umbra, user=world.ada).update(is_active=False)
        else:
            Tenant.objects.filter(pk=world.umbra.pk).update(is_active=False)
    take_away(totp.sign_in(world.ida), world)
    assert Authenticator.objects.filter(user=world.ada).exists()


def test_it_admin_who_adds_an_operator_as_a_member_takes_no_factor_of_theirs_away(
    committed_world: World,
) -> None:
    world = committed_world
    User.objects.filter(pk=world.ada.pk).update(is_superuser=True)
    totp.set_up(world.ada)
    take_away(totp.sign_in(world.ida), world)
    assert Authenticator.objects.filter(user=world.ada).exists()
    assert "account.second_factor_taken_away" not in actions(world)


def test_members_and_auditors_take_no_factor_away(committed_world: World) -> None:
    world = committed_world
    totp.set_up(world.ada)
    with tenant_context(world.acme), transaction.atomic():
        membership = Membership.objects.get(tenant=world.acme, user=world.ada)
        Membership.objects.filter(user=world.bo).update(role=Role.AUDITOR)
    auditor = totp.sign_in(world.bo)
    auditor.post(
        reverse("admin:tenants_membership_changelist"),
        {"action": "take_second_factor_away", "_selected_action": [membership.pk]},
    )
    assert Authenticator.objects.filter(user=world.ada).exists()
