"""The listening port of the HTTP door, and the time limits of its connections.

uvicorn's own server is not used: it takes the signals over, and the connections belong to
the loop of the service.
"""

import asyncio
import logging
from collections.abc import Callable
from email.utils import format_datetime

from pricedesk.admission import Gate
from pricedesk.backend.http.connection import Connection, Shared
from pricedesk.backend.http.routes import Router
from pricedesk.backend.http.surroundings import HttpLimits
from pricedesk.clock import Clock
from pricedesk.tally import Tally

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5
"""How often connections are held against their time limits."""


class HttpService:
    """One listening port and all the connections to it.

    `seconds` is a clock that never steps; `clock` gives the Date of the answers.
    """

    def __init__(
        self,
        router: Router,
        limits: HttpLimits,
        clock: Clock,
        seconds: Callable[[], float],
        tally: Tally | None = None,
    ) -> None:
        self.tally = tally if tally is not None else Tally()
        self.gate: Gate[Connection] = Gate(limits.connections, limits.connections_per_address)
        self._shared = Shared(router, self.gate, seconds, self.tally)
        self._clock = clock
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, address: str, port: int) -> int:
        """Listen; gives the port, which the system chose if `port` is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self.sweep()
        self._listener = await loop.create_server(
            lambda: Connection(self._shared), address, port, backlog=1024, reuse_address=True
        )
        self._schedule_sweep()
        return int(self._listener.sockets[0].getsockname()[1])

    async def drain(self, seconds: float) -> None:
        """Accept nobody new, finish what was begun, close; after `seconds` cut off."""
        self._shared.draining = True
        if self._listener is not None:
            self._listener.close()
        for connection in self.gate.all:
            connection.finish()
        try:
            async with asyncio.timeout(seconds):
                await self._shared.empty.wait()
        except TimeoutError:
            logger.warning("connections cut off", extra={"connections": self.gate.connections})
            for connection in self.gate.all:
                connection.cut_off()
            await self._shared.empty.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def limit_connections(self, most: int) -> None:
        """Serve no more clients than this, counting those that are told busy."""
        self.gate.limit(most)

    def sweep(self) -> None:
        """End the connections that are past a time limit, and set the date of the answers."""
        date = format_datetime(self._clock(), usegmt=True).encode()
        self._shared.state.default_headers = [(b"date", date)]
        now = self._shared.seconds()
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
        self._sweeper = loop.call_later(SWEEP_SECONDS, sweep_and_schedule)
