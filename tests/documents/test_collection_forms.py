"""The forms of collections: what they make, what they refuse, and where they lead."""

from __future__ import annotations

from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.audit.models import Event
from apps.documents import collections
from apps.documents.collection_models import Collection, CollectionItem
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.documents.collection_pages import page_of, share, titles
from tests.search import texts
from tests.search.library import Library
from tests.world import World, signed_in


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


def test_documents_are_added_in_their_order_and_counted_by_what_became_of_them(
    world: World, library: Library, shelf: dict[str, Document]
) -> None:
    library.share("private/")
    with tenant_context(world.acme):
        made = collections.create(name="Many", owner=world.ada)
        more = [
            library.put(f"staff/{number}.md", texts.TRAVEL, place="staff/").uuid
            for number in (3, 1, 2)
        ]
        assert collections.add(made, more[2], actor=world.ada)
        wanted = [*more, more[0], shelf["leave"].uuid, uuid4()]
        added = collections.add_all(made, wanted, actor=world.ada)
        assert added == collections.Added(new=2, there=1, refused=2)
        items = CollectionItem.objects.order_by("pk").values_list("document__uuid", flat=True)
        assert list(items) == [more[2], more[0], more[1]]


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


def _only(world: World) -> Collection:
    with tenant_context(world.acme):
        return Collection.objects.get()
