"""The company whose Drive is synced: shared drives and My Drives, groups in groups, and shares."""

from __future__ import annotations

from dataclasses import dataclass

from apps.ops.sandbox.drive.company import DriveCompany

DOMAIN = "reed.example"
ADMIN = f"ida@{DOMAIN}"
# Who owns what is shared and unshared, who looks for it, and who looks on.
ADA, BO, CY = (f"{name}@{DOMAIN}" for name in ("ada", "bo", "cy"))
TEAM = f"team@{DOMAIN}"
STAFF = f"staff@{DOMAIN}"
_DRIVES = 4
_GROUPS = 12
# How many people own the folders outside of shared drives.
_OWNERS = 10


@dataclass(frozen=True)
class Size:
    """How large a company is.

    Attributes:
        files: documents; half of them lie in shared drives.
        folders: that they lie in.
        people: with an account, beside the four who have names.
    """

    files: int
    folders: int
    people: int = 36


def founded(size: Size) -> DriveCompany:
    """Return a company, the same at every start.

    Every other folder lies in one of four shared drives, the others in the My Drives of ten people
    and shared with a group. Of the folders in shared drives every fifth is closed, and of all files
    every twentieth is shared with a person.
    """
    company = DriveCompany(DOMAIN, seed=1)
    people = [f"person{number}@{DOMAIN}" for number in range(size.people)]
    for email in (ADMIN, ADA, BO, CY, *people):
        company.add_user(email, is_admin=email == ADMIN)
    groups = [
        company.add_group(f"group{number}@{DOMAIN}", members=people[number::_GROUPS])
        for number in range(_GROUPS)
    ]
    for inner, outer in zip(groups[::2], groups[1::2], strict=True):
        company.add_member(outer, inner)
    company.add_group(TEAM, "Team", [ADA, CY])
    company.add_group(STAFF, "Staff", [company.people.customer_id])
    folders = _folders(company, size.folders, [ADA, *people[: _OWNERS - 1]], groups)
    for number in range(size.files):
        _add_file(company, number, folders[number % len(folders)], people)
    return company


def _folders(company: DriveCompany, count: int, owners: list[str], groups: list[str]) -> list[str]:
    drives = [
        company.add_drive(
            f"Drive {number}",
            {ADMIN: "organizer", groups[number]: "writer", **({STAFF: "reader"} if number else {})},
        )
        for number in range(_DRIVES)
    ]
    made = []
    for number in range(count):
        name, turn = f"Folder {number}", number // 2
        if number % 2:
            folder = company.add_folder(name, owner=owners[turn % len(owners)])
            company.share(folder, groups[turn % len(groups)])
        else:
            folder = company.add_folder(name, into=drives[turn % _DRIVES], owner=ADMIN)
            if turn % 5 == 4:
                company.limit_access(folder)
                company.share(folder, groups[turn % len(groups)])
        made.append(folder)
    return made


def _add_file(company: DriveCompany, number: int, folder: str, people: list[str]) -> None:
    name, text = f"Note {number}", text_of(number)
    if number % 3:
        content = text.encode()
        file = company.add_file(f"{name}.md", content, mime_type="text/markdown", into=folder)
    else:
        file = company.add_doc(name, text, into=folder)
    if number % 20 == 0 and people:
        company.share(file, people[number // 20 % len(people)])


def text_of(number: int) -> str:
    """Return a text that stands nowhere else; it makes one passage."""
    return f"# Note {number}\n\nThe key of room {number} hangs in room {number * 7 % 1000}."
