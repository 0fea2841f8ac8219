"""Where a source may be: on the internet, or where the operator says."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.addresses import is_public, may_be_mirror

PUBLIC, PRIVATE, NEVER = (True, True), (False, True), (False, False)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", PUBLIC),
        ("2a00:1450:4001:801::200e", PUBLIC),
        ("::ffff:8.8.8.8", PUBLIC),
        ("64:ff9b::808:808", PUBLIC),
        ("2002:808:808::1", PUBLIC),
        ("10.0.0.5", PRIVATE),
        ("172.16.0.1", PRIVATE),
        ("192.168.1.1", PRIVATE),
        ("100.64.0.1", PRIVATE),
        ("127.0.0.1", PRIVATE),
        ("127.255.255.254", PRIVATE),
        ("::1", PRIVATE),
        ("fd00::1", PRIVATE),
        ("::ffff:10.0.0.5", PRIVATE),
        ("::ffff:127.0.0.1", PRIVATE),
        ("64:ff9b::a00:5", PRIVATE),
        ("64:ff9b::7f00:1", PRIVATE),
        ("2002:a00:5::1", PRIVATE),
        ("198.18.0.1", PRIVATE),
        ("192.0.2.1", PRIVATE),
        ("2001:db8::1", PRIVATE),
        ("2001:0:808:808::1", PRIVATE),
        ("fec0::1", PRIVATE),
        ("169.254.169.254", NEVER),
        ("::ffff:169.254.169.254", NEVER),
        ("64:ff9b::a9fe:a9fe", NEVER),
        ("2002:a9fe:a9fe::1", NEVER),
        ("fe80::1", NEVER),
        ("fe80::1%eth0", NEVER),
        ("224.0.0.251", NEVER),
        ("ff02::1", NEVER),
        ("240.0.0.1", NEVER),
        ("255.255.255.255", NEVER),
        ("0.0.0.0", NEVER),
        ("::", NEVER),
        ("::ffff:0.0.0.0", NEVER),
        ("::8.8.8.8", NEVER),
        ("::127.0.0.1", NEVER),
        ("::ffff:0:10.0.0.1", NEVER),
        ("64:ff9b:1::1", NEVER),
        ("4000::1", NEVER),
    ],
)
def test_built_in_sources_are_on_the_internet_and_mirrors_may_be_inside(
    address: str, allowed: tuple[bool, bool]
) -> None:
    it = ip_address(address)
    assert (is_public(it), may_be_mirror(it)) == allowed


@given(st.ip_addresses())
def test_what_is_public_may_be_a_mirror_too(address: IPv4Address | IPv6Address) -> None:
    assert may_be_mirror(address) or not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_in_whatever_it_is_wrapped(inner: IPv4Address) -> None:
    wrapped = [
        IPv6Address(int(IPv6Address(prefix)) | int(inner) << shift)
        for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80))
    ]
    assert {is_public(address) for address in wrapped} == {is_public(inner)}
    assert {may_be_mirror(address) for address in wrapped} == {may_be_mirror(inner)}
