"""A simulated Google with people in it, and a kind of source that signs in there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from apps.connections import providers
from apps.ops.sandbox.drive.api import app
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.serve import serving
from tests.connections.accounts.joined import CALLBACK, Source
from tests.connections.accounts.source import KIND

BACK = f"http://testserver{CALLBACK}"


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Iterator[Source]:
    """Serve the company of Ida (administrator), Ada and Bo."""
    company = DriveCompany(seed=3)
    company.add_user("ida@example.com", is_admin=True)
    for name in ("ada", "bo"):
        company.add_user(f"{name}@example.com")
    client = company.add_client([BACK])
    path = "tests.connections.accounts.source.Desk"
    monkeypatch.setitem(providers.REGISTRY, KIND, ("Desk", path))
    settings.WHITENOISE_AUTOREFRESH = True
    with serving(app(company)) as base:
        settings.KENWARD_SOURCE_HOSTS = [base.removeprefix("http://")]
        yield Source(company, base, client.id, client.secret)
