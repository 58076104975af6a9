"""What people may have Kenward connect to: addresses of the public internet and nothing else."""

from __future__ import annotations

import datetime
import http.server
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from apps.tenants import addresses, network
from config import env

PUBLIC = ("8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808")
OTHERS = (
    "0.0.0.0",  # noqa: S104  nothing is bound
    "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.7", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.9", "168.63.129.16", "224.0.0.251", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "100.100.100.200",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::1", "2002:a00:1::",
    "2001::1", "2001:db8::1", "3fff::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "2606:2800::1%eth0", "5f00::1", "4000::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize("address", [*OTHERS, "", "example.com", "8.8.8.8:443"])
def test_all_others_are_not(address: str) -> None:
    assert not addresses.is_public(address)


def test_whatever_the_standard_library_calls_local_is_refused() -> None:
    for number in range(0, 1 << 32, 104_729 * 37):
        told = ip_address(number)
        if not told.is_global or told.is_multicast:
            assert not addresses.is_public(str(told)), told
            assert not addresses.is_public(f"::ffff:{told}"), told


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers by path; what it was asked stands in the server."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        act: Callable[[], None] = getattr(self, f"answer_{self.path.strip('/')}", self.answer_ok)
        act()

    def answer_ok(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def answer_elsewhere(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/ok")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65_536)

    def answer_drips(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(0.1)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Quiet(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    asked: list[tuple[str, str | None]]

    def handle_error(self, *_: Any) -> None:
        """Take it that clients hang up."""


@contextmanager
def serving(
    host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> Iterator[Quiet]:
    server = Quiet((host, port), Pages)
    server.asked = []
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(settings: LazySettings) -> Iterator[Quiet]:
    """Return a server on this machine that the operator allows."""
    with serving() as found:
        settings.KENWARD_PRIVATE_DESTINATIONS = {f"127.0.0.1:{found.server_port}"}
        yield found


def url_of(server: Quiet, path: str = "/ok", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.server_port}{path}"


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these answers, one after the other; return which were asked for."""
    asked: list[str] = []
    waiting = list(answers)

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found = [host]  # numbers are what they are
        if not host.replace(".", "").isdecimal():
            asked.append(host)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_what_the_operator_allows_is_reached(server: Quiet) -> None:
    network.check(url_of(server))
    with network.client() as client:
        assert client.get(url_of(server)).text == "ok"
        assert client.get(url_of(server)).text == "ok"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0", "[::1]"]
)
def test_this_machine_is_refused_however_it_is_written(server: Quiet, host: str) -> None:
    with serving() as other, network.client() as client:
        for _ in range(2):
            with pytest.raises(network.DestinationRefused):
                client.get(url_of(other, host=host))
        with pytest.raises(network.DestinationRefused):
            network.check(url_of(other, host=host))
        assert other.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
        "example.com", "", "https://", "https://user@8.8.8.8/", "https://user:secret@8.8.8.8/",
        "https://8.8.8.8:99999/", "https://[::1/", "https://" + "a" * 70 + ".example/",
        "https://name.invalid/", "http://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_addresses_that_are_refused_where_they_are_typed_in(url: str) -> None:
    with pytest.raises(network.DestinationRefused):
        network.check(url)


def test_unknown_names_and_inner_ones_read_alike() -> None:
    told = set()
    for host in ("name.invalid", "localhost", "10.0.0.1"):
        with pytest.raises(network.DestinationRefused) as refused:
            network.check(f"https://{host}/")
        told.add(str(refused.value))
    assert len(told) == 1


def test_plain_http_is_for_development_alone(server: Quiet, settings: LazySettings) -> None:
    settings.IS_DEVELOPMENT = False
    with pytest.raises(network.DestinationRefused, match="https://"):
        network.check(url_of(server))
    with network.client() as client, pytest.raises(network.DestinationRefused):
        client.get(url_of(server))
    assert server.asked == []


def test_one_inner_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with network.client() as client, pytest.raises(network.DestinationRefused):
        client.get("http://two.example/")


def test_what_was_checked_is_connected_to_and_no_second_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is public when it is checked and inner when it is connected to."""
    with serving("127.0.0.2") as checked, serving("127.0.0.1", checked.server_port) as inner:
        monkeypatch.setattr(addresses, "is_public", "127.0.0.2".__eq__)
        asked = resolving(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        with network.client() as client:
            url = f"http://rebinding.example:{checked.server_port}/ok"
            assert client.get(url).text == "ok"
            assert asked == ["rebinding.example"]
            assert len(checked.asked) == 1
        with network.client() as client, pytest.raises(network.DestinationRefused):
            client.get(url)
        assert inner.asked == []


def test_the_next_address_is_tried_where_one_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving("127.0.0.2") as server:
        monkeypatch.setattr(addresses, "is_public", lambda _address: True)
        resolving(monkeypatch, ["127.0.0.3", "127.0.0.2"])
        with network.client() as client:
            assert client.get(url_of(server, host="two.example")).status_code == 200


def test_no_redirect_is_followed(server: Quiet) -> None:
    with network.client() as client:
        assert client.get(url_of(server, "/elsewhere")).status_code == 302
    assert [path for path, _ in server.asked] == ["/elsewhere"]


def test_even_a_redirect_that_is_followed_goes_nowhere_else(server: Quiet) -> None:
    with serving() as inner, network.client() as client:
        with pytest.raises(network.DestinationRefused):
            client.get(url_of(inner), follow_redirects=True)
        assert inner.asked == []


def test_neither_proxies_nor_passwords_of_the_environment_are_used(
    server: Quiet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with network.client() as client:
        assert client.get(url_of(server)).status_code == 200
    assert server.asked == [("/ok", None)]


def test_an_endless_answer_is_cut(server: Quiet) -> None:
    with (
        network.client() as client,
        client.stream("GET", url_of(server, "/endless")) as answer,
        pytest.raises(network.AnswerTooLarge),
    ):
        network.read(answer, most_bytes=1_000_000)
    with network.client() as client, client.stream("GET", url_of(server, "/ok")) as answer:
        assert network.read(answer, most_bytes=2) == b"ok"


def test_a_server_that_drips_is_left(server: Quiet) -> None:
    """Every read ends in time, all of them together never would."""
    begun = time.monotonic()
    with (
        network.client(read_s=5, lifetime_s=0.6) as client,
        pytest.raises(httpx2.ReadTimeout),
    ):
        client.get(url_of(server, "/drips"))
    assert time.monotonic() - begun < 3


def test_a_name_without_an_address_is_a_connection_that_failed() -> None:
    with network.client() as client, pytest.raises(httpx2.ConnectError):
        client.get("https://name.invalid/")


def _certificate(folder: Path, name: str) -> Path:
    """Write a key and a certificate of its own for a name, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls_is_verified_for_the_name_though_an_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    certificate = _certificate(tmp_path, "hooks.example")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    resolving(monkeypatch, ["127.0.0.1"])
    with serving(tls=theirs) as server:
        port = server.server_port
        settings.KENWARD_PRIVATE_DESTINATIONS = {f"hooks.example:{port}", f"other.example:{port}"}
        transport = network.PublicTransport(ssl_context=trusting, lifetime_s=5)
        with httpx2.Client(transport=transport) as client:
            assert client.get(f"https://hooks.example:{port}/ok").text == "ok"
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                client.get(f"https://other.example:{port}/ok")
        with network.client() as client, pytest.raises(httpx2.ConnectError, match="certificate"):
            client.get(f"https://hooks.example:{port}/ok")


def test_the_setting_takes_hosts_with_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_HOSTS", "Hooks.internal:443, 10.0.0.7:8443 [::1]:9")
    assert env.destinations("SOME_HOSTS") == {"hooks.internal:443", "10.0.0.7:8443", "[::1]:9"}
    for wrong in ("hooks.internal", "https://hooks.internal:443", ":443", "host:port"):
        monkeypatch.setenv("SOME_HOSTS", wrong)
        with pytest.raises(ImproperlyConfigured, match="host:port"):
            env.destinations("SOME_HOSTS")
