"""Collections over HTTP: who opens them, and that nobody sees in them what they may not read."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.acls import membership, sharing
from apps.acls.models import AclEntry
from apps.documents import collections
from apps.documents.collection_models import Collection, CollectionItem
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import claim, principal
from tests.documents.collection_pages import page_of, share, steady, titles
from tests.search import texts
from tests.search.library import Library
from tests.world import World, assert_visible, make_member, signed_in


def test_a_collection_shows_each_person_what_that_person_may_read(
    world: World, kept: Collection
) -> None:
    share(world, kept, world.bo)
    assert titles(page_of(world.ada, kept)) == {"travel", "leave"}
    page = page_of(world.bo, kept)
    assert_visible(titles(page), seen={"travel"}, hidden={"leave"})
    assert "private" not in page


def test_a_hidden_document_changes_not_one_letter_of_the_page(
    world: World, library: Library, shelf: dict[str, Document], kept: Collection
) -> None:
    share(world, kept, world.bo)
    with_hidden = page_of(world.bo, kept)
    with tenant_context(world.acme):
        collections.remove(kept, shelf["leave"].uuid, actor=world.ada)
    assert steady(page_of(world.bo, kept)) == steady(with_hidden)


def test_having_a_collection_in_every_way_opens_no_document(
    world: World, shelf: dict[str, Document], kept: Collection
) -> None:
    share(world, kept, world.bo, "share")
    bo = signed_in(world.bo)
    assert bo.get(f"/documents/{shelf['leave'].uuid}/").status_code == 404
    refused = bo.post(
        "/collections/add", {"document": shelf["leave"].uuid, "collection": kept.uuid}, follow=True
    )
    assert "What you may not read, or what is gone, was not added." in refused.content.decode()
    own = bo.post("/collections/", {"name": "Mine"})["Location"]
    bo.post("/collections/add", {"document": shelf["leave"].uuid, "collection": own.split("/")[2]})
    with tenant_context(world.acme):
        assert not CollectionItem.objects.filter(collection__name="Mine").exists()


def test_a_revoked_document_is_gone_from_the_collection_with_the_next_request(
    world: World, library: Library, kept: Collection
) -> None:
    share(world, kept, world.bo)
    assert titles(page_of(world.bo, kept)) == {"travel"}
    with library.work():
        AclEntry.objects.all().delete()
    assert titles(page_of(world.bo, kept)) == set()
    assert "nothing in it that you may read" in page_of(world.bo, kept)


@pytest.mark.parametrize("name", ["bo", "ida", "cy", "opal"])
def test_whoever_was_given_nothing_gets_the_page_of_what_does_not_exist(
    world: World, kept: Collection, name: str
) -> None:
    user = getattr(world, name, None) or User.objects.create_superuser("opal@kenward.example")
    client = signed_in(user)
    if name == "opal":
        client.post(f"/tenants/{world.acme.uuid}/enter/")
    for path in ("", "change", "delete", "remove"):
        method = client.post if path else client.get
        refused = method(f"/collections/{kept.uuid}/{path}")
        missing = method(f"/collections/{uuid4()}/{path}")
        assert refused.status_code == missing.status_code == 404, path
        assert steady(refused.content.decode()) == steady(missing.content.decode())
    assert "Onboarding" not in client.get("/collections/", follow=True).content.decode()
    assert Collection.objects.filter(pk=kept.pk).exists() is False  # no tenant is bound here
    with tenant_context(world.acme):
        assert Collection.objects.get().name == "Onboarding"


@pytest.mark.parametrize(
    ("level", "may_change", "may_share"),
    [("view", False, False), ("change", True, False), ("share", True, True)],
)
def test_levels_allow_what_they_say_and_deleting_stays_with_the_owner(
    world: World,
    shelf: dict[str, Document],
    kept: Collection,
    level: str,
    may_change: bool,
    may_share: bool,
) -> None:
    share(world, kept, world.bo, level)
    bo, address = signed_in(world.bo), f"/collections/{kept.uuid}/"
    page = page_of(world.bo, kept)
    assert ("Rename" in page) == may_change and ("/share/" in page) == may_share
    assert f"{address}delete" not in page
    allowed = 302 if may_change else 404
    assert bo.post(f"{address}change", {"name": "Bo's"}).status_code == allowed
    travel = {"document": shelf["travel"].uuid, "collection": kept.uuid}
    assert bo.post(f"{address}remove", travel).status_code == allowed
    assert bo.post("/collections/add", travel).status_code == allowed
    assert bo.get(f"/share/collection/{kept.uuid}/").status_code == (200 if may_share else 404)
    assert bo.post(f"{address}delete").status_code == 404


def test_nobody_finds_out_by_removing_what_else_is_in_a_collection(
    world: World, library: Library, shelf: dict[str, Document], kept: Collection
) -> None:
    share(world, kept, world.bo, "change")
    outside = library.put("private/other.md", texts.PARENTAL, place="private/")
    bo, address = signed_in(world.bo), f"/collections/{kept.uuid}/remove"
    answers = [
        bo.post(address, {"document": uuid})
        for uuid in (shelf["leave"].uuid, outside.uuid, uuid4(), "nonsense")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({steady(answer.content.decode()) for answer in answers}) == 1
    assert titles(page_of(world.ada, kept)) == {"travel", "leave"}


def test_a_group_has_a_collection_as_long_as_the_source_says_who_is_in_it(
    world: World, kept: Collection
) -> None:
    with tenant_context(world.acme):
        me, team, staff = (principal(world.acme, k) for k in ("user", "group", "group"))
        claim(world.bo, me)
        membership.add(group=team, members=[me], actor=None)
        membership.add(group=staff, members=[team], actor=None)
        sharing.grant(kept, staff, "view", actor=world.ada)
    assert "Onboarding" in signed_in(world.bo).get("/collections/").content.decode()
    assert titles(page_of(world.bo, kept)) == {"travel"}
    with tenant_context(world.acme):
        membership.remove(group=team, members=[me], actor=None)
    assert signed_in(world.bo).get(f"/collections/{kept.uuid}/").status_code == 404
    assert "Onboarding" not in signed_in(world.bo).get("/collections/").content.decode()


def test_the_order_is_that_of_adding_and_pages_count_only_what_is_read(
    world: World, library: Library, kept: Collection
) -> None:
    share(world, kept, world.bo)
    with library.work():
        for number in range(52):
            place = "private/" if number % 2 else "staff/"
            document = library.put(f"{place}{number:02}.md", texts.TRAVEL, place=place)
            collections.add(kept, document.uuid, actor=world.ada)
    listed = re.findall(r'/">(\w+)</a></h2>', page_of(world.ada, kept))
    assert listed[:3] == ["51", "50", "49"] and len(listed) == 50
    last = page_of(world.ada, kept, "?page=2")
    assert re.findall(r'/">(\w+)</a></h2>', last) == ["01", "00", "leave", "travel"]
    oldest = re.findall(r'/">(\w+)</a></h2>', page_of(world.ada, kept, "?order=oldest"))
    assert oldest[:3] == ["travel", "leave", "00"]
    bos = page_of(world.bo, kept)
    assert len(titles(bos)) == 27 and "?page=" not in bos


def test_the_database_refuses_rows_that_name_people_of_another_tenant(
    world: World, kept: Collection, shelf: dict[str, Document]
) -> None:
    acme = world.acme
    with tenant_context(acme):
        stranger = make_member(world.umbra, "zed@umbra.example")
        other = collections.create(name="Other", owner=world.ada)
        for attempt in (
            lambda: Collection.objects.create(tenant=acme, name="x", owner=stranger),
            lambda: CollectionItem.objects.create(
                tenant=acme, collection=other, document=shelf["travel"], added_by=stranger
            ),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                attempt()
