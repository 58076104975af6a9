"""A tenant's search settings: who may change them, and that they do what they say."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.audit.models import Event
from apps.search import stages
from apps.search.models import SearchSettings
from apps.search.stages import DEFAULT, SecondStage
from apps.tenants.context import tenant_context
from tests import world as worlds
from tests.search.library import Library
from tests.world import World

ADD = reverse("admin:search_searchsettings_add")
LIST = reverse("admin:search_searchsettings_changelist")
FORM = {
    "second_stage": "none",
    "collapse_duplicates": "on",
    "expansion": "hyde",
    "filters_in_words": "on",
}


def test_without_a_row_the_defaults_count(world: World) -> None:
    with tenant_context(world.acme):
        assert stages.of_tenant() == DEFAULT


def test_an_it_admin_changes_the_one_row_and_it_is_recorded(world: World) -> None:
    client = worlds.signed_in(world.ida)
    assert client.get(LIST).headers["Location"] == ADD
    shown = client.get(ADD).content.decode()
    assert "(not set up)" in shown, "no model is configured here"
    assert 'name="_save"' in shown
    assert "_addanother" not in shown, "there is only one"
    assert client.post(ADD, FORM).status_code == 302
    with tenant_context(world.acme):
        row = SearchSettings.objects.get()
        used = stages.of_tenant()
        assert Event.objects.filter(action="searchsettings.added", actor_id=world.ida.pk).exists()
    assert (used.second_stage, used.collapse_duplicates) == (SecondStage.NONE, True)
    assert (used.prefer_newer, used.typo_tolerance, used.stitch_neighbours) == (False,) * 3
    page = reverse("admin:search_searchsettings_change", args=[row.pk])
    assert client.get(LIST).headers["Location"] == page
    assert client.get(ADD).status_code == 403, "there is one already"
    assert client.post(page, {**FORM, "second_stage": "local"}).status_code == 302
    with tenant_context(world.acme):
        assert stages.of_tenant().second_stage == SecondStage.LOCAL


def test_another_tenant_s_settings_are_not_ours(world: World) -> None:
    with tenant_context(world.umbra):
        SearchSettings.objects.create(tenant=world.umbra, second_stage=SecondStage.NONE)
    with tenant_context(world.acme):
        assert stages.of_tenant() == DEFAULT


@pytest.mark.parametrize("email", ["ada", "bo"])
def test_employees_have_no_such_page(world: World, email: str) -> None:
    client = worlds.signed_in(getattr(world, email))
    assert client.get(ADD).status_code in {302, 403}
    assert client.post(ADD, FORM).status_code in {302, 403}
    with tenant_context(world.acme):
        assert not SearchSettings.objects.exists()


def test_collapsing_can_be_switched_off(world: World, library: Library) -> None:
    library.share("a/", world.ada)
    text = "# Ferrets\n\nThe ferret Bramble is fed at noon with fish by whoever sits next to it."
    for name in ("one", "two", "three"):
        library.add(f"a/{name}.md", text, place="a/")
    question = "When is the ferret fed?"
    [shown] = library.ask(world.ada, question)
    assert shown.copies == 2
    with library.work():
        SearchSettings.objects.create(tenant=world.acme, collapse_duplicates=False)
    assert len(library.ask(world.ada, question)) == 3
