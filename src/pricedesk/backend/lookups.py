"""Looking up the addresses of a host, in a thread that nothing else waits for.

The system's resolver cannot be interrupted, and it may take minutes where the servers of a name
are silent. In the threads that the program shares, a few such lookups would hold up the store
and everything else. So each user has one thread of its own: what hangs there holds up the next
lookup for the same source, and nothing besides.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import TypeAlias

from pricedesk.backend.addresses import IPAddress

LookUp: TypeAlias = Callable[[str, int], Awaitable[list[IPAddress]]]
"""Gives the addresses of a host for a port, the best first; raises OSError or UnicodeError."""


def own_lookup() -> LookUp:
    """The system's lookup, in a thread that belongs to this one caller."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lookup")

    async def look_up(host: str, port: int) -> list[IPAddress]:
        # One that is given up before it began is not begun: the queue does not grow.
        return await asyncio.get_running_loop().run_in_executor(thread, _addresses, host, port)

    return look_up


def _addresses(host: str, port: int) -> list[IPAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # The same address may come more than once.
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))
