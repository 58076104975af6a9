"""Typed readers of environment variables; a value that does not parse stops the start.

Every NAME may instead be given as NAME_FILE, the path of a file that holds the value
(Docker and Kubernetes secrets).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return the variable, or the content of the file that NAME_FILE names, or the default."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, default)
    if name in os.environ:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


def boolean(name: str, *, default: bool) -> bool:
    """Return the variable as a boolean; anything but the usual words is refused."""
    value = text(name).strip().lower()
    if not value:
        return default
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int, *, at_least: int = 0) -> int:
    """Return the variable as an integer not below `at_least`."""
    value = text(name).strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error
    if number < at_least:
        raise ImproperlyConfigured(f"{name} must be {at_least} or more, not {number}.")
    return number


def choice(name: str, default: str, allowed: Iterable[str]) -> str:
    """Return the variable, which must be one of the allowed words."""
    value = text(name).strip() or default
    if value not in set(allowed):
        raise ImproperlyConfigured(
            f"{name} must be one of {', '.join(sorted(allowed))}, not {value!r}."
        )
    return value


def proxies(name: str) -> int | tuple[IPv4Network | IPv6Network, ...]:
    """Return the variable as a number of proxies or as their networks (CIDR, by commas)."""
    told = words(name)
    if not told or (len(told) == 1 and told[0].isdecimal()):
        return integer(name, 0)
    try:
        return tuple(ip_network(word) for word in told)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be how many proxies there are, or their networks: {error}."
        ) from error


def words(name: str, default: Iterable[str] = (), *, separator: str = ",") -> list[str]:
    """Return the variable as a list, split at the separator, without empty parts."""
    value = text(name)
    if not value.strip():
        return list(default)
    return [part.strip() for part in value.split(separator) if part.strip()]


def destinations(name: str) -> frozenset[str]:
    """Return the variable as a set of `host:port`, by commas or spaces, in lower case."""
    told = text(name).replace(",", " ").lower().split()
    for word in told:
        host, _, port = word.rpartition(":")
        if not host or not port.isdecimal() or "/" in word:
            raise ImproperlyConfigured(f"{name} must hold host:port, not {word!r}.")
    return frozenset(told)
