"""Matches by hand: an IT admin says that an identity of a source is a member, or is not.

Merging two identities of one person is two claims; un-merging ends one. No grant is rewritten.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls import claims, own_claims
from apps.acls.errors import AlreadyHeld
from apps.acls.models import Claim, ClaimSource, KeptApart, Principal
from apps.connections.protocol import PrincipalKind
from apps.errors import InvalidInput
from apps.tenants.models import Membership


def match(*, principal: Principal, user: User, actor: User) -> Claim:
    """Make a member the holder of an identity, from this commit on.

    It stands whatever happens to addresses, until it is ended by hand or the person leaves.

    Args:
        principal: of the bound tenant.
        user: the member.
        actor: the IT admin.

    Raises:
        AlreadyHeld: somebody else holds the identity.
        InvalidInput: it is no identity of a person, not in use in its source, or the person is no
            member here, or is the actor.
    """
    _require_another_actor("identity.match_refused", principal, user.pk, actor)
    with transaction.atomic():
        claims.lock()
        principal.refresh_from_db()
        _require_matchable(principal, user)
        live = holder(principal)
        if live is not None and live.user_id != user.pk:
            raise AlreadyHeld(
                f"This identity is already held by {live.user.email}.",
                hint="End that match first, if it is wrong.",
            )
        if live is not None and live.source == ClaimSource.ADMIN:
            return live
        _end_keeping_apart(principal, user)
        if live is not None:
            _end(live)
        made = Claim.objects.create(
            tenant_id=principal.tenant_id, user=user, principal=principal, source=ClaimSource.ADMIN
        )
        _record("identity.matched", principal, user.pk, actor)
    return made


def unmatch(*, claim: Claim, actor: User) -> None:
    """End a live claim at once, and keep the two apart until an admin matches them again.

    Args:
        claim: by whatever source; an ended one is left as it is.
        actor: the IT admin.

    Raises:
        InvalidInput: the claim is the actor's own.
    """
    _require_another_actor("identity.unmatch_refused", claim.principal, claim.user_id, actor)
    with transaction.atomic():
        claims.lock()
        live = Claim.objects.filter(pk=claim.pk, ended_at=None).select_related("principal").first()
        if live is None:
            return
        _end(live)
        KeptApart.objects.get_or_create(
            tenant_id=live.tenant_id,
            principal_id=live.principal_id,
            user_id=live.user_id,
            ended_at=None,
            defaults={"decided_by": actor},
        )
        # Somebody else may have the better word for it now.
        claims.claim_by_verified_email()
        _record("identity.unmatched", live.principal, live.user_id, actor, source=live.source)


def holder(principal: Principal) -> Claim | None:
    """Return the live claim on an identity, with its person; None when nobody holds it."""
    live = Claim.objects.filter(
        tenant_id=principal.tenant_id, principal_id=principal.pk, ended_at=None
    )
    return live.select_related("user").first()


def _require_another_actor(action: str, principal: Principal, user_id: int, actor: User) -> None:
    """Let nobody decide alone who they are themselves: it would open, or un-deny, anything."""
    if user_id == actor.pk:
        _record(action, principal, user_id, actor)
        raise InvalidInput(
            "You cannot decide yourself which identities are yours.",
            hint="Ask another IT admin, or an operator of this installation.",
        )


def _require_matchable(principal: Principal, user: User) -> None:
    if principal.kind != PrincipalKind.USER:
        raise InvalidInput("Only a person's identity can be matched; this names no single person.")
    if own_claims.is_own_account(principal):
        raise InvalidInput("This is somebody's own account: it is read by whoever connected it.")
    if principal.deleted_at is not None or not principal.is_active:
        raise InvalidInput(
            "This identity is not in use in its source any more, so it opens nothing.",
            hint="It can be matched once the source names it as active again.",
        )
    members = Membership.objects.usable().filter(tenant_id=principal.tenant_id, user=user)
    if not members.exists():
        raise InvalidInput(
            "This person is no active member here.", hint="Add them under Members first."
        )


def _end_keeping_apart(principal: Principal, user: User) -> None:
    apart = KeptApart.objects.filter(
        tenant_id=principal.tenant_id, principal_id=principal.pk, user=user, ended_at=None
    )
    apart.update(ended_at=timezone.now())


def _end(claim: Claim) -> None:
    claim.ended_at = timezone.now()
    claim.save(update_fields=["ended_at"])


def _record(action: str, principal: Principal, user_id: int, actor: User, **details: str) -> None:
    audit.record(
        action,
        tenant_id=principal.tenant_id,
        actor_id=actor.pk,
        target=principal,
        user_id=user_id,
        **details,
    )
