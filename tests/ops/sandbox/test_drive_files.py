from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator

import docx
import pytest
from openpyxl.reader.excel import load_workbook

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.content import DOCX, MOST_BYTES, XLSX
from tests.ops.sandbox.drive_api import (
    ALL_DRIVES,
    ROOT,
    Google,
    google_of,
    refusal,
    small_company,
)

FILES = "/drive/v3/files"
WRITE = [f"{ROOT}drive"]
NOT_FOUND = (404, "notFound")


@pytest.fixture
def company() -> DriveCompany:
    return small_company()


@pytest.fixture
def google(company: DriveCompany) -> Iterator[Google]:
    with google_of(company) as served:
        yield served


def test_people_list_what_is_theirs_or_was_shared_with_them(
    google: Google, company: DriveCompany
) -> None:
    plans = company.add_folder("Plans", owner="ada@example.com")
    inside = company.add_doc("Inside", "text", into=plans)
    company.add_doc("Own", "text", owner="ada@example.com")
    company.add_group("team@example.com", members=["bo@example.com"])
    company.share(plans, "team@example.com")
    assert google.as_("ada").names() == {"Plans", "Inside", "Own"}
    assert google.as_("bo").names() == {"Plans", "Inside"}
    assert google.as_("bo").names(q="sharedWithMe") == {"Plans"}
    assert google.as_("cy").names() == set()
    assert google.as_("cy").refused(f"{FILES}/{inside}") == NOT_FOUND
    company.remove_member("team@example.com", "bo@example.com")
    assert google.as_("bo").names() == set()


def test_a_link_opens_but_is_not_listed(google: Google, company: DriveCompany) -> None:
    by_link = company.add_doc("By link", "text", owner="ada@example.com")
    company.share(by_link, "anyone")
    domain = company.add_doc("For all", "text", owner="ada@example.com")
    company.share(domain, "example.com", discoverable=True)
    bo = google.as_("bo")
    assert bo.get(f"{FILES}/{by_link}")["name"] == "By link"
    assert bo.names() == set()
    assert bo.names(corpora="domain") == {"For all"}
    assert company.readers(by_link) == {"ada@example.com"}
    assert "bo@example.com" in company.readers(by_link, with_link=True)
    assert "bo@example.com" in company.readers(domain)


def test_shared_drives_need_to_be_asked_for(google: Google, company: DriveCompany) -> None:
    drive = company.add_drive("Team", {"ada@example.com": "organizer", "bo@example.com": "reader"})
    item = company.add_doc("Team doc", "text", into=drive)
    company.add_doc("Own", "text", owner="bo@example.com")
    bo, cy = google.as_("bo"), google.as_("cy")
    assert bo.names() == {"Own"}
    assert bo.names(corpora="drive", driveId=drive, **ALL_DRIVES) == {"Team doc"}
    assert bo.names(corpora="allDrives", **ALL_DRIVES) == {"Own", "Team doc"}
    assert bo.refused(f"{FILES}/{item}") == NOT_FOUND
    shown = bo.get(f"{FILES}/{item}", supportsAllDrives="true", fields="*")
    assert shown["driveId"] == drive
    assert shown["parents"] == [drive]
    assert not shown.keys() & {"permissions", "owners", "shared", "ownedByMe", "permissionIds"}
    assert cy.names(corpora="allDrives", **ALL_DRIVES) == set()
    assert cy.refused(FILES, corpora="drive", driveId=drive, **ALL_DRIVES) == NOT_FOUND
    assert bo.refused(FILES, corpora="drive", **ALL_DRIVES) == (400, "invalid")
    company.share(item, "cy@example.com")
    assert cy.names(**ALL_DRIVES) == {"Team doc"}


def test_default_fields_and_masks_are_as_at_google(google: Google, company: DriveCompany) -> None:
    folder = company.add_folder("Folder", owner="ada@example.com")
    file_id = company.add_file("a.txt", b"abc", mime_type="text/plain", into=folder)
    ada = google.as_("ada")
    assert ada.get(f"{FILES}/{file_id}").keys() == {"kind", "id", "name", "mimeType"}
    listed = ada.get(FILES, fields="files(id,owners/emailAddress,capabilities(canDownload))")
    assert listed.keys() == {"files"}
    assert listed["files"][0] == {
        "id": file_id,
        "owners": [{"emailAddress": "ada@example.com"}],
        "capabilities": {"canDownload": True},
    }
    assert ada.get(FILES, fields="files/id")["files"][1] == {"id": folder}
    whole = ada.get(f"{FILES}/{file_id}", fields="*")
    assert whole["md5Checksum"] == hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
    assert (whole["size"], whole["version"], whole["parents"]) == ("3", "1", [folder])
    assert "size" not in ada.get(f"{FILES}/{folder}", fields="*")
    assert ada.get(f"{FILES}/{file_id}", fields="imageMediaMetadata") == {}
    for wrong in ("files(id,bogus)", "files(id", "files(id))", "files/", "bogus"):
        assert ada.refused(FILES, fields=wrong) == (400, "invalidParameter"), wrong


