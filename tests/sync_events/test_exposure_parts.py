"""Single rules of the dry run that a random company seldom shows alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.connections.protocol import Mode, Page, PrincipalKind, RemoteAcl, RemoteGroup
from apps.connections.protocol import RemoteItem as Item
from apps.connections.protocol import RemotePrincipal as Remote
from apps.sync_events.exposure import items, lines, wire
from apps.sync_events.exposure.items import OTHER_FOLDERS, Gathered
from apps.sync_events.exposure.observed import Entry, Known, Observed, Place
from apps.sync_events.exposure.people import Claims, Held

NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(hours=2), NOW - timedelta(minutes=1)
PERSON = ("user", "u")
STAFF, CREW = ("group", "staff"), ("group", "crew")
ALLOWED = Entry(PERSON, is_allowed=True, ord=0, is_sticky=False, starts_at=None, expires_at=None)


def place(*, at: datetime = OLD, is_value: bool = False) -> Place:
    return Place(None, cuts=True, entries=(ALLOWED,), is_value=is_value, observed_at=at)


def known(at: datetime) -> Known:
    return Known("", "", True, is_known=True, observed_at=at, members={PERSON: None})


def stored() -> Observed:
    """Return a realm of two groups, a value and two places, half of them seen a minute ago."""
    people = {PERSON: Known("", "", True, True, OLD), STAFF: known(OLD), CREW: known(NEW)}
    places = {
        "a": place(), "b": place(), "newer": place(at=NEW), "value": place(is_value=True)
    }  # fmt: skip
    return Observed(people, places)


def page(*, is_complete: bool, groups: tuple[RemoteGroup, ...] = ()) -> Page:
    """Return a page of an hour ago that lists place “a”, and some groups."""
    hour_ago = NOW - timedelta(hours=1)
    acls = (RemoteAcl("a", "a", None, Mode.CUT),)
    kept = wire.pack(
        Page(hour_ago, acls=acls, groups=groups, are_acls_complete=is_complete),
        {}, with_items=False, paths=0,
    )  # fmt: skip
    return wire.unpack(kept).page


def test_what_a_complete_page_does_not_list_has_no_members_no_entries_and_cuts_nothing() -> None:
    realm = stored()
    realm.take(page(is_complete=True))
    assert (realm.principals[STAFF].members, realm.principals[CREW].members) == ({}, {PERSON: None})
    assert {name: (one.cuts, one.entries) for name, one in realm.places.items()} == {
        "a": (True, ()),
        "b": (False, ()),
        "newer": (True, (ALLOWED,)),
        "value": (True, (ALLOWED,)),
    }


def test_a_group_that_a_complete_page_lists_keeps_its_members() -> None:
    realm = stored()
    person, staff = Remote(PrincipalKind.USER, "u"), Remote(PrincipalKind.GROUP, "staff")
    realm.take(page(is_complete=True, groups=(RemoteGroup(staff, (person,)),)))
    assert realm.principals[STAFF].members == {PERSON: None}


def test_a_page_that_is_not_complete_empties_nothing_else() -> None:
    realm = stored()
    realm.take(page(is_complete=False))
    assert realm.principals[STAFF].members == {PERSON: None}
    assert (realm.places["b"].cuts, realm.places["b"].entries) == (True, (ALLOWED,))


@pytest.mark.parametrize(
    ("name", "former", "kept_apart", "holder"),
    [
        ("u", [], set(), 2),
        ("u", [Held(1, "email", "a@b.c")], set(), None),  # it was another person's by this address
        ("u", [Held(1, "admin", "")], set(), None),  # an IT admin gave it to another person
        ("u", [Held(1, "admin", "")], {1}, 2),  # and took it back
        ("u", [Held(1, "email", "a@b.c")], {1}, None),
        ("u", [Held(1, "email", "x@b.c")], set(), 2),  # that person came by another address
        ("u", [Held(2, "email", "a@b.c")], set(), 2),
        ("A@b.c", [Held(1, "email", "a@b.c")], set(), 2),  # the address is the identity
    ],
)
def test_an_identity_that_was_somebody_else_s_is_not_taken_by_its_address(
    name: str, former: list[Held], kept_apart: set[int], holder: int | None
) -> None:
    claims = Claims({"a@b.c": (2, "email")}, {1, 2})
    claims.ended["user", name] = former
    claims.apart["user", name] = kept_apart
    who = Known("", "a@b.c", True, True, OLD)
    claims.settle([("user", name)], Observed({("user", name): who}, {}))
    live = claims.live.get(("user", name))
    assert (live.user if live else None) == holder


def test_beyond_a_number_of_folders_the_others_are_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(items, "FOLDERS_AT_MOST", 2)
    gathered = Gathered()
    told = tuple(Item(f"{n}", "", f"f{n}/x", "1", ()) for n in range(4))
    kept = wire.pack(Page(NOW, items=told), {}, with_items=True, paths=0)
    gathered.take(wire.unpack(kept), Observed({}, {}))
    assert {folder for _, _, folder in gathered.classes} == {"f0", "f1", OTHER_FOLDERS}
    assert sorted(gathered.listing().classes.tolist()) == [0, 1, 2, 2]


def test_beyond_a_number_of_types_the_others_are_counted_together() -> None:
    assert lines._rest([("A", [1, 20]), ("B", [3, 40])]) == [["Other types", 4, 60]]
    assert lines._rest([]) == []
