"""Which addresses are of the public internet."""

from __future__ import annotations

import pytest

from genvm_replay.modules.http.addresses import is_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address):
    """Also inside IPv6 forms that carry an IPv4 address."""
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_all_others_are_not(address):
    """Private, loopback, link-local, CGNAT, multicast, reserved, documentation; mapped, 6to4, NAT64, Teredo."""
    assert not is_public(address)


def test_what_is_no_address_is_refused():
    """A name is not taken for an address."""
    with pytest.raises(ValueError, match="localhost"):
        is_public("localhost")
