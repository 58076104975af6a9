"""A small company to begin with: people, groups in groups, a shared drive, documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.oauth import Client, ServiceAccount


@dataclass(frozen=True)
class Ready:
    """A sample company and what an application needs to connect to it."""

    company: DriveCompany
    client: Client
    service_account: ServiceAccount


def ready_company(redirect_uris: Iterable[str], domain: str = "example.com") -> Ready:
    """Return a sample company with a registered application and a service account.

    Args:
        redirect_uris: where the application may be sent back to.
        domain: the company's e-mail domain.
    """
    company = sample_company(domain)
    return Ready(company, company.add_client(redirect_uris), company.add_service_account())


def sample_company(domain: str = "example.com", *, seed: int = 0) -> DriveCompany:
    """Return a company of five people with a shared drive and documents of their own.

    Args:
        domain: its e-mail domain.
        seed: ids are the same for the same seed.
    """
    company = DriveCompany(domain, seed=seed)
    ida, ada, bo, cy, eve = (f"{name}@{domain}" for name in ("ida", "ada", "bo", "cy", "eve"))
    company.add_user(ida, "Ida Quist", is_admin=True)
    company.add_user(ada, "Ada Berg", aliases=[f"ada.berg@{domain}"])
    company.add_user(bo, "Bo Lind")
    company.add_user(cy, "Cy Holm")
    company.add_user(eve, "Eve Nord")
    engineers = company.add_group(f"engineers@{domain}", "Engineers", [ada])
    product = company.add_group(f"product@{domain}", "Product", [engineers, bo])
    everybody = company.add_group(f"everybody@{domain}", "Everybody", [company.people.customer_id])
    _shared_drive(company, {ida: "organizer", product: "writer", everybody: "reader"})
    _my_drives(company, ada, bo)
    return company


def _shared_drive(company: DriveCompany, members: dict[str, str]) -> None:
    handbook = company.add_drive("Handbook", members)
    people = company.add_folder("People", into=handbook)
    company.add_doc(
        "Holidays", "# Holidays\n\nThirty days a year, five of them in July.", into=people
    )
    company.add_sheet("Offices", [["City", "Desks"], ["Bergen", "40"], ["Gent", "12"]], into=people)
    salaries = company.add_folder("Salaries", into=people)
    company.limit_access(salaries)
    company.add_doc("Bands", "# Bands\n\nBand 3 begins at 52,000.", into=salaries)
    company.add_slides("Welcome", "Welcome to the company\nYour first week", into=handbook)


def _my_drives(company: DriveCompany, ada: str, bo: str) -> None:
    plans = company.add_folder("Plans", owner=ada)
    company.share(plans, bo, "commenter")
    launch = company.add_doc("Launch", "# Launch\n\nThe launch is on 3 March.", into=plans)
    company.share(launch, company.people.domain)
    company.add_file("notes.txt", b"Ask Bo about the launch.", mime_type="text/plain", into=plans)
    company.add_doc("Diary", "# Diary\n\nNobody else reads this.", owner=ada)
    company.add_shortcut("Launch (shortcut)", launch, owner=bo)
