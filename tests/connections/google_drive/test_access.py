"""Google itself is asked whether somebody may read a document now."""

from __future__ import annotations

import pytest

from apps.connections.errors import ItemGone
from apps.connections.protocol import PrincipalKind, RemotePrincipal
from tests.connections.google_drive.reed import ADA, BO, CY, ENGINEERS, IDA, PRODUCT, Reed


def asked(reed: Reed, drive: object, external_id: str, email: str) -> bool | None:
    """Return the connector's answer for one person."""
    user = reed.company.people.user(email)
    principal = RemotePrincipal(PrincipalKind.USER, user.id if user else email, email=email)
    members = RemotePrincipal(PrincipalKind.MEMBERS, "members")
    return drive.check_access(external_id, [principal, members])  # type: ignore[attr-defined,no-any-return]


def test_a_service_account_knows_of_everybody(reed: Reed) -> None:
    work = reed.company
    team = work.add_drive("Team", {ADA: "organizer", PRODUCT: "writer"})
    closed = work.add_folder("Closed", into=team)
    work.limit_access(closed)
    documents = [
        work.add_doc("Team doc", "x", into=team),
        work.add_doc("Closed doc", "x", into=closed),
        work.add_doc("Own", "x", owner=ADA),
        work.add_doc("For engineers", "x", owner=CY),
        work.add_doc("Listed", "x", owner=CY),
        work.add_doc("By link", "x", owner=CY),
        work.add_doc("Within the company", "x", owner=CY),
    ]
    work.share(documents[3], ENGINEERS)
    work.share(documents[4], "example.com", discoverable=True)
    work.share(documents[5], "anyone")
    work.share(documents[6], "example.com")
    work.share(documents[2], "eva@elsewhere.example")
    work.suspend(BO)
    drive = reed.whole()
    for document in documents:
        allowed = work.readers(document)
        for email in (IDA, ADA, BO, CY, "eva@elsewhere.example"):
            answer = asked(reed, drive, document, email)
            assert answer in {email in allowed, None}, (document, email)
            assert answer is not None or email == "eva@elsewhere.example"


def test_strangers_are_found_in_groups_of_groups(reed: Reed) -> None:
    document = reed.company.add_doc("Accounts", "x", owner=ADA)
    for address in ("noor@elsewhere.example", "eva@elsewhere.example"):
        reed.company.share(document, address)
        reed.company.unshare(document, address)
    reed.company.add_group("finance@example.com", "Finance", ["noor@elsewhere.example"])
    reed.company.add_group("staff@example.com", "Staff", ["finance@example.com"])
    reed.company.share(document, "staff@example.com")
    drive = reed.whole()
    assert asked(reed, drive, document, "noor@elsewhere.example") is True
    assert asked(reed, drive, document, "eva@elsewhere.example") is False
    reed.company.remove_member("finance@example.com", "noor@elsewhere.example")
    assert asked(reed, drive, document, "noor@elsewhere.example") is False
    reed.company.share(document, "elsewhere.example", discoverable=True)
    assert asked(reed, drive, document, "noor@elsewhere.example") is None


def test_one_persons_account_says_what_it_knows(reed: Reed) -> None:
    direct = reed.company.add_doc("Direct", "x", owner=ADA)
    reed.company.share(direct, BO)
    by_group = reed.company.add_doc("By group", "x", owner=ADA)
    reed.company.share(by_group, ENGINEERS)
    others = reed.company.add_doc("Of others", "x", owner=CY)
    reed.company.share(others, ADA)
    drive = reed.own(ADA)
    assert asked(reed, drive, direct, BO) is True
    assert asked(reed, drive, direct, CY) is False
    assert asked(reed, drive, by_group, ADA) is True
    assert asked(reed, drive, by_group, CY) is None
    assert asked(reed, drive, others, CY) is None
    assert asked(reed, drive, others, ADA) is True


def test_what_is_gone_is_gone(reed: Reed) -> None:
    document = reed.company.add_doc("Doc", "x", owner=ADA)
    reed.company.trash(document)
    for drive in (reed.whole(), reed.own(ADA)):
        with pytest.raises(ItemGone):
            asked(reed, drive, document, ADA)
