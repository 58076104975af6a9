"""Collections over HTTP: who opens them, and that nobody sees in them what they may not read."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.acls import membership, sharing
from apps.acls.models import AclEntry
from apps.audit.models import Event
from apps.documents import collections
from apps.documents.collection_models import Collection, CollectionItem
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import claim, principal
from tests.search import texts
from tests.search.library import Library
from tests.world import World, assert_visible, make_member, signed_in


@pytest.fixture
def shelf(world: World, library: Library) -> dict[str, Document]:
    """Ada reads both documents, Bo one of them."""
    library.share("staff/", world.ada, world.bo)
    library.share("private/", world.ada)
    return {
        "travel": library.put("staff/travel.md", texts.TRAVEL, place="staff/"),
        "leave": library.put("private/leave.md", texts.PARENTAL, place="private/"),
    }


@pytest.fixture
def kept(world: World, shelf: dict[str, Document]) -> Collection:
    """Ada keeps both in a collection."""
    with tenant_context(world.acme):
        made = collections.create(name="Onboarding", description="For new people", owner=world.ada)
        for document in shelf.values():
            collections.add(made, document.uuid, actor=world.ada)
    return made


def share(world: World, kept: Collection, user: User, level: str = "view") -> None:
    with tenant_context(world.acme):
        sharing.grant(kept, user, level, actor=world.ada)


def page_of(user: User, kept: Collection, query: str = "") -> str:
    response = signed_in(user).get(f"/collections/{kept.uuid}/{query}")
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    return response.content.decode()


def steady(page: str) -> str:
    """Return a page without what differs from request to request."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
    return re.sub(r"<time.*?</time>", "", page)


def titles(page: str) -> set[str]:
    return set(re.findall(r'/documents/[-0-9a-f]+/">([^<]+)</a>', page))


def actions(world: World) -> list[str]:
    with tenant_context(world.acme):
        found = Event.objects.filter(target_type="documents.collection").order_by("pk")
        return list(found.values_list("action", flat=True))


def test_a_person_makes_fills_renames_empties_and_deletes_a_collection(
    world: World, shelf: dict[str, Document]
) -> None:
    ada = signed_in(world.ada)
    made = ada.post("/collections/", {"name": "  Trips   2027 ", "description": "Where to"})
    address = made["Location"]
    assert "Trips 2027" in ada.get("/collections/").content.decode()
    uuid = address.split("/")[2]
    added = ada.post(
        "/collections/add",
        {"document": shelf["travel"].uuid, "collection": uuid, "next": "/search/?q=a"},
    )
    assert added["Location"] == "/search/?q=a"
    assert titles(ada.get(address).content.decode()) == {"travel"}
    ada.post(f"{address}change", {"name": "Journeys", "description": ""})
    ada.post(f"{address}remove", {"document": shelf["travel"].uuid})
    page = ada.get(address).content.decode()
    assert "Journeys" in page and titles(page) == set()
    ada.post(f"{address}delete")
    assert ada.get(address).status_code == 404
    assert actions(world) == [
        "collection.created",
        "share.granted",
        "collection.document_added",
        "collection.changed",
        "collection.document_removed",
        "collection.deleted",
    ]
    with tenant_context(world.acme):
        told = str(list(Event.objects.values_list("details", flat=True)))
        assert "Trips" not in told and "Journeys" not in told and "travel" not in told
        assert str(shelf["travel"].uuid) in told


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


@pytest.mark.parametrize("page", ["0", "-1", "x", "٣", "9" * 30, "9" * 5000])
def test_any_page_number_is_answered(world: World, kept: Collection, page: str) -> None:
    assert "Onboarding" in page_of(world.ada, kept, f"?page={page}")


def test_several_documents_go_into_a_new_collection_at_once(
    world: World, shelf: dict[str, Document]
) -> None:
    ada = signed_in(world.ada)
    chosen = [document.uuid for document in shelf.values()]
    response = ada.post("/collections/add", {"document": chosen, "name": "Both"}, follow=True)
    assert "Added 2 documents to “Both”." in response.content.decode()
    again = {"document": chosen, "collection": _only(world).uuid}
    response = ada.post("/collections/add", again, follow=True)
    assert "That is in “Both” already." in response.content.decode()


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_a_form_leads_back_to_pages_of_this_site_only(
    world: World, shelf: dict[str, Document], elsewhere: str
) -> None:
    sent = {"document": shelf["travel"].uuid, "name": "A", "next": elsewhere}
    assert signed_in(world.ada).post("/collections/add", sent)["Location"] == "/collections/"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "  "}, "A collection needs a name."),
        ({"name": "x" * 201}, "That is too long."),
        ({"name": "x", "description": "y" * 1001}, "That is too long."),
    ],
)
def test_a_collection_that_cannot_be_made_is_told_why(
    world: World, sent: dict[str, str], said: str
) -> None:
    page = signed_in(world.ada).post("/collections/", sent, follow=True).content.decode()
    assert said in page
    with tenant_context(world.acme):
        assert not Collection.objects.exists()


def test_names_are_shown_as_text(world: World, shelf: dict[str, Document]) -> None:
    evil = "<script>alert(1)</script>"
    ada = signed_in(world.ada)
    address = ada.post("/collections/", {"name": evil, "description": evil})["Location"]
    for path in (address, "/collections/", f"/share/collection/{address.split('/')[2]}/"):
        page = ada.get(path).content.decode()
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_document_page_and_search_page_offer_the_collections_that_one_may_change(
    world: World, shelf: dict[str, Document], kept: Collection
) -> None:
    address = f"/documents/{shelf['travel'].uuid}/"
    page = signed_in(world.ada).get(address).content.decode()
    assert f'<option value="{kept.uuid}">Onboarding</option>' in page
    share(world, kept, world.bo, "view")
    page = signed_in(world.bo).get(address).content.decode()
    assert 'action="/collections/add"' in page and "Onboarding" not in page


def test_an_operator_who_entered_keeps_no_collection(world: World) -> None:
    operator = signed_in(User.objects.create_superuser("opal@kenward.example"))
    operator.post(f"/tenants/{world.acme.uuid}/enter/")
    assert operator.post("/collections/", {"name": "Mine"}).status_code == 404
    with tenant_context(world.acme):
        assert not Collection.objects.exists()


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


def _only(world: World) -> Collection:
    with tenant_context(world.acme):
        return Collection.objects.get()
