"""Reed, a company in the simulated Google Drive, and Kenward's connectors to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from apps.connections.credentials.account import Account
from apps.connections.credentials.models import AuthMethod, Credential
from apps.connections.pace import Pace
from apps.connections.providers.google_drive.connector import GoogleDrive
from apps.connections.providers.google_drive.signing_in import SIGN_IN
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.oauth import ServiceAccount
from tests.connections.google_drive.ledger import Ledger

IDA, ADA, BO, CY = (f"{name}@example.com" for name in ("ida", "ada", "bo", "cy"))
ENGINEERS, PRODUCT, EVERYBODY = (
    f"{name}@example.com" for name in ("engineers", "product", "everybody")
)


@dataclass
class Reed:
    """The company and where it is served."""

    company: DriveCompany
    base: str
    service: ServiceAccount

    def account(self, method: AuthMethod, secret: dict[str, Any]) -> Account:
        """Return an account with a pace of its own that never waits."""
        return Account(
            method=method,
            subject=self.service.email,
            endpoints={
                "token": f"{self.base}/token",
                "drive": f"{self.base}/drive/v3",
                "directory": f"{self.base}/admin/directory/v1",
            },
            scopes=(),
            _pace=Pace(f"test-{uuid4()}", 10_000, 10_000),
            _credential=Credential(secret=json.dumps(secret)),
            _sign_in=GoogleDrive.sign_in,
        )

    def whole(self, **settings: Any) -> GoogleDrive:
        """Return a connector to the whole company, by the service account."""
        secret = {"key": self.service.key_file(self.base)}
        account = self.account(AuthMethod.SERVICE_ACCOUNT, secret)
        return GoogleDrive({"admin": IDA, **settings}, account=account)

    def own(self, email: str, **settings: Any) -> GoogleDrive:
        """Return a connector to what one person sees."""
        scopes = SIGN_IN.read_scopes + (SIGN_IN.delegated_scopes if "admin" in settings else ())
        return self.own_with(self.company.sign_in(email, scopes), **settings)

    def own_with(self, token: str, **settings: Any) -> GoogleDrive:
        """Return a connector with an access token."""
        account = self.account(AuthMethod.API_KEY, {"api_key": token})
        return GoogleDrive(settings, account=account)

    def assert_true(self, ledger: Ledger) -> None:
        """Assert that exactly the living documents are known, each to exactly its readers."""
        live = self.company.live_files()
        assert set(ledger.items) == set(live)
        for name in live:
            told, allowed = ledger.readers(name), self.company.readers(name)
            assert told <= allowed, name
            # Strangers for whom the whole web is open may be unknown here.
            assert {each for each in allowed - told if each.endswith("@example.com")} == set(), name

    def assert_not_wider(self, ledger: Ledger) -> None:
        """Assert that nobody may read what Drive does not let them read."""
        live = self.company.live_files()
        for name in ledger.items:
            allowed = self.company.readers(name) if name in live else set()
            assert ledger.readers(name) <= allowed, name


def founded(company: DriveCompany, base: str) -> Reed:
    """Return the company: an administrator, three people, groups in groups."""
    company.add_user(IDA, "Ida Quist", is_admin=True)
    company.add_user(ADA, "Ada Berg", aliases=["ada.berg@example.com"])
    company.add_user(BO, "Bo Lind")
    company.add_user(CY, "Cy Holm")
    company.add_group(ENGINEERS, "Engineers", [ADA])
    company.add_group(PRODUCT, "Product", [ENGINEERS, BO])
    company.add_group(EVERYBODY, "Everybody", [company.people.customer_id])
    return Reed(company, base, company.add_service_account())
