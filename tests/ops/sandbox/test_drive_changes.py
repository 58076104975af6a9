from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.ops.sandbox.drive.company import DriveCompany
from tests.ops.sandbox.drive_api import ALL_DRIVES, Google, google_of, small_company

ADA, BO, CY, IDA = (f"{name}@example.com" for name in ("ada", "bo", "cy", "ida"))
START = "/drive/v3/changes/startPageToken"
Change = tuple[str, bool]


@pytest.fixture
def company() -> DriveCompany:
    return small_company()


@pytest.fixture
def google(company: DriveCompany) -> Iterator[Google]:
    with google_of(company) as served:
        yield served


class Log:
    """Reads a log from where it was read last."""

    def __init__(self, google: Google, who: str, **params: str) -> None:
        self._person = google.as_(who)
        self._params = params
        drive = {name: params[name] for name in params if name in {"driveId", "supportsAllDrives"}}
        self.token = self._person.get(START, **drive)["startPageToken"]

    def whole(self, **more: str) -> list[dict[str, Any]]:
        found, self.token = self._person.changes(self.token, **self._params, **more)
        return found

    def news(self, **more: str) -> list[Change]:
        """Return what changed and whether it is gone."""
        return [
            (each.get("fileId") or each["driveId"], each["removed"]) for each in self.whole(**more)
        ]


def test_each_log_has_what_its_user_sees(google: Google, company: DriveCompany) -> None:
    ada, bo, cy = Log(google, "ada"), Log(google, "bo"), Log(google, "cy")
    item = company.add_doc("Doc", "text", owner=ADA)
    assert (ada.news(), bo.news()) == ([(item, False)], [])
    company.share(item, BO)
    assert (ada.news(), bo.news()) == ([(item, False)], [(item, False)])
    company.edit(item, "new text")
    company.rename(item, "Named anew")
    for log in (ada, bo):
        assert [(each["fileId"], each["file"]["name"]) for each in log.whole()] == [
            (item, "Named anew")
        ]
    company.unshare(item, BO)
    assert (ada.news(), bo.news()) == ([(item, False)], [(item, True)])
    company.trash(item)
    shown = ada.whole(fields="newStartPageToken,changes(file(trashed,explicitlyTrashed,version))")
    trashed = {"trashed": True, "explicitlyTrashed": True, "version": "6"}
    assert shown == [{"file": trashed}]
    company.delete(item)
    assert (ada.news(), bo.news(), cy.news()) == ([(item, True)], [], [])


def test_removals_are_left_out_where_not_wanted(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner=ADA)
    ada = Log(google, "ada", includeRemoved="false")
    company.delete(item)
    other = company.add_doc("Other", "text", owner=ADA)
    assert ada.news() == [(other, False)]


def test_what_is_in_a_shared_or_moved_folder_is_not_listed(
    google: Google, company: DriveCompany
) -> None:
    folder = company.add_folder("Folder", owner=ADA)
    item = company.add_doc("Doc", "text", into=folder)
    other = company.add_folder("Other", owner=ADA)
    bo = Log(google, "bo")
    company.share(folder, BO)
    assert bo.news() == [(folder, False)]
    assert google.as_("bo").names() == {"Folder", "Doc"}
    company.move(folder, other)
    company.trash(folder)
    assert bo.news() == [(folder, False)]
    company.unshare(folder, BO)
    assert bo.news() == [(folder, True)]
    assert google.as_("bo").refused(f"/drive/v3/files/{item}") == (404, "notFound")


def test_descendants_are_listed_when_the_switch_is_on() -> None:
    company = DriveCompany(lists_descendants=True)
    company.add_user(ADA)
    company.add_user(BO)
    folder = company.add_folder("Folder", owner=ADA)
    item = company.add_doc("Doc", "text", into=folder)
    with google_of(company) as google:
        bo = Log(google, "bo")
        company.share(folder, BO)
        assert bo.news() == [(folder, False), (item, False)]
        company.delete(folder)
        assert bo.news() == [(folder, True), (item, True)]


