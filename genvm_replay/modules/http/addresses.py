"""Which addresses of the internet a contract may reach (IANA special-purpose registries). Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

UNICAST: Final = IPv6Network("2000::/3")
TEREDO: Final = IPv6Network("2001::/32")
NAT64: Final = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Tell whether an address is one of the public internet.

    Private, loopback, link-local, shared (CGNAT), multicast, reserved, documentation and unspecified addresses are not.
    An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is what that one is.

    Raises:
        ValueError: `text` is no address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        inner = _carried(address)
        if inner is None:
            return address in UNICAST and address not in TEREDO and address.is_global
        address = inner
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour
