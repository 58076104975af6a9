"""Classes in the admin: rules with their reach, classes by hand, rules for classes, and roles."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.acls.models import AccessRule
from apps.audit.models import Event
from apps.documents.models import ClassificationRule, Document
from apps.tenants.models import Role
from tests.admin.conftest import Stock, _uncollected_static_files, acme
from tests.world import World, make_member, signed_in

__all__ = ["_uncollected_static_files", "acme"]

ADD_RULE = "admin:documents_classificationrule_add"
ADD_ACCESS = "admin:acls_accessrule_add"


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(world.ida)


def recorded() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def rule_form(**told: Any) -> dict[str, Any]:
    empty = {"position": 1, "connection": "", "path_glob": "", "label": ""}
    return {**empty, "classification": "restricted", **told}


def press(client: Client, action: str, *pks: int) -> str:
    chosen = {"action": action, "index": "0", "select_across": "0", "_selected_action": list(pks)}
    page = reverse("admin:documents_document_changelist")
    response = client.post(page, chosen, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_count_tells_the_reach_and_saves_nothing(acme: Stock, client: Client) -> None:
    reply = client.post(reverse(ADD_RULE), rule_form(path_glob="/acme/*.md", _count="1"))
    assert "decide about 1 documents" in reply.content.decode()
    assert "1 would get a stricter class" in reply.content.decode()
    assert not ClassificationRule.objects.exists() and recorded() == []


def test_rules_are_added_ordered_changed_and_removed(acme: Stock, client: Client) -> None:
    for glob, to in (("acme/**", "public"), ("**/plan.md", "restricted")):
        reply = client.post(reverse(ADD_RULE), rule_form(path_glob=glob, classification=to))
        assert reply.status_code == 302, reply.content.decode()
    acme.document.refresh_from_db()
    assert acme.document.classification == "restricted"  # the later one was put first
    plan, every = ClassificationRule.objects.order_by("position")
    assert (plan.position, every.position) == (1, 2)
    listed = client.get(reverse("admin:documents_classificationrule_changelist")).content.decode()
    assert "under **/plan.md" in listed
    page = reverse("admin:documents_classificationrule_change", args=[plan.pk])
    client.post(page, rule_form(path_glob="**/plan.md", classification="confidential", position=9))
    acme.document.refresh_from_db()
    assert acme.document.classification == "public"
    gone = reverse("admin:documents_classificationrule_delete", args=[every.pk])
    assert client.post(gone, {"post": "yes"}).status_code == 302
    acme.document.refresh_from_db()
    assert acme.document.classification == "confidential"
    assert recorded() == [
        "classificationrule.added",
        "classificationrule.added",
        "classificationrule.changed",
        "classificationrule.deleted",
    ]


def test_class_by_hand_and_back(acme: Stock, client: Client) -> None:
    press(client, "classify_restricted", acme.document.pk, acme.failed_document.pk)
    assert list(Document.objects.values_list("classification", flat=True)) == ["restricted"] * 2
    page = client.get(reverse("admin:documents_document_change", args=[acme.document.pk]))
    assert "By hand" in page.content.decode()
    assert 'value="take_class_back"' in page.content.decode()
    press(client, "take_class_back", acme.document.pk)
    acme.document.refresh_from_db()
    assert acme.document.classification == "internal"
    assert recorded() == ["document.classified"] * 2 + ["document.class_taken_back"]
    listed = reverse("admin:documents_document_changelist")
    found = client.get(listed, {"classification__exact": "restricted"}).content.decode()
    assert "acme/scan.pdf" in found and "acme/plan.md" not in found


def test_auditors_look_and_change_nothing(world: World, acme: Stock, client: Client) -> None:
    client.post(reverse(ADD_RULE), rule_form())
    client.post(reverse(ADD_ACCESS), access_form(requires_mfa="on"))
    before = recorded()
    auditor = signed_in(make_member(world.acme, "otto@acme.example", role=Role.AUDITOR))
    for model in ("documents_classificationrule", "acls_accessrule"):
        assert auditor.get(reverse(f"admin:{model}_changelist")).status_code == 200
        assert auditor.post(reverse(f"admin:{model}_add"), rule_form()).status_code == 403
    assert (
        auditor.get(
            reverse("admin:documents_classificationrule_change", args=[_only().pk])
        ).status_code
        == 200
    )
    press(auditor, "classify_public", acme.document.pk)
    acme.document.refresh_from_db()
    assert acme.document.classification == "restricted" and recorded() == before


def _only() -> ClassificationRule:
    return ClassificationRule.objects.get()


def access_form(**told: Any) -> dict[str, Any]:
    empty = {"classification": "restricted", "networks": "", "from_time": "", "to_time": ""}
    return {**empty, "time_zone": "Europe/Berlin", **told}


def test_access_rule_is_stored_as_the_database_compares_it(acme: Stock, client: Client) -> None:
    told = access_form(
        networks="10.20.3.4/16, 2001:db8::1/32\n10.20.0.0/16",
        weekdays=[1, 5],
        from_time="22:00",
        to_time="06:00",
    )
    assert client.post(reverse(ADD_ACCESS), told).status_code == 302
    rule = AccessRule.objects.get()
    assert rule.networks == ["10.20.0.0/16", "2001:db8::/32"] and rule.weekdays == [1, 5]
    assert not rule.requires_mfa and recorded() == ["accessrule.added"]
    listed = client.get(reverse("admin:acls_accessrule_changelist")).content.decode()
    assert "Monday, Friday, 22:00–06:00 (Europe/Berlin)" in listed
    page = client.get(reverse("admin:acls_accessrule_change", args=[rule.pk])).content.decode()
    assert "10.20.0.0/16\n2001:db8::/32" in page


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"networks": "10.20"},
        {"from_time": "08:00"},
        {"from_time": "08:00", "to_time": "08:00"},
        {"requires_mfa": "on", "time_zone": "Mars/Olympus"},
    ],
)
def test_half_a_rule_is_refused(acme: Stock, client: Client, told: dict[str, str]) -> None:
    assert client.post(reverse(ADD_ACCESS), access_form(**told)).status_code == 200
    assert not AccessRule.objects.exists()
