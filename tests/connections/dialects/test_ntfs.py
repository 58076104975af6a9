"""NTFS and shares against AccessCheck, written from MS-DTYP 2.5.3.2, which knows no ranks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.connections.dialects import ntfs
from apps.connections.dialects.audiences import EVERYONE
from apps.connections.dialects.ntfs import Ace, AceFlag, AceType, Right, SecurityDescriptor
from apps.connections.protocol import Form, Level
from tests.connections.dialects.engine import company, group, person, relaxed
from tests.world import World

PEOPLE = ("S-1-5-21-1", "S-1-5-21-2", "S-1-5-21-3")
GROUPS = {"S-1-5-21-500": PEOPLE[:2], "S-1-5-21-501": PEOPLE[1:], "S-1-5-21-502": ()}
EVERYBODY = "S-1-1-0"
READ, GENERIC_READ = int(Right.READ_DATA), int(Right.GENERIC_READ)


def access_check(descriptor: SecurityDescriptor, sids: Collection[str], asked: int) -> bool:
    """Return whether a token gets one specific right: the loop over the list, in stored order."""
    if descriptor.dacl is None:
        return True
    remaining = asked
    for ace in descriptor.dacl:
        if ace.flags & 0x08:  # inherit only
            continue
        sid = descriptor.owner if ace.sid == "S-1-3-4" else ace.sid
        if sid not in sids:
            continue
        mask = _mapped(ace.mask)
        if ace.type == 0x01 and mask & remaining:
            return False
        if ace.type == 0x00:
            remaining &= ~mask
            if not remaining:
                return True
    return False


def _mapped(mask: int) -> int:
    """Map the generic bits as files do: FILE_GENERIC_READ, WRITE, EXECUTE and FILE_ALL_ACCESS."""
    for bit, rights in (
        (0x80000000, 0x00120089),
        (0x40000000, 0x00120116),
        (0x20000000, 0x001200A0),
        (0x10000000, 0x001F01FF),
    ):
        mask |= rights if mask & bit else 0
    return mask


def token(who: str) -> set[str]:
    return {who, EVERYBODY, "S-1-5-11"} | {g for g, members in GROUPS.items() if who in members}


sids = st.sampled_from([*PEOPLE, *GROUPS, EVERYBODY, "S-1-3-4", "S-1-5-18", "S-1-5-11"])
masks = st.sampled_from(
    [0x1, 0x2, 0x20, 0x21, 0x3, 0x120089, 0x1F01FF, *(1 << n for n in (28, 29, 30, 31))]
)
aces = st.builds(
    Ace,
    sids,
    masks,
    st.sampled_from([AceType.ALLOWED, AceType.DENIED]),
    st.sampled_from([0, 0, 0, AceFlag.INHERITED, AceFlag.INHERIT_ONLY]),
)
descriptors = st.builds(
    SecurityDescriptor, st.sampled_from(PEOPLE), st.none() | st.lists(aces, max_size=8)
)


@given(file=descriptors, share=descriptors, folders=st.lists(descriptors, max_size=2))
@relaxed
def test_the_engine_reads_what_access_check_grants(
    world: World,
    file: SecurityDescriptor,
    share: SecurityDescriptor,
    folders: Sequence[SecurityDescriptor],
) -> None:
    with company(world, PEOPLE) as made:
        of_file = ntfs.list_for(file, people=PEOPLE)
        of_share = ntfs.list_for(share, people=PEOPLE)
        above = [ntfs.list_for(f, right=Right.TRAVERSE, people=PEOPLE) for f in folders]
        made.tell([of_file, of_share, *above], {group(g): m for g, m in GROUPS.items()})
        read = made.readers(ntfs.policy(of_file, share=of_share, folders=above))
        assert read == {
            who
            for who in PEOPLE
            if access_check(file, token(who), 0x1)
            and access_check(share, token(who), 0x1)
            and all(access_check(f, token(who), 0x20) for f in folders)
        }


@pytest.mark.parametrize(
    ("dacl", "readers"),
    [
        (None, set(PEOPLE)),
        ([], set()),
        # An explicit allowance stands before an inherited denial, and wins.
        (
            [
                Ace(PEOPLE[0], READ),
                Ace("S-1-5-21-500", READ, AceType.DENIED, AceFlag.INHERITED),
                Ace(EVERYBODY, READ, flags=AceFlag.INHERITED),
            ],
            {PEOPLE[0], PEOPLE[2]},
        ),
        # The stored order counts, whatever order the tools would choose.
        ([Ace(EVERYBODY, READ), Ace(PEOPLE[0], READ, AceType.DENIED)], set(PEOPLE)),
        # A right to write or to pass through is none to read.
        ([Ace(EVERYBODY, 0x2), Ace(EVERYBODY, 0x20)], set()),
        ([Ace(PEOPLE[1], GENERIC_READ)], {PEOPLE[1]}),
        # Entries with conditions: a denial may hold for anybody, an allowance for nobody.
        ([Ace(PEOPLE[0], READ, 0x0A), Ace(EVERYBODY, READ)], set()),
        ([Ace(PEOPLE[0], READ, 0x09)], set()),
        ([Ace("S-1-3-4", READ)], {PEOPLE[2]}),
    ],
)
def test_lists_as_windows_stores_them(
    world: World, dacl: list[Ace] | None, readers: set[str]
) -> None:
    with company(world, PEOPLE) as made:
        told = ntfs.list_for(SecurityDescriptor(PEOPLE[2], dacl), people=PEOPLE)
        made.tell([told], {group(g): m for g, m in GROUPS.items()})
        assert told.form == Form.VALUE
        assert made.readers(ntfs.policy(told)) == readers


def test_guests_are_shut_out_by_a_denial_for_everyone_and_not_let_in_by_an_allowance(
    world: World,
) -> None:
    guest = PEOPLE[0]
    with company(world, PEOPLE, guests=[guest]) as made:
        allow = ntfs.list_for(SecurityDescriptor("", [Ace(EVERYBODY, READ)]), people=PEOPLE)
        deny = ntfs.list_for(
            SecurityDescriptor("", [Ace(EVERYBODY, READ, AceType.DENIED), Ace(guest, READ)]),
            people=PEOPLE,
        )
        made.tell([allow, deny])
        assert made.readers(ntfs.policy(allow)) == {PEOPLE[1], PEOPLE[2]}
        assert made.readers(ntfs.policy(deny)) == set()
        assert deny.entries[0].principal == EVERYONE


def test_a_group_whose_members_are_unknown_denies_everybody(world: World) -> None:
    dacl = [Ace("S-1-5-21-999", READ, AceType.DENIED), Ace(EVERYBODY, READ)]
    with company(world, PEOPLE) as made:
        told = ntfs.list_for(SecurityDescriptor("", dacl), people=PEOPLE)
        made.tell([told])
        assert made.readers(ntfs.policy(told)) == set()


def test_the_right_to_write_is_kept_as_a_level() -> None:
    dacl = [Ace(PEOPLE[0], 0x3), Ace(PEOPLE[1], READ)]
    told = ntfs.list_for(SecurityDescriptor("", dacl), people=PEOPLE)
    assert {e.principal: e.level for e in told.entries} == {
        person(PEOPLE[0]): Level.WRITE,
        person(PEOPLE[1]): Level.READ,
    }
