"""Serving lines over TCP: the asyncio adapter that both doors are built on.

A door supplies a `Session` for each client: what to say first, and what to answer to a
line. Everything between that and the socket is here: framing, telnet's options, answers
in order, and a bound on everything that a client can make grow. One read's lines are
answered with one write.
"""

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, cast

from pricedesk.lines import LineBuffer
from pricedesk.telnet import TelnetFilter

logger = logging.getLogger(__name__)

OUTPUT_BYTES_MAX = 64 * 1024
"""Answers that may wait for a client to read them; beyond it nothing more is answered."""

STALLED_OUTPUT_SECONDS = 10
"""A client that reads nothing for so long, though answers wait for it, is cut off."""

LINGER_SECONDS = 2
"""How long a client that was told goodbye may go on sending before it is cut off.

Closing at once would make the kernel throw away the goodbye together with what is unread.
"""

SWEEP_SECONDS = 1
"""How often connections are held against their time limits."""


LINES_AT_ONCE = 500
"""Lines of one client that are answered before the other clients get a turn."""

REFUSALS_AT_ONCE_MAX = 256
"""Connections over the limit that are told so; those beyond are cut off without a word."""


class Admission(Enum):
    """What becomes of a new connection."""

    WELCOME = auto()
    BUSY = auto()
    FLOOD = auto()


class Session(Protocol):
    """One client's dialogue, without sockets."""

    greeting: bytes
    finished: bool
    """Set by an answer after which the connection is to end."""

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """The answer to one line, at once or when it is there."""


@dataclass(frozen=True, slots=True)
class Notices:
    """What a door says when it ends a connection, each one line with its end."""

    busy: bytes
    line_too_long: bytes
    idle: bytes
    internal_error: bytes
    closing: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the service clients may take up."""

    connections: int
    connections_per_address: int
    idle_seconds: float
    """Between two lines of a client."""
    line_seconds: float
    """From a line's first byte to its end."""


class LineService:
    """One listening port and all the connections to it.

    `session` makes the dialogue of a new client, `seconds` is a clock that never steps.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        notices: Notices,
        limits: Limits,
        seconds: Callable[[], float],
    ) -> None:
        self.new_session = session
        self.notices = notices
        self.limits = limits
        self.seconds = seconds
        self.draining = False
        self._connections: set[_Connection] = set()
        self._per_address: Counter[str] = Counter()
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def start(self, address: str, port: int) -> int:
        """Listen; gives the port, which the system chose if `port` is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: _Connection(self), address, port, backlog=1024, reuse_address=True
        )
        self._schedule_sweep()
        return int(self._listener.sockets[0].getsockname()[1])

    async def drain(self, seconds: float) -> None:
        """Accept nobody new, finish what was begun, say goodbye; after `seconds` cut off."""
        self.draining = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.go_on()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            logger.warning("connections cut off", extra={"connections": len(self._connections)})
            for connection in list(self._connections):
                connection.cut_off()
            await self._empty.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def admit(self, connection: "_Connection", address: str) -> "Admission":
        """Count a new connection and say whether there is room for it."""
        limits, open_now = self.limits, len(self._connections)
        room = (
            open_now < limits.connections
            and self._per_address[address] < limits.connections_per_address
        )
        self._connections.add(connection)
        self._per_address[address] += 1
        self._empty.clear()
        if room:
            return Admission.WELCOME
        if open_now < limits.connections + REFUSALS_AT_ONCE_MAX:
            return Admission.BUSY
        return Admission.FLOOD

    def forget(self, connection: "_Connection", address: str) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]
        if not self._connections:
            self._empty.set()

    def sweep(self) -> None:
        """End the connections that are past a time limit."""
        now = self.seconds()
        for connection in list(self._connections):
            connection.check_time(now)

    def _schedule_sweep(self) -> None:
        def sweep_and_schedule() -> None:
            self.sweep()
            self._schedule_sweep()

        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, sweep_and_schedule)


