"""Where a request comes from. What a client says of itself never counts. Pure.

A proxy appends the address that it heard from to `X-Forwarded-For`. Whoever is no proxy of ours can
write anything there, so only what our own proxies have appended is believed, and a header that
nobody trusted has brought makes the address unknown rather than the proxy's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
# How many proxies of ours stand in front, or the networks they are in.
Proxies = int | Sequence[IPv4Network | IPv6Network]


def find(peer: str, forwarded: str, proxies: Proxies) -> Address | None:
    """Return the address of the client, or None where it is not certain.

    Args:
        peer: who opened the connection; empty on a Unix socket.
        forwarded: all of `X-Forwarded-For`, joined by commas.
        proxies: whose word counts.
    """
    hops = [*(hop.strip() for hop in forwarded.split(",") if hop.strip()), peer]
    if isinstance(proxies, int):
        return _behind(hops, proxies)
    address = parse(hops.pop())
    if address is None or (hops and not _is_in(address, proxies)):
        return None
    while hops and address is not None and _is_in(address, proxies):
        address = parse(hops.pop())
    return address


def parse(text: str) -> Address | None:
    """Return an address as a proxy writes it, perhaps with a port; IPv4 in IPv6 becomes IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def _behind(hops: Sequence[str], proxies: int) -> Address | None:
    """Each proxy has appended one hop; without any proxy a header is somebody's own invention."""
    if len(hops) <= proxies or (proxies == 0 and len(hops) > 1):
        return None
    return parse(hops[-1 - proxies])


def _is_in(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