def test_permissions_of_a_file_show_only_to_who_may_share_it(
    google: Google, company: DriveCompany
) -> None:
    item = company.add_doc("Doc", "text", owner="ada@example.com")
    company.share(item, "bo@example.com")
    wanted = "permissions(emailAddress,role)"
    assert google.as_("ada").get(f"{FILES}/{item}", fields=wanted)["permissions"] == [
        {"emailAddress": "ada@example.com", "role": "owner"},
        {"emailAddress": "bo@example.com", "role": "reader"},
    ]
    assert google.as_("bo").get(f"{FILES}/{item}", fields=wanted) == {}


def test_queries_choose(google: Google, company: DriveCompany) -> None:
    ada = "ada@example.com"
    folder = company.add_folder("Folder", owner=ada)
    company.add_doc("Report one", "text", into=folder)
    sheet = company.add_sheet("It's two", [["a"]], owner=ada)
    company.clock.forward(hours=2)
    between = company.clock.now().isoformat()
    company.clock.forward(hours=2)
    company.add_file("report.bin", b"", into=folder)
    company.trash(sheet)
    expected = {
        f"'{folder}' in parents": {"Report one", "report.bin"},
        "'root' in parents": {"Folder", "It's two"},
        f"'root' in parents or '{folder}' in parents and name = 'report.bin'": {
            "Folder",
            "It's two",
            "report.bin",
        },
        f"not '{folder}' in parents": {"Folder", "It's two"},
        "trashed = false": {"Folder", "Report one", "report.bin"},
        "trashed = true": {"It's two"},
        "name = 'It\\'s two'": {"It's two"},
        "name contains 'REP'": {"Report one", "report.bin"},
        "name contains 'port'": set(),
        "mimeType = 'application/vnd.google-apps.folder'": {"Folder"},
        "mimeType != 'application/vnd.google-apps.folder' and trashed=false": {
            "Report one",
            "report.bin",
        },
        f"modifiedTime > '{between}'": {"report.bin"},
        f"modifiedTime <= '{between}' and not trashed": {"Folder", "Report one"},
        "'me' in owners and (name = 'Folder' or name = 'report.bin')": {"Folder", "report.bin"},
        "'bo@example.com' in readers": set(),
    }
    person = google.as_("ada")
    for query, names in expected.items():
        assert person.names(q=query) == names, query
    for wrong in ("name", "name ~ 'x'", "(trashed", "trashed = maybe", "fullText contains 'x'"):
        assert person.refused(FILES, q=wrong) == (400, "invalid"), wrong


def test_pages_hold_everything_once_in_the_order_asked_for(
    google: Google, company: DriveCompany
) -> None:
    for number in range(25):
        company.add_doc(f"Doc {number}", "text", owner="ada@example.com")
    ada = google.as_("ada")
    listed = ada.all(FILES, "files", pageSize="10", orderBy="name_natural")
    assert [each["name"] for each in listed] == [f"Doc {number}" for number in range(25)]
    down = ada.get(FILES, pageSize="2", orderBy="name desc")
    assert [each["name"] for each in down["files"]] == ["Doc 9", "Doc 8"]
    token = down["nextPageToken"]
    invalid = (400, "invalid")
    assert ada.refused(FILES, pageToken="made-up") == invalid
    assert ada.refused(FILES, pageToken=token, orderBy="name") == invalid
    assert google.as_("bo").refused(FILES, pageToken=token, orderBy="name desc") == invalid
    assert ada.refused(FILES, pageSize="1001") == (400, "invalidParameter")
    assert ada.refused(FILES, orderBy="colour") == invalid
    company.expire_page_tokens()
    assert ada.refused(FILES, pageToken=token, orderBy="name desc") == invalid


def test_pages_repeat_items_when_told(google: Google, company: DriveCompany) -> None:
    for number in range(9):
        company.add_doc(f"Doc {number}", "text", owner="ada@example.com")
    company.repeat_items(2)
    ids = [each["id"] for each in google.as_("ada").all(FILES, "files", pageSize="4")]
    assert len(ids) > 9
    assert len(set(ids)) == 9
    assert len(google.as_("ada").all(FILES, "files", pageSize="4")) == 9


