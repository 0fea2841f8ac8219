"""The desk's connections to the back-end: kept open, pipelined, and never waited for long.

Requests of all clients share it. Those that are made in one turn of the loop leave in one
write; replies come back in order. When the connection is gone, the next request makes a
new one, and a service that cannot be reached is asked again only after a short pause, so
that many customers do not become many attempts.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from pricedesk.error_lines import is_goodbye
from pricedesk.errors import InvalidRequest, ServiceUnavailable
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

REPLY_BYTES_MAX = 64 * 1024
"""A longer line is not a reply of ours: the connection is dropped."""


class _ConnectionLost(ServiceUnavailable):
    """The connection ended before the reply came; asking again on a new one is safe."""


class _Link(asyncio.Protocol):
    """One TCP connection: request lines out, reply lines matched to them in order."""

    def __init__(self, seconds: Callable[[], float], lost: Callable[["_Link"], None]) -> None:
        self._seconds = seconds
        self._lost = lost
        self.closed = False
        self.received_at = 0.0
        self.replies = 0
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._unsent: list[str] = []
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        self.closed = True
        self._lost(self)
        while self._waiting:
            reply = self._waiting.popleft()
            if not reply.done():
                reply.set_exception(_ConnectionLost("the connection to the back-end was lost"))

    def data_received(self, data: bytes) -> None:
        self.received_at = self._seconds()
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "backslashreplace")
            if not self._waiting or is_goodbye(text):
                self.close()
                return
            reply = self._waiting.popleft()
            self.replies += 1
            if not reply.done():
                reply.set_result(text)
        if len(self._partial) > REPLY_BYTES_MAX:
            self.close()

    @property
    def waiting(self) -> int:
        """How many requests have no reply yet."""
        return len(self._waiting)

    def send(self, request: str) -> asyncio.Future[str]:
        """Send a request line; its reply comes through the future."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[str] = loop.create_future()
        if self.closed:
            reply.set_exception(_ConnectionLost("the connection to the back-end was lost"))
            return reply
        if len(self._waiting) >= REQUESTS_MAX:
            reply.set_exception(ServiceUnavailable("too many requests wait for the back-end"))
            return reply
        self._waiting.append(reply)
        if not self._unsent:
            loop.call_soon(self._flush)
        self._unsent.append(f"{request}\n")
        return reply

    def close(self) -> None:
        """Drop the connection; what waits for a reply fails."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write("".join(self._unsent).encode())
        self._unsent.clear()


class RatesClient:
    """Asks the back-end at one address, over one connection.

    `seconds` is a clock that never steps, `purpose` is for the log.
    """

    def __init__(
        self, backend: HostPort, seconds: Callable[[], float], purpose: str = "prices"
    ) -> None:
        self._backend = backend
        self._purpose = purpose
        self._seconds = seconds
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None
        self._failed_at: float | None = None
        self._early_losses = 0
        self._reachable: bool | None = None

    async def ask(self, request: str) -> str:
        """The reply to a request line.

        Raises:
            InvalidRequest: it is longer than a line may be; it would end the connection.
            ServiceUnavailable: there was none within ANSWER_SECONDS.
        """
        if len(request.encode()) > LINE_BYTES_MAX:
            raise InvalidRequest(f"a request has at most {LINE_BYTES_MAX} bytes")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    return await self._ask_once(request)
                except _ConnectionLost:
                    return await self._ask_once(request)
        except TimeoutError as error:
            raise ServiceUnavailable(f"{self._backend} did not answer in time") from error

    @property
    def waiting(self) -> int:
        """How many requests have no reply yet."""
        return self._link.waiting if self._link is not None else 0

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
        """Drop the connection for good."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is not None:
            self._link.close()

    async def _ask_once(self, request: str) -> str:
        link = await self._connected()
        sent_at = self._seconds()
        try:
            return await link.send(request)
        except asyncio.CancelledError:
            # Replies come in order: behind one that does not come, none will.
            if link.received_at < sent_at <= self._seconds() - SILENT_SECONDS:
                link.close()
                self._is_away(f"{self._backend} has fallen silent")
            raise

    async def _connected(self) -> _Link:
        if self._link is not None and not self._link.closed:
            return self._link
        if self._connecting is None:
            if self._failed_at is not None and self._seconds() - self._failed_at < RETRY_SECONDS:
                raise ServiceUnavailable(f"{self._backend} could not be reached a moment ago")
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connect_done)
        return await asyncio.shield(self._connecting)

    def _connect_done(self, connecting: asyncio.Task[_Link]) -> None:
        self._connecting = None
        if connecting.cancelled():
            return
        error = connecting.exception()
        if error is None:
            self._link = connecting.result()
            self._failed_at = None
            if not self._reachable and not self._early_losses:
                told = {"backend": str(self._backend), "purpose": self._purpose}
                logger.info("back-end reached", extra=told)
                self._reachable = True
        else:
            self._is_away(str(error))

    def _is_away(self, reason: str) -> None:
        """Not to be asked for a moment; told once."""
        self._failed_at = self._seconds()
        if self._reachable is not False:
            told = {"reason": reason, "purpose": self._purpose}
            logger.warning("back-end away", extra=told)
            self._reachable = False

    def _link_lost(self, link: "_Link") -> None:
        """A connection has ended; one that ends again and again before a reply is no service."""
        self._early_losses = 0 if link.replies > 1 else self._early_losses + 1
        if self._early_losses > EARLY_LOSSES_MAX:
            self._is_away(f"{self._backend} ends the connection before it answers")

    async def _connect(self) -> _Link:
        """A connection over which the back-end has answered a ping."""
        link = _Link(self._seconds, self._link_lost)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: link, self._backend.host, self._backend.port)
                pong = await link.send("ping")
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
