"""What waits behind identities is what their holder would read, and it comes in that order."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from apps.acls import claims, people_matches, policy, resolve
from apps.acls.errors import AlreadyHeld
from apps.acls.models import Claim, Placement, Principal
from apps.audit.models import Event
from apps.connections.models import Connection
from apps.documents import waiting
from apps.documents.models import Document
from apps.tenants.context import tenant_context
from tests.acls.small_worlds import acl, edge, entry, principal, random_company
from tests.sync_events.folder import connect
from tests.world import World, make_member


@pytest.fixture
def source(world: World) -> Iterator[Connection]:
    with tenant_context(world.acme):
        yield Connection.objects.create(
            tenant=world.acme, kind="file_share", name="Files", realm="files"
        )


def store(source: Connection, policy_id: int, *, count: int = 1, **fields: object) -> None:
    start = Document.objects.count()
    Document.objects.bulk_create(
        Document(
            tenant=source.tenant,
            connection=source,
            external_id=f"{start + n}",
            policy_id=policy_id,
            title="t",
            path=f"{start + n}",
            source_version="1",
            last_synced_at=timezone.now(),
            **fields,
        )
        for n in range(count)
    )


def test_documents_are_counted_by_identity_groups_denials_and_clauses(
    world: World, source: Connection
) -> None:
    alone, member, nobody = (principal(world.acme, "user") for _ in range(3))
    group, above = principal(world.acme), principal(world.acme)
    edge(member, group)
    edge(group, above)
    top = acl(world.acme)
    below, denied = acl(world.acme, parent=top), acl(world.acme, parent=top)
    entry(top, above)
    entry(below, alone)
    entry(denied, group, allow=False)
    store(source, policy.policy_for([[top.pk]]), count=2)
    store(source, policy.policy_for([[below.pk]]), count=3)
    store(source, policy.policy_for([[denied.pk]]), count=4)
    store(source, policy.policy_for([[top.pk], [denied.pk]]), count=5)
    store(source, policy.policy_for([[below.pk]]), deleted_at=timezone.now())
    ids = [alone.pk, member.pk, nobody.pk]
    assert waiting.behind(ids) == {alone.pk: 3, member.pk: 5, nobody.pk: 0}
    assert waiting.largest_first(ids, limit=2) == [member.pk, alone.pk]
    assert waiting.largest_first(ids, limit=2, offset=2) == [nobody.pk]


@pytest.mark.parametrize("seed", range(4))
def test_the_count_equals_what_a_person_with_that_identity_alone_reads(
    world: World, source: Connection, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    company = random_company(world.acme, [world.ada], rng)
    # Nobody is a member of anything but by the identity: these would read beside it.
    Principal.objects.filter(kind__in=["members", "everyone"]).update(is_active=False)
    for policy_id in set(company.policies):
        store(source, policy_id, count=rng.randint(1, 3))
    people = [one for one in company.principals if one.kind == "user"]
    counted = waiting.behind([one.pk for one in people])
    assert counted is not None
    Claim.objects.update(ended_at=timezone.now())
    for one in people:
        guest = make_member(world.acme, f"g{one.pk}@acme.example")
        Claim.objects.create(tenant=world.acme, user=guest, principal=one, source="admin")
        read = Document.objects.filter(policy_id__in=resolve.compute(guest).ids.tolist())
        assert counted[one.pk] == read.count(), one


@pytest.mark.parametrize("seed", range(12))
def test_the_count_equals_what_a_match_gains_a_member_who_is_nobody_yet(
    world: World, source: Connection, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    company = random_company(world.acme, [world.ada, world.bo], rng)
    Connection.objects.update(permissions_confirmed_at=timezone.now())
    Placement.objects.update(attended_at=timezone.now())
    for policy_id in set(company.policies):
        store(source, policy_id, count=rng.randint(1, 3))
    Claim.objects.update(ended_at=timezone.now())
    newcomer = make_member(world.acme, "new@acme.example")
    people = list(Principal.objects.filter(kind="user", is_active=True, deleted_at=None))
    counted = waiting.behind([one.pk for one in people])
    assert counted == {
        one.pk: waiting.effect_of_match(principal=one, user=newcomer, actor=world.ida).gained
        for one in people
    }


def test_a_clause_that_is_open_to_everyone_stands_in_nobody_s_way(
    world: World, source: Connection
) -> None:
    one, everyone = principal(world.acme, "user"), principal(world.acme, "everyone")
    public, own, denied = acl(world.acme), acl(world.acme), acl(world.acme)
    entry(public, everyone)
    entry(own, one)
    entry(denied, one, ord=1)
    entry(denied, everyone, allow=False)
    store(source, policy.policy_for([[public.pk], [own.pk]]), count=2)
    store(source, policy.policy_for([[public.pk]]), count=3)
    store(source, policy.policy_for([[denied.pk]]), count=5)
    store(source, policy.policy_for([[public.pk, own.pk]]), count=7)
    assert waiting.behind([one.pk]) == {one.pk: 2}


def test_a_match_is_measured_and_taken_back(world: World, source: Connection) -> None:
    held, offered = principal(world.acme, "user"), principal(world.acme, "user")
    both, gained, lost = acl(world.acme), acl(world.acme), acl(world.acme)
    people_matches.match(principal=held, user=world.bo, actor=world.ida)
    for place, who, allow in (
        (both, held, True), (both, offered, True), (gained, offered, True), (lost, held, True),
        (lost, offered, False),
    ):  # fmt: skip
        entry(place, who, allow=allow)
    for place, count in ((both, 1), (gained, 2), (lost, 3)):
        store(source, policy.policy_for([[place.pk]]), count=count)
    before = Event.objects.count(), Claim.objects.count()
    effect = waiting.effect_of_match(principal=offered, user=world.bo, actor=world.ida)
    assert effect == waiting.Effect(gained=2, lost=3)
    assert (Event.objects.count(), Claim.objects.count()) == before
    with pytest.raises(AlreadyHeld):
        waiting.effect_of_match(principal=held, user=world.ada, actor=world.ida)
    assert claims.claim_by_verified_email() == claims.Claimed(started=0, ended=0)


def test_nothing_is_counted_in_another_tenant(world: World, source: Connection) -> None:
    one = principal(world.acme, "user")
    place = acl(world.acme)
    entry(place, one)
    store(source, policy.policy_for([[place.pk]]))
    assert waiting.behind([one.pk]) == {one.pk: 1}
    with tenant_context(world.umbra):
        assert waiting.behind([one.pk]) == {one.pk: 0}


def test_counting_that_takes_too_long_is_given_up_and_the_transaction_goes_on(
    world: World, source: Connection
) -> None:
    assert waiting._within_time("SELECT pg_sleep(20)", {}, longest_s=0.05) is None
    assert waiting.behind([principal(world.acme, "user").pk]) is not None


def test_files_that_the_file_system_lets_one_person_read_wait_for_that_person(
    committed_world: World, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KENWARD_FOLDER_ROOTS = [tmp_path]
    path = tmp_path / "server"
    path.mkdir()
    folder = connect(committed_world.acme, path, access="posix")
    folder.write(open="# O", shut="# S")
    (path / "open.md").chmod(0o644)
    (path / "shut.md").chmod(0o600)
    path.chmod(0o755)
    folder.sweep()
    with tenant_context(committed_world.acme), transaction.atomic():
        me = Principal.objects.get(kind="user", external_id=f"uid:{os.geteuid()}")
        assert waiting.behind([me.pk]) == {me.pk: 2}
