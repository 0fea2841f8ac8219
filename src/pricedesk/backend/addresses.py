"""Which internet addresses a source may have.

A name that a source is asked under may be made to lead anywhere: to a router's page, to the
metadata service of a cloud, to a database next door. So the address that is connected to is
held against these rules, in every way in which IPv6 can carry an address of IPv4.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
"""How a network without IPv4 reaches it: the last 32 bits are the address (RFC 6052)."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TEREDO = IPv6Network("2001::/32")
"""It carries addresses of IPv4 in a disguise, and no public server is reached over it."""

_IPV4_BITS = 0xFFFFFFFF


def reached(address: IPAddress) -> IPAddress:
    """Where a packet to an address arrives: at the address of IPv4 that one of IPv6 carries."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & _IPV4_BITS)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of a server on the internet, which everybody can reach."""
    end = reached(address)
    if isinstance(end, IPv6Address) and (end not in _GLOBAL_UNICAST or end in _TEREDO):
        return False
    return end.is_global and not (end.is_multicast or end.is_reserved)


def may_be_mirror(address: IPAddress) -> bool:
    """Whether a server that the operator set up may have an address: also a private one.

    The addresses of a single link are not among them: the metadata services of clouds, which
    give away credentials, are there.
    """
    end = reached(address)
    if end.is_loopback:
        return True
    never = end.is_link_local or end.is_multicast or end.is_reserved or end.is_unspecified
    return not never
