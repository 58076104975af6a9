"""Writes what a connector says about people, groups and places. The reading page of that flow.

It runs in the transaction of the sync's page and is safe to run twice. Nothing is rewritten that is
not different, and an older observation changes nothing that a newer one has said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps import audit
from apps.accounts.models import User
from apps.acls import claims, entries, membership, places
from apps.acls import principals as people
from apps.acls.external_ids import key
from apps.connections.protocol import RemoteAcl, RemoteGroup, RemotePrincipal
from apps.tenants.context import required_tenant_id


class AclIds:
    """The ids of the places that one observation told of."""

    def __init__(self, by_key: dict[str, int]) -> None:
        self._by_key = by_key

    def __getitem__(self, external_id: str) -> int:
        """Return the id of the ACL of a place, as the source names it."""
        return self._by_key[key(external_id)]

    def __len__(self) -> int:
        return len(self._by_key)


def apply(  # noqa: PLR0913  the parts of one observation
    realm: str,
    *,
    principals: Sequence[RemotePrincipal] = (),
    groups: Sequence[RemoteGroup] = (),
    deleted_groups: Sequence[RemotePrincipal] = (),
    acls: Sequence[RemoteAcl] = (),
    observed_at: datetime,
    complete: bool = False,
    actor: User | None = None,
    brought_by: UUID | None = None,
) -> AclIds:
    """Make the stored permissions of one source what was observed.

    Args:
        realm: the namespace in which the source names people, groups and places.
        principals: people and groups beside those that groups and entries name.
        groups: member lists; each replaces the stored list of its group.
        deleted_groups: groups that the source has no more. They hold nobody and are in nothing;
            the entries that name them stay.
        acls: places with all their own entries; each replaces what is stored of its place. And
            values, which are stored once and never change.
        observed_at: taken before the request to the source was sent.
        complete: nothing else exists: other places of the realm add to their parent and have no
            entry, other groups have no members.
        actor: the person behind it; None for a sync.
        brought_by: the sync run behind it, by uuid; kept with the rows that change.

    Returns:
        the ids of the told places, those included of which something newer is known.

    Raises:
        BrokenTree: a place names a parent that is unknown, or lies below itself, or a value is not
            called by what it holds.
    """
    gone = {people.name_of(group) for group in deleted_groups}
    groups = [group for group in groups if people.name_of(group.principal) not in gone]
    with transaction.atomic():
        mentioned = [*principals, *deleted_groups, *named_by(groups, acls)]
        named = people.record(realm, mentioned, observed_at=observed_at, deleted=gone)
        gone_ids = [named.ids[name] for name in gone]
        changed = membership.bury_all(gone_ids, observed_at=observed_at)
        changed += membership.replace(
            _member_lists(realm, groups, named.ids, observed_at, complete),
            buried=membership.buried(gone_ids),
            observed_at=observed_at,
            brought_by=brought_by,
        )
        told = {key(acl.external_id): acl for acl in acls}
        ids, accepted = places.record(realm, told, observed_at=observed_at, brought_by=brought_by)
        readers = {ids[name]: acl.entries for name, acl in told.items() if ids[name] in accepted}
        if complete:
            listed = set(ids.values())
            plain = places.make_others_plain(
                realm, listed, observed_at=observed_at, brought_by=brought_by
            )
            readers |= dict.fromkeys(plain, ())
        changed += entries.replace(
            readers, named.ids, observed_at=observed_at, brought_by=brought_by
        )
        if named.people_changed:
            claims.claim_by_verified_email()
        if changed:
            _audit(realm, changed, actor)
        return AclIds(ids)


def named_by(groups: Iterable[RemoteGroup], acls: Iterable[RemoteAcl]) -> Iterator[RemotePrincipal]:
    """Yield whom member lists and entries name, as often as they do."""
    for group in groups:
        yield group.principal
        yield from group.members
    for acl in acls:
        for entry in acl.entries:
            yield entry.principal


def _member_lists(
    realm: str,
    groups: Sequence[RemoteGroup],
    ids: people.Ids,
    observed_at: datetime,
    complete: bool,  # noqa: FBT001  private, and named at its only call
) -> dict[int, membership.Members]:
    lists: dict[int, membership.Members] = {}
    for pk, group in people.accept_lists(ids, groups, observed_at=observed_at).items():
        members = {ids[people.name_of(member)] for member in group.members}
        ends: dict[int, datetime] = {}
        for member, end in group.ends:
            name = people.name_of(member)
            if name in ids:
                ends[ids[name]] = min(end, ends.get(ids[name], end))
        # A group that a source lists within itself is none the larger for it.
        lists[pk] = {member: ends.get(member) for member in members - {pk}}
    if complete:
        listed = {ids[people.name_of(group.principal)] for group in groups}
        for pk in people.unlisted(realm, listed, observed_at=observed_at):
            lists[pk] = {}
    return lists


def _audit(realm: str, changed: int, actor: User | None) -> None:
    audit.record(
        "permissions.recorded",
        tenant_id=required_tenant_id(),
        actor_id=actor.pk if actor else None,
        realm=realm,
        rows_changed=changed,
    )
