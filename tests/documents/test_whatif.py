"""What a change would open and close: computed on the real rows, and nothing of it stays."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.acls import placement, policy, resolve
from apps.acls import whatif as attempts
from apps.acls.models import Acl, AclEntry, Edge, Principal
from apps.acls.whatif_verdicts import verdicts
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.documents import impact
from apps.documents.impact_pages import tried
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.tenants.context import tenant_context
from apps.tenants.models import Role
from tests.acls import small_worlds as small
from tests.world import World, make_member, signed_in


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    with tenant_context(world.acme):
        placement.ensure()
        yield world


def documents(tenant: Any, place: Acl, count: int) -> list[Document]:
    source, _ = Connection.objects.get_or_create(
        tenant=tenant,
        kind="file_share",
        name="Files",
        realm=small.REALM,
        defaults={"permissions_confirmed_at": timezone.now()},
    )
    policy_id = policy.policy_for([[place.pk]])
    return Document.objects.bulk_create(
        Document(
            tenant=tenant,
            connection=source,
            external_id=f"{place.pk}/{n}",
            policy_id=policy_id,
            title="Canarytitle",
            path=f"{place.label}/{n}.md",
            source_version="1",
            last_synced_at="2026-01-01T00:00:00Z",
        )
        for n in range(count)
    )


def rows() -> tuple[Any, ...]:
    return tuple(
        sorted(model.objects.values_list(*names))
        for model, names in (
            (Edge, ("member_id", "group_id")),
            (AclEntry, ("content_object_id", "group_id", "permission_id")),
            (Principal, ("pk", "is_active")),
        )
    )


def test_who_joins_a_group_gains_what_it_reads_below_every_place_that_names_it(
    acme: World,
) -> None:
    bo, staff = small.principal(acme.acme, "user"), small.principal(acme.acme)
    company = small.principal(acme.acme)
    small.claim(acme.bo, bo)
    small.edge(staff, company)
    place = small.acl(acme.acme, "/all")
    below = small.acl(acme.acme, "/all/deep", parent=place)
    small.entry(place, company)
    documents(acme.acme, below, 3)
    before = rows()
    found = tried(attempts.Membership(staff, bo, is_added=True))
    assert (found.gained.documents, found.gained.people) == (3, 1)
    assert found.gained.sample_people == (acme.bo.pk,)
    assert found.lost.documents == 0
    assert rows() == before
    small.edge(bo, staff)
    lost = tried(attempts.Membership(staff, bo, is_added=False)).lost
    assert (lost.documents, lost.people) == (3, 1)


def test_a_grant_to_all_members_counts_for_whom_it_is_new_and_says_that_it_is_for_all(
    acme: World,
) -> None:
    ada, members = small.principal(acme.acme, "user"), small.principal(acme.acme, "members")
    small.claim(acme.ada, ada)
    place = small.acl(acme.acme, "/plans")
    small.entry(place, ada)
    documents(acme.acme, place, 4)
    gained = tried(attempts.Grant(place, members, is_allowed=True, is_added=True)).gained
    assert (gained.documents, gained.documents_for_all, gained.people) == (4, 4, 2)
    denied = tried(attempts.Grant(place, members, is_allowed=False, is_added=True))
    assert denied.gained.documents == 0 and denied.lost.people == 1


def test_deleting_a_denied_group_opens_what_it_was_denied(acme: World) -> None:
    ada, banned = small.principal(acme.acme, "user"), small.principal(acme.acme)
    everyone = small.principal(acme.acme, "everyone")
    small.claim(acme.ada, ada)
    small.edge(ada, banned)
    place = small.acl(acme.acme, "/secret")
    small.entry(place, everyone, ord=1)
    small.entry(place, banned, allow=False)
    documents(acme.acme, place, 2)
    found = tried(attempts.Deletion(banned))
    assert (found.gained.documents, found.gained.sample_people) == (2, (acme.ada.pk,))
    banned.refresh_from_db()
    assert banned.deleted_at is None


def test_a_change_that_changes_nothing_is_refused(acme: World) -> None:
    staff, ada = small.principal(acme.acme), small.principal(acme.acme, "user")
    place = small.acl(acme.acme)
    with pytest.raises(InvalidInput, match="not directly in the group"):
        tried(attempts.Membership(staff, ada, is_added=False))
    with pytest.raises(InvalidInput, match="no such entry"):
        tried(attempts.Grant(place, ada, is_allowed=True, is_added=False))


def test_a_document_that_gets_another_policy_is_gained_by_its_new_readers_alone(
    acme: World,
) -> None:
    ada, bo = small.principal(acme.acme, "user"), small.principal(acme.acme, "user")
    small.claim(acme.ada, ada)
    small.claim(acme.bo, bo)
    old, new = small.acl(acme.acme, "/old"), small.acl(acme.acme, "/new")
    small.entry(old, ada)
    small.entry(new, bo)
    document, other = documents(acme.acme, old, 2)
    documents(acme.acme, new, 1)

    def change() -> list[impact.Move]:
        before, after = document.policy_id, policy.policy_for([[new.pk]])
        Document.objects.filter(pk=document.pk).update(policy_id=after)
        return [impact.Move(document.pk, before, after)]

    found = impact.of(change, limit_s=5)
    assert (found.gained.sample_documents, found.gained.sample_people) == (
        (document.pk,),
        (acme.bo.pk,),
    )
    assert (found.lost.documents, found.lost.sample_people) == (1, (acme.ada.pk,))
    document.refresh_from_db()
    assert document.policy_id == other.policy_id


def test_what_takes_too_long_says_so_and_leaves_the_transaction_usable(acme: World) -> None:
    def slow() -> list[impact.Move]:
        with transaction.atomic(), transaction.get_connection().cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return []

    with pytest.raises(impact.TooLarge, match="in time"):
        impact.of(slow, limit_s=0.05)
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_the_time_is_for_all_statements_together(acme: World) -> None:
    def slow() -> list[impact.Move]:
        for _ in range(20):
            with transaction.get_connection().cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.1)")
        return []

    began = time.monotonic()
    with pytest.raises(impact.TooLarge, match="in time"):
        impact.of(slow, limit_s=0.3)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_of_all_at_once_are_those_of_the_engine_one_by_one(acme: World, seed: int) -> None:
    users = [acme.ada, acme.bo, acme.ida, make_member(acme.acme, "gus@acme.example")]
    company = small.random_company(acme.acme, users, random.Random(seed))  # noqa: S311  reproducible
    found = verdicts(company.policies)
    for user in users:
        expected = set(resolve.compute(user).ids.tolist()) & set(company.policies)
        assert set(found.of(found.class_of[user.pk])) == expected


def test_the_page_shows_numbers_paths_and_people_and_is_recorded(
    acme: World, client: Client
) -> None:
    bo, staff = small.principal(acme.acme, "user", "Bo"), small.principal(acme.acme, label="staff")
    small.claim(acme.bo, bo)
    place = small.acl(acme.acme, "/plans")
    small.entry(place, staff)
    documents(acme.acme, place, 2)
    source = Connection.objects.get()
    before = rows()
    asked = {"change": "joins", "source": source.pk, "group": "staff", "principal": "Bo"}
    response = signed_in(acme.ida, client).post(reverse("admin:documents_whatif"), asked)
    page = response.content.decode()
    assert "Would open: 2 documents" in page and "/plans/1.md" in page and "bo@acme.example" in page
    assert "Canarytitle" not in page
    assert rows() == before
    recorded = Event.objects.get(action="permissions.simulated")
    assert recorded.details["documents_gained"] == 2
    assert (recorded.details["group_id"], recorded.details["member_id"]) == (staff.pk, bo.pk)


def test_the_page_says_what_it_does_not_find(acme: World, client: Client) -> None:
    place = small.acl(acme.acme, "/plans")
    documents(acme.acme, place, 1)
    asked = {
        "change": "allow", "source": Connection.objects.get().pk, "place": "/no", "principal": ""
    }  # fmt: skip
    response = signed_in(acme.ida, client).post(reverse("admin:documents_whatif"), asked)
    page = response.content.decode()
    assert "The source names no “/no”." in page and "This change needs it." in page


def test_the_pages_are_for_those_who_may_see_places_and_documents(
    acme: World, client: Client
) -> None:
    signed_in(acme.bo, client)
    for name, args in (("documents_whatif", []), ("documents_preview", [1])):
        assert client.get(reverse(f"admin:{name}", args=args), follow=True).status_code == 403


def test_who_may_only_look_tries_nothing(acme: World, client: Client) -> None:
    otto = make_member(acme.acme, "otto@acme.example", role=Role.AUDITOR)
    page = reverse("admin:documents_whatif")
    assert signed_in(acme.ida, client).get(page).status_code == 200
    assert signed_in(otto, client).get(page).status_code == 403
    assert page not in client.get(reverse("admin:index")).content.decode()
