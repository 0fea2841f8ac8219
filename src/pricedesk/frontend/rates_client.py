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

from pricedesk.at_once import Prompt, Turn
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

READ_BYTES = 16 * 1024
"""Bytes of replies that are taken at once."""

REPLY_BYTES_MAX = 64 * 1024
"""A longer line is not a reply of ours: the connection is dropped."""


_LOST = "the connection to the back-end was lost"
_TOO_MANY = "too many requests wait for the back-end"


class _Request:
    """A request line on its way to its reply."""

    __slots__ = ("asked_again", "deadline", "line", "link", "reply", "sent_at")

    def __init__(self, line: bytes, deadline: float) -> None:
        self.line = line
        self.deadline = deadline
        self.reply = Prompt[str]()
        self.asked_again = False
        self.link: _Link | None = None
        self.sent_at = 0.0

    def fail(self, reason: str) -> None:
        """There will be no reply."""
        if not self.reply.done():
            self.reply.set_exception(ServiceUnavailable(reason))


class _Link(asyncio.BufferedProtocol):
    """One TCP connection: request lines out, reply lines matched to them in order.

    `lost` is told of the end, and of the requests that had no reply by then.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        lost: Callable[["_Link", Sequence[_Request]], None],
        turn: Turn,
    ) -> None:
        self._seconds = seconds
        self._lost = lost
        self._turn = turn
        self.closed = False
        self.received_at = 0.0
        self.replies = 0
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Request] = deque()
        self._unsent: list[bytes] = []
        self._partial = b""
        # Otherwise asyncio makes room for 256 KiB at each reading.
        self._read_buffer = bytearray(READ_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        self.closed = True
        waiting = list(self._waiting)
        self._waiting.clear()
        self._lost(self, waiting)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's interface
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received(bytes(self._read_buffer[:nbytes]))

    def _received(self, data: bytes) -> None:
        self.received_at = self._seconds()
        *lines, self._partial = (self._partial + data).split(b"\n")
        # Who is told may ask again, and that has no reply among these.
        expected = len(self._waiting)
        for number, line in enumerate(lines):
            text = line.decode("utf-8", "backslashreplace")
            if number >= expected or is_goodbye(text):
                self.close()
                return
            reply = self._waiting.popleft().reply
            self.replies += 1
            if not reply.done():
                reply.set_result(text)
                if self.closed:  # It was none to that: the others are not what they seem either.
                    return
        if len(self._partial) > REPLY_BYTES_MAX:
            self.close()

    @property
    def waiting(self) -> int:
        """How many requests have no reply yet."""
        return len(self._waiting)

    def send(self, request: _Request) -> None:
        """Send a request line; its reply comes through its future."""
        if self.closed:
            request.fail(_LOST)
            return
        if len(self._waiting) >= REQUESTS_MAX:
            request.fail(_TOO_MANY)
            return
        request.link = self
        request.sent_at = self._seconds()
        self._waiting.append(request)
        if not self._unsent:
            self._turn.at_its_end(self._flush)
        self._unsent.append(request.line)

    def close(self) -> None:
        """Drop the connection; what waits for a reply is lost."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()


class RatesClient:
    """Asks the back-end at one address, over one connection.

    `seconds` is a clock that never steps, `purpose` is for the log. What is asked in a `turn`
    goes out together at its end.
    """

    def __init__(
        self,
        backend: HostPort,
        seconds: Callable[[], float],
        purpose: str = "prices",
        turn: Turn | None = None,
    ) -> None:
        self._backend = backend
        self._purpose = purpose
        self._seconds = seconds
        self._turn = turn or Turn()
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None
        self._unconnected: list[_Request] = []
        self._asked: deque[_Request] = deque()
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
        asked = _Request(line + b"\n", loop.time() + ANSWER_SECONDS)
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

    def _watch(self, request: _Request, loop: asyncio.AbstractEventLoop) -> None:
        asked = self._asked
        while asked and asked[0].reply.done():
            asked.popleft()
        asked.append(request)
        if self._timer is None:
            self._timer = loop.call_at(request.deadline, self._look_at_the_oldest)

    def _look_at_the_oldest(self) -> None:
        """Fail what is overdue; all have the same time, so who asked first is overdue first."""
        self._timer = None
        loop, asked = asyncio.get_running_loop(), self._asked
        now = loop.time()
        while asked and (asked[0].reply.done() or asked[0].deadline <= now):
            request = asked.popleft()
            if not request.reply.done():
                self._look_for_silence(request)
                request.fail(f"{self._backend} did not answer in time")
        if asked and self._timer is None:  # Who was told may have asked again.
            self._timer = loop.call_at(asked[0].deadline, self._look_at_the_oldest)

    def _look_for_silence(self, request: _Request) -> None:
        """Replies come in order: behind one that does not come, none will."""
        link = request.link
        if link is None or link.closed:
            return
        if link.received_at < request.sent_at <= self._seconds() - SILENT_SECONDS:
            link.close()
            self._is_away(f"{self._backend} has fallen silent")

    # The connection.

    def _send(self, request: _Request) -> None:
        """Send a request over the connection, or as soon as there is one."""
        if self._link is not None and not self._link.closed:
            self._link.send(request)
        elif self._closed:
            request.fail(f"the connection to {self._backend} was closed")
        elif len(self._unconnected) >= REQUESTS_MAX:
            request.fail(_TOO_MANY)
        elif self._connecting is None and self._has_just_failed():
            request.fail(f"{self._backend} could not be reached a moment ago")
        else:
            self._unconnected.append(request)
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
                self._connecting.add_done_callback(self._connect_done)

    def _has_just_failed(self) -> bool:
        return self._failed_at is not None and self._seconds() - self._failed_at < RETRY_SECONDS

    def _connect_done(self, connecting: asyncio.Task[_Link]) -> None:
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

    def _connected(self, link: _Link) -> None:
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

    def _link_lost(self, link: _Link, waiting: Sequence[_Request]) -> None:
        """A connection has ended; one that ends again and again before a reply is no service."""
        self._early_losses = 0 if link.replies > 1 else self._early_losses + 1
        if self._early_losses > EARLY_LOSSES_MAX:
            self._is_away(f"{self._backend} ends the connection before it answers")
        self._ask_again(waiting)

    def _ask_again(self, lost: Sequence[_Request]) -> None:
        """Once: who is asked the same twice in vain would be in vain for the third time."""
        for request in lost:
            if request.reply.done():
                continue
            if request.asked_again:
                request.fail(_LOST)
            else:
                request.asked_again = True
                self._send(request)

    async def _connect(self) -> _Link:
        """A connection over which the back-end has answered a ping."""
        link = _Link(self._seconds, self._link_lost, self._turn)
        loop = asyncio.get_running_loop()
        ping = _Request(b"ping\n", 0)
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
