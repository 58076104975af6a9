from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.ops.sandbox.drive.company import DriveCompany
from tests.ops.sandbox.drive_api import ALL_DRIVES, Google, google_of, small_company

FILES = "/drive/v3/files"
ADA, BO, CY, IDA = (f"{name}@example.com" for name in ("ada", "bo", "cy", "ida"))
EVERYWHERE = {"supportsAllDrives": "true", "fields": "*"}


@pytest.fixture
def company() -> DriveCompany:
    return small_company()


@pytest.fixture
def google(company: DriveCompany) -> Iterator[Google]:
    with google_of(company) as served:
        yield served


def listed(google: Google, who: str, item: str, **params: str) -> dict[str, dict[str, Any]]:
    """Return the permissions of an item by address, domain or id."""
    path = f"{FILES}/{item}/permissions"
    found = google.as_(who).all(path, "permissions", **EVERYWHERE, **params)
    return {each.get("emailAddress") or each.get("domain") or each["id"]: each for each in found}


def test_own_items_have_direct_and_inherited_permissions(
    google: Google, company: DriveCompany
) -> None:
    folder = company.add_folder("Folder", owner=ADA)
    item = company.add_doc("Doc", "text", into=folder)
    company.share(folder, BO, "commenter")
    company.share(item, BO, "reader")
    company.share(item, "example.com", discoverable=True)
    company.share(item, "anyone", "writer")
    found = listed(google, "ada", item)
    assert {name: each["role"] for name, each in found.items()} == {
        ADA: "owner",
        BO: "commenter",
        "example.com": "reader",
        "anyoneWithLink": "writer",
    }
    assert [each["inherited"] for each in found[BO]["permissionDetails"]] == [False, True]
    assert "inheritedFrom" not in found[BO]["permissionDetails"][1]
    assert found["example.com"]["allowFileDiscovery"] is True
    assert found["anyoneWithLink"]["allowFileDiscovery"] is False


def test_shared_drives_name_where_a_permission_comes_from(
    google: Google, company: DriveCompany
) -> None:
    drive = company.add_drive("Team", {ADA: "organizer", BO: "reader"})
    folder = company.add_folder("Folder", into=drive)
    item = company.add_doc("Doc", "text", into=folder)
    company.share(folder, BO, "writer")
    found = listed(google, "ada", item)
    assert found[ADA]["role"] == "organizer"
    assert found[BO]["role"] == "writer"
    assert [
        (each["permissionType"], each["role"], each["inherited"], each["inheritedFrom"])
        for each in found[BO]["permissionDetails"]
    ] == [("file", "writer", True, folder), ("member", "reader", True, drive)]


def test_limited_access_cuts_what_is_inherited(google: Google, company: DriveCompany) -> None:
    drive = company.add_drive("Team", {ADA: "organizer", BO: "writer"})
    closed = company.add_folder("Closed", into=drive)
    item = company.add_doc("Inside", "text", into=closed)
    company.limit_access(closed)
    bo = google.as_("bo")
    names = {"corpora": "drive", "driveId": drive, **ALL_DRIVES}
    assert bo.names(**names) == {"Closed"}
    shown = bo.get(f"{FILES}/{closed}", **EVERYWHERE)
    assert shown["inheritedPermissionsDisabled"] is True
    assert shown["capabilities"]["canListChildren"] is False
    assert bo.refused(f"{FILES}/{item}", supportsAllDrives="true") == (404, "notFound")
    above = listed(google, "ada", closed)
    assert (above[BO]["view"], above[BO]["role"]) == ("metadata", "reader")
    assert listed(google, "ada", item).keys() == {ADA}
    assert company.readers(item) == company.readers(closed) == {ADA}
    company.share(closed, BO)
    assert bo.names(**names) == {"Closed", "Inside"}
    assert "view" not in listed(google, "ada", closed)[BO]
    company.limit_access(closed, limited=False)
    assert listed(google, "ada", item)[BO]["role"] == "writer"


def test_permissions_end_when_their_time_is_over(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, BO, expires_at=company.clock.now() + timedelta(hours=1))
    assert "expirationTime" in listed(google, "ada", item)[BO]
    assert google.as_("bo").names() == {"Doc"}
    company.clock.forward(minutes=61)
    assert google.as_("bo").names() == set()
    assert company.readers(item) == {ADA}
    assert listed(google, "ada", item).keys() == {ADA}


def test_the_published_view_opens_nothing_and_shows_when_asked_for(
    google: Google, company: DriveCompany
) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, BO, view="published")
    assert listed(google, "ada", item).keys() == {ADA}
    found = listed(google, "ada", item, includePermissionsForView="published")
    assert (found[BO]["view"], found[BO]["role"]) == ("published", "publishedReader")
    assert google.as_("bo").refused(f"{FILES}/{item}") == (404, "notFound")
    assert company.readers(item) == {ADA}


