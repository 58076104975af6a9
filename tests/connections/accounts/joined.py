"""The ways through a sign-in at a source, as a browser and its person go them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from django.http import HttpResponse as Response
from django.test import Client

from apps.connections.models import AuthConfig, Connection
from apps.ops.sandbox.drive.company import DriveCompany
from apps.tenants.context import tenant_context
from apps.tenants.models import Tenant
from tests.connections.accounts.source import KIND

CALLBACK = "/connectors/oauth/callback"


@dataclass(frozen=True)
class Source:
    """A simulated Google that is served, and the client that Kenward is there."""

    company: DriveCompany
    base: str
    client_id: str
    client_secret: str

    @property
    def endpoints(self) -> dict[str, str]:
        return {
            "authorize": f"{self.base}/o/oauth2/v2/auth",
            "token": f"{self.base}/token",
            "revoke": f"{self.base}/revoke",
            "api": self.base,
        }

    def config(self, tenant: Tenant, **more: Any) -> AuthConfig:
        """Store a configuration that leads here."""
        told = {
            "name": "Desks",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "endpoints": self.endpoints,
            "is_for_employees": True,
            **more,
        }
        with tenant_context(tenant):
            return AuthConfig.objects.create(tenant=tenant, kind=KIND, **told)

    def agree(self, address: str, email: str = "ada@example.com", decision: str = "allow") -> str:
        """Answer the source's page as a person does; return where the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        form = {**asked, "account": email, "decision": decision}
        answer = httpx2.post(f"{self.base}/o/oauth2/v2/auth", data=form, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


def start(client: Client, config: AuthConfig, **told: str) -> Response:
    response: Response = client.post(f"/connectors/oauth/start/{config.uuid}/", told)  # type: ignore[assignment]
    return response


def address(response: Response) -> str:
    """Return where the page leads."""
    assert response.status_code == 200, response
    return str(response["Refresh"]).removeprefix("0; url=")


def back(client: Client, location: str) -> Response:
    """Follow the source's redirect with what it carries."""
    parts = urlsplit(location)
    assert parts.path == CALLBACK, location
    response: Response = client.get(CALLBACK, dict(parse_qsl(parts.query)))  # type: ignore[assignment]
    return response


def joined(
    client: Client, source: Source, config: AuthConfig, email: str = "ada@example.com", **told: str
) -> Response:
    """Go all the way; return the answer of the callback."""
    return back(client, source.agree(address(start(client, config, **told)), email))


def own_connection(
    client: Client, source: Source, config: AuthConfig, email: str = "ada@example.com"
) -> Connection:
    """Connect an own account, and return its connection."""
    response = joined(client, source, config, email, own="1")
    assert response.status_code == 302 and "/choose/" in response["Location"], response["Location"]
    with tenant_context(config.tenant):
        return Connection.objects.get(uuid=response["Location"].split("/")[2])
