"""Giving and taking away Kenward's own objects: what the rows become, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.utils import timezone
from guardian.shortcuts import assign_perm

from apps.accounts.models import User
from apps.acls import sharing, sharing_kinds
from apps.acls.errors import CannotShare
from apps.acls.models import Principal
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.connections.object_permissions import (
    ConnectionGroupPermission,
    ConnectionUserPermission,
)
from apps.documents import collections
from apps.documents.collection_models import (
    Collection,
    CollectionGroupPermission,
    CollectionUserPermission,
)
from apps.errors import NotFound
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership
from tests.acls.small_worlds import claim, edge, principal
from tests.world import World, make_member


@pytest.fixture
def kept(world: World) -> Iterator[Collection]:
    """Ada's collection, with Acme bound."""
    with tenant_context(world.acme):
        yield collections.create(name="Onboarding", owner=world.ada)


@pytest.fixture
def source(world: World) -> Iterator[Connection]:
    """A connection of Acme, with Acme bound."""
    with tenant_context(world.acme):
        yield Connection.objects.create(
            tenant=world.acme, kind="file_share", name="Files", realm="file_share:1"
        )


def codenames(shared: Any, user: User) -> set[str]:
    rows = shared.user_permissions.filter(user=user)
    return set(rows.values_list("permission__codename", flat=True))


def level(user: User, shared: Any) -> str | None:
    found = sharing.level_of(user, shared)
    return found.name if found else None


def test_the_creator_has_everything_as_rows_of_guardian(world: World, kept: Collection) -> None:
    assert codenames(kept, world.ada) == {
        "view_collection", "change_collection", "share_collection"
    }  # fmt: skip
    assert level(world.ada, kept) == "share"


def test_a_level_holds_the_lower_ones_and_lowering_it_takes_the_rest_away(
    world: World, kept: Collection
) -> None:
    for name, held in (
        ("share", {"view_collection", "change_collection", "share_collection"}),
        ("view", {"view_collection"}),
        ("change", {"view_collection", "change_collection"}),
    ):
        assert sharing.grant(kept, world.bo, name, actor=world.ada)
        assert codenames(kept, world.bo) == held
        assert level(world.bo, kept) == name
    assert not sharing.grant(kept, world.bo, "change", actor=world.ada)
    assert sharing.revoke(kept, world.bo, actor=world.ada)
    assert not sharing.revoke(kept, world.bo, actor=world.ada)
    assert codenames(kept, world.bo) == set() and level(world.bo, kept) is None


def test_each_change_is_recorded_once_with_ids_and_nothing_else(
    world: World, kept: Collection
) -> None:
    team = principal(world.acme, label="Layoffs")
    sharing.grant(kept, world.bo, "view", actor=world.ada)
    sharing.grant(kept, world.bo, "view", actor=world.ada)
    sharing.grant(kept, world.bo, "change", actor=world.ada)
    sharing.grant(kept, team, "view", actor=world.ada)
    sharing.revoke(kept, team, actor=world.ada)
    events = list(Event.objects.filter(action__startswith="share.").order_by("pk"))[1:]
    told = [(e.action, e.details) for e in events]
    bo, group = {"user_id": world.bo.pk}, {"principal": str(team.uuid)}
    assert told == [
        ("share.granted", {"before": None, "after": "view"} | bo),
        ("share.granted", {"before": "view", "after": "change"} | bo),
        ("share.granted", {"before": None, "after": "view"} | group),
        ("share.revoked", {"before": "view", "after": None} | group),
    ]
    assert {(e.actor_id, e.target_id) for e in events} == {(world.ada.pk, str(kept.uuid))}


def test_people_and_groups_are_listed_with_who_is_not_there_any_more(
    world: World, kept: Collection
) -> None:
    gone, team = principal(world.acme, label="Gone"), principal(world.acme, label="Team")
    for who in (world.bo, world.ida, gone, team):
        sharing.grant(kept, who, "view", actor=world.ada)
    Principal.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    Membership.objects.filter(user=world.bo).update(is_active=False)
    listed = [
        (str(each.recipient), each.level.name, each.is_owner, each.is_present)
        for each in sharing.shared_with(kept)
    ]
    assert listed == [
        ("Ada", "share", True, True),
        ("Bo", "view", False, False),
        ("Ida", "view", False, True),
        ("Gone", "view", False, False),
        ("Team", "view", False, True),
    ]
    assert sharing.revoke(kept, gone, actor=world.ada), "what is gone can still be taken away"
    assert sharing.revoke(kept, world.bo, actor=world.ada)


@pytest.mark.parametrize("kind", ["user", "members", "everyone", "link"])
def test_sets_without_listed_members_cannot_have_an_object(
    world: World, kept: Collection, kind: str
) -> None:
    with pytest.raises(CannotShare):
        sharing.grant(kept, principal(world.acme, kind), "view", actor=world.ada)
    assert not CollectionGroupPermission.objects.exists()


@pytest.mark.parametrize("state", [{"deleted_at": "2026-01-01T00:00Z"}, {"is_active": False}])
def test_a_group_that_is_gone_cannot_have_an_object(
    world: World, kept: Collection, state: dict[str, Any]
) -> None:
    with pytest.raises(CannotShare):
        sharing.grant(kept, principal(world.acme, **state), "view", actor=world.ada)


def test_nobody_of_another_tenant_can_have_an_object(world: World, kept: Collection) -> None:
    with tenant_context(world.umbra):
        theirs = principal(world.umbra)
    for recipient in (world.cy, theirs, User.objects.create_superuser("opal@kenward.example")):
        with pytest.raises(CannotShare):
            sharing.grant(kept, recipient, "view", actor=world.ada)
    with tenant_context(world.umbra), pytest.raises(NotFound):
        sharing.grant(kept, world.cy, "view", actor=world.ada)


