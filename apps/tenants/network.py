"""The way out to addresses that people typed in: to the public internet only.

Whoever may name an address that Kenward asks could otherwise read what only Kenward's own machine
reaches: metadata services, databases, the pages of neighbours. So a name is resolved once, at
connect time; where any of its addresses is not public, nothing is connected; and what is connected
to is exactly an address that was checked, so that a second answer of the DNS changes nothing. TLS
is verified for the name. No redirect is followed and no proxy of the environment is used.

`KENWARD_PRIVATE_DESTINATIONS` names exceptions of the operator's, as `host:port`.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache

import httpcore2
import httpx2
from django.conf import settings
from typing_extensions import override

from apps.errors import KenwardError
from apps.tenants import addresses

CONNECT_S = 5.0
READ_S = 10.0
# Addresses of one name that are tried one after the other.
_MOST_ADDRESSES = 4
_DEFAULT_PORTS = {"https": 443, "http": 80}
# One text for a name that is unknown and one that is known only inside: nobody learns which.
_NOT_PUBLIC = "The address does not lead to the public internet."
_EXCEPTIONS_HINT = "An operator can allow it in KENWARD_PRIVATE_DESTINATIONS."


class DestinationRefused(KenwardError):
    """An address is not one that Kenward may connect to for somebody."""

    code = "destination_refused"
    http_status = 400


class AnswerTooLarge(KenwardError):
    """An answer is longer than its reader is willing to take."""

    code = "answer_too_large"
    http_status = 502


def check(url: str) -> None:
    """Check an address where it is typed in; connecting checks it again.

    Raises:
        DestinationRefused: it is not https (or, in development, http), names a user, or leads
            elsewhere than to the public internet.
    """
    told = _parsed(url)
    try:
        _checked_addresses(told.raw_host.decode("ascii"), told.port or _DEFAULT_PORTS[told.scheme])
    except OSError as error:
        raise DestinationRefused(_NOT_PUBLIC, hint=_EXCEPTIONS_HINT, detail=str(error)) from error


def client(*, read_s: float = READ_S, lifetime_s: float | None = None) -> httpx2.Client:
    """Return a client for addresses that people typed in.

    Args:
        read_s: how long a server may keep silent (seconds).
        lifetime_s: how long one request may take altogether, from connecting on (seconds);
            None: as long as the server goes on answering. With it no connection is used twice.

    Raises:
        DestinationRefused: by each request to an address that is not public.
    """
    return httpx2.Client(
        transport=PublicTransport(lifetime_s=lifetime_s),
        timeout=httpx2.Timeout(read_s, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,  # neither its proxies nor passwords from .netrc
    )


def read(response: httpx2.Response, *, most_bytes: int) -> bytes:
    """Return the body of a streamed answer.

    Raises:
        AnswerTooLarge: it is longer, once decompressed; the rest is not read.
    """
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > most_bytes:
            raise AnswerTooLarge(f"The server's answer is longer than {most_bytes:,} bytes.")
        parts.append(part)
    return b"".join(parts)


class PublicTransport(httpx2.BaseTransport):
    """Carries requests over connections to public addresses.

    Args:
        lifetime_s: see `client`.
        ssl_context: whom to trust; None: whom this machine trusts (or `SSL_CERT_FILE`).
    """

    def __init__(
        self, *, lifetime_s: float | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl_context or _trusted(),
            network_backend=PublicNetwork(lifetime_s=lifetime_s),
            max_connections=10,
            max_keepalive_connections=0 if lifetime_s is not None else 5,
            keepalive_expiry=5.0,
        )

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; see `client`."""
        url = _parsed(str(request.url))
        told = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = self._pool.handle_request(told)
        except _RAISED as error:
            raise _in_httpx(error) from error
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    @override
    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class PublicNetwork(httpcore2.NetworkBackend):
    """Opens connections to addresses that were checked a moment ago, and to no others.

    Args:
        lifetime_s: how long each connection may be used (seconds); None: without an end.
    """

    def __init__(self, *, lifetime_s: float | None = None) -> None:
        self._lifetime_s = lifetime_s
        self._sockets = httpcore2.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers."""
        ends_at = None if self._lifetime_s is None else time.monotonic() + self._lifetime_s
        try:
            found = _checked_addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} has no address.") from error
        failed: Exception = httpcore2.ConnectError(f"{host} has no address.")
        for address in found[:_MOST_ADDRESSES]:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _left(timeout, ends_at), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return stream if ends_at is None else _EndingStream(stream, ends_at)
        raise failed

    @override
    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Refuse: nothing public listens there."""
        raise DestinationRefused(_NOT_PUBLIC)


class _EndingStream(httpcore2.NetworkStream):
    """A connection that counts as timed out from a certain time on, however busy it is."""

    def __init__(self, stream: httpcore2.NetworkStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, self._ends_at))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, self._ends_at))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, self._ends_at)
        inside = self._stream.start_tls(ssl_context, server_hostname, left)
        return _EndingStream(inside, self._ends_at)

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Body(httpx2.SyncByteStream):
    """The body of an answer; its errors are those of httpx2."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    @override
    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except _RAISED as error:
            raise _in_httpx(error) from error

    @override
    def close(self) -> None:
        self._answer.close()


_RAISED = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom this machine trusts; reading that anew for each client takes 20 ms."""
    return httpx2.create_ssl_context()


def _in_httpx(error: Exception) -> httpx2.TransportError:
    """Return an error as callers of httpx2 know it: both name theirs alike."""
    kind: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__, httpx2.TransportError)
    return kind(str(error))


def _left(timeout: float | None, ends_at: float | None) -> float | None:
    """Return how long to wait, in seconds: no longer than until the end."""
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("The connection has lasted too long.")
    return left if timeout is None else min(left, timeout)


def _parsed(url: str) -> httpx2.URL:
    try:
        told = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise DestinationRefused("This is no address of the web.") from error
    allowed = ("https", "http") if settings.IS_DEVELOPMENT else ("https",)
    if told.scheme not in allowed:
        raise DestinationRefused("The address has to begin with https://.")
    if told.port is not None and not 0 < told.port < 1 << 16:
        raise DestinationRefused("The address names a port that there is not.")
    if not told.host:
        raise DestinationRefused("The address names no host.")
    if told.userinfo:
        raise DestinationRefused("The address must not hold a user name or a password.")
    return told


def _checked_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host; they are all public, or the operator allows this host.

    Raises:
        DestinationRefused: one of them is not public.
        OSError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a part of the name is longer than any name's may be
        raise OSError(str(error)) from error
    told = list(dict.fromkeys(str(address[0]) for *_, address in found))
    if not _is_exception(host, port) and not all(map(addresses.is_public, told)):
        raise DestinationRefused(_NOT_PUBLIC, hint=_EXCEPTIONS_HINT, detail=", ".join(told))
    return told


def _is_exception(host: str, port: int) -> bool:
    shown = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"{shown}:{port}".lower() in settings.KENWARD_PRIVATE_DESTINATIONS
