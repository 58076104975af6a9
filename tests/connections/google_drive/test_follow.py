"""The logs of changes bring what is stored to what is true, and at no time further open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.connections.errors import CursorExpired
from apps.connections.providers.google_drive import follow, lookup
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, CY, ENGINEERS, IDA, PRODUCT, Reed


@pytest.fixture
def ledger(reed: Reed) -> Ledger:
    """Return what is stored of a company with some documents."""
    work = reed.company
    team = work.add_drive("Team", {ADA: "organizer", PRODUCT: "writer"})
    other = work.add_drive("Other", {BO: "organizer"})
    for place in (team, other):
        outer = work.add_folder("Outer", into=place)
        inner = work.add_folder("Inner", into=outer)
        work.add_doc("Top", "text", into=place)
        work.add_doc("Deep", "text", into=inner)
    for owner in (ADA, BO):
        outer = work.add_folder("Outer", owner=owner)
        inner = work.add_folder("Inner", into=outer)
        work.add_doc("Top", "text", owner=owner)
        work.add_doc("Middle", "text", into=outer)
        work.add_doc("Deep", "text", into=inner)
    told = Ledger()
    told.permit(reed.whole())
    told.sweep(reed.whole())
    reed.assert_true(told)
    return told


def at(reed: Reed, path: str) -> str:
    """Return the id of what lies at a path: "Team/Outer", or "ada/Outer/Inner" in a My Drive."""
    top, *names = path.split("/")
    company = reed.company
    drives = {root.name: root.id for root in company.drives.values()}
    found = drives.get(top) or company.account(f"{top}@example.com").root_id
    for name in names:
        children = (company.items[each] for each in company.children.get(found, ()))
        found = next(child.id for child in children if child.name == name)
    return found


def check(reed: Reed, ledger: Ledger, drive: object = None) -> None:
    """Follow and compare with the truth."""
    ledger.follow(drive or reed.whole())  # type: ignore[arg-type]
    reed.assert_true(ledger)


Act = Callable[[Reed], object]
ACTS: dict[str, Act] = {
    "new in a My Drive": lambda r: r.company.add_doc("New", "x", into=at(r, "ada/Outer")),
    "new in a shared drive": lambda r: r.company.add_doc("New", "x", into=at(r, "Team/Outer")),
    "share a folder": lambda r: r.company.share(at(r, "ada/Outer"), BO),
    "share a folder in a drive": lambda r: r.company.share(at(r, "Team/Outer"), CY),
    "share with a group": lambda r: r.company.share(at(r, "bo/Outer"), ENGINEERS),
    "share a file": lambda r: r.company.share(at(r, "Team/Outer/Inner/Deep"), CY),
    "limit a folder": lambda r: r.company.limit_access(at(r, "Team/Outer")),
    "limit in a My Drive": lambda r: r.company.limit_access(at(r, "ada/Outer/Inner")),
    "trash a file": lambda r: r.company.trash(at(r, "ada/Top")),
    "trash a folder": lambda r: r.company.trash(at(r, "ada/Outer")),
    "trash a folder in a drive": lambda r: r.company.trash(at(r, "Team/Outer")),
    "delete a file": lambda r: r.company.delete(at(r, "Team/Top")),
    "delete a folder": lambda r: r.company.delete(at(r, "bo/Outer")),
    "delete a folder in a drive": lambda r: r.company.delete(at(r, "Other/Outer")),
    "move a folder": lambda r: r.company.move(at(r, "ada/Outer/Inner"), at(r, "ada")),
    "move into a shared drive": lambda r: r.company.move(at(r, "ada/Outer"), at(r, "Team")),
    "move between drives": lambda r: r.company.move(at(r, "Team/Outer"), at(r, "Other")),
    "move a file between drives": lambda r: r.company.move(at(r, "Other/Top"), at(r, "Team/Outer")),
    "move out of a drive": lambda r: r.company.move(at(r, "Team/Top"), at(r, "bo/Outer")),
    "rename a folder": lambda r: r.company.rename(at(r, "Team/Outer"), "Renamed"),
    "member joins a drive": lambda r: r.company.share(at(r, "Other"), CY),
    "delete a drive": lambda r: r.company.delete_drive(at(r, "Other")),
    "add a drive": lambda r: r.company.add_doc(
        "In it", "x", into=r.company.add_drive("New", {CY: "organizer"})
    ),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_each_change_is_followed(reed: Reed, ledger: Ledger, act: Act) -> None:
    act(reed)
    check(reed, ledger)
    before = dict(ledger.positions)
    ledger.follow(reed.whole())
    assert ledger.positions == before


UNDONE: dict[str, tuple[Act, Act]] = {
    "unshare a folder": (
        lambda r: r.company.share(at(r, "ada/Outer"), BO),
        lambda r: r.company.unshare(at(r, "ada/Outer"), BO),
    ),
    "untrash a folder": (
        lambda r: r.company.trash(at(r, "ada/Outer")),
        lambda r: r.company.untrash(at(r, "ada/Outer")),
    ),
    "untrash in a drive": (
        lambda r: r.company.trash(at(r, "Team/Outer")),
        lambda r: r.company.untrash(at(r, "Team/Outer")),
    ),
    "delete from the trash": (
        lambda r: r.company.trash(at(r, "ada/Outer")),
        lambda r: r.company.delete(at(r, "ada/Outer")),
    ),
    "open a folder again": (
        lambda r: r.company.limit_access(at(r, "Team/Outer")),
        lambda r: r.company.limit_access(at(r, "Team/Outer"), limited=False),
    ),
    "move there and back": (
        lambda r: r.company.move(at(r, "Team/Top"), at(r, "Other/Outer")),
        lambda r: r.company.move(at(r, "Other/Outer/Top"), at(r, "Team")),
    ),
    "lose what others own": (
        lambda r: r.company.share(at(r, "bo/Outer"), ADA, "writer"),
        lambda r: r.company.unshare(at(r, "bo/Outer"), ADA),
    ),
    "leave a drive": (
        lambda r: r.company.share(at(r, "Other"), CY, "writer"),
        lambda r: r.company.unshare(at(r, "Other"), CY),
    ),
}


@pytest.mark.parametrize("acts", UNDONE.values(), ids=UNDONE.keys())
def test_what_was_undone_is_followed_too(reed: Reed, ledger: Ledger, acts: tuple[Act, Act]) -> None:
    for act in acts:
        act(reed)
        check(reed, ledger)


def test_paths_follow_a_renamed_folder(reed: Reed, ledger: Ledger) -> None:
    reed.company.rename(at(reed, "Team/Outer"), "Renamed")
    ledger.follow(reed.whole())
    assert "Team/Renamed/Inner/Deep" in ledger.paths()


def test_all_of_it_at_once(reed: Reed, ledger: Ledger) -> None:
    for name, act in ACTS.items():
        if name not in {
            "move a folder",
            "move between drives",
            "move a file between drives",
            "limit in a My Drive",
            "rename a folder",
            "delete a file",
            "move out of a drive",
            "share a file",
            "move into a shared drive",
            "delete a folder in a drive",
        }:
            act(reed)
    check(reed, ledger)


def test_the_logs_come_in_pages_and_may_be_left_between_them(
    reed: Reed, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PAGE_CHANGES", 2)
    for number in range(7):
        reed.company.add_doc(f"New {number}", "x", into=at(reed, "Team/Outer"))
        reed.company.add_doc(f"Own {number}", "x", owner=CY)
    reed.company.rename(at(reed, "ada/Outer"), "Renamed")
    unread = dict(ledger.positions)
    rounds = 0
    while unread:
        drive = reed.whole()
        drive.recalls(ledger.recall)
        page = next(iter(drive.follow(unread)))
        assert page.positions
        ledger.store(page)
        rounds += 1
        for name, position in page.positions.items():
            is_done = name == follow.LOGS or position is None or position == unread.get(name)
            unread = {k: v for k, v in unread.items() if k != name}
            if not is_done and position is not None:
                unread[name] = position
    reed.assert_true(ledger)
    assert rounds > 10


def test_a_log_that_is_no_more_known_from_there_says_so(reed: Reed, ledger: Ledger) -> None:
    reed.company.expire_page_tokens()
    with pytest.raises(CursorExpired):
        ledger.follow(reed.whole())


def test_people_come_and_go(reed: Reed, ledger: Ledger) -> None:
    reed.company.add_user("dag@example.com", "Dag")
    reed.company.add_doc("Dag's", "x", owner="dag@example.com")
    ledger.permit(reed.whole())
    check(reed, ledger)
    reed.company.share(at(reed, "dag/Dag's"), BO, "writer")
    check(reed, ledger)
    reed.company.suspend("dag@example.com")
    ledger.follow(reed.whole())
    ledger.permit(reed.whole())
    reed.assert_true(ledger)


def test_a_removal_for_one_reader_is_none_for_the_others_without_any_memory(
    reed: Reed, ledger: Ledger
) -> None:
    reed.company.share(at(reed, "bo/Outer"), ADA)
    check(reed, ledger)
    reed.company.unshare(at(reed, "bo/Outer"), ADA)
    drive = reed.whole()
    for page in drive.follow(dict(ledger.positions)):
        ledger.store(page)
    reed.assert_true(ledger)


def test_where_not_all_can_be_asked_nothing_is_dropped_by_guess(
    reed: Reed, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "MOST_ASKED", 1)
    reed.company.delete(at(reed, "ada/Outer"))
    ledger.follow(reed.whole())
    assert set(ledger.items) >= set(reed.company.live_files())
    ledger.sweep(reed.whole())
    reed.assert_true(ledger)


def test_what_the_logs_do_not_tell_is_right_after_one_comparison(
    reed: Reed, ledger: Ledger
) -> None:
    reed.company.add_member(ENGINEERS, CY)
    reed.company.remove_member(PRODUCT, BO)
    reed.company.suspend(IDA, suspended=False)
    ledger.permit(reed.whole())
    reed.assert_true(ledger)


def test_single_things_are_looked_at_again(reed: Reed, ledger: Ledger) -> None:
    outer, top = at(reed, "ada/Outer"), at(reed, "ada/Top")
    reed.company.share(outer, BO)
    reed.company.add_doc("New", "x", into=outer)
    ledger.change(reed.whole(), [outer])
    reed.assert_true(ledger)
    reed.company.share(at(reed, "Other"), CY)
    ledger.change(reed.whole(), [at(reed, "Other")])
    reed.assert_true(ledger)
    reed.company.delete(top)
    reed.company.trash(outer)
    ledger.change(reed.whole(), [top, outer])
    reed.assert_true(ledger)


def test_a_folder_leaves_and_enters_what_was_picked(reed: Reed, ledger: Ledger) -> None:
    team, outer = at(reed, "Team"), at(reed, "Team/Outer")
    picked = {"chosen": [f"folder:{team}/{outer}"], "my_drives": "none"}
    told = Ledger()
    told.permit(reed.whole(**picked))
    told.sweep(reed.whole(**picked))
    deep = at(reed, "Team/Outer/Inner/Deep")
    assert set(told.items) == {deep}
    reed.company.move(at(reed, "Team/Outer/Inner"), team)
    told.follow(reed.whole(**picked))
    assert not told.items
    reed.company.move(at(reed, "Team/Inner"), outer)
    told.follow(reed.whole(**picked))
    assert set(told.items) == {deep}
    assert told.readers(deep) == reed.company.readers(deep)
