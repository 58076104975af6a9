"""The loop of the proof: one random change, then every person is asked about every document."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from django.db.models import F
from django.utils import timezone

from apps.accounts.models import User
from apps.acls import members, resolve
from apps.acls.models import AclEntry, Edge
from apps.connections.models import Connection
from apps.errors import InvalidInput
from apps.ops.proof import company as companies
from apps.ops.proof import links, verdicts
from apps.ops.proof.company import Company, Site
from apps.ops.proof.links import Names
from apps.ops.proof.source import PEOPLE
from apps.ops.proof.sources import DIALECTS
from apps.tenants.models import Membership

USERS = 5
# Of the sources that two companies have, beside one that can do everything; and for how many steps
# these companies live before others take their place.
DIALECTS_AT_ONCE = 3
STEPS_TOGETHER = 400


@dataclass
class Tally:
    """What has been compared so far.

    Attributes:
        documents: that the sources have told of.
        verdicts: pairs of a person and a document, each compared by every way of asking.
        explained: verdicts whose explanation was checked link by link.
        late: how often somebody was asked again, since a widening had not been noticed yet.
        dialects: how many changes each dialect's sources have made.
        disagreements: sentences, each with what was changed before.
    """

    steps: int = 0
    users: int = 0
    documents: int = 0
    verdicts: int = 0
    explained: int = 0
    late: int = 0
    dialects: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)


def prove(*, seed: int, go_on: Callable[[Tally], bool], dialects: list[str] | None = None) -> Tally:
    """Change and compare until told to stop.

    Runs in a database of its own, whose contents it makes and leaves behind.

    Args:
        seed: the same seed makes the same companies and changes.
        go_on: asked before each step.
        dialects: all of them by default.

    Returns:
        the tally; the proof failed if it lists disagreements.
    """
    rng = Random(seed)  # noqa: S311  not for secrets: the same seed has to give the same run
    users = [User.objects.create_user(f"person{n}-{seed}@proof.example") for n in range(USERS)]
    tally = Tally(users=len(users))
    while go_on(tally):
        chosen = dialects or ["algebra", *rng.sample(sorted(DIALECTS), k=DIALECTS_AT_ONCE)]
        names = [f"{name}-{seed}-{tally.steps}" for name in ("one", "other")]
        both = [companies.found(name, users, chosen, rng) for name in names]
        for _ in range(STEPS_TOGETHER):
            if not go_on(tally):
                break
            _advance(both, users, rng, tally, seed)
        tally.documents += sum(map(companies.documents, both))
    return tally


def _advance(both: list[Company], users: list[User], rng: Random, tally: Tally, seed: int) -> None:
    company = rng.choice(both)
    what = step(company, users, rng)
    companies.follow(company)
    tally.steps += 1
    if ": " in what:
        tally.dialects[what.partition(": ")[0]] += 1
    # Every few steps the other company too: nothing of it may have moved.
    for each in both:
        companies.look_after(each)
    for each in both if tally.steps % 10 == 0 else [company]:
        found = [sentence for user in users for sentence in compare(each, user, tally)]
        found += compare_checks(each, users)
        found += compare_explanations(each, rng.choice(users), tally)
        tally.disagreements += [
            f"step {tally.steps} (seed {seed}), after {what}: {sentence}" for sentence in found
        ]


def step(company: Company, users: list[User], rng: Random) -> str:
    """Make one random change of any kind, and return it in words."""
    acts: dict[Callable[[Company, list[User], Random], str], int] = {
        _change_source: 12,
        _give_or_take: 2,
        _come_or_go: 1,
        _guest_or_not: 1,
        _pass_time: 1,
        _fall_silent_or_confirm: 1,
    }
    act = rng.choices(list(acts), list(acts.values()))[0]
    return act(company, users, rng)


def compare(company: Company, user: User, tally: Tally) -> Iterator[str]:
    """Yield a sentence for each way of asking whose answer is not the sources' own.

    A widening that a sync brought may be noticed some seconds late, so an answer that lacks
    something is asked for again past the cache. What shows too much never gets a second chance.
    """
    expected = company.expected(user)
    tally.verdicts += sum(len(site.items) for site in company.sites)
    answers = verdicts.of(company, user)
    if any(lacking < expected for lacking in answers.ways().values()):
        tally.late += 1
        with company.open():
            resolve.forget(user)
        answers = verdicts.of(company, user)
    who = _who(company, user)
    if answers.count != len(answers.listed):
        yield f"{who}: counted {answers.count} documents but listed {len(answers.listed)}"
    for way, got in answers.ways().items():
        if got != expected:
            yield f"{who}: {way}: {_difference(got, expected)}"


def compare_checks(company: Company, users: list[User]) -> Iterator[str]:
    """Yield a sentence for each person for whom the check API says something else."""
    found = verdicts.checked(company, users)
    for user in users:
        got, expected = found[user.pk], company.expected(user)
        if got != expected:
            yield f"{_who(company, user)}: checked: {_difference(got, expected)}"


def compare_explanations(company: Company, user: User, tally: Tally) -> Iterator[str]:
    """Yield a sentence for each explanation with another verdict, and for each untrue link."""
    expected = company.expected(user)
    found = verdicts.explained(company, user)
    with company.open():
        names = Names.of()
    tally.explained += len(found)
    for site in company.sites:
        for item in site.items:
            name = companies.name_of(site, item)
            explanation = found[name]
            if explanation.verdict != (name in expected):
                yield f"{_who(company, user)}: explained {name} as {explanation.sentence}"
                continue
            for untrue in links.untrue(company, site, user, explanation, names):
                yield f"{_who(company, user)}: {name} explained: {untrue}"


def _who(company: Company, user: User) -> str:
    return f"person {user.email} in {company.tenant.slug}"


def _difference(got: set[str], expected: set[str]) -> str:
    return f"leaked {sorted(got - expected)}, lost {sorted(expected - got)}"


def for_steps(number: int) -> Callable[[Tally], bool]:
    """Go on for a number of steps."""
    return lambda tally: tally.steps < number


def for_minutes(number: float) -> Callable[[Tally], bool]:
    """Go on for some time."""
    ends_at = time.monotonic() + number * 60
    return lambda _tally: time.monotonic() < ends_at


def _change_source(company: Company, users: list[User], rng: Random) -> str:
    site = rng.choice(company.sites)
    what = site.source.change(rng, timezone.now())
    companies.tell(company, site)
    return f"{site.source.dialect}: {what}"


def _give_or_take(company: Company, users: list[User], rng: Random) -> str:
    site, identity = rng.choice(company.sites), rng.choice(PEOPLE)
    with company.open():
        if identity in site.holders:
            companies.take(site, identity)
            return f"{identity} of {site.source.dialect} taken back"
        try:
            companies.give(site, identity, rng.choice(users))
        except InvalidInput as refused:  # somebody who left, or is shut out in the source
            return f"nothing: {refused}"
        return f"{identity} of {site.source.dialect} given"


def _come_or_go(company: Company, users: list[User], rng: Random) -> str:
    user = rng.choice(users)
    company.members ^= {user.pk}
    is_in = user.pk in company.members
    _change_membership(company, user, users, is_active=is_in)
    if not is_in:
        for site in company.sites:
            site.lose(user.pk)
    return f"{user.email} {'comes' if is_in else 'goes'}"


def _guest_or_not(company: Company, users: list[User], rng: Random) -> str:
    user = rng.choice(users)
    company.guests ^= {user.pk}
    is_guest = user.pk in company.guests
    _change_membership(company, user, users, is_guest=is_guest)
    return f"{user.email} is {'' if is_guest else 'no '}guest"


def _change_membership(company: Company, user: User, users: list[User], **told: bool) -> None:
    with company.open():
        membership = Membership.objects.get(tenant=company.tenant, user=user)
        for name, value in told.items():
            setattr(membership, name, value)
        actor = next(each for each in users if each != user)
        members.change(membership=membership, fields=list(told), actor=actor)


def _pass_time(company: Company, users: list[User], rng: Random) -> str:
    """Move every stored time back; the sources do the same and tell nothing."""
    by = timedelta(minutes=rng.choice([50, 70, 130]))
    with company.open():
        for model, names in ((AclEntry, ("starts_at", "expires_at")), (Edge, ("expires_at",))):
            for name in names:
                there = model._default_manager.filter(**{f"{name}__isnull": False})
                there.update(**{name: F(name) - by})
    for site in company.sites:
        site.source.pass_time(by)
    return f"{by} passes"


def _fall_silent_or_confirm(company: Company, users: list[User], rng: Random) -> str:
    site: Site = rng.choice(company.sites)
    site.is_fresh = not site.is_fresh
    age = timedelta(0) if site.is_fresh else timedelta(seconds=companies.MAX_AGE_S + 1)
    with company.open():
        Connection.objects.filter(pk=site.connection.pk).update(
            permissions_confirmed_at=timezone.now() - age
        )
    return f"{site.source.dialect} {'confirms' if site.is_fresh else 'falls silent'}"
