"""Whatever people do in any order: after following, exactly the truth is stored."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from apps.connections.providers.google_drive import follow, listing
from apps.ops.sandbox.drive.records import FOLDER, Item
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, CY, ENGINEERS, IDA, PRODUCT, Reed

PEOPLE = (IDA, ADA, BO, CY)
WHO = (*PEOPLE, ENGINEERS, PRODUCT, "anyone", "example.com", "eva@elsewhere.example")


class Restless:
    """People who change things at random, the same ones for the same seed."""

    def __init__(self, reed: Reed, seed: int) -> None:
        self.company = reed.company
        self.random = random.Random(seed)  # noqa: S311  the same for the same seed
        self.done: list[str] = []
        for number in range(2):
            self.company.add_drive(f"Drive {number}", {IDA: "organizer", PRODUCT: "writer"})
        for _ in range(30):
            self.add()

    def act(self) -> None:
        """Do one thing, or find that it cannot be done."""
        acts: list[Callable[[], object]] = [
            self.add,
            self.add,
            lambda: self.company.share(self.item().id, self.who(), self.role()),
            lambda: self.company.share(self.item().id, self.who(), discoverable=True),
            lambda: self.company.unshare(self.item().id, self.who()),
            lambda: self.company.move(self.item().id, self.folder().id),
            lambda: self.company.trash(self.item().id),
            lambda: self.company.untrash(self.item().id),
            lambda: self.company.delete(self.item().id),
            lambda: self.company.rename(self.item().id, f"Named {self.random.random():.4f}"),
            lambda: self.company.edit(self.item().id, "edited"),
            lambda: self.company.limit_access(self.item().id, limited=self.random.random() < 0.5),
        ]
        number = self.random.randrange(len(acts))
        try:
            acts[number]()
        except (ValueError, LookupError):
            return
        self.done.append(str(number))

    def add(self) -> None:
        """Add a folder or a document anywhere."""
        folder = self.folder()
        owner = "" if folder.drive_id else self.random.choice(PEOPLE)
        if folder.is_root and not folder.drive_id:
            owner = self.company.people.users[folder.owner].email
        name = f"Item {len(self.company.items)}"
        if self.random.random() < 0.4:
            self.company.add_folder(name, into=folder.id, owner=owner)
        else:
            self.company.add_doc(name, "text", into=folder.id, owner=owner)

    def item(self) -> Item:
        """Return anything but a root."""
        return self.random.choice([i for i in self.company.items.values() if not i.is_root])

    def folder(self) -> Item:
        """Return any folder."""
        folders = [i for i in self.company.items.values() if i.mime_type == FOLDER]
        return self.random.choice(folders)

    def who(self) -> str:
        """Return somebody."""
        return self.random.choice(WHO)

    def role(self) -> str:
        """Return a role."""
        return self.random.choice(["reader", "commenter", "writer"])


@pytest.mark.parametrize("seed", range(3))
def test_following_ends_at_the_truth(
    reed: Reed, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ITEMS", 9)
    monkeypatch.setattr(follow, "PAGE_CHANGES", 5)
    people = Restless(reed, seed)
    ledger = Ledger()
    ledger.permit(reed.whole())
    ledger.sweep(reed.whole())
    reed.assert_true(ledger)
    for _ in range(5):
        for _ in range(people.random.randrange(1, 7)):
            people.act()
        ledger.follow(reed.whole())
        reed.assert_true(ledger)
