"""The account of one person: what it sees, readable to those who surely may read it."""

from __future__ import annotations

import pytest

from apps.connections.errors import CredentialsRejected, CursorExpired, SettingsRejected
from apps.connections.providers.google_drive.connector import GoogleDrive
from tests.connections.google_drive.ledger import Ledger
from tests.connections.google_drive.reed import ADA, BO, CY, ENGINEERS, IDA, Reed


def swept(reed: Reed, email: str, **settings: object) -> Ledger:
    """Return what is stored of one person's account."""
    ledger = Ledger()
    ledger.permit(reed.own(email, **settings))
    ledger.sweep(reed.own(email, **settings))
    return ledger


def test_own_documents_have_their_readers(reed: Reed) -> None:
    plans = reed.company.add_folder("Plans", owner=ADA)
    launch = reed.company.add_doc("Launch", "x", into=plans)
    diary = reed.company.add_doc("Diary", "x", owner=ADA)
    reed.company.share(plans, BO)
    reed.company.share(diary, ENGINEERS)
    ledger = swept(reed, ADA)
    # Who is in a group stays unknown to one person's account, and unknown is nobody.
    assert ledger.all_readers() == {launch: {ADA, BO}, diary: {ADA}}
    assert ledger.paths() == {"My Drive of Ada Berg/Plans/Launch", "My Drive of Ada Berg/Diary"}


def test_an_administrators_account_reads_the_directory_when_told_to(reed: Reed) -> None:
    diary = reed.company.add_doc("Diary", "x", owner=IDA)
    reed.company.share(diary, ENGINEERS)
    scopes = GoogleDrive.sign_in.read_scopes + GoogleDrive.sign_in.delegated_scopes
    assert scopes
    ledger = swept(reed, IDA, admin=IDA)
    assert ledger.all_readers() == {diary: {IDA, ADA}}


def test_what_was_shared_is_for_the_reader_alone_where_the_rest_is_hidden(reed: Reed) -> None:
    plans = reed.company.add_folder("Plans", owner=BO)
    inside = reed.company.add_doc("Inside", "x", into=plans)
    single = reed.company.add_doc("Single", "x", owner=BO)
    reed.company.share(plans, ADA)
    reed.company.share(plans, CY)
    reed.company.share(single, ADA, "writer")
    reed.company.share(single, CY)
    ledger = swept(reed, ADA)
    assert ledger.all_readers() == {inside: {ADA}, single: {ADA, BO, CY}}
    assert ledger.paths() == {"Shared with me/Plans/Inside", "Shared with me/Single"}
    reed.assert_not_wider(ledger)


def test_shared_drives_by_a_member_who_may_not_see_the_others(reed: Reed) -> None:
    team = reed.company.add_drive("Team", {BO: "organizer", ADA: "reader", CY: "reader"})
    folder = reed.company.add_folder("Folder", into=team)
    reed.company.add_doc("In it", "x", into=folder)
    direct = reed.company.add_doc("Direct", "x", into=folder)
    reed.company.share(direct, IDA)
    assert list(swept(reed, ADA).all_readers().values()) == [{ADA}, {ADA}]
    ledger = swept(reed, BO)
    reed.assert_true(ledger)


def test_parts_are_picked(reed: Reed) -> None:
    team = reed.company.add_drive("Team", {ADA: "organizer"})
    plans = reed.company.add_folder("Plans", owner=ADA)
    inside = reed.company.add_folder("Inside", into=plans)
    for place in (team, plans, inside, reed.company.account(ADA).root_id):
        reed.company.add_doc(f"In {place}", "x", into=place)
    top = {choice.label: choice.id for choice in reed.own(ADA).choices()}
    assert set(top) == {"My Drive", "Team"}
    [folder] = reed.own(ADA).choices(top["My Drive"])
    assert swept(reed, ADA, chosen=[top["Team"]]).titles() == {f"In {team}"}
    assert swept(reed, ADA, chosen=[folder.id]).titles() == {f"In {plans}", f"In {inside}"}
    assert len(swept(reed, ADA, chosen=[top["My Drive"]]).titles()) == 3
    with pytest.raises(SettingsRejected):
        reed.own(ADA, chosen=["nonsense"])


def test_changes_are_followed(reed: Reed) -> None:
    plans = reed.company.add_folder("Plans", owner=ADA)
    inside = reed.company.add_doc("Inside", "x", into=plans)
    shared = reed.company.add_doc("Shared", "x", owner=BO)
    reed.company.share(shared, ADA)
    ledger = swept(reed, ADA)
    assert set(ledger.items) == {inside, shared}
    reed.company.unshare(shared, ADA)
    reed.company.share(plans, CY)
    team = reed.company.add_drive("Team", {BO: "organizer", ADA: "writer"})
    of_team = reed.company.add_doc("Of the team", "x", into=team)
    ledger.follow(reed.own(ADA))
    assert ledger.all_readers() == {inside: {ADA, CY}, of_team: {ADA, BO}}
    reed.company.unshare(team, ADA)
    reed.company.trash(plans)
    ledger.follow(reed.own(ADA))
    assert not ledger.items
    reed.company.untrash(plans)
    ledger.follow(reed.own(ADA))
    assert set(ledger.items) == {inside}
    reed.company.expire_page_tokens()
    with pytest.raises(CursorExpired):
        ledger.follow(reed.own(ADA))


def test_an_account_that_is_withdrawn_is_said_so(reed: Reed) -> None:
    drive = reed.own(ADA)
    assert (drive.identity(), drive.item_space()) == (ADA, "google_drive")
    drive.check()
    reed.company.expire_access_tokens()
    with pytest.raises(CredentialsRejected):
        drive.check()
    with pytest.raises(CredentialsRejected):
        list(reed.own_with("nonsense").sweep(None))


def test_a_service_account_needs_an_administrator(reed: Reed) -> None:
    with pytest.raises(SettingsRejected):
        reed.whole(admin="").check()
    with pytest.raises(CredentialsRejected):
        reed.whole(admin="nobody@example.com").check()
    reed.whole().check()
    assert reed.whole().identity() == reed.service.email