def test_groups_change_nothing_in_the_logs(google: Google, company: DriveCompany) -> None:
    company.add_group("team@example.com", members=[BO])
    item = company.add_doc("Doc", "text", owner=ADA)
    company.share(item, "team@example.com")
    bo = Log(google, "bo")
    company.remove_member("team@example.com", BO)
    assert bo.news() == []
    assert google.as_("bo").names() == set()


def test_a_shared_drive_has_its_own_log(google: Google, company: DriveCompany) -> None:
    drive = company.add_drive("Team", {ADA: "organizer", BO: "reader"})
    in_drive = {"driveId": drive, **ALL_DRIVES}
    own, log = Log(google, "bo", **ALL_DRIVES), Log(google, "bo", **in_drive)
    closed = company.add_folder("Closed", into=drive)
    company.limit_access(closed)
    item = company.add_doc("Doc", "text", into=drive)
    hidden = company.add_doc("Hidden", "text", into=closed)
    assert own.news() == []
    assert log.news() == [(closed, False), (item, False)]
    company.move(item, closed)
    assert log.news() == [(item, True)]
    company.move(hidden, drive)
    assert log.news() == [(hidden, False)]
    company.move(hidden, company.account(ADA).root_id)
    assert log.news() == [(hidden, True)]
    assert google.as_("cy").refused(START, **in_drive) == (404, "notFound")


def test_joining_and_leaving_a_drive_is_one_change(google: Google, company: DriveCompany) -> None:
    drive = company.add_drive("Team", {ADA: "organizer"})
    company.add_doc("Doc", "text", into=drive)
    bo = Log(google, "bo", **ALL_DRIVES)
    company.share(drive, BO)
    [joined] = bo.whole()
    assert (joined["changeType"], joined["drive"]["name"]) == ("drive", "Team")
    company.unshare(drive, BO)
    [left] = bo.whole()
    assert (left["changeType"], left["driveId"], left["removed"]) == ("drive", drive, True)
    assert "drive" not in left
    company.share(drive, BO)
    company.delete_drive(drive)
    assert bo.news() == [(drive, True)]
    assert Log(google, "bo").news() == []
    assert company.live_files() == {}


def test_an_item_shared_from_a_drive_is_in_the_own_log(
    google: Google, company: DriveCompany
) -> None:
    drive = company.add_drive("Team", {ADA: "organizer"})
    item = company.add_doc("Doc", "text", into=drive)
    everywhere, only_own = Log(google, "cy", **ALL_DRIVES), Log(google, "cy")
    company.share(item, CY)
    assert (everywhere.news(), only_own.news()) == ([(item, False)], [])


def test_changes_come_in_pages_each_thing_once(google: Google, company: DriveCompany) -> None:
    ada = Log(google, "ada")
    items = [company.add_doc(f"Doc {number}", "text", owner=ADA) for number in range(7)]
    company.edit(items[0], "again")
    assert ada.news(pageSize="2") == [(each, False) for each in [*items[1:], items[0]]]
    assert ada.news() == []


def test_unknown_and_expired_tokens_are_refused(google: Google, company: DriveCompany) -> None:
    ada = google.as_("ada")
    token = ada.get(START)["startPageToken"]
    for wrong in ("none", "999999", "-1", "0"):
        assert ada.refused("/drive/v3/changes", pageToken=wrong) == (400, "invalid")
    assert ada.refused("/drive/v3/changes") == (400, "required")
    company.expire_page_tokens()
    assert ada.refused("/drive/v3/changes", pageToken=token) == (400, "invalid")
    log = Log(google, "ada")
    item = company.add_doc("Doc", "text", owner=ADA)
    assert log.news() == [(item, False)]


def test_deleting_a_folder_moves_what_others_own_to_them(
    google: Google, company: DriveCompany
) -> None:
    folder = company.add_folder("Folder", owner=ADA)
    company.share(folder, BO, "writer")
    gone = company.add_doc("Ada's", "text", into=folder)
    kept = company.add_doc("Bo's", "text", into=folder, owner=BO)
    bo = Log(google, "bo")
    company.delete(folder)
    assert bo.news() == [(kept, False), (folder, True)]
    assert company.live_files().keys() == {kept}
    assert company.readers(kept) == {BO}
    assert google.as_("ada").refused(f"/drive/v3/files/{gone}") == (404, "notFound")
