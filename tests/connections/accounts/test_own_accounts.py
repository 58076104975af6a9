"""An own account is its owner's alone: nobody else reads it, finds it, or learns its titles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import User
from apps.acls import members, own_claims, people_matches, record
from apps.acls.models import Claim, ClaimSource, Principal
from apps.connections import own_account
from apps.connections.models import AuthConfig, Connection, ConnectionState
from apps.connections.protocol import (
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePrincipal,
)
from apps.documents import access
from apps.documents.models import Document
from apps.errors import InvalidInput
from apps.sync_events import runs
from apps.sync_events.models import Lane, SyncRun
from apps.tenants.models import Membership, Role
from tests.acls.reads import inside
from tests.connections.accounts.joined import Source, own_connection, started, sync
from tests.connections.accounts.source import EVERYBODY
from tests.world import World, make_member, signed_in

TITLE = "Quokka diary"
AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


@pytest.fixture
def config(world: World, source: Source) -> AuthConfig:
    return source.config(world.acme)


@pytest.fixture
def diary(world: World, source: Source, config: AuthConfig) -> Document:
    """Return a document of Ada's own account, which the source shares with everybody."""
    made = source.company.add_file(f"{TITLE}.txt", b"wombattext", owner="ada@example.com")
    source.company.share(made, "bo@example.com", "reader")
    started(signed_in(world.ada), source, config)
    with inside(world.acme):
        return Document.objects.select_related("connection").get(path__contains=TITLE)


def readers(world: World, document: Document) -> set[str]:
    found = set()
    for person in (world.ada, world.bo, world.ida, world.cy):
        with inside(world.acme):
            if access.can_read(person, document):
                found.add(person.name)
    return found


def test_only_its_owner_reads_it_whatever_the_source_says(world: World, diary: Document) -> None:
    assert readers(world, diary) == {"Ada"}
    page = signed_in(world.ada).get(f"/documents/{diary.uuid}/")
    assert page.status_code == 200 and "wombattext" in page.content.decode()
    for person in (world.bo, world.ida, world.cy):
        assert signed_in(person).get(f"/documents/{diary.uuid}/").status_code == 404
        found = signed_in(person).get("/search/?q=wombattext").content.decode()
        assert TITLE not in found


def test_its_owner_sees_it_among_the_objects_synced(world: World, diary: Document) -> None:
    page = signed_in(world.ada).get(f"/connections/{diary.connection.uuid}/documents/")
    assert TITLE in page.content.decode() and "Searchable" in page.content.decode()
    events = signed_in(world.ada).get(f"/connections/{diary.connection.uuid}/events/")
    assert "Content, everything" in events.content.decode()
    for person in (world.bo, world.ida, world.cy):
        for page_name in ("documents", "events", "choose", "disconnect"):
            url = f"/connections/{diary.connection.uuid}/{page_name}/"
            assert signed_in(person).get(url).status_code == 404
        for act in ("start", "pause"):
            url = f"/connections/{diary.connection.uuid}/{act}"
            assert signed_in(person).post(url).status_code == 404


def test_an_it_admin_learns_that_it_exists_and_no_title(world: World, diary: Document) -> None:
    ida = signed_in(world.ida)
    assert "Ada alone" in ida.get("/admin/connections/connection/").content.decode()
    with inside(world.acme):
        member = Membership.objects.get(tenant=world.acme, user=world.ada)
        run = SyncRun.objects.order_by("pk").last()
        assert run is not None
        runs.note_changes(diary.connection, [diary.external_id])
    pages = (
        "/admin/", "/admin/connections/connection/",
        f"/admin/connections/connection/{diary.connection_id}/change/",
        "/admin/documents/document/", f"/admin/documents/document/{diary.pk}/change/",
        f"/admin/documents/document/preview/{member.pk}/",
        f"/admin/documents/document/why/?document={diary.uuid}&member={world.ada.email}",
        "/admin/sync_events/syncrun/", f"/admin/sync_events/syncrun/{run.pk}/change/",
        "/admin/sync_events/syncevent/", "/admin/sync_events/faileditem/",
        "/admin/acls/principal/", "/admin/acls/acl/", "/admin/acls/person/?held=1",
        "/admin/audit/event/",
    )  # fmt: skip
    for url in pages:
        page = ida.get(url, follow=True).content.decode()
        assert TITLE not in page and "wombattext" not in page, url
    assert "Desk (ada@example.com): 1" in ida.get(pages[5]).content.decode(), "the count is told"


def test_nobody_else_gets_the_owner_s_identity(world: World, diary: Document) -> None:
    with inside(world.acme):
        principal = Principal.objects.get(realm=diary.connection.realm)
        assert principal.external_id == f"kenward:{world.ada.pk}"
        claim = Claim.objects.get(principal=principal)
        assert (claim.user, claim.source) == (world.ada, ClaimSource.OWN)
        with pytest.raises(InvalidInput, match="somebody's own account"):
            people_matches.match(principal=principal, user=world.bo, actor=world.ida)
    with inside(world.acme):
        # Whoever names the same identity in another realm names somebody else.
        place = RemoteAcl("x", "X", entries=(RemoteEntry(_named(world.ada)),))
        record.apply("file_share:other", acls=[place], observed_at=timezone.now())
        mine = Claim.objects.filter(principal__realm=diary.connection.realm)
        assert [each.user for each in mine] == [world.ada]
    assert readers(world, diary) == {"Ada"}


def _named(user: User) -> RemotePrincipal:
    return RemotePrincipal(PrincipalKind.USER, f"kenward:{user.pk}", email="bo@acme.example")


