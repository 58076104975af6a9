"""The address that `up` serves at."""

from __future__ import annotations

import errno
import http.client
import socket

from apps.ops.errors import PortTaken

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


def check(host: str, port: int) -> None:
    """Prove that the address can be opened.

    Raises:
        PortTaken: it cannot; the message says why.
    """
    if not 0 < port < 65536:
        raise PortTaken(f"{port} is no port.", hint="Choose one from 1024 to 65535.")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTaken(
            _reason(host, port, error), hint=f"Choose another, for example --port {_other(port)}."
        ) from error


def url(host: str, port: int) -> str:
    """Return the address that a browser on this machine opens."""
    name = _EVERYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def is_answering(host: str, port: int, path: str = "/health/live") -> bool:
    """Say whether a web server answers at this path."""
    connection = http.client.HTTPConnection(_EVERYWHERE.get(host, host), port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"This machine has no address {host}."
    return f"Port {port} of {host} cannot be opened: {error}."


def _other(port: int) -> int:
    return port + 1 if 1023 < port < 65535 else 8001
