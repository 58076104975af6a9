"""Writes what a connector says about people, groups and places. The reading page of that flow.

It runs in the transaction of the sync's page and is safe to run twice. Nothing is rewritten that is
not different, and an older observation changes nothing that a newer one has said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    """The ids of all places that one observation told of, newer known ones included.

    Args:
        by_key: the ids by the places' keys.
        grants_changed: how many entries changed.
        members_changed: how many rows of member lists changed.
        changed_places: the ids of ACLs whose entries, mode or place in the tree changed.
    """

    def __init__(
        self,
        by_key: dict[str, int],
        *,
        grants_changed: int,
        members_changed: int,
        changed_places: frozenset[int],
    ) -> None:
        self._by_key = by_key
        self.grants_changed = grants_changed
        self.members_changed = members_changed
        self.changed_places = changed_places

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
        deleted_groups: groups that the source has no more (see `Page`).
        acls: places and values; all own entries of a place replace what is stored of it.
        observed_at: taken before the request to the source was sent.
        complete: nothing else exists (see `Page.are_acls_complete`).
        actor: the person behind it; None for a sync.
        brought_by: the sync run behind it, by uuid; kept with the rows that change.

    Raises:
        BrokenTree: see `places.record`.
    """
    gone = {people.name_of(group) for group in deleted_groups}
    groups = [group for group in groups if people.name_of(group.principal) not in gone]
    mentioned = [*principals, *deleted_groups, *named_by(groups, acls)]
    told = _Observation(realm, observed_at, complete, brought_by)
    with transaction.atomic():
        named = people.record(realm, mentioned, observed_at=observed_at, deleted=gone)
        changed = told.write_members(groups, named.ids, [named.ids[name] for name in gone])
        place_ids, entries_of, moved = told.write_places(acls, named.ids)
        if named.people_changed:
            claims.claim_by_verified_email()
        _audit_change(realm, changed + len(entries_of), actor)
    return AclIds(
        place_ids,
        grants_changed=len(entries_of),
        members_changed=changed,
        changed_places=moved.union(entries_of),
    )


def named_by(groups: Iterable[RemoteGroup], acls: Iterable[RemoteAcl]) -> Iterator[RemotePrincipal]:
    """Yield whom member lists and entries name, as often as they do."""
    for group in groups:
        yield group.principal
        yield from group.members
    for acl in acls:
        for entry in acl.entries:
            yield entry.principal


@dataclass(frozen=True, slots=True)
class _Observation:
    """What all rows of one observation have in common, and how its parts are written."""

    realm: str
    observed_at: datetime
    complete: bool
    brought_by: UUID | None

    def write_members(self, groups: Sequence[RemoteGroup], ids: people.Ids, gone: list[int]) -> int:
        """Bury the groups that are gone, replace the lists of the others; count what changed."""
        buried = membership.bury_all(gone, observed_at=self.observed_at)
        return buried + membership.replace(
            self._member_lists(groups, ids),
            buried=membership.buried(gone),
            observed_at=self.observed_at,
            brought_by=self.brought_by,
        )

    def write_places(
        self, acls: Sequence[RemoteAcl], ids: people.Ids
    ) -> tuple[dict[str, int], list[int], frozenset[int]]:
        """Store places, values and their entries.

        Returns:
            all ids; the ACL of each entry that changed; and the places that are new or elsewhere.
        """
        at, run = self.observed_at, self.brought_by
        told = {key(acl.external_id): acl for acl in acls}
        stored, accepted, moved = places.record(self.realm, told, observed_at=at, brought_by=run)
        readers = {stored[name]: a.entries for name, a in told.items() if stored[name] in accepted}
        if self.complete:
            listed = set(stored.values())
            plain = places.make_others_plain(self.realm, listed, observed_at=at, brought_by=run)
            readers |= dict.fromkeys(plain, ())
            moved |= {place for place, was_cut in plain.items() if was_cut}
        changed = entries.replace(readers, ids, observed_at=at, brought_by=run)
        return stored, changed, frozenset(moved)

    def _member_lists(
        self, groups: Sequence[RemoteGroup], ids: people.Ids
    ) -> dict[int, membership.Members]:
        accepted = people.accept_lists(ids, groups, observed_at=self.observed_at)
        lists = {pk: _members(pk, group, ids) for pk, group in accepted.items()}
        if self.complete:
            listed = {ids[people.name_of(group.principal)] for group in groups}
            unlisted = people.unlisted(self.realm, listed, observed_at=self.observed_at)
            lists |= {pk: {} for pk in unlisted}
        return lists


def _members(pk: int, group: RemoteGroup, ids: people.Ids) -> membership.Members:
    """Return the members of a group with their ends; of two ends the earlier one counts."""
    ends: dict[int, datetime] = {}
    for member, end in group.ends:
        name = people.name_of(member)
        if name in ids:
            ends[ids[name]] = min(end, ends.get(ids[name], end))
    members = {ids[people.name_of(member)] for member in group.members}
    # A group that a source lists within itself is none the larger for it.
    return {member: ends.get(member) for member in members - {pk}}


def _audit_change(realm: str, rows_changed: int, actor: User | None) -> None:
    if not rows_changed:
        return
    audit.record(
        "permissions.recorded",
        tenant_id=required_tenant_id(),
        actor_id=actor.pk if actor else None,
        realm=realm,
        rows_changed=rows_changed,
    )