def test_who_leaves_is_not_synced_any_more_and_nobody_reads(
    world: World, source: Source, diary: Document
) -> None:
    with inside(world.acme):
        membership = Membership.objects.get(tenant=world.acme, user=world.ada)
        membership.is_active = False
        members.change(membership=membership, fields=["is_active"], actor=world.ida)
        connection = Connection.objects.get()
        assert (connection.state, connection.state_reason) == (
            ConnectionState.PAUSED,
            own_claims.OWNER_LEFT,
        )
        assert not Claim.objects.filter(ended_at=None, source=ClaimSource.OWN).exists()
    assert readers(world, diary) == set()
    mark = source.company.journal.mark()
    sync(world.acme)
    assert source.company.journal.since(mark) == [], "the source is not asked any more"


def test_who_is_shut_out_by_an_operator_is_not_synced_either(world: World, diary: Document) -> None:
    with inside(world.acme):
        runs.request(diary.connection, Lane.CONTENT, trigger=SyncRun.Trigger.SCHEDULE)
    with transaction.atomic():
        world.ada.is_active = False
        world.ada.save()
    with inside(world.acme):
        assert not Connection.objects.syncing().exists()
        assert not runs.claimable().exists()
        assert Connection.objects.get().state == ConnectionState.PAUSED
    assert readers(world, diary) == set()


def test_who_comes_back_reads_again_once_the_account_is_connected_again(
    world: World, source: Source, config: AuthConfig, diary: Document
) -> None:
    for is_active in (False, True):
        with inside(world.acme):
            membership = Membership.objects.get(tenant=world.acme, user=world.ada)
            membership.is_active = is_active
            members.change(membership=membership, fields=["is_active"], actor=world.ida)
    assert readers(world, diary) == set()
    with inside(world.acme):
        own_claims.hold(Connection.objects.get())
    assert readers(world, diary) == {"Ada"}


def test_a_guest_s_page_offers_nothing(world: World, config: AuthConfig) -> None:
    guest = make_member(world.acme, "gil@elsewhere.example", role=Role.MEMBER)
    with inside(world.acme):
        Membership.objects.filter(user=guest).update(is_guest=True)
    page = signed_in(guest).get("/connections/").content.decode()
    assert "Own accounts are for members" in page and "Connect<" not in page


def test_a_run_under_way_confirms_nothing_after_the_owner_has_left(
    world: World, source: Source, config: AuthConfig
) -> None:
    connection = own_connection(signed_in(world.ada), source, config)
    with inside(world.acme):
        Connection.objects.filter(pk=connection.pk).update(state=ConnectionState.ACTIVE)
        Membership.objects.filter(user=world.ada).update(is_active=False)
        assert not Connection.objects.syncing().exists()
        assert own_claims.stop_where_owner_left() == 1
        assert own_claims.stop_where_owner_left() == 0


_people = st.sampled_from(
    [EVERYBODY, RemotePrincipal(PrincipalKind.USER, "kenward:1"),
     RemotePrincipal(PrincipalKind.USER, "bo", email="bo@acme.example"),
     RemotePrincipal(PrincipalKind.GROUP, "staff"), RemotePrincipal(PrincipalKind.LINK, "x")]
)  # fmt: skip
_places = st.sampled_from(["own-account", "root", "folder"])
_acls = st.builds(
    RemoteAcl, external_id=_places, label=st.just("My diary"), parent=st.none(),
    mode=st.sampled_from(Mode),
    entries=st.lists(st.builds(RemoteEntry, principal=_people), max_size=2).map(tuple),
)  # fmt: skip
_policies = st.lists(st.lists(_places, max_size=2).map(tuple), max_size=2).map(tuple)
_items = st.builds(
    RemoteItem, external_id=st.text("ab", min_size=1, max_size=2), title=st.just("t"),
    path=st.just("p"), version=st.just("1"), policy=_policies,
)  # fmt: skip
_pages = st.builds(
    Page,
    observed_at=st.just(AT),
    items=st.lists(_items, max_size=3).map(tuple),
    item_policies=st.lists(st.tuples(st.just("a"), _policies), max_size=2).map(tuple),
    groups=st.lists(st.builds(RemoteGroup, principal=_people), max_size=2).map(tuple),
    deleted_groups=st.lists(_people, max_size=2).map(tuple),
    acls=st.lists(_acls, max_size=3).map(tuple),
    are_acls_complete=st.booleans(),
    deleted_ids=st.lists(st.text("ab", max_size=1), max_size=2).map(tuple),
)


@given(_pages)
def test_every_page_is_narrowed_to_one_reader(page: Page) -> None:
    connection = Connection(owner_id=7, realm="desk:x")
    told = own_account.narrowed(page, connection)
    owner = own_account.principal_of(connection)
    for policy in [item.policy for item in told.items] + [one for _, one in told.item_policies]:
        assert policy and all(policy), "its owner may read whatever the account lists"
    assert (told.groups, told.deleted_groups) == ((), ())
    assert {acl.external_id for acl in page.acls} <= {acl.external_id for acl in told.acls}
    assert told.acls[0].external_id == "own-account"
    for place in told.acls:
        assert (place.mode, place.label) == (Mode.ADD, "Own account")
        assert [(each.principal, each.is_allowed) for each in place.entries] == [(owner, True)]
    assert [item.external_id for item in told.items] == [item.external_id for item in page.items]
    assert told.deleted_ids == page.deleted_ids
    assert own_account.narrowed(told, connection) == told
    assert own_account.narrowed(page, Connection(realm="desk:x")) is page


def test_what_it_names_as_owner_is_nobody_by_an_address() -> None:
    named = own_account.principal_of(Connection(owner_id=7))
    assert (named.email, named.kind) == ("", PrincipalKind.USER)
    assert timedelta(0) < timezone.now() - AT
