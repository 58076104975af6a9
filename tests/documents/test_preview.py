"""The preview of a member: the same set as their own pages, by paths and counts, and recorded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from apps.acls import placement
from apps.acls.models import Acl
from apps.audit.models import Event
from apps.documents import preview
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role
from tests.acls import small_worlds as small
from tests.documents.test_whatif import documents
from tests.world import World, make_member, signed_in


@pytest.fixture
def place(world: World) -> Iterator[Acl]:
    """Return a place that Ada reads and Bo does not, with 60 documents; another holds 2."""
    with tenant_context(world.acme):
        placement.ensure()
        ada = small.principal(world.acme, "user")
        small.claim(world.ada, ada)
        made, other = small.acl(world.acme, "/plans"), small.acl(world.acme, "/closed")
        small.entry(made, ada)
        documents(world.acme, made, 60)
        documents(world.acme, other, 2)
        yield made


def test_counts_and_rows_are_of_what_the_person_may_read(world: World, place: Acl) -> None:
    found = preview.of(world.ada)
    assert found.sources == (("Files", 60),) and found.total == 60
    assert (len(found.rows), found.found) == (preview.PAGE_SIZE, 60)
    assert len(preview.of(world.ada, page=2).rows) == 10
    assert preview.of(world.bo).total == 0 and preview.of(world.cy).rows == ()


def test_a_part_of_a_path_finds_whatever_its_case_and_wildcards_are_letters(
    world: World, place: Acl
) -> None:
    assert [row.path for row in preview.of(world.ada, part="PLANS/7.md").rows] == ["/plans/7.md"]
    assert preview.of(world.ada, part="%").found == 0


def test_a_deleted_document_is_not_in_it(world: World, place: Acl) -> None:
    Document.objects.filter(path="/plans/7.md").update(deleted_at="2026-01-01T00:00:00Z")
    assert preview.of(world.ada).total == 59


def test_each_look_is_recorded_and_shows_neither_titles_nor_links_to_documents(
    world: World, place: Acl, client: Client
) -> None:
    signed_in(make_member(world.acme, "otto@acme.example", role=Role.AUDITOR), client)
    member = Membership.objects.get(tenant=world.acme, user=world.ada)
    address = reverse("admin:documents_preview", args=[member.pk])
    for query in ({}, {"q": "plans", "p": "2"}, {"p": "x"}):
        page = client.get(address, query).content.decode()
        assert "/plans/" in page and "60 documents" in page
        assert (
            "Canarytitle" not in page and "/closed/" not in page and 'href="/documents' not in page
        )
    looks = Event.objects.filter(action="permissions.previewed", target_id=str(member.pk))
    assert [look.details["user_id"] for look in looks] == [world.ada.pk] * 3
    on_members = client.get(reverse("admin:tenants_membership_change", args=[member.pk]))
    assert address in on_members.content.decode()


def test_nobody_previews_a_member_of_another_tenant(
    world: World, place: Acl, client: Client
) -> None:
    with tenant_context(world.umbra):
        theirs = Membership.objects.get(tenant=world.umbra, user=world.cy)
    address = reverse("admin:documents_preview", args=[theirs.pk])
    assert signed_in(world.ida, client).get(address).status_code == 404
