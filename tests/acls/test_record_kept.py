"""Beside who is allowed what: levels, values, who brought a row, and whom a directory lets in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from apps.acls import policy, record, resolve
from apps.acls.errors import BrokenTree
from apps.acls.models import Acl, AclEntry, Edge, PermissionChange, Principal
from apps.connections.dialects.value import in_order, value
from apps.connections.errors import ContractBroken
from apps.connections.protocol import Form, Level, Mode, RemoteAcl, RemoteEntry
from apps.tenants.context import tenant_context
from tests.acls.test_record import ADA, BO, LATER, NOON, REALM, group, listed, place
from tests.world import World

ALLOW_ADA = RemoteEntry(ADA)
DENY_ADA = RemoteEntry(ADA, is_allowed=False)


def brought(rows: type[Acl | AclEntry | Edge]) -> set[UUID | None]:
    return set(rows.objects.values_list("brought_by", flat=True))


def readers_of(world: World, acl: RemoteAcl) -> set[str]:
    [pk] = policy.policies_for_places(REALM, [((acl.external_id,),)])
    people = (world.ada, world.bo)
    return {u.name for u in people if pk in resolve.compute(u).ids.tolist()}


def test_the_level_of_an_entry_is_kept_and_follows_its_source(world: World) -> None:
    with tenant_context(world.acme):
        for level, at in ((Level.WRITE, NOON), (Level.COMMENT, LATER)):
            told = RemoteAcl(".", "/", entries=(RemoteEntry(ADA, level=level),))
            record.apply(REALM, acls=[told], observed_at=at)
            assert AclEntry.objects.get().level == level


def test_of_two_equal_allowances_the_higher_level_counts(world: World) -> None:
    twice = (RemoteEntry(ADA, level=Level.WRITE), RemoteEntry(ADA, level=Level.READ))
    with tenant_context(world.acme):
        for told in (twice, twice[::-1]):
            record.apply(REALM, acls=[RemoteAcl(".", "/", entries=told)], observed_at=NOON)
            assert AclEntry.objects.get().level == Level.WRITE


def test_rows_name_the_run_that_changed_them_last(world: World) -> None:
    first, second = uuid4(), uuid4()
    told = {"groups": [listed("staff", ADA)], "acls": [place(".", group("staff"))]}
    with tenant_context(world.acme):
        record.apply(REALM, observed_at=NOON, brought_by=first, **told)  # type: ignore[arg-type]
        record.apply(REALM, observed_at=LATER, brought_by=second, **told)  # type: ignore[arg-type]
        assert brought(Acl) == brought(AclEntry) == brought(Edge) == {first}
        record.apply(
            REALM,
            groups=[listed("staff", BO)],
            acls=[place(".", group("staff"), BO, cut=True)],
            observed_at=LATER,
            brought_by=second,
        )
        assert brought(Acl) == brought(Edge) == {second}
        assert brought(AclEntry) == {first, second}


def test_a_value_is_stored_once_and_never_rewritten(world: World) -> None:
    told = value([ALLOW_ADA])
    with tenant_context(world.acme):
        record.apply(REALM, acls=[told], observed_at=NOON)
        stored = Acl.objects.get()
        assert stored.form == Form.VALUE and readers_of(world, told) == {"Ada"}
        logged, rows = PermissionChange.objects.count(), list(AclEntry.objects.values())
        run = uuid4()
        for at in (LATER, NOON):
            record.apply(REALM, acls=[told, place(".")], observed_at=at, brought_by=run)
        record.apply(REALM, acls=[], observed_at=LATER, complete=True, brought_by=run)
        assert list(AclEntry.objects.values()) == rows
        assert PermissionChange.objects.count() == logged
        assert readers_of(world, told) == {"Ada"}


@pytest.mark.parametrize(
    "wrong",
    [
        replace(value([ALLOW_ADA]), entries=(RemoteEntry(BO),)),
        replace(value([ALLOW_ADA]), form=Form.PLACE),
        replace(value([ALLOW_ADA]), mode=Mode.CUT),
        replace(value([ALLOW_ADA]), parent="."),
        RemoteAcl("mine", "/", entries=(ALLOW_ADA,), form=Form.VALUE),
    ],
)
def test_a_value_that_is_not_what_its_name_says_is_refused(world: World, wrong: RemoteAcl) -> None:
    with tenant_context(world.acme):
        record.apply(REALM, acls=[place(".")], observed_at=NOON)
        with pytest.raises(BrokenTree), transaction.atomic():
            record.apply(REALM, acls=[wrong], observed_at=LATER)


def test_values_are_named_by_what_decides_and_by_nothing_else() -> None:
    ordered = value([replace(DENY_ADA, ord=0), RemoteEntry(BO, ord=1)])
    assert value(ordered.entries[::-1], label="another").external_id == ordered.external_id
    renamed = replace(BO, label="Robert", email="")
    assert value([replace(DENY_ADA, ord=0), RemoteEntry(renamed, ord=1)]).external_id == (
        ordered.external_id
    )
    others = [
        [replace(DENY_ADA, ord=1), RemoteEntry(BO, ord=0)],
        [replace(ALLOW_ADA, ord=0), RemoteEntry(BO, ord=1)],
        [replace(DENY_ADA, ord=0), RemoteEntry(BO, ord=1, level=Level.WRITE)],
        [replace(DENY_ADA, ord=0), RemoteEntry(BO, ord=1, expires_at=NOON)],
        [replace(DENY_ADA, ord=0), RemoteEntry(BO, ord=1, starts_at=NOON)],
        [replace(DENY_ADA, ord=0), RemoteEntry(BO, ord=1, is_sticky=True)],
        [replace(DENY_ADA, ord=0), RemoteEntry(group("bo@acme.example"), ord=1)],
        [],
    ]
    names = {value(entries).external_id for entries in others}
    assert len(names) == len(others) and ordered.external_id not in names


def test_an_ordered_list_keeps_the_first_of_each_and_numbers_the_changes_of_sign() -> None:
    cy = replace(BO, external_id="cy")
    told = [RemoteEntry(BO), RemoteEntry(cy), DENY_ADA, replace(RemoteEntry(BO), is_allowed=False)]
    entries = in_order([*told, RemoteEntry(ADA)])
    assert [(e.principal, e.is_allowed, e.ord) for e in entries] == [
        (BO, True, 0),
        (cy, True, 0),
        (ADA, False, 1),
    ]
    with pytest.raises(ContractBroken):
        in_order([RemoteEntry(ADA, expires_at=NOON)])


def test_a_list_that_cannot_be_numbered_is_refused_as_a_whole() -> None:
    signs = (
        RemoteEntry(replace(BO, external_id=str(n)), is_allowed=n % 2 == 0) for n in range(32_769)
    )
    with pytest.raises(ContractBroken, match="32,767"):
        value(in_order(signs))


def test_a_person_whom_the_directory_shuts_out_reads_nothing(world: World) -> None:
    out, back = replace(ADA, is_active=False), replace(ADA, is_active=True)
    with tenant_context(world.acme):
        told = place(".", ADA)
        record.apply(REALM, acls=[told], observed_at=NOON)
        assert readers_of(world, told) == {"Ada"}
        record.apply(REALM, principals=[out], observed_at=LATER)
        assert readers_of(world, told) == set()
        # A mention that does not say changes nothing, nor does an older word.
        record.apply(REALM, acls=[told], observed_at=LATER + timedelta(minutes=1))
        record.apply(REALM, principals=[back], observed_at=NOON)
        assert readers_of(world, told) == set()
        record.apply(REALM, principals=[back], observed_at=LATER + timedelta(minutes=2))
        assert readers_of(world, told) == {"Ada"}


def test_that_somebody_is_out_is_dated_each_time_it_is_told(world: World) -> None:
    ana = replace(ADA, email="", label="")
    with tenant_context(world.acme):
        for minute, is_active in ((0, False), (10, False), (5, True)):
            told = replace(ana, is_active=is_active)
            at = NOON + timedelta(minutes=minute)
            record.apply(REALM, principals=[told], observed_at=at)
        assert not Principal.objects.get(kind="user").is_active


def test_whoever_is_out_by_one_of_two_mentions_is_out(world: World) -> None:
    both = [replace(ADA, is_active=False), ADA, replace(ADA, is_active=True)]
    with tenant_context(world.acme):
        record.apply(REALM, principals=both, observed_at=NOON)
        assert not Principal.objects.get(kind="user").is_active


def test_a_group_stays_in_force_whatever_a_mention_says_of_it(world: World) -> None:
    denied = RemoteAcl(
        "m", "/m", entries=(RemoteEntry(group("out"), is_allowed=False), RemoteEntry(ADA, ord=1))
    )
    with tenant_context(world.acme):
        record.apply(REALM, groups=[listed("out", ADA)], acls=[denied], observed_at=NOON)
        record.apply(REALM, principals=[replace(group("out"), is_active=False)], observed_at=LATER)
        assert readers_of(world, denied) == set()