def test_the_database_refuses_rows_past_the_module(
    world: World, kept: Collection, source: Connection
) -> None:
    with tenant_context(world.umbra):
        theirs = principal(world.umbra)
    rows: list[tuple[Any, str, Any, dict[str, Any]]] = [
        (CollectionUserPermission, "view_collection", kept, {"user": world.cy}),
        (CollectionGroupPermission, "view_collection", kept, {"group": theirs}),
        (ConnectionUserPermission, "view_connection", source, {"user": world.cy}),
        (ConnectionGroupPermission, "view_connection", source, {"group": theirs}),
    ]
    for model, codename, shared, who in rows:
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.create(
                permission=Permission.objects.get(codename=codename), content_object=shared, **who
            )


def test_no_group_carries_the_right_to_all_objects_of_a_kind(
    world: World, kept: Collection
) -> None:
    for codename in ("documents.view_collection", "connections.change_connection"):
        with pytest.raises(IntegrityError, match="no_model_wide"), transaction.atomic():
            assign_perm(codename, principal(world.acme))


def test_a_model_wide_right_of_a_person_and_an_operators_count_for_nothing(
    world: World, kept: Collection
) -> None:
    world.bo.user_permissions.add(Permission.objects.get(codename="view_collection"))
    operator = User.objects.create_superuser("opal@kenward.example")
    for pk in (world.bo.pk, operator.pk):
        user = User.objects.get(pk=pk)
        assert user.has_perm("documents.view_collection"), "the right itself is there"
        assert not collections.of(user).exists()
        assert level(user, kept) is None


def test_the_owner_keeps_everything(world: World, kept: Collection) -> None:
    sharing.grant(kept, world.bo, "share", actor=world.ada)
    with pytest.raises(CannotShare):
        sharing.revoke(kept, world.ada, actor=world.bo)
    with pytest.raises(CannotShare):
        sharing.grant(kept, world.ada, "view", actor=world.bo)
    assert level(world.ada, kept) == "share"


@pytest.mark.parametrize("has", [None, "view", "change"])
def test_only_who_may_share_shares(world: World, kept: Collection, has: str | None) -> None:
    if has:
        sharing.grant(kept, world.bo, has, actor=world.ada)
    acts: list[Callable[[], bool]] = [
        lambda: sharing.grant(kept, world.bo, "share", actor=world.bo),
        lambda: sharing.grant(kept, world.ida, "view", actor=world.bo),
        lambda: sharing.revoke(kept, world.bo, actor=world.bo),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert level(world.bo, kept) == has


def test_connections_are_handed_out_by_it_admins_alone(world: World, source: Connection) -> None:
    operator = User.objects.create_superuser("opal@kenward.example")
    sharing.grant(source, world.bo, "change", actor=world.ida)
    for actor in (world.ada, world.bo, operator):
        with pytest.raises(NotFound):
            sharing.grant(source, world.ada, "view", actor=actor)
    with pytest.raises(NotFound):
        sharing.grant(source, world.ada, "share", actor=world.ida)  # no such level


def test_a_group_within_a_group_has_what_the_outer_one_was_given(
    world: World, source: Connection
) -> None:
    me, inner, outer = (principal(world.acme, k) for k in ("user", "group", "domain"))
    claim(world.bo, me)
    edge(me, inner)
    edge(inner, outer)
    sharing.grant(source, outer, "view", actor=world.ida)
    found = sharing.objects_for(world.bo, "view_connection", Connection.objects.all())
    assert list(found) == [source]
    assert not sharing.objects_for(world.ada, "view_connection", Connection.objects.all()).exists()


def test_the_highest_of_several_ways_counts(world: World, kept: Collection) -> None:
    me, team = principal(world.acme, "user"), principal(world.acme)
    claim(world.bo, me)
    edge(me, team)
    sharing.grant(kept, world.bo, "view", actor=world.ada)
    sharing.grant(kept, team, "change", actor=world.ada)
    assert level(world.bo, kept) == "change"
    sharing.revoke(kept, team, actor=world.ada)
    assert level(world.bo, kept) == "view"


def test_what_is_not_registered_is_not_shared(world: World, kept: Collection) -> None:
    with pytest.raises(NotFound):
        sharing.shared_with(principal(world.acme))
    with pytest.raises(NotFound):
        sharing_kinds.named("document")
    assert [kind.name for kind in sharing_kinds.registered()] == ["collection", "connection"]


def test_deleting_a_shared_object_takes_its_rows_with_it(world: World, kept: Collection) -> None:
    sharing.grant(kept, world.bo, "view", actor=world.ada)
    sharing.grant(kept, principal(world.acme), "view", actor=world.ada)
    collections.delete(kept, actor=world.ada)
    assert not CollectionUserPermission.objects.exists()
    assert not CollectionGroupPermission.objects.exists()


def test_a_member_who_comes_back_finds_what_was_shared(world: World, kept: Collection) -> None:
    """Nobody had taken it away; while they are away no tenant lets them in."""
    nia = make_member(world.acme, "nia@acme.example")
    sharing.grant(kept, nia, "view", actor=world.ada)
    Membership.objects.filter(user=nia).update(is_active=False)
    with pytest.raises(CannotShare):
        sharing.grant(kept, nia, "change", actor=world.ada)
    Membership.objects.filter(user=nia).update(is_active=True)
    assert level(nia, kept) == "view"