class _Connection(asyncio.Protocol):
    """One client: bytes to lines to answers to bytes, in order."""

    __slots__ = (
        "_address",
        "_answering",
        "_buffer",
        "_ending_since",
        "_filter",
        "_last_line_at",
        "_lines",
        "_partial_since",
        "_peer_finished",
        "_service",
        "_session",
        "_stalled_since",
        "_too_long",
        "_transport",
    )

    _transport: asyncio.Transport

    def __init__(self, service: LineService) -> None:
        self._service = service
        self._session = service.new_session()
        self._filter = TelnetFilter()
        self._buffer = LineBuffer()
        self._lines: deque[bytes] = deque()
        self._answering: asyncio.Future[bytes] | None = None
        self._too_long = False
        self._peer_finished = False
        self._last_line_at = service.seconds()
        self._partial_since: float | None = None
        self._stalled_since: float | None = None
        self._ending_since: float | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=OUTPUT_BYTES_MAX)
        # Telnet marks the end of its synch command as urgent data; left out of line, the
        # command would lose its last byte and take the next one of the text.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "unknown"
        match self._service.admit(self, self._address):
            case Admission.WELCOME:
                self._transport.write(self._session.greeting)
            case Admission.BUSY:
                self._end(self._service.notices.busy)
            case Admission.FLOOD:
                self.cut_off()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        if self._answering is not None:
            self._answering.cancel()
        self._lines.clear()
        self._service.forget(self, self._address)

    def data_received(self, data: bytes) -> None:
        if self._ending_since is not None:
            return
        text, reply = self._filter.receive(data)
        if reply:
            self._transport.write(reply)
        lines, self._too_long = self._buffer.receive(text)
        now = self._service.seconds()
        if lines:
            self._last_line_at = now
            self._lines.extend(lines)
        if not self._buffer.partial:
            self._partial_since = None
        elif lines or self._partial_since is None:
            self._partial_since = now
        self.go_on()

    def eof_received(self) -> bool:
        """Answer what was asked before the end; the connection closes after that."""
        if self._ending_since is not None:
            self._transport.close()
        else:
            self._peer_finished = True
            if not self._too_long:
                self._lines.extend(self._buffer.end())
            self.go_on()
        return True

    def pause_writing(self) -> None:
        self._stalled_since = self._service.seconds()

    def resume_writing(self) -> None:
        self._stalled_since = None
        self.go_on()

    # What the service calls.

    def go_on(self) -> None:
        """Answer waiting lines as far as possible, and end when there is a reason to."""
        if self._ending_since is not None or self._transport.is_closing():
            return
        self._answer_lines()
        if self._answering is not None or self._stalled_since is not None:
            self._transport.pause_reading()
        elif self._lines and not self._session.finished:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.go_on)
        elif self._session.finished or (self._peer_finished and not self._too_long):
            self._end(b"")
        elif self._too_long:
            self._end(self._service.notices.line_too_long)
        elif self._service.draining:
            self._end(self._service.notices.closing)
        else:
            self._transport.resume_reading()

    def check_time(self, now: float) -> None:
        """Hold the connection against its time limits."""
        limits, notices = self._service.limits, self._service.notices
        if self._stalled_since is not None and now - self._stalled_since > STALLED_OUTPUT_SECONDS:
            self.cut_off()
        elif self._ending_since is not None:
            if now - self._ending_since > LINGER_SECONDS:
                self.cut_off()
        elif self._answering is not None:
            return
        elif (
            self._partial_since is not None and now - self._partial_since > limits.line_seconds
        ) or now - self._last_line_at > limits.idle_seconds:
            self._end(notices.idle)

    def cut_off(self) -> None:
        """End the connection at once, without a word."""
        self._transport.abort()

    # The rest.

    def _answer_lines(self) -> None:
        """Write the answers to the waiting lines until one has to be waited for."""
        answers: list[bytes] = []
        size = 0
        for _ in range(LINES_AT_ONCE):
            if not self._lines or self._answering is not None or self._session.finished:
                break
            answer = self._answer(self._lines.popleft())
            if isinstance(answer, bytes):
                answers.append(answer)
                size += len(answer)
            else:
                self._answering = asyncio.ensure_future(answer)
                self._answering.add_done_callback(self._answered)
            if size > OUTPUT_BYTES_MAX:
                self._transport.write(b"".join(answers))
                answers, size = [], 0
            if self._stalled_since is not None:
                break
        if answers:
            self._transport.write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        try:
            return self._session.answer(line)
        except Exception:
            logger.exception("internal error while answering a line")
            return self._service.notices.internal_error

    def _answered(self, answering: asyncio.Future[bytes]) -> None:
        """The answer that was waited for is there."""
        self._answering = None
        if answering.cancelled() or self._transport.is_closing():
            return
        error = answering.exception()
        if error is not None:
            logger.error("internal error while answering a line", exc_info=error)
        self._last_line_at = self._service.seconds()
        self._transport.write(
            answering.result() if error is None else self._service.notices.internal_error
        )
        self.go_on()

    def _end(self, notice: bytes) -> None:
        """Say a last word and close; what the peer still sends is read and dropped."""
        self._ending_since = self._service.seconds()
        self._lines.clear()
        if notice:
            self._transport.write(notice)
        if self._peer_finished:
            self._transport.close()
        else:
            self._transport.write_eof()
            self._transport.resume_reading()
