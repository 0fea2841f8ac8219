"""Connections to addresses of the public internet, and to no others.

A name that leads to this machine or its network is refused, whoever answers for the name: a
source must not make the back-end ask its neighbours. The address that was looked at is the one
that is connected to; there is no second lookup in between.
"""

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2
import httpx2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from pricedesk.errors import DownloadFailed

LOOKUPS_AT_ONCE = 4
"""Threads for lookups: a resolver that hangs for minutes takes none from other work."""

_lookups = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "lookup")
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out to anybody."""


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, whichever way it is written."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return _is_public_v4(IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.ipv4_mapped is not None:
            return _is_public_v4(ip.ipv4_mapped)
        inside = [ip.sixtofour, *(ip.teredo or ())]
        return (
            ip in _UNICAST
            and ip.is_global
            and all(_is_public_v4(v4) for v4 in inside if v4 is not None)
        )
    return _is_public_v4(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class _Public(AsyncNetworkBackend):
    """Connects to what a name leads to, if all of that is public."""

    def __init__(self) -> None:
        self._connects = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                _lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        for address in addresses:
            if not is_public(address):
                raise DownloadFailed(
                    f"{host} leads to {address}, which is no address of the public internet"
                )
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._connects.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface has it
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        raise NotImplementedError("sources are not on this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def public_transport() -> httpx2.AsyncHTTPTransport:
    """A transport that connects to public addresses only."""
    certificates = httpx2.create_ssl_context()
    transport = httpx2.AsyncHTTPTransport(verify=certificates)
    # httpx2 has no parameter for the network backend of its pool.
    transport._pool = httpcore2.AsyncConnectionPool(  # noqa: SLF001  # as above
        ssl_context=certificates, network_backend=_Public()
    )
    return transport