def test_bytes_are_downloaded_whole_or_in_ranges(google: Google, company: DriveCompany) -> None:
    content = bytes(range(256))
    path = f"{FILES}/{company.add_file('a.bin', content, owner='ada@example.com')}"
    http = google.as_("ada").http
    media = {"alt": "media"}
    assert http.get(path, params=media).content == content
    ranges = {"bytes=10-19": content[10:20], "bytes=250-": content[250:], "bytes=-6": content[250:]}
    for asked, expected in ranges.items():
        part = http.get(path, params=media, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, expected), asked
    assert part.headers["content-range"] == "bytes 250-255/256"
    beyond = http.get(path, params=media, headers={"Range": "bytes=256-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */256")


def test_documents_are_exported_not_downloaded(google: Google, company: DriveCompany) -> None:
    markdown = "# Title\n\nSome **bold** [link](http://a.example) & more"
    document = f"{FILES}/{company.add_doc('Doc', markdown, owner='ada@example.com')}"
    rows = [["City", "Desks"], ["Gent", "1,2"]]
    sheet = f"{FILES}/{company.add_sheet('Sheet', rows, owner='ada@example.com')}"
    slides = f"{FILES}/{company.add_slides('Slides', 'One', owner='ada@example.com')}"
    file = f"{FILES}/{company.add_file('a.bin', b'1', owner='ada@example.com')}"
    ada = google.as_("ada")

    def exported(path: str, mime_type: str) -> bytes:
        answer = ada.http.get(f"{path}/export", params={"mimeType": mime_type})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(mime_type)
        return answer.content

    assert exported(document, "text/markdown").decode() == markdown
    plain = exported(document, "text/plain").decode("utf-8-sig")
    assert plain.split() == ["Title", "Some", "bold", "link", "&", "more"]
    paragraphs = docx.Document(io.BytesIO(exported(document, DOCX))).paragraphs
    assert [each.text for each in paragraphs] == ["Title", "Some bold link & more"]
    assert exported(sheet, "text/csv") == b'City,Desks\r\nGent,"1,2"\r\n'
    book = load_workbook(io.BytesIO(exported(sheet, XLSX)))  # type: ignore[no-untyped-call]  # has no types
    assert [list(row) for row in book.active.values] == rows
    assert exported(slides, "text/plain") == b"One"
    assert ada.refused(document, alt="media") == (403, "fileNotDownloadable")
    plain_text = {"mimeType": "text/plain"}
    assert ada.refused(f"{file}/export", **plain_text) == (403, "fileNotExportable")
    assert ada.refused(f"{sheet}/export", **plain_text) == (400, "badRequest")
    assert ada.refused(f"{sheet}/export") == (400, "required")


def test_large_documents_are_not_exported(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Large", "x" * (MOST_BYTES + 1), owner="ada@example.com")
    refused = google.as_("ada").refused(f"{FILES}/{item}/export", mimeType="text/plain")
    assert refused == (403, "exportSizeLimitExceeded")


def test_forbidden_downloads_are_refused_to_readers(google: Google, company: DriveCompany) -> None:
    item = company.add_file("a.bin", b"1", owner="ada@example.com")
    company.share(item, "bo@example.com")
    company.forbid_download(item)
    bo = google.as_("bo")
    shown = bo.get(f"{FILES}/{item}", fields="capabilities/canDownload")
    assert shown == {"capabilities": {"canDownload": False}}
    assert bo.refused(f"{FILES}/{item}", alt="media") == (403, "cannotDownloadFile")
    assert google.as_("ada").http.get(f"{FILES}/{item}?alt=media").content == b"1"


def test_trash_is_seen_through_the_parent(google: Google, company: DriveCompany) -> None:
    folder = company.add_folder("Folder", owner="ada@example.com")
    item = company.add_doc("Doc", "text", into=folder)
    company.trash(folder)
    ada = google.as_("ada")
    wanted = "trashed,explicitlyTrashed"
    assert ada.get(f"{FILES}/{item}", fields=wanted) == {
        "trashed": True,
        "explicitlyTrashed": False,
    }
    assert ada.get(f"{FILES}/{folder}", fields=wanted)["explicitlyTrashed"]
    assert company.live_files() == {}
    company.untrash(folder)
    live = company.live_files()[item]
    assert (live.name, live.path, live.content) == ("Doc", "My Drive/Folder/Doc", b"text")


def test_a_shortcut_has_a_target_and_its_own_readers(google: Google, company: DriveCompany) -> None:
    target = company.add_doc("Doc", "text", owner="ada@example.com")
    shortcut = company.add_shortcut("Way", target, owner="ada@example.com")
    company.share(shortcut, "bo@example.com")
    bo = google.as_("bo")
    assert bo.get(f"{FILES}/{shortcut}", fields="shortcutDetails")["shortcutDetails"] == {
        "targetId": target,
        "targetMimeType": "application/vnd.google-apps.document",
    }
    assert bo.refused(f"{FILES}/{target}") == NOT_FOUND
    assert target in company.live_files()
    assert shortcut not in company.live_files()


def test_folders_and_documents_can_be_made_changed_and_deleted(
    google: Google, company: DriveCompany
) -> None:
    ada = google.as_("ada", WRITE)
    folder = ada.http.post(
        FILES, json={"name": "New", "mimeType": "application/vnd.google-apps.folder"}
    ).json()
    kind = "application/vnd.google-apps.document"
    body = {"name": "Doc", "mimeType": kind, "parents": [folder["id"]]}
    path = f"{FILES}/{ada.http.post(FILES, json=body).json()['id']}"
    other = company.add_folder("Other", owner="ada@example.com")
    moved = {"addParents": other, "removeParents": folder["id"], "fields": "name,parents"}
    answer = ada.http.patch(path, json={"name": "Renamed"}, params=moved)
    assert answer.json() == {"name": "Renamed", "parents": [other]}
    upload = ada.http.patch(f"/upload{path}", params={"uploadType": "media"}, content=b"# Words")
    assert upload.status_code == 200
    exported = ada.http.get(f"{path}/export", params={"mimeType": "text/markdown"})
    assert exported.content == b"# Words"
    assert ada.http.patch(path, json={"trashed": True}).status_code == 200
    assert ada.get(path, fields="trashed") == {"trashed": True}
    assert ada.http.delete(path).status_code == 204
    assert ada.refused(path) == NOT_FOUND


def test_acting_needs_the_right_role(google: Google, company: DriveCompany) -> None:
    item = company.add_doc("Doc", "text", owner="ada@example.com")
    company.share(item, "bo@example.com", "writer")
    company.share(item, "cy@example.com", "commenter")
    path, refused = f"{FILES}/{item}", (403, "insufficientFilePermissions")
    bo, cy = google.as_("bo", WRITE).http, google.as_("cy", WRITE).http
    assert bo.patch(path, json={"name": "By Bo"}).json()["name"] == "By Bo"
    assert refusal(bo.patch(path, json={"trashed": True})) == refused
    assert refusal(bo.delete(path)) == refused
    assert refusal(cy.patch(path, json={"name": "By Cy"})) == refused
    assert refusal(google.as_("ida", WRITE).http.delete(path)) == NOT_FOUND


def test_drive_file_opens_only_what_the_application_made(
    google: Google, company: DriveCompany
) -> None:
    company.add_doc("Older", "text", owner="ada@example.com")
    app = google.as_("ada", [f"{ROOT}drive.file"])
    app.http.post(FILES, json={"name": "Made"})
    assert app.names() == {"Made"}
    assert google.as_("ada").names() == {"Older", "Made"}


@pytest.mark.slow
def test_a_thousand_of_ten_thousand_files_are_listed_at_speed(
    google: Google, company: DriveCompany
) -> None:
    folders = [company.add_folder(f"Folder {n}", owner="ada@example.com") for n in range(100)]
    for folder in folders:
        for number in range(100):
            company.add_doc(f"Doc {number}", "text", into=folder)
    ada = google.as_("ada")
    wanted = (
        "nextPageToken,files(id,name,mimeType,parents,trashed,modifiedTime,size,md5Checksum,"
        "driveId,owners(emailAddress),webViewLink,capabilities(canDownload))"
    )
    token = ""
    spent_s: list[float] = []
    seen: set[str] = set()
    while True:
        params = {"pageToken": token} if token else {}
        began = time.process_time()
        page = ada.http.get(FILES, params={"pageSize": "1000", "fields": wanted, **params}).json()
        spent_s.append(time.process_time() - began)
        seen.update(each["id"] for each in page["files"])
        if "nextPageToken" not in page:
            break
        token = page["nextPageToken"]
    assert len(seen) == 10_100
    assert sorted(spent_s)[len(spent_s) // 2] < 0.1, spent_s