def test_deleted_and_suspended_accounts_keep_permissions_but_read_nothing(
    google: Google, company: DriveCompany
) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, BO)
    company.share(item, CY)
    bo_id = listed(google, "ada", item)[BO]["id"]
    person = google.as_("cy")
    company.delete_user(BO)
    company.suspend(CY)
    found = listed(google, "ada", item)
    assert found[bo_id]["deleted"] is True
    assert "emailAddress" not in found[bo_id]
    assert found[CY]["deleted"] is False
    assert company.readers(item) == {ADA}
    assert person.refused(FILES) == (401, "authError")


def test_sharing_with_an_alias_keeps_what_was_typed(google: Google, company: DriveCompany) -> None:
    company.add_alias(BO, "robert@example.com")
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, "robert@example.com")
    company.share(item, "guest@elsewhere.example")
    assert listed(google, "ada", item).keys() == {
        ADA,
        "robert@example.com",
        "guest@elsewhere.example",
    }
    assert company.readers(item) == {ADA, BO, "guest@elsewhere.example"}
    company.unshare(item, BO)
    assert company.readers(item) == {ADA, "guest@elsewhere.example"}


def test_many_permissions_come_in_pages(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    for number in range(120):
        company.share(item, f"guest{number}@elsewhere.example")
    path = f"{FILES}/{item}/permissions"
    page = google.as_("ada").get(path)
    assert len(page["permissions"]) == 100
    assert page["permissions"][0].keys() == {"kind", "id", "type", "role"}
    assert len(listed(google, "ada", item, pageSize="50")) == 121


def test_one_permission_is_found_by_its_id(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    permission_id = company.share(item, BO)
    path = f"{FILES}/{item}/permissions"
    ada = google.as_("ada")
    assert ada.get(f"{path}/{permission_id}", fields="emailAddress") == {"emailAddress": BO}
    assert ada.refused(f"{path}/none") == (404, "notFound")
    company.unshare(item, permission_id)
    assert ada.refused(f"{path}/{permission_id}") == (404, "notFound")


def test_readers_may_not_list_permissions(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, BO)
    path = f"{FILES}/{item}/permissions"
    assert google.as_("bo").refused(path) == (403, "insufficientFilePermissions")
    assert google.as_("cy").refused(path) == (404, "notFound")


def test_administrators_see_the_members_of_all_shared_drives(
    google: Google, company: DriveCompany
) -> None:
    drive = company.add_drive("Team", {ADA: "organizer"})
    item = company.add_doc("Doc", "text", into=drive)
    ida, bo = google.as_("ida"), google.as_("bo")
    admin = {"useDomainAdminAccess": "true"}
    assert ida.get("/drive/v3/drives") == {"kind": "drive#driveList", "drives": []}
    assert [each["name"] for each in ida.get("/drive/v3/drives", **admin)["drives"]] == ["Team"]
    assert ida.get(f"/drive/v3/drives/{drive}", **admin, fields="*")["id"] == drive
    assert ida.refused(f"/drive/v3/drives/{drive}") == (404, "notFound")
    assert listed(google, "ida", drive, **admin).keys() == {ADA}
    path = f"{FILES}/{item}/permissions"
    assert ida.refused(path, **admin, supportsAllDrives="true") == (404, "notFound")
    assert bo.refused("/drive/v3/drives", **admin) == (403, "insufficientPermissions")


def test_drives_come_in_pages(google: Google, company: DriveCompany) -> None:
    for number in range(12):
        company.add_drive(f"Drive {number}", {ADA: "organizer"})
    ada = google.as_("ada")
    assert len(ada.get("/drive/v3/drives")["drives"]) == 10
    assert len(ada.all("/drive/v3/drives", "drives", pageSize="5")) == 12
    shown = ada.get("/drive/v3/drives", pageSize="1", fields="drives(*)")["drives"][0]
    assert shown["capabilities"]["canManageMembers"] is True


def test_moving_changes_who_inherits_and_who_owns(google: Google, company: DriveCompany) -> None:
    drive = company.add_drive("Team", {CY: "organizer"})
    folder = company.add_folder("Folder", owner=ADA)
    company.share(folder, BO)
    item = company.add_doc("Doc", "text", into=folder)
    company.move(item, company.account(ADA).root_id)
    assert company.readers(item) == {ADA}
    company.move(folder, drive)
    company.move(item, folder)
    assert company.readers(item) == {CY, BO}
    assert listed(google, "cy", item)[CY]["role"] == "organizer"
    with pytest.raises(ValueError, match="not in it"):
        company.move(folder, folder)


def test_what_google_refuses_to_share_is_refused(company: DriveCompany) -> None:
    drive = company.add_drive("Team", {CY: "organizer"})
    item = company.add_doc("Doc", "text", owner=ADA)
    refused: list[tuple[str, str, str]] = [
        (item, ADA, "reader"),
        (item, BO, "owner"),
        (item, BO, "organizer"),
        (item, BO, "king"),
        (drive, "anyone", "reader"),
        (company.account(ADA).root_id, BO, "reader"),
    ]
    for item_id, who, role in refused:
        with pytest.raises(ValueError, match=r"."):
            company.share(item_id, who, role)
    with pytest.raises(LookupError):
        company.share(item, "nobody@example.com")
    assert company.readers(item) == {ADA}
