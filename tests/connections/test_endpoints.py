"""Which addresses a connection may ask."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from apps.connections import endpoints
from apps.connections.errors import SettingsRejected

OWN = {"api": "https://api.example.com/v1/", "token": "https://login.example.com/token"}


def test_the_providers_own_addresses_are_taken_as_they_are() -> None:
    assert endpoints.resolved(OWN, {"api": ""}) == {
        "api": "https://api.example.com/v1",
        "token": "https://login.example.com/token",
    }


def test_the_operator_may_list_others(settings: LazySettings) -> None:
    settings.KENWARD_SOURCE_HOSTS = ["127.0.0.1:4000"]
    found = endpoints.resolved(OWN, {"api": "http://127.0.0.1:4000/v1"})
    assert found["api"] == "http://127.0.0.1:4000/v1"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",  # a token would travel in the clear
        "https://api.example.com:8443/v1",
        "https://169.254.169.254/latest",
        "http://127.0.0.1:4001/v1",
        "https://api.example.com@evil.example/v1",
        "https://user:secret@api.example.com/v1",
        "file:///etc/passwd",
        "ftp://127.0.0.1:4000/",
        "not an address",
    ],
)
def test_anything_else_is_refused(settings: LazySettings, url: str) -> None:
    settings.KENWARD_SOURCE_HOSTS = ["127.0.0.1:4000"]
    with pytest.raises(SettingsRejected):
        endpoints.resolved(OWN, {"api": url})


def test_a_name_that_the_provider_does_not_know_is_refused() -> None:
    with pytest.raises(SettingsRejected, match="other"):
        endpoints.resolved(OWN, {"other": "https://api.example.com"})
