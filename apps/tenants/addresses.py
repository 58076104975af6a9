"""Which addresses are of the public internet. Pure; `network` connects to no others."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# All public IPv6 addresses lie in here; what lies elsewhere is local, reserved or a translation.
# https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# NAT64: the last 32 bits are an IPv4 address, which is what is really reached (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
# Public by their numbers, and yet of a machine's own surroundings, of documentation or of nobody.
_NEVER: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("168.63.129.16/32"),  # Azure's host, from within its virtual machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890); Oracle's metadata service
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv6Network("2001::/23"),  # protocol assignments (RFC 2928); Teredo's hold an IPv4 address
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet.

    Private, loopback, link-local, unique local, shared (carrier NAT), multicast, unspecified and
    reserved ones are not; nor are addresses that only wrap such a one (mapped, 6to4, NAT64).

    Args:
        address: as numbers, without a port; an IPv6 address may name its zone, and is then none.
    """
    try:
        told = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(told) if isinstance(told, IPv4Address) else _is_public_6(told)


def _is_public_4(address: IPv4Address) -> bool:
    is_ordinary = address.is_global and not address.is_multicast and not address.is_reserved
    return is_ordinary and not _is_listed(address)


def _is_public_6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_public_4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None and not _is_public_4(address.sixtofour):
        return False
    is_ordinary = address.is_global and address in _GLOBAL_UNICAST and not address.scope_id
    return is_ordinary and not _is_listed(address)


def _is_listed(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _NEVER if network.version == address.version)
