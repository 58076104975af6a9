"""Identities of Acme's people, and what comes of who claims them."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from apps.accounts.models import User
from apps.acls import (
    checks,
    claims,
    explain,
    history_moments,
    history_view,
    policy,
    resolve,
    whatif_verdicts,
)
from apps.acls.models import Claim, Principal
from tests.acls.small_worlds import acl, entry, principal
from tests.world import World

ADA, BO = "ada@acme.example", "bo@acme.example"


def identity(world: World, name: str, email: str = "", **fields: object) -> Principal:
    """Return an identity of a source that names people by ids of its own."""
    return principal(world.acme, "user", name, email=email, **fields)


def held() -> set[tuple[str, str, str]]:
    """Return who holds what, and by which word."""
    live = Claim.objects.filter(ended_at=None)
    return set(live.values_list("user__email", "principal__external_id", "source"))


def verify(user: User, address: str) -> None:
    EmailAddress.objects.create(user=user, email=address, verified=True)
    claims.claim_by_verified_email()


def opens(world: World, *who: Principal) -> int:
    """Return the policy of a place that these may read."""
    place = acl(world.acme)
    for one in who:
        entry(place, one)
    return policy.policy_for([[place.pk]])


def reads(user: User, wanted: int) -> bool:
    return wanted in resolve.compute(user).ids.tolist()


def every_way(user: User, wanted: int) -> set[bool]:
    """Return what each way of asking says; one answer, when they agree."""
    view = history_view.View(history_moments.now())
    verdicts = whatif_verdicts.verdicts([wanted])
    return {
        reads(user, wanted),
        *checks.admits_many([(user.pk, wanted)]),
        view.admits(user.pk, wanted),
        user.pk in view.readers_of(wanted),
        wanted in verdicts.of(verdicts.class_of.get(user.pk)),
        explain.why(user, wanted) is not None,
    }
