"""Where people may have Kenward connect to: hosts of the public internet.

Whoever may name an address that Kenward asks could otherwise read what only Kenward's own machine
reaches: metadata services, databases, the pages of neighbours. `KENWARD_PRIVATE_DESTINATIONS` names
exceptions of the operator's, as `host:port`.
"""

from __future__ import annotations

import socket

import httpx2
from django.conf import settings

from apps.errors import KenwardError
from apps.tenants import addresses

_DEFAULT_PORTS = {"https": 443, "http": 80}
# One text for a name that is unknown and one that is known only inside: nobody learns which.
NOT_PUBLIC = "The address does not lead to the public internet."
_EXCEPTIONS_HINT = "An operator can allow it in KENWARD_PRIVATE_DESTINATIONS."


class DestinationRefused(KenwardError):
    """An address is not one that Kenward may connect to for somebody."""

    code = "destination_refused"
    http_status = 400


def check(url: str) -> None:
    """Check an address where it is typed in; connecting checks it again.

    Raises:
        DestinationRefused: it is not https (or, in development, http), names a user, or leads
            elsewhere than to the public internet.
    """
    told = parsed(url)
    try:
        addresses_of(told.raw_host.decode("ascii"), told.port or _DEFAULT_PORTS[told.scheme])
    except OSError as error:
        raise DestinationRefused(NOT_PUBLIC, hint=_EXCEPTIONS_HINT, detail=str(error)) from error


def parsed(url: str) -> httpx2.URL:
    """Return an address by its parts, whose host nobody has looked up yet.

    Raises:
        DestinationRefused: it is not written as `check` asks for.
    """
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


def addresses_of(host: str, port: int) -> list[str]:
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
        raise DestinationRefused(NOT_PUBLIC, hint=_EXCEPTIONS_HINT, detail=", ".join(told))
    return told


def _is_exception(host: str, port: int) -> bool:
    shown = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"{shown}:{port}".lower() in settings.KENWARD_PRIVATE_DESTINATIONS
