"""Whose word about a client's address counts: only that of our own proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import User
from apps.acls import client_address, request_circumstances
from apps.acls.client_address import Proxies
from config import env

PROXY = (ip_network("10.0.0.0/28"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "found"),
    [
        ("198.51.100.7", "", 0, "198.51.100.7"),
        ("198.51.100.7", "10.20.0.1", 0, None),  # somebody's own invention
        ("10.0.0.2", "198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.2", "10.20.0.1, 198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.2", "198.51.100.7, 10.0.0.3", 2, "198.51.100.7"),
        ("10.0.0.2", "", 1, None),  # past the proxy
        ("", "198.51.100.7", 1, "198.51.100.7"),  # by a Unix socket
        ("198.51.100.7", "", PROXY, "198.51.100.7"),
        ("198.51.100.7", "10.20.0.1", PROXY, None),
        ("10.0.0.2", "198.51.100.7", PROXY, "198.51.100.7"),
        ("10.0.0.2", "10.20.0.1, 198.51.100.7, 10.0.0.3", PROXY, "198.51.100.7"),
        ("10.0.0.2", "", PROXY, "10.0.0.2"),
        ("10.0.0.2", "who knows", PROXY, None),
        ("10.0.0.2", "198.51.100.7:5123", PROXY, "198.51.100.7"),
        ("10.0.0.2", "[2001:db8::1]:99", PROXY, "2001:db8::1"),
        ("::ffff:10.0.0.2", "::ffff:198.51.100.7", PROXY, "198.51.100.7"),
        ("fe80::1%eth0", "", 0, None),
        ("", "", 0, None),
    ],
)
def test_address(peer: str, forwarded: str, proxies: Proxies, found: str | None) -> None:
    address = client_address.find(peer, forwarded, proxies)
    assert (str(address) if address else None) == found


@given(invented=st.text("0123456789.,: abc", max_size=40), proxies=st.sampled_from([1, PROXY]))
def test_what_a_client_writes_itself_never_counts(invented: str, proxies: Proxies) -> None:
    told = client_address.find("10.0.0.2", f"{invented},198.51.100.7", proxies)
    assert str(told) == "198.51.100.7"


def test_request_behind_a_proxy_that_nobody_named_is_from_nowhere() -> None:
    for header in ("X-Forwarded-For", "Forwarded"):
        request = RequestFactory(headers={header: "for=10.20.0.1"}).get("/")
        request.user = User(pk=None)
        request.session = {}  # type: ignore[assignment]
        assert request_circumstances.of_request(request).address is None


def test_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.proxies("KENWARD_TEST_PROXIES") == 0
    monkeypatch.setenv("KENWARD_TEST_PROXIES", "2")
    assert env.proxies("KENWARD_TEST_PROXIES") == 2
    monkeypatch.setenv("KENWARD_TEST_PROXIES", "10.0.0.0/28, 2001:db8::/64")
    assert env.proxies("KENWARD_TEST_PROXIES") == (*PROXY, ip_network("2001:db8::/64"))
    monkeypatch.setenv("KENWARD_TEST_PROXIES", "10.0.0.1/8")
    with pytest.raises(ImproperlyConfigured, match="KENWARD_TEST_PROXIES"):
        env.proxies("KENWARD_TEST_PROXIES")
