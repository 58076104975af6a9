"""A sweep tells what is there, where it lies, who reads it, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import jsonschema
import pytest

from apps.connections.protocol import ItemKind
from apps.connections.providers.google_drive import listing
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, CY, EVERYBODY, IDA, PRODUCT, Reed


def swept(reed: Reed, **settings: object) -> Ledger:
    """Return what is stored after everything was compared once."""
    ledger = Ledger()
    ledger.permit(reed.whole(**settings))
    ledger.sweep(reed.whole(**settings))
    return ledger


def test_shared_drives_and_my_drives_are_told_with_their_readers(reed: Reed) -> None:
    work = reed.company
    drive = work.add_drive("Handbook", {IDA: "organizer", PRODUCT: "writer", EVERYBODY: "reader"})
    people = work.add_folder("People", into=drive)
    work.add_doc("Holidays", "# Thirty days", into=people)
    salaries = work.add_folder("Salaries", into=people)
    work.limit_access(salaries)
    work.add_doc("Bands", "# Band 3", into=salaries)
    direct = work.add_doc("For Cy", "text", into=salaries)
    work.share(direct, CY)
    plans = work.add_folder("Plans", owner=ADA)
    work.share(plans, BO, "commenter")
    launch = work.add_doc("Launch", "# 3 March", into=plans)
    work.share(launch, "example.com", discoverable=True)
    work.add_file("notes.txt", b"Ask Bo.", mime_type="text/plain", into=plans, owner=BO)
    work.add_doc("Diary", "# Mine", owner=ADA)
    work.add_shortcut("Launch (shortcut)", launch, owner=BO)
    ledger = swept(reed)
    reed.assert_true(ledger)
    assert ledger.paths() == {
        "Handbook/People/Holidays",
        "Handbook/People/Salaries/Bands",
        "Handbook/People/Salaries/For Cy",
        "My Drive of Ada Berg/Plans/Launch",
        "My Drive of Ada Berg/Plans/notes.txt",
        "My Drive of Ada Berg/Diary",
    }
    assert not ledger.problems


def test_a_folder_of_many_files_is_one_place(reed: Reed) -> None:
    plans = reed.company.add_folder("Plans", owner=ADA)
    drive = reed.company.add_drive("Team", {ADA: "organizer", BO: "reader"})
    for number in range(30):
        reed.company.add_doc(f"Doc {number}", "text", into=plans)
        reed.company.add_doc(f"Team doc {number}", "text", into=drive)
    ledger = swept(reed)
    policies = {item.policy for _, item in ledger.items.values()}
    assert policies == {((plans,),), ((drive,),)}
    reed.company.share(plans, CY)
    ledger.follow(reed.whole())
    assert {item.policy for _, item in ledger.items.values()} == policies
    reed.assert_true(ledger)


def test_links_are_listed_for_whom_the_settings_say(reed: Reed) -> None:
    anyone = reed.company.add_doc("For anyone", "text", owner=ADA)
    reed.company.share(anyone, "anyone")
    domain = reed.company.add_doc("For us", "text", owner=ADA)
    reed.company.share(domain, "example.com")
    listed = reed.company.add_doc("Listed", "text", owner=ADA)
    reed.company.share(listed, "example.com", discoverable=True)
    everybody = {IDA, ADA, BO, CY}
    ledger = swept(reed)
    assert ledger.all_readers() == {anyone: {ADA}, domain: {ADA}, listed: everybody}
    ledger = swept(reed, lists_links=True)
    assert ledger.all_readers() == {anyone: everybody, domain: {ADA}, listed: everybody}
    ledger = swept(reed, lists_domain_links=True)
    assert ledger.all_readers() == {anyone: {ADA}, domain: everybody, listed: everybody}


def test_what_a_document_is_called_and_made_of(reed: Reed) -> None:
    doc = reed.company.add_doc("Launch", "# 3 March", owner=ADA)
    sheet = reed.company.add_sheet("Offices", [["City"], ["Gent"]], owner=ADA)
    file = reed.company.add_file("notes.txt", b"Ask Bo.", mime_type="text/plain", owner=ADA)
    items = {name: item for name, (_, item) in swept(reed).items.items()}
    assert items.keys() == {doc, sheet, file}
    assert (items[doc].kind, items[doc].mime_type) == (ItemKind.PAGE, "text/markdown")
    assert items[sheet].mime_type.endswith("spreadsheetml.sheet")
    assert (items[file].kind, items[file].mime_type) == (ItemKind.FILE, "text/plain")
    assert (items[file].size_bytes, items[file].author) == (7, "Ada Berg")
    assert items[doc].url.startswith("https://docs.google.com/document/")
    assert items[doc].created_at is not None
    assert items[doc].created_at.utcoffset() == timedelta()
    for item in items.values():
        jsonschema.validate(dict(item.fields), reed.whole().fields_schema)


def test_the_version_follows_the_content_alone(reed: Reed) -> None:
    plans = reed.company.add_folder("Plans", owner=ADA)
    file = reed.company.add_file("notes.txt", b"Ask Bo.", mime_type="text/plain", owner=ADA)
    doc = reed.company.add_doc("Launch", "# 3 March", owner=ADA)
    ledger = swept(reed)
    del ledger.changed[:]
    for name in (file, doc):
        reed.company.share(name, BO)
        reed.company.move(name, plans)
    reed.company.rename(file, "renamed.txt")
    ledger.follow(reed.whole())
    assert not ledger.changed
    assert "renamed.txt" in ledger.titles()
    reed.company.edit(file, b"Ask Cy.")
    reed.company.edit(doc, "# 4 March")
    ledger.follow(reed.whole())
    assert set(ledger.changed) == {file, doc}


def test_pages_are_taken_up_where_they_were_laid_down(
    reed: Reed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ITEMS", 7)
    monkeypatch.setattr(listing, "_PAGE_GROUPS", 1)
    drive = reed.company.add_drive("Team", {ADA: "organizer"})
    folders = [reed.company.add_folder(f"Folder {n}", into=drive) for n in range(25)]
    for number, folder in enumerate(folders):
        reed.company.add_doc(f"Doc {number}", "text", into=folder)
        reed.company.add_doc(f"Own {number}", "text", owner=BO)
    ledger = swept(reed)
    reed.assert_true(ledger)
    assert ledger.pages > 20


def test_repeated_pages_and_items_change_nothing(
    reed: Reed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ITEMS", 4)
    for number in range(20):
        reed.company.add_doc(f"Own {number}", "text", owner=BO)
    reed.company.repeat_items(3)
    ledger = swept(reed)
    reed.assert_true(ledger)


def test_a_listing_whose_page_is_forgotten_begins_again(
    reed: Reed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ITEMS", 4)
    for number in range(10):
        reed.company.add_doc(f"Own {number}", "text", owner=BO)
    connector = reed.whole(my_drives="group", group=PRODUCT)
    pages = list(connector.sweep(None))
    assert sum(len(page.items) for page in pages) == 10
    cursor = next(page.cursor for page in pages if page.cursor and page.cursor["page"])
    reed.company.expire_page_tokens()
    again = list(connector.sweep(cursor))
    assert {item.title for page in again for item in page.items} == {
        f"Own {number}" for number in range(10)
    }


def test_suspended_people_read_nothing_and_what_they_shared_is_still_found(reed: Reed) -> None:
    shared = reed.company.add_doc("Shared", "text", owner=ADA)
    reed.company.share(shared, BO, "writer")
    reed.company.add_doc("Alone", "text", owner=ADA)
    reed.company.suspend(ADA)
    ledger = swept(reed)
    assert ledger.all_readers() == {shared: {BO}}


def test_people_are_chosen_by_a_group_or_not_at_all(reed: Reed) -> None:
    for owner in (ADA, BO, CY):
        reed.company.add_doc(f"Of {owner}", "text", owner=owner)
    drive = reed.company.add_drive("Team", {CY: "organizer"})
    reed.company.add_doc("Team doc", "text", into=drive)
    assert swept(reed, my_drives="none").titles() == {"Team doc"}
    chosen = swept(reed, my_drives="group", group=PRODUCT)
    assert chosen.titles() == {"Team doc", f"Of {ADA}", f"Of {BO}"}


def test_only_what_was_picked_is_synced(reed: Reed) -> None:
    team, other = (reed.company.add_drive(name, {ADA: "organizer"}) for name in ("Team", "Other"))
    wanted = reed.company.add_folder("Wanted", into=other)
    inside = reed.company.add_folder("Inside", into=wanted)
    for folder in (team, other, wanted, inside):
        reed.company.add_doc(f"In {folder}", "text", into=folder)
    top = {choice.label: choice for choice in reed.whole().choices()}
    assert set(top) == {"Team", "Other"}
    [folder] = reed.whole().choices(top["Other"].id)
    [below] = reed.whole().choices(folder.id)
    assert (folder.label, below.label) == ("Wanted", "Inside")
    ledger = swept(reed, chosen=[top["Team"].id, folder.id], my_drives="none")
    assert ledger.titles() == {f"In {team}", f"In {wanted}", f"In {inside}"}


def test_a_drive_without_anybody_of_the_company_is_named_to_the_admin(reed: Reed) -> None:
    drive = reed.company.add_drive("Orphaned", {BO: "organizer"})
    reed.company.add_doc("Nobody's", "text", into=drive)
    reed.company.suspend(BO)
    ledger = swept(reed)
    assert not ledger.items
    assert set(ledger.problems) == {"item_forbidden"}
