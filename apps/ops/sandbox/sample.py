"""A small company, believable and the same at every start, in both simulated sources.

Its people are those of Kenward's sample company Tarnbrook Cycles (`examples/people.yaml`) and a few
who have no account in Kenward, so that who may read what can be seen from several sides.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.oauth import Client, ServiceAccount
from apps.ops.sandbox.slack.records import Guest
from apps.ops.sandbox.slack.workspace import SlackWorkspace

DOCUMENTS = Path(__file__).parent / "sample_documents"
DOMAIN = "tarnbrook.example"
NOOR = "noor.haddad@greyfell-accounts.example"
NAMES = {
    "ada.lindqvist": "Ada Lindqvist",
    "judith.okafor": "Judith Okafor",
    "marta.fell": "Marta Fell",
    "hannah.brisco": "Hannah Brisco",
    "colin.thwaite": "Colin Thwaite",
    "priya.raman": "Priya Raman",
    "lucia.marchetti": "Lucia Marchetti",
    "ben.okoro": "Ben Okoro",
    "dafydd.price": "Dafydd Price",
    "yuki.hartley": "Yuki Hartley",
    "ingrid.moss": "Ingrid Moss",
}
GROUPS = {
    "people": ("People", ["hannah.brisco"]),
    "payroll": ("Payroll", ["colin.thwaite", "priya.raman"]),
    "finance": ("Finance", ["payroll", NOOR]),
    "engineering": ("Engineering", ["lucia.marchetti", "ben.okoro", "yuki.hartley"]),
    "sales": ("Sales", ["ingrid.moss", "dafydd.price"]),
    "leads": (
        "Leadership",
        ["marta.fell", "hannah.brisco", "colin.thwaite", "lucia.marchetti", "ingrid.moss"],
    ),
    "staff": (
        "All staff",
        ["leads", "people", "finance", "engineering", "sales", "ada.lindqvist", "judith.okafor"],
    ),
}


@dataclass(frozen=True)
class Sandbox:
    """Both sources with the company in them, and how an application signs in to each."""

    drive: DriveCompany
    slack: SlackWorkspace
    google_client: Client
    google_service_account: ServiceAccount


def build(redirect_uris: Iterable[str] = (), *, seed: int = 1) -> Sandbox:
    """Return the company.

    Args:
        redirect_uris: where an application may be sent back to after a person's consent; at Google
            exactly these, at Slack also what lies below them.
        seed: the same seed gives the same ids.
    """
    drive = _drive(seed)
    slack = _slack(seed)
    known = list(redirect_uris)
    slack.app.redirect_uris += known
    return Sandbox(drive, slack, drive.add_client(known, "Kenward"), drive.add_service_account())


def _bytes(name: str) -> bytes:
    return (DOCUMENTS / name).read_bytes()


def _text(name: str) -> str:
    return _bytes(name).decode()


def _rows(name: str) -> list[list[str]]:
    return list(csv.reader(_text(name).splitlines()))


def _address(name: str) -> str:
    return name if "@" in name else f"{name}@{DOMAIN}"


def _drive(seed: int) -> DriveCompany:
    drive = DriveCompany(DOMAIN, seed=seed)
    for local, name in NAMES.items():
        drive.add_user(_address(local), name, is_admin=local == "ada.lindqvist")
    for local, (name, members) in GROUPS.items():
        drive.add_group(_address(local), name, [_address(each) for each in members])
    _company_drive(drive)
    _engineering_drive(drive)
    _people_s_own_files(drive)
    return drive


def _company_drive(drive: DriveCompany) -> None:
    judith = _address("judith.okafor")
    company = drive.add_drive("Company", {judith: "organizer", _address("staff"): "reader"})
    handbook = drive.add_folder("Handbook", into=company, owner=judith)
    drive.add_doc(
        "Staff lease for cargo bikes", _text("bike-lease.md"), into=handbook, owner=judith
    )
    drive.add_doc("Parking at Beck Mill", _text("parking.md"), into=handbook, owner=judith)
    drive.add_file(
        "canteen-2026-11-23.txt",
        _bytes("canteen.txt"),
        mime_type="text/plain",
        into=company,
        owner=judith,
    )
    board = drive.add_folder("Board", into=company, owner=judith)
    drive.limit_access(board)
    drive.share(board, _address("leads"), "reader")
    drive.add_doc("Board minutes 2026-11-17", _text("board-minutes.md"), into=board, owner=judith)
    drive.add_doc("Project Alder", _text("acquisition.md"), into=board, owner=judith)


def _engineering_drive(drive: DriveCompany) -> None:
    lucia, ben = _address("lucia.marchetti"), _address("ben.okoro")
    members = {lucia: "organizer", _address("engineering"): "writer", _address("leads"): "reader"}
    top = drive.add_drive("Engineering", members)
    heron = drive.add_folder("Heron 3", into=top, owner=lucia)
    drive.add_doc("Design review 4", _text("design-review.md"), into=heron, owner=lucia)
    drive.add_sheet("Range test", _rows("range-test.csv"), into=heron, owner=ben)
    firmware = drive.add_folder("Firmware", into=top, owner=ben)
    drive.add_file(
        "release-checklist-5.0.md",
        _bytes("firmware-checklist.md"),
        mime_type="text/markdown",
        into=firmware,
        owner=ben,
    )


def _people_s_own_files(drive: DriveCompany) -> None:
    hannah, colin = _address("hannah.brisco"), _address("colin.thwaite")
    dafydd, lucia = _address("dafydd.price"), _address("lucia.marchetti")
    recruiting = drive.add_folder("Recruiting", owner=hannah)
    drive.share(recruiting, _address("people"), "writer")
    drive.add_doc("Offer letter", _text("offer-letter.md"), into=recruiting)
    panel = drive.add_doc("Interviews in November", _text("interviews.md"), into=recruiting)
    drive.share(panel, lucia, "commenter")
    renewal = drive.add_doc("Insurance renewal 2027", _text("insurance.md"), owner=colin)
    drive.share(renewal, _address("judith.okafor"), "commenter")
    drive.add_doc("Salary benchmark", _text("benchmark.md"), owner=colin)
    invoices = drive.add_sheet("Open invoices", _rows("invoices.csv"), owner=colin)
    drive.share(invoices, _address("finance"), "writer")
    evening = drive.add_doc("Dealer evening", _text("dealer-evening.md"), owner=dafydd)
    drive.share(evening, _address("sales"), "writer")
    pitch = drive.add_slides("Courier pitch", _text("pitch.txt"), owner=dafydd)
    drive.share(pitch, DOMAIN, "reader")


def _slack(seed: int) -> SlackWorkspace:
    slack = SlackWorkspace("Tarnbrook Cycles", "tarnbrook", seed=seed)
    ids = {
        local: slack.add_person(name, _address(local), admin=local == "ada.lindqvist").id
        for local, name in NAMES.items()
    }
    ids["noor"] = slack.add_person("Noor Haddad", NOOR, guest=Guest.SINGLE_CHANNEL).id
    slack.install(installer_id=ids["ada.lindqvist"])
    _public_channels(slack, ids)
    _private_channels(slack, ids)
    slack.add_group("on-call", "Engineering on call", [ids["ben.okoro"], ids["yuki.hartley"]])
    return slack


def _public_channels(slack: SlackWorkspace, ids: dict[str, str]) -> None:
    ada, ben, yuki, lucia = (
        ids[each] for each in ("ada.lindqvist", "ben.okoro", "yuki.hartley", "lucia.marchetti")
    )
    bot = slack.bot_user_id
    staff = [person_id for local, person_id in ids.items() if local != "noor"]
    general = slack.create_channel("general", ada, general=True, member_ids=[*staff, bot]).id
    slack.post(general, ada, "The guest network has a new password; it hangs at the reception.")
    lost = slack.post(general, ids["dafydd.price"], "Who took the blue helmet from the yard?")
    slack.post(general, yuki, "It is on shelf 3 of the test lab.", thread_ts=lost.ts)
    slack.post(general, ids["dafydd.price"], "Found it, thank you!", thread_ts=lost.ts)
    team = slack.create_channel("engineering", lucia, member_ids=[ben, yuki, bot]).id
    file = slack.upload(yuki, "latch-shaker.csv", _bytes("latch.csv"), "text/csv")
    slack.share_file(file.id, team, yuki, text="Shaker results of the battery latch")
    climb = slack.post(team, ben, "Lowered the limit to 138 W on long climbs. Please ride it.")
    slack.post(
        team, yuki, "Kirkstone twice, no cut-out, 33 degrees at the top.", thread_ts=climb.ts
    )
    old = slack.create_channel("kirkstall-move", ada, member_ids=[bot]).id
    slack.post(old, ada, "The showroom moved to Kirkstall on 2 March; the old keys are void.")
    slack.archive(old)
    shared = slack.create_channel("lakeside-couriers", ids["dafydd.price"], member_ids=[bot]).id
    sam = slack.add_stranger("Sam Rowe", "sam.rowe@lakeside.example")
    slack.connect_team(shared, sam.team_id)
    slack.invite(shared, sam.id)
    slack.post(shared, sam.id, "Bike 11 has a flat again. Can we have the thicker tyres?")


def _private_channels(slack: SlackWorkspace, ids: dict[str, str]) -> None:
    marta, colin, priya = ids["marta.fell"], ids["colin.thwaite"], ids["priya.raman"]
    hannah, lucia, bot = ids["hannah.brisco"], ids["lucia.marchetti"], slack.bot_user_id
    leads = [hannah, colin, lucia, ids["ingrid.moss"], bot]
    board = slack.create_channel("leadership", marta, private=True, member_ids=leads).id
    slack.post(board, marta, "Alder: the owner accepts £1.35 million if the workshop stays.")
    pay = slack.create_channel("payroll", colin, private=True, member_ids=[priya, bot]).id
    bonus = slack.upload(priya, "bonus-pool.csv", _bytes("bonus.csv"), "text/csv")
    slack.share_file(bonus.id, pay, priya, text="Bonus pool for December")
    bills = slack.create_channel("invoices", colin, private=True, member_ids=[ids["noor"], bot]).id
    slack.post(bills, ids["noor"], "DC-2291 of Dunmore is due on the 30th; shall I release it?")
    # Nobody invited the app here, so Kenward cannot know of it.
    hiring = slack.create_channel("hiring", hannah, private=True, member_ids=[lucia]).id
    slack.post(hiring, hannah, "R. Hale asks for £49,000. Fine with you?")
    direct = slack.open_dm([marta, hannah]).id
    slack.post(direct, marta, "Let us talk about the pay review before Thursday.")
