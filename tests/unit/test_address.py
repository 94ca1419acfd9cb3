"""The judge of addresses: every border of every network, and properties against the standard library's own knowledge."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.policy.address import PLACES, place_of

# First and last address of each, and what lies just outside of it, is written out: the table is not tested by itself.
BORDERS = [
    ("0.0.0.0", "unspecified"),
    ("0.255.255.255", "unspecified"),
    ("1.0.0.0", None),
    ("9.255.255.255", None),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("11.0.0.0", None),
    ("100.63.255.255", None),
    ("100.64.0.0", "carrier"),
    ("100.100.100.200", "metadata"),
    ("100.127.255.255", "carrier"),
    ("100.128.0.0", None),
    ("126.255.255.255", None),
    ("127.0.0.0", "loopback"),
    ("127.255.255.255", "loopback"),
    ("128.0.0.0", None),
    ("168.63.129.15", None),
    ("168.63.129.16", "metadata"),
    ("169.253.255.255", None),
    ("169.254.0.0", "link-local"),
    ("169.254.169.253", "link-local"),
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("169.254.255.255", "link-local"),
    ("169.255.0.0", None),
    ("172.15.255.255", None),
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("172.32.0.0", None),
    ("192.0.0.0", "reserved"),
    ("192.0.0.192", "metadata"),
    ("192.0.0.255", "reserved"),
    ("192.0.1.0", None),
    ("192.0.2.0", "documentation"),
    ("192.0.2.255", "documentation"),
    ("192.88.99.1", "tunnel"),
    ("192.167.255.255", None),
    ("192.168.0.0", "private"),
    ("192.168.255.255", "private"),
    ("192.169.0.0", None),
    ("198.17.255.255", None),
    ("198.18.0.0", "benchmark"),
    ("198.19.255.255", "benchmark"),
    ("198.20.0.0", None),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("223.255.255.255", None),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "translated"),
    ("::7f00:1", "translated"),
    ("::ffff:127.0.0.1", "translated"),
    ("::ffff:8.8.8.8", "translated"),
    ("::ffff:0:127.0.0.1", "translated"),
    ("64:ff9b::7f00:1", "translated"),
    ("64:ff9b:1::1", "translated"),
    ("64:ff9b:2::1", "reserved"),
    ("100::1", "reserved"),
    ("1fff:ffff::", "reserved"),
    ("2000::", None),
    ("2001::1", "tunnel"),
    ("2001:2::1", "benchmark"),
    ("2001:10::1", "reserved"),
    ("2001:1ff::1", "reserved"),
    ("2001:200::1", None),
    ("2001:db8::1", "documentation"),
    ("2001:db9::1", None),
    ("2002:7f00:1::", "tunnel"),
    ("2606:4700::1111", None),
    ("3ffe:ffff::", None),
    ("3fff::1", "documentation"),
    ("3fff:1000::", None),
    ("4000::", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::", "private"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fdff:ffff::", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("2606:4700::1111%1", "link-local"),
    ("febf:ffff::", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
]
fours, sixes = st.ip_addresses(v=4), st.ip_addresses(v=6)


@pytest.mark.parametrize(("address", "place"), BORDERS)
def test_each_network_ends_where_it_ends(address: str, place: str | None) -> None:
    """Each border, from both sides."""
    assert place_of(address) == place


@given(fours | sixes)
def test_what_is_public_is_public_to_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    """Nothing that Python calls private, reserved or multicast gets through."""
    if place_of(str(address)) is None:
        assert (address.is_global, address.is_multicast, address.is_reserved) == (True, False, False)


@given(fours)
def test_public_ipv4_addresses_are_not_refused(address: IPv4Address) -> None:
    """What Python calls global is refused only where a cloud's metadata, or a tunnel, is known to be."""
    ietf = address in ipaddress.ip_network("192.0.0.0/24")  # Pythons differ
    if address.is_global and not address.is_multicast and not ietf:
        assert place_of(str(address)) in (None, "metadata", "tunnel")


@given(fours)
def test_no_ipv4_address_gets_in_inside_of_an_ipv6_address(four: IPv4Address) -> None:
    """Mapped, translated, compatible, NAT64, 6to4 and Teredo: the inner address may be any, so the outer one is refused."""
    number = int(four)
    forms = [
        0xFFFF << 32 | number,
        0xFFFF0000 << 32 | number,
        number,
        0x64FF9B << 96 | number,
        0x64FF9B0001 << 80 | number,
        0x2002 << 112 | number << 80 | 1,
        0x20010000 << 96 | number << 64 | (number ^ 0xFFFFFFFF),
    ]
    assert all(place_of(str(IPv6Address(form))) for form in forms)


@given(sixes)
def test_a_zone_is_refused_whatever_the_address(address: IPv6Address) -> None:
    """A zone names an interface of this machine."""
    assert place_of(f"{address}%1") is not None


@given(st.text() | st.from_regex(r"[0-9a-fx.:%\[\]]{1,40}", fullmatch=True))
def test_any_text_is_judged(text: str) -> None:
    """What is no address is malformed; nothing raises."""
    place = place_of(text)
    assert place is None or place in PLACES
    if place is None:
        assert ipaddress.ip_address(text).is_global


@pytest.mark.parametrize(
    "text", ["", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1 ", "localhost", "1.2.3.4/8"]
)
def test_odd_spellings_are_no_addresses(text: str) -> None:
    """Only what a resolver gives is read; the rest is refused, not understood."""
    assert place_of(text) == "malformed"
