"""Who asks: by the connection, and by what a trusted proxy says."""

from ipaddress import ip_network

import pytest

from pricedesk.frontend.web.proxies import Proxies

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("connection", "forwarded", "who"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        # Who is no proxy may say what he likes.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.2", None, "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("fd00::2", "2001:DB8::1", "2001:db8::1"),
        # The last proxy says whom it has heard; what came to it may be made up.
        ("10.0.0.2", "192.0.2.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "192.0.2.1, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "10.0.0.4,10.0.0.3", "10.0.0.4"),
        ("10.0.0.2", "198.51.100.1, unknown", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        # Some proxies write the port too.
        ("10.0.0.2", "198.51.100.1:5678", "198.51.100.1"),
        ("10.0.0.2", "192.0.2.1, 198.51.100.1:5678, 10.0.0.3:80", "198.51.100.1"),
        ("10.0.0.2", "[2001:DB8::1]:5678", "2001:db8::1"),
        ("10.0.0.2", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.2", "2001:db8::1:5678", "2001:db8::1:5678"),
        ("10.0.0.2", "198.51.100.1:", "10.0.0.2"),
        ("10.0.0.2", "[198.51.100.1:80", "10.0.0.2"),
        ("10.0.0.2", "shop.example:80", "10.0.0.2"),
        ("10.0.0.2", ",".join(["198.51.100.1", *["10.0.0.3"] * 1000]), "10.0.0.3"),
    ],
)
def test_the_address_of_a_customer(connection: str, forwarded: str | None, who: str) -> None:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert Proxies(PROXIES).address_of(connection, headers) == who


def test_nobody_is_trusted_who_is_not_named() -> None:
    assert Proxies().address_of("127.0.0.1", {"x-forwarded-for": "198.51.100.1"}) == "127.0.0.1"


def test_a_proxy_that_names_nobody_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    proxies = Proxies(PROXIES)
    for forwarded in ("", "198.51.100.1", "unknown, 198.51.100.1", "_hidden", "unknown"):
        proxies.address_of("10.0.0.2", {"x-forwarded-for": forwarded})
    proxies.address_of("198.51.100.1", {"x-forwarded-for": "unknown"})
    proxies.address_of("unknown", {"x-forwarded-for": "unknown"})
    told = [(r.getMessage(), r.__dict__["proxy"], r.__dict__["said"]) for r in caplog.records]
    assert told == [
        (
            "a trusted proxy names no address in X-Forwarded-For: its customers have its own",
            "10.0.0.2",
            '"_hidden"',
        )
    ]
