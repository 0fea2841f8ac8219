"""Whose requests come through a reverse proxy."""

import logging
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import islice
from typing import TypeAlias

from pricedesk.errors import in_quotes

logger = logging.getLogger(__name__)

PROXIES_MAX = 10
"""So many are gone back through."""

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]


_WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]+)?")
"""An address as some proxies write it, with the port: 192.0.2.1:4711, [2001:db8::1]:4711."""


class Proxies:
    """Those who are believed whom they speak for."""

    def __init__(self, trusted: Networks = ()) -> None:
        self._trusted = trusted
        self._warned = False

    def address_of(self, address: str, headers: Mapping[str, str]) -> str:
        """Who asks: whom a connection comes from, or speaks for if it is a trusted proxy's.

        X-Forwarded-For is read from its end, where the last proxy has added whom it has heard;
        what stands before the first one that is not trusted may be made up. Where a proxy names
        nobody, the customer has its address, which is told once.
        """
        if not self._trusts(address):
            return address
        forwarded = headers.get("x-forwarded-for", "")
        heard = reversed(forwarded.split(",")) if forwarded.strip() else ()
        for one in islice(heard, PROXIES_MAX - 1):
            found = _address(one.strip())
            if found is None:
                self._warn(address, one)
                break
            address = found
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)

    def _warn(self, proxy: str, said: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "a trusted proxy names no address in X-Forwarded-For: its customers have its own",
                extra={"proxy": proxy, "said": in_quotes(said.strip())},
            )


def _address(text: str) -> str | None:
    """An address as it is commonly written; None if it is none."""
    with_port = _WITH_PORT.fullmatch(text)
    if with_port is not None:
        text = with_port["v4"] or with_port["v6"]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
