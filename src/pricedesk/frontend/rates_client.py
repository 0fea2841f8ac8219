"""Who asks the back-end: over connections that are kept open, and never waited for long.

Requests of all clients share them. When the connection is gone, the next request makes a
new one, and a service that cannot be reached is asked again only after a short pause, so
that many customers do not become many attempts.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from pricedesk.at_once import Turn
from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.frontend.rates_link import LOST, Link, Request
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.settings import HostPort

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.4
"""From a request to its reply or its failure; a customer never waits for longer."""

CONNECT_SECONDS = 1.0
"""For finding the host, connecting, and the back-end's first sign of life."""

SILENT_SECONDS = 0.7
"""A connection on which nothing came for so long after a request is taken for dead."""

RETRY_SECONDS = 0.2
"""After a failed attempt, how long requests fail at once instead of trying again."""

EARLY_LOSSES_MAX = 1
"""Connections in a row that may end before a reply and be made again at once."""

PING_SECONDS = 30
"""How often an idle connection is tried, so that a dead one is found before a customer is."""

REQUESTS_MAX = 10_000
"""Requests waiting for their replies; one more fails at once."""


class RatesClient:
    """Asks the back-end at one address, over one connection.

    `seconds` is a clock that never steps, `purpose` is for the log. What is asked in a `turn`
    goes out together at its end. `when_lost` is told of the end of each connection.
    """

    def __init__(
        self,
        backend: HostPort,
        seconds: Callable[[], float],
        purpose: str = "prices",
        turn: Turn | None = None,
        when_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._backend = backend
        self._when_lost = when_lost
        self._purpose = purpose
        self._seconds = seconds
        self._turn = turn or Turn()
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._unconnected: list[Request] = []
        self._asked: deque[Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._failed_at: float | None = None
        self._early_losses = 0
        self._reachable: bool | None = None
        self._closed = False

    async def ask(self, request: str) -> str:
        """The reply to a request line.

        Raises:
            InvalidRequest: it is longer than a line may be; it would end the connection.
            ServiceUnavailable: there was none within ANSWER_SECONDS.
        """
        line = request.encode()
        if len(line) > LINE_BYTES_MAX:
            raise InvalidRequest(f"a request has at most {LINE_BYTES_MAX} bytes")
        loop = asyncio.get_running_loop()
        asked = Request(line + b"\n", loop.time() + ANSWER_SECONDS)
        self._send(asked)
        if not asked.reply.done():
            self._watch(asked, loop)
        try:
            return await asked.reply
        except asyncio.CancelledError:
            self._look_for_silence(asked)
            raise

    @property
    def waiting(self) -> int:
        """How many requests have no reply yet."""
        sent = self._link.waiting if self._link is not None else 0
        return sent + len(self._unconnected)

    async def keep_alive(self) -> None:
        """Try the connection now and then, for ever."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            with suppress(ServiceUnavailable):
                await self.ask("ping")

    def drop(self) -> None:
        """Its replies cannot be trusted: what is asked next goes over a new connection."""
        if self._link is not None:
            self._link.close()
        self._is_away(f"{self._backend} gave an answer to another question")

    def close(self) -> None:
        """Drop the connection for good; who waits is told that there will be no reply."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is not None:
            self._link.close()

    # Deadlines: one timer for all requests, set for the oldest of them.

    def _watch(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        asked = self._asked
        while asked and asked[0].reply.done():
            asked.popleft()
        asked.append(request)
        if self._timer is None:
            self._timer = loop.call_at(request.deadline, self._look_at_the_oldest)

    def _look_at_the_oldest(self) -> None:
        """Fail what is overdue; all have the same time, so who asked first is overdue first."""
        loop, asked = asyncio.get_running_loop(), self._asked
        now = loop.time()
        overdue = []
        while asked and (asked[0].reply.done() or asked[0].deadline <= now):
            overdue.append(asked.popleft())
        # Before anyone is told: who is may ask again, and the timer is not to be set for that.
        self._timer = loop.call_at(asked[0].deadline, self._look_at_the_oldest) if asked else None
        for request in overdue:
            if not request.reply.done():
                self._look_for_silence(request)
                request.fail(f"{self._backend} did not answer in time")

    def _look_for_silence(self, request: Request) -> None:
        """Replies come in order: behind one that does not come, none will."""
        link = request.link
        if link is None or link.closed:
            return
        if link.received_at < request.sent_at <= self._seconds() - SILENT_SECONDS:
            link.close()
            self._is_away(f"{self._backend} has fallen silent")

    # The connection.

    def _send(self, request: Request) -> None:
        """Send a request over the connection, or as soon as there is one."""
        if self.waiting >= REQUESTS_MAX:
            request.fail("too many requests wait for the back-end")
        elif self._link is not None and not self._link.closed:
            self._link.send(request)
        elif self._closed:
            request.fail(f"the connection to {self._backend} was closed")
        elif self._connecting is None and self._has_just_failed():
            request.fail(f"{self._backend} could not be reached a moment ago")
        else:
            self._unconnected.append(request)
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
                self._connecting.add_done_callback(self._connect_done)

    def _has_just_failed(self) -> bool:
        return self._failed_at is not None and self._seconds() - self._failed_at < RETRY_SECONDS

    def _connect_done(self, connecting: asyncio.Task[Link]) -> None:
        self._connecting = None
        waiting, self._unconnected = self._unconnected, []
        if connecting.cancelled():
            for request in waiting:
                request.fail("the attempt to connect was given up")
            return
        error = connecting.exception()
        if error is not None:
            self._is_away(str(error))
            for request in waiting:
                if not request.reply.done():
                    request.reply.set_exception(error)
            return
        link = connecting.result()
        self._connected(link)
        if link.closed:  # It said goodbye right after its sign of life.
            self._ask_again(waiting)
            return
        for request in waiting:
            if not request.reply.done():
                link.send(request)

    def _connected(self, link: Link) -> None:
        self._link = link
        self._failed_at = None
        if not self._reachable and not self._early_losses:
            told = {"backend": str(self._backend), "purpose": self._purpose}
            logger.info("back-end reached", extra=told)
            self._reachable = True

    def _is_away(self, reason: str) -> None:
        """Not to be asked for a moment; told once."""
        self._failed_at = self._seconds()
        if self._reachable is not False:
            told = {"reason": reason, "purpose": self._purpose}
            logger.warning("back-end away", extra=told)
            self._reachable = False

    def _link_lost(self, link: Link, waiting: Sequence[Request]) -> None:
        """A connection has ended; one that ends again and again before a reply is no service."""
        self._when_lost()
        self._early_losses = 0 if link.replies > 1 else self._early_losses + 1
        if self._early_losses > EARLY_LOSSES_MAX:
            self._is_away(f"{self._backend} ends the connection before it answers")
        self._ask_again(waiting)

    def _ask_again(self, lost: Sequence[Request]) -> None:
        """Once: who is asked the same twice in vain would be in vain for the third time."""
        for request in lost:
            if request.reply.done():
                continue
            if request.asked_again:
                request.fail(LOST)
            else:
                request.asked_again = True
                self._send(request)

    async def _connect(self) -> Link:
        """A connection over which the back-end has answered a ping."""
        link = Link(self._seconds, self._link_lost, self._turn)
        loop = asyncio.get_running_loop()
        ping = Request(b"ping\n", 0)
        ping.asked_again = True  # Without a reply there is no connection to ask again on.
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: link, self._backend.host, self._backend.port)
                link.send(ping)
                pong = await ping.reply
        except (OSError, TimeoutError, ServiceUnavailable, UnicodeError) as error:
            link.close()
            reason = str(error) or "no answer in time"
            raise ServiceUnavailable(f"{self._backend} cannot be reached: {reason}") from error
        if pong != "pong":
            link.close()
            raise ServiceUnavailable(f"{self._backend} is not a Pricedesk back-end")
        return link


class RatesClients:
    """Several clients of one back-end; asked is the one that has the least to wait for.

    Over one connection a reply that waits for the disk holds the others up, and the back-end
    sees one request at a time.
    """

    def __init__(self, clients: Sequence[RatesClient]) -> None:
        self._clients = clients

    async def ask(self, request: str) -> str:
        """The reply to a request line; raises what a client does."""
        return await min(self._clients, key=lambda client: client.waiting).ask(request)

    def drop(self) -> None:
        """Nobody knows whose reply it was that cannot be trusted: all connect anew."""
        for client in self._clients:
            client.drop()

    def close(self) -> None:
        """Drop the connections for good."""
        for client in self._clients:
            client.close()
