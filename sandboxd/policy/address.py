"""What kind of place an IP address is. Pure; a table, because each Python knows another one."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, get_args

Place = Literal[
    "private",
    "loopback",
    "link-local",
    "metadata",
    "carrier",
    "multicast",
    "unspecified",
    "reserved",
    "documentation",
    "benchmark",
    "translated",
    "tunnel",
    "malformed",
]
"""Where code must not get to unless its profile names the place; everything else is the public internet."""
Reachable = Literal["loopback", "private"]
"""The places that a profile may name. Nobody has a use for the rest that is worth its danger."""
PLACES: Final = get_args(Place)

# The first network that has the address decides, so the narrow ones stand first. From the IANA registries of special-purpose
# addresses, and the addresses at which clouds tell a machine its own credentials.
_TABLE: Final[dict[Place, str]] = {
    "metadata": "169.254.169.254/32 169.254.170.0/24 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32"
    " fd00:ec2::/32 fd20:ce::254/128",
    "unspecified": "0.0.0.0/8 ::/128",
    "loopback": "127.0.0.0/8 ::1/128",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
    "carrier": "100.64.0.0/10",
    "link-local": "169.254.0.0/16 fe80::/10",
    "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
    "benchmark": "198.18.0.0/15 2001:2::/48",
    "multicast": "224.0.0.0/4 ff00::/8",
    # An IPv4 address in other clothes: mapped, translated, compatible, NAT64. What it stands for may be of any kind.
    "translated": "::ffff:0:0/96 ::ffff:0:0:0/96 ::/96 64:ff9b::/96 64:ff9b:1::/48",
    "tunnel": "192.88.99.0/24 2002::/16 2001::/32",  # 6to4 and Teredo: the same, by way of somebody's relay
    "reserved": "192.0.0.0/24 240.0.0.0/4 2001::/23 5f00::/16 100::/64 100:0:0:1::/64",
}
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")


def _networks() -> tuple[list[tuple[IPv4Network, Place]], list[tuple[IPv6Network, Place]]]:
    every = [(ip_network(text), place) for place, texts in _TABLE.items() for text in texts.split()]
    four = [(network, place) for network, place in every if isinstance(network, IPv4Network)]
    return four, [(network, place) for network, place in every if isinstance(network, IPv6Network)]


_FOUR, _SIX = _networks()


def place_of(address: str) -> Place | None:
    """The place of an address as a resolver gives it, None for the public internet. Total: what is no address is malformed."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "malformed"
    if isinstance(parsed, IPv4Address):
        return next((place for network, place in _FOUR if parsed in network), None)
    return _place_of_six(parsed)


def _place_of_six(address: IPv6Address) -> Place | None:
    if address.scope_id is not None:
        return "link-local"  # a zone names an interface of this machine
    found = next((place for network, place in _SIX if address in network), None)
    return found if found is not None or address in _GLOBAL_UNICAST else "reserved"
