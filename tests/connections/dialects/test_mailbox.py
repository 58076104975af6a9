"""Gmail: the owner and whoever accepted to be a delegate."""

from __future__ import annotations

import pytest

from apps.connections.dialects import mailbox
from apps.connections.dialects.mailbox import Delegate
from apps.connections.protocol import Level
from tests.connections.dialects.engine import company
from tests.world import World

ADA, BO, CY = PEOPLE = ("ada@acme.example", "bo@acme.example", "cy@acme.example")
BOX = ((f"mailbox:{ADA}",),)


def test_a_mailbox_is_for_its_owner_alone(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([mailbox.readers(ADA), mailbox.readers(BO)])
        assert made.readers(BOX) == {ADA}


@pytest.mark.parametrize(
    ("status", "reads"),
    [
        ("accepted", True),
        ("pending", False),
        ("rejected", False),
        ("expired", False),
        ("verificationStatusUnspecified", False),
        ("", False),
    ],
)
def test_only_an_accepted_delegate_reads(world: World, status: str, reads: bool) -> None:
    with company(world, PEOPLE) as made:
        made.tell([mailbox.readers(ADA, [Delegate(BO, status)])])
        assert made.readers(BOX) == ({ADA, BO} if reads else {ADA})


def test_a_delegate_who_is_taken_away_reads_nothing(world: World) -> None:
    with company(world, PEOPLE) as made:
        made.tell([mailbox.readers(ADA, [Delegate(BO, "accepted"), Delegate(CY, "accepted")])])
        assert made.readers(BOX) == {ADA, BO, CY}
        made.tell([mailbox.readers(ADA, [Delegate(CY, "accepted")])])
        assert made.readers(BOX) == {ADA, CY}


def test_addresses_are_told_apart_by_their_letters_and_not_by_case() -> None:
    told = mailbox.readers("Ada@Acme.example", [Delegate(ADA.upper(), "accepted")])
    assert told.external_id == f"mailbox:{ADA}"
    assert [(e.principal.email, e.level) for e in told.entries] == [(ADA, Level.WRITE)]
