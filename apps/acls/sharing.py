"""The one way to guardian's rows on shared objects: give, take away, and who has what.

The rows say who may open, change or share an object of Kenward's own. They know no denial, no
expiry and no inheritance, and never decide which document somebody may read: `resolve` does.
All functions need the tenant bound.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models, transaction
from guardian.shortcuts import get_objects_for_user
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from apps import audit
from apps.accounts.models import User
from apps.acls.errors import CannotShare
from apps.acls.models import NESTING_KINDS, Principal
from apps.acls.sharing_kinds import Shareable, ShareLevel, kind_of
from apps.errors import NotFound
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

M = TypeVar("M", bound=models.Model)
Recipient = User | Principal


@dataclass(frozen=True, slots=True)
class Share:
    """Somebody has a level on an object.

    Attributes:
        recipient: a person, or a group as its source names it.
        level: the highest one.
        is_owner: it cannot be taken away.
        is_present: still belongs to the tenant, or is still there in the source; without that
            the rows let nobody in.
    """

    recipient: Recipient
    level: ShareLevel
    is_owner: bool
    is_present: bool


def objects_for(user: User, codename: str, found: models.QuerySet[M]) -> models.QuerySet[M]:
    """Return those of the objects on which somebody holds a permission, by own row or by group.

    Operators gain nothing by being operators, and no model-wide permission counts.
    """
    held: models.QuerySet[M] = get_objects_for_user(
        user, codename, found, with_superuser=False, accept_global_perms=False
    )
    return held.filter(tenant_id=required_tenant_id())


def level_of(user: User, shared: models.Model) -> ShareLevel | None:
    """Return the highest level that somebody has on an object, or None."""
    found = type(shared)._default_manager.filter(pk=shared.pk)
    for level in reversed(kind_of(shared).levels):
        if objects_for(user, level.codename, found).exists():
            return level
    return None


def grant(shared: models.Model, recipient: Recipient, level_name: str, *, actor: User) -> bool:
    """Give somebody exactly this level on an object, and return whether that changed anything.

    Args:
        shared: of a registered kind, in the bound tenant.
        recipient: a member of the tenant, or a group with listed members.
        level_name: see `Shareable.levels`; a lower one than before takes the rest away.
        actor: who decides about the object.

    Raises:
        NotFound: the actor does not decide about this object, or there is no such level.
        CannotShare: the recipient cannot have it.
    """
    kind = _decided_by(actor, shared)
    level = kind.level(level_name)
    _require_possible(recipient)
    if _is_owner(kind, shared, recipient) and level != kind.levels[-1]:
        raise CannotShare("The owner keeps everything.")
    with transaction.atomic():
        _lock(shared)
        before = _codenames(shared, recipient)
        wanted = kind.codenames(level)
        rows = _table(shared, of_people=isinstance(recipient, User)).objects
        for codename in sorted(wanted - before):
            rows.assign_perm(codename, recipient, shared)
        for codename in sorted(before - wanted):
            rows.remove_perm(codename, recipient, shared)
        if before != wanted:
            _record("share.granted", shared, recipient, actor, kind.highest(before), level)
    return before != wanted


def revoke(shared: models.Model, recipient: Recipient, *, actor: User) -> bool:
    """Take an object away from somebody, and return whether they had it.

    Raises:
        NotFound: the actor does not decide about this object.
        CannotShare: the recipient owns it.
    """
    kind = _decided_by(actor, shared)
    if _is_owner(kind, shared, recipient):
        raise CannotShare("The owner keeps everything.")
    with transaction.atomic():
        _lock(shared)
        before = kind.highest(_codenames(shared, recipient))
        _rows(shared, recipient).delete()
        if before is not None:
            _record("share.revoked", shared, recipient, actor, before, None)
    return before is not None


def shared_with(shared: models.Model) -> list[Share]:
    """Return who has an object, people before groups, each with the highest level."""
    kind = kind_of(shared)
    by_person, by_group = _held(shared, of_people=True), _held(shared, of_people=False)
    people = User.objects.in_bulk(by_person)
    groups = Principal.objects.filter(tenant_id=required_tenant_id()).in_bulk(by_group)
    present = set(members().filter(user_id__in=people).values_list("user_id", flat=True))
    shares = [
        _share(kind, shared, person, by_person[pk], is_present=pk in present)
        for pk, person in people.items()
    ] + [
        _share(kind, shared, group, by_group[pk], is_present=_is_there(group))
        for pk, group in groups.items()
    ]
    return sorted(shares, key=_order)


def members() -> models.QuerySet[Membership]:
    """Return the usable memberships of the bound tenant."""
    return Membership.objects.usable().filter(tenant_id=required_tenant_id())


def _share(
    kind: Shareable, shared: models.Model, recipient: Recipient, held: set[str], *, is_present: bool
) -> Share:
    level = kind.highest(held) or kind.levels[0]
    return Share(recipient, level, _is_owner(kind, shared, recipient), is_present)


def _order(share: Share) -> tuple[bool, bool, str]:
    return (
        not share.is_owner,
        isinstance(share.recipient, Principal),
        str(share.recipient).lower(),
    )


def _decided_by(actor: User, shared: models.Model) -> Shareable:
    kind = kind_of(shared)
    is_here = shared.tenant_id == required_tenant_id()  # type: ignore[attr-defined]  # a tenant's row
    if not is_here or not kind.may_share(actor, shared):
        raise NotFound("There is no such page, or you may not share it.")
    return kind


def _require_possible(recipient: Recipient) -> None:
    if isinstance(recipient, User):
        if not members().filter(user_id=recipient.pk).exists():
            raise CannotShare("This person does not belong to your organisation.")
        return
    if recipient.tenant_id != required_tenant_id():
        raise CannotShare("There is no such group in your organisation.")
    # People are shared with as members, and sets such as “everyone” hold nobody by a row: such a
    # grant would look like one and let nobody in.
    if recipient.kind not in NESTING_KINDS:
        raise CannotShare("Only people of your organisation and groups with members can have it.")
    if not _is_there(recipient):
        raise CannotShare("This group is gone from its source.")


def _is_there(group: Principal) -> bool:
    return group.is_active and group.deleted_at is None


def _is_owner(kind: Shareable, shared: models.Model, recipient: Recipient) -> bool:
    return isinstance(recipient, User) and recipient.pk == kind.owner_id(shared)


def _lock(shared: models.Model) -> None:
    """Let one decision about an object wait for the other."""
    type(shared)._default_manager.select_for_update().get(pk=shared.pk)


def _table(shared: models.Model, *, of_people: bool) -> Any:
    return (get_user_obj_perms_model if of_people else get_group_obj_perms_model)(shared)


def _rows(shared: models.Model, recipient: Recipient) -> Any:
    is_person = isinstance(recipient, User)
    return _table(shared, of_people=is_person).objects.filter(
        tenant_id=required_tenant_id(),
        content_object=shared,
        **{"user" if is_person else "group": recipient},
    )


def _codenames(shared: models.Model, recipient: Recipient) -> set[str]:
    return set(_rows(shared, recipient).values_list("permission__codename", flat=True))


def _held(shared: models.Model, *, of_people: bool) -> dict[int, set[str]]:
    rows = _table(shared, of_people=of_people).objects.filter(
        tenant_id=required_tenant_id(), content_object=shared
    )
    who = "user_id" if of_people else "group_id"
    held: dict[int, set[str]] = defaultdict(set)
    for pk, codename in rows.values_list(who, "permission__codename"):
        held[pk].add(codename)
    return held


def _record(
    action: str,
    shared: models.Model,
    recipient: Recipient,
    actor: User,
    before: ShareLevel | None,
    after: ShareLevel | None,
) -> None:
    named = (
        {"user_id": recipient.pk}
        if isinstance(recipient, User)
        else {"principal": str(recipient.uuid)}
    )
    audit.record(
        action,
        tenant_id=required_tenant_id(),
        actor_id=actor.pk,
        target=shared,
        before=before.name if before else None,
        after=after.name if after else None,
        **named,
    )
