"""Random pages of a source that uses everything a page can say about readers."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TypedDict

from django.utils import timezone

from apps.connections.dialects.audiences import EVERYONE
from apps.connections.dialects.value import value
from apps.connections.protocol import (
    Mode,
    Page,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePolicy,
    RemotePrincipal,
)

ADDRESSES = (
    "ada@acme.example", "bo@acme.example", "gus@guests.example", "zoe@else.example",
    "cy@managed.example",
)  # fmt: skip
PEOPLE, GROUPS, PLACES, ITEMS = 6, 5, 7, 9
PREFIXES = ("x/", "x/y/", "z:")


class GoneParts(TypedDict):
    """The parts of a page that call more than single items gone."""

    deleted_prefixes: tuple[str, ...]
    deleted_places: tuple[str, ...]


class Source:
    """Tells pages; what it has described once stays described."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.gone = random.Random(str(rng.getstate()))  # noqa: S311  repeatable, no secret
        self.told: list[str] = []
        self.values: list[RemoteAcl] = []

    def permissions(self, *, is_late: bool = False) -> Page:
        """Return groups, places and values, all or some of them."""
        rng = self.rng
        late_s = rng.choice([0, 0, 0, 30]) if is_late else 0
        # Before any page of items, and after what the sweep before it told.
        at = timezone.now() - timedelta(seconds=late_s, milliseconds=10)
        names = [f"P{n}" for n in range(PLACES) if rng.random() < 0.7 or f"P{n}" in self.told[:1]]
        groups = [self.group(n) for n in range(GROUPS) if rng.random() < 0.6]
        return Page(
            at,
            groups=tuple(groups),
            deleted_groups=tuple(group(n) for n in range(GROUPS) if rng.random() < 0.1),
            acls=(*self.places(names), *self.some_values()),
            are_acls_complete=rng.random() < 0.4,
            item_policies=tuple(
                (name(n), self.policy()) for n in range(ITEMS) if rng.random() < 0.1
            ),
        )

    def items(self) -> Page:
        """Return some items, with what they name."""
        rng = self.rng
        at = timezone.now()
        acls = (*self.places([f"P{n}" for n in range(2) if rng.random() < 0.3]),)
        numbers = [n for n in range(ITEMS) if rng.random() < 0.4]
        items = tuple(
            RemoteItem(name(n), "", f"{rng.choice('ab')}/i{n}", str(rng.random()), self.policy(),
                       size_bytes=n)
            for n in numbers
        )  # fmt: skip
        others = [n for n in range(ITEMS) if n not in numbers]
        return Page(
            at,
            items=items,
            acls=acls,
            item_policies=tuple((name(n), self.policy()) for n in others if rng.random() < 0.2),
            deleted_ids=tuple(name(n) for n in others if rng.random() < 0.1),
            **self.gone_parts(),
        )

    def rest(self) -> Page:
        """Return what a page tells at the end of what it has listed: as it was at the beginning."""
        return Page(timezone.now() - timedelta(milliseconds=3), **self.gone_parts())

    def gone_parts(self) -> GoneParts:
        """Return subtrees and places that are gone; mostly none."""
        return {
            "deleted_prefixes": tuple(p for p in PREFIXES if self.gone.random() < 0.08),
            "deleted_places": tuple(one for one in self.told if self.gone.random() < 0.08),
        }

    def places(self, names: list[str]) -> list[RemoteAcl]:
        """Describe places; one stands only below places that are described by then."""
        found: list[RemoteAcl] = []
        for name in names:
            above = [one for one in [*self.told, *(a.external_id for a in found)] if one < name]
            parent = self.rng.choice(above) if above and self.rng.random() < 0.8 else None
            mode = self.rng.choice([Mode.ADD, Mode.ADD, Mode.CUT])
            found.append(RemoteAcl(name, name, parent, mode, self.entries()))
        self.told += [acl.external_id for acl in found if acl.external_id not in self.told]
        return found

    def some_values(self) -> list[RemoteAcl]:
        """Return lists of readers that items share."""
        made = [value(self.entries(), label="list") for _ in range(self.rng.randint(0, 2))]
        self.values += made
        return made

    def entries(self) -> tuple[RemoteEntry, ...]:
        """Return up to four lines, of which some have not begun or have ended."""
        rng = self.rng
        if rng.random() < 0.25:  # everybody but one
            person = self.person(rng.randrange(PEOPLE))
            return (RemoteEntry(person, is_allowed=False), RemoteEntry(EVERYONE, ord=1))
        return tuple(
            RemoteEntry(
                self.anybody(),
                is_allowed=rng.random() < 0.7,
                ord=rng.randint(0, 2),
                is_sticky=rng.random() < 0.3,
                starts_at=self.moment(),
                expires_at=self.moment(),
            )
            for _ in range(rng.randint(0, 4))
        )

    def policy(self) -> RemotePolicy:
        """Return an AND of ORs; now and then of a place that nobody described, or of nothing."""
        rng = self.rng
        places = [*self.told, *(one.external_id for one in self.values), "unheard of"]
        return tuple(
            tuple(rng.choice(places) for _ in range(rng.choice([1, 1, 1, 2])))
            for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2]))
        )

    def group(self, number: int) -> RemoteGroup:
        """Return a group with people and other groups, itself included."""
        rng = self.rng
        members = tuple(self.anybody() for _ in range(rng.randint(0, 4)))
        ends = [(member, self.moment()) for member in members]
        return RemoteGroup(
            group(number),
            members,
            is_known=rng.random() < 0.75,
            ends=tuple((member, end) for member, end in ends if end is not None),
        )

    def anybody(self) -> RemotePrincipal:
        """Return a person, a group or a kind of people."""
        rng = self.rng
        if rng.random() < 0.5:
            return self.person(rng.randrange(PEOPLE))
        if rng.random() < 0.7:
            return group(rng.randrange(GROUPS))
        kinds = (PrincipalKind.MEMBERS, PrincipalKind.EVERYONE, PrincipalKind.LINK)
        kind = rng.choice(kinds)
        return RemotePrincipal(kind, kind.value)

    def person(self, number: int) -> RemotePrincipal:
        """Return a mention of a person, which may say more or less of them than others."""
        rng = self.rng
        if number < 2:  # a source that names people by their addresses
            return RemotePrincipal(PrincipalKind.USER, ADDRESSES[number], email=ADDRESSES[number])
        address = rng.choice(
            ["", ADDRESSES[number - 2], ADDRESSES[number - 2], rng.choice(ADDRESSES)]
        )
        is_active = rng.choice([None, None, None, True, True, False])
        return RemotePrincipal(
            PrincipalKind.USER, f"u{number}", f"U {number}", address, is_active=is_active
        )

    def moment(self) -> datetime | None:
        """Return a time that is over, one that is to come, or mostly none."""
        hours = self.rng.choice([None, None, None, None, -1, 1])
        return None if hours is None else timezone.now() + timedelta(hours=hours)


def name(number: int) -> str:
    """Return the id of an item, which lies in one of three subtrees."""
    return f"{PREFIXES[number % 3]}i{number}"


def group(number: int) -> RemotePrincipal:
    """Return a group; the last one is a domain."""
    kind = PrincipalKind.DOMAIN if number == GROUPS - 1 else PrincipalKind.GROUP
    return RemotePrincipal(kind, f"g{number}", f"G {number}")
