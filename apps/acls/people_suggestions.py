"""Who an unmatched identity may be, by plain rules. A suggestion is never applied by itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from apps.acls.models import KeptApart, Principal
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

AT_MOST: Final = 3
# More members are not compared: the search finds them.
MEMBERS_COMPARED: Final = 20_000
# Before the @ of addresses that are read by several people.
_SHARED = frozenset(
    ["admin", "contact", "hello", "info", "mail", "noreply", "office", "sales", "support", "team"]
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A member, and what makes it likely that the identity is theirs."""

    user_id: int
    name: str
    email: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Member:
    user_id: int
    name: str
    email: str
    verified: frozenset[str]
    unverified: frozenset[str]


def suggest(principals: Sequence[Principal]) -> dict[int, list[Suggestion]]:
    """Return for each identity the members it may be, most likely first, at most `AT_MOST`.

    Never one from whom an IT admin has kept it apart.
    """
    index = _index(_members()) if principals else {}
    apart = set(
        KeptApart.objects.filter(
            ended_at=None, principal_id__in=[one.pk for one in principals]
        ).values_list("principal_id", "user_id")
    )
    found: dict[int, list[Suggestion]] = {}
    for one in principals:
        likely: dict[int, Suggestion] = {}
        for clue in _clues_of_principal(one):
            for suggestion in index.get(clue, ()):
                if (one.pk, suggestion.user_id) not in apart:
                    likely.setdefault(suggestion.user_id, suggestion)
        found[one.pk] = list(likely.values())[:AT_MOST]
    return found


def find_members(asked: str, *, limit: int = 20) -> QuerySet[Membership]:
    """Return active members of the bound tenant whose name or address contains the words."""
    usable = Membership.objects.usable().filter(tenant_id=required_tenant_id())
    found = usable.filter(Q(user__email__icontains=asked) | Q(user__name__icontains=asked))
    return found.select_related("user").order_by("user__email")[:limit]


def name_key(name: str) -> str:
    """Return a name without case, accents, punctuation and order; empty for a single word.

    “Lindqvist, Ada” and “Ada Lindqvist” are equal.
    """
    plain = unicodedata.normalize("NFKD", name)
    bare = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    words = re.findall(r"\w+", bare)
    return " ".join(sorted(words)) if len(words) > 1 else ""


def _members() -> list[_Member]:
    usable = Membership.objects.usable().filter(tenant_id=required_tenant_id())
    people = list(
        usable.order_by("pk").values_list("user_id", "user__name", "user__email")[:MEMBERS_COMPARED]
    )
    addresses: dict[int, dict[bool, set[str]]] = {}
    known = EmailAddress.objects.filter(user_id__in=[user_id for user_id, _, _ in people])
    for user_id, email, verified in known.values_list("user_id", "email", "verified"):
        addresses.setdefault(user_id, {}).setdefault(verified, set()).add(email.lower())
    return [
        _Member(
            user_id,
            name,
            email,
            frozenset(addresses.get(user_id, {}).get(True, ())),
            frozenset(addresses.get(user_id, {}).get(False, ())) | {email},
        )
        for user_id, name, email in people
    ]


def _index(members: Sequence[_Member]) -> dict[tuple[str, str], list[Suggestion]]:
    index: dict[tuple[str, str], list[Suggestion]] = {}
    for member in members:
        for clue, reason in _clues_of_member(member):
            found = Suggestion(member.user_id, member.name or member.email, member.email, reason)
            index.setdefault(clue, []).append(found)
    return index


def _clues_of_member(member: _Member) -> Iterator[tuple[tuple[str, str], str]]:
    for address in member.verified | member.unverified:
        is_verified = address in member.verified
        reason = "does not count by itself here" if is_verified else "not verified"
        yield ("address", address), f"same address, {reason}"
    if key := name_key(member.name):
        yield ("name", key), "same name"
    for local in {_local(address) for address in member.verified | member.unverified} - {""}:
        yield ("local", local), "same name before the @"


def _clues_of_principal(principal: Principal) -> Iterator[tuple[str, str]]:
    """Yield what to look for, best first. A login name counts like the part before the @."""
    if principal.email:
        yield "address", principal.email
    if key := name_key(principal.label):
        yield "name", key
    for told in (principal.email, principal.external_id, principal.label):
        if local := _local(told):
            yield "local", local


def _local(told: str) -> str:
    local = told.strip().lower().split("@", 1)[0].split("+", 1)[0]
    return "" if local in _SHARED or not re.fullmatch(r"[\w.-]{2,}", local) else local
