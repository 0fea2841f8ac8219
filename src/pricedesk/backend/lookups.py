"""Looking up the addresses of a host, in a thread that nothing else waits for.

The system's resolver cannot be interrupted, and it may take minutes where the servers of a name
are silent. In the threads that the program shares, a few such lookups would hold up the store
and everything else, and the program's end. So each user has one of its own for a host: what
hangs there holds up the next lookup of that host for the same source, and nothing besides.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Thread
from typing import TypeAlias

from pricedesk.backend.addresses import IPAddress

LookUp: TypeAlias = Callable[[str, int], Awaitable[list[IPAddress]]]
"""Gives the addresses of a host for a port, the best first; raises OSError or UnicodeError."""


def own_lookup() -> LookUp:
    """The system's lookup, in threads that belong to this one caller: at most one for a host."""
    under_way: dict[tuple[str, int], Future[list[IPAddress]]] = {}

    async def look_up(host: str, port: int) -> list[IPAddress]:
        found = under_way.get((host, port))
        if found is None or found.done():
            found = under_way[host, port] = Future()
            # Who gives up waiting does not cancel it.
            found.set_running_or_notify_cancel()
            # A daemon, which the end of the program does not wait for.
            Thread(target=_answer, args=(found, host, port), name="lookup", daemon=True).start()
        # Who asks again meanwhile waits for the same answer.
        return await asyncio.wrap_future(found)

    return look_up


def _answer(found: Future[list[IPAddress]], host: str, port: int) -> None:
    try:
        found.set_result(_addresses(host, port))
    except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
        found.set_exception(error)


def _addresses(host: str, port: int) -> list[IPAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # The same address may come more than once.
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))
