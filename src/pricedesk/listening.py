"""Where doors are, and the sockets that several workers listen on for one door.

Each worker has a socket of its own at the same address, and the system shares clients out among
them by chance. All of these sockets belong to the supervisor too: one whose worker has died stays
open, and who waits there is answered by the worker that takes its place.
"""

import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from pricedesk.settings import PREFIX, HostPort, Settings

Sockets: TypeAlias = Mapping[str, Sequence[socket.socket]]
"""For each door what it listens on: a socket for each address of its host."""

BACKLOG = 1024
"""How many clients may wait to be let in."""


EVERYWHERE = "::"
"""The address that stands for all of the machine's: of IPv4 too, and of IPv4 alone where the
system has nothing else."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a door is to be, and which settings say so."""

    door: str
    listen: HostPort
    variables: str


def place_of(door: str, settings: Settings) -> Place:
    """The place of a door by the settings that have its name."""
    address, port = f"{door}_address", f"{door}_port"
    return Place(
        door,
        HostPort(getattr(settings, address), getattr(settings, port)),
        f"{PREFIX}{address.upper()} and {PREFIX}{port.upper()}",
    )


def sockets_at(listen: HostPort, workers: int) -> list[list[socket.socket]]:
    """For each worker the sockets of one door, which do not listen yet.

    Raises:
        OSError: the address cannot be listened on.
    """
    found = socket.getaddrinfo(
        _host(listen.host), listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    unique = dict.fromkeys((family, where) for family, _, _, _, where in found)
    groups = [_group(family, where, workers) for family, where in unique]
    return [list(of_one) for of_one in zip(*groups, strict=True)]


def socket_everywhere(port: int) -> socket.socket:
    """A socket for clients of both kinds of addresses, which does not listen yet.

    Raises:
        OSError: the port cannot be listened on.
    """
    host = _host(EVERYWHERE)
    family = socket.AF_INET6 if host == EVERYWHERE else socket.AF_INET
    return bound(family, (host, port), shared=False)


def _host(host: str) -> str:
    """What is listened on for a host."""
    if host == EVERYWHERE and not socket.has_dualstack_ipv6():
        return "0.0.0.0"  # noqa: S104  # as was asked for
    return host


def _group(
    family: socket.AddressFamily, where: tuple[object, ...], workers: int
) -> list[socket.socket]:
    """A socket for each worker at one address; port 0 is the same port for all of them."""
    with ExitStack() as made:
        # The first one shares with nobody: so a service that listens there already is noticed.
        first = made.enter_context(bound(family, where, shared=False))
        if sys.platform != "linux":
            # Elsewhere the system does not share clients out, so that workers take turns.
            made.pop_all()
            return [first] * workers
        host, port, *rest = first.getsockname()
        first.close()
        sockets = [
            made.enter_context(bound(family, (host, port, *rest), shared=True))
            for _ in range(workers)
        ]
        made.pop_all()
        return sockets


def bound(
    family: socket.AddressFamily, where: tuple[object, ...], *, shared: bool
) -> socket.socket:
    """A socket at an address, which does not listen yet; perhaps one of several there.

    Raises:
        OSError: the address cannot be listened on.
    """
    # Of a socket that is not called TCP asyncio does not know that it may send without delay.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # A name may have addresses of both kinds, each with its socket; everywhere is both.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, where[0] != EVERYWHERE)
        made.bind(where)
        made.settimeout(0)
    except BaseException:
        made.close()
        raise
    return made
