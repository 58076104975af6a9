"""Which addresses a connection may ask: the provider's own, and what the operator lists."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings

from apps.connections.errors import SettingsRejected


def resolved(defaults: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """Return every base URL, the overridden ones in the place of the provider's.

    Args:
        defaults: the provider's own, by name.
        overrides: those of an auth configuration; empty ones count as none.

    Raises:
        SettingsRejected: one of them is not allowed.
    """
    unknown = overrides.keys() - defaults.keys()
    if unknown:
        raise SettingsRejected(f"There is no address called “{min(unknown)}” for this source.")
    chosen = {**defaults, **{name: url for name, url in overrides.items() if url}}
    own = {host_of(url) for url in defaults.values()}
    for url in chosen.values():
        _require_allowed(url, own)
    return {name: url.rstrip("/") for name, url in chosen.items()}


def host_of(url: str) -> str:
    """Return the host of an address, with its port where it names one."""
    return urlsplit(url).netloc.lower()


def _require_allowed(url: str, own: set[str]) -> None:
    """Refuse what could make Kenward ask machines that only it can reach.

    An IT admin of one tenant is not the operator: hosts beside the providers' own are listed in
    `KENWARD_SOURCE_HOSTS`, and only there plain HTTP is taken.
    """
    host = host_of(url)
    parts = urlsplit(url)
    if "@" in host or parts.query or parts.fragment or not host:
        raise SettingsRejected(f"“{url}” is not the address of a source.")
    if host in settings.KENWARD_SOURCE_HOSTS:
        if parts.scheme in {"https", "http"}:
            return
    elif host in own and parts.scheme == "https":
        return
    raise SettingsRejected(
        f"Kenward may not ask {host}.",
        hint="Whoever runs Kenward can list the host in KENWARD_SOURCE_HOSTS.",
    )
