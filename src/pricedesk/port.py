"""A listening port and the connections to it: who comes in, their time limits, the end."""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import ClassVar, Generic, Protocol, TypeVar

from pricedesk.admission import Admission, Gate
from pricedesk.listening import BACKLOG, EVERYWHERE, bound, socket_everywhere

logger = logging.getLogger(__name__)


class PortConnection(Protocol):
    """What a port asks of a connection."""

    def check_time(self, now: float) -> None:
        """Hold the connection against its time limits."""

    def finish(self) -> None:
        """Close when what was begun is answered."""

    def cut_off(self) -> None:
        """End the connection at once."""


AnyConnection = TypeVar("AnyConnection", bound=PortConnection)


class Listener(Protocol):
    """What lets clients in."""

    def close(self) -> None:
        """Let nobody in any more."""


async def bound_sockets(address: str, port: int) -> list[socket.socket]:
    """A socket for each address that a host has here.

    Raises:
        OSError: one of them cannot be listened on.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with ExitStack() as made:
        unique = dict.fromkeys((family, where) for family, *_, where in found)
        sockets = [
            made.enter_context(bound(family, where, shared=False)) for family, where in unique
        ]
        made.pop_all()
        return sockets


class Port(ABC, Generic[AnyConnection]):
    """One listening port and all the connections to it; `seconds` is a clock that never steps."""

    sweep_seconds: ClassVar[float]
    """How often connections are held against their time limits."""

    def __init__(self, gate: Gate[AnyConnection], seconds: Callable[[], float]) -> None:
        self.gate = gate
        self.seconds = seconds
        self.draining = False
        self._listeners: Sequence[Listener] = ()
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @abstractmethod
    def connect(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection; it is to call `admit` and `forget`."""

    async def start(self, address: str, port: int) -> int:
        """Listen; gives the port, which the system chose if `port` is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        if address == EVERYWHERE:
            return await self.start_on([socket_everywhere(port)])
        return await self.start_on(await bound_sockets(address, port))

    async def start_on(self, sockets: Sequence[socket.socket]) -> int:
        """Listen on these, which are bound already; gives the port of the first one.

        Raises:
            OSError: one of them cannot be listened on.
        """
        self.sweep()
        port = int(sockets[0].getsockname()[1])
        self._listeners = await self.listen(sockets)
        self._schedule_sweep()
        return port

    async def listen(self, sockets: Sequence[socket.socket]) -> Sequence[Listener]:
        """Let clients in on these sockets."""
        loop = asyncio.get_running_loop()
        return [
            await loop.create_server(self.connect, sock=each, backlog=BACKLOG) for each in sockets
        ]

    async def drain(self, seconds: float) -> None:
        """Accept nobody new, finish what was begun, close; after `seconds` cut off."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        for connection in self.gate.all:
            connection.finish()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            logger.warning("connections cut off", extra={"connections": self.gate.connections})
            for connection in self.gate.all:
                connection.cut_off()
            await self._empty.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def limit_connections(self, most: int) -> None:
        """Serve no more clients than this, counting those that are told busy."""
        self.gate.limit(most)

    def admit(self, connection: AnyConnection, address: str) -> Admission:
        """Count a new connection and say whether there is room for it."""
        self._empty.clear()
        return self.gate.admit(connection, address)

    def forget(self, connection: AnyConnection, address: str) -> None:
        """A connection is over."""
        self.gate.forget(connection, address)
        if self.gate.is_empty:
            self._empty.set()

    def sweep(self) -> None:
        """End the connections that are past a time limit."""
        now = self.seconds()
        for connection in self.gate.all:
            try:
                connection.check_time(now)
            except Exception:  # one connection's fault must not stop the sweep of the others
                logger.exception("internal error while ending a connection")
                connection.cut_off()

    def _schedule_sweep(self) -> None:
        def sweep_and_schedule() -> None:
            self._schedule_sweep()
            self.sweep()

        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self.sweep_seconds, sweep_and_schedule)
