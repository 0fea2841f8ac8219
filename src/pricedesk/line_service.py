"""Serving lines over TCP: the asyncio adapter that both doors are built on.

A door supplies a `Session` for each client: what to say first, and what to answer to a
line. Everything between that and the socket is here: framing, telnet's options, answers
in order, and a bound on everything that a client can make grow. One read's lines are
answered with one write.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

from pricedesk.admission import Admission, Gate
from pricedesk.at_once import Prompt, Turn
from pricedesk.known_lines import READ_BYTES, KnownLines, Rest, answer_known
from pricedesk.lines import LINE_BYTES_MAX, LineBuffer
from pricedesk.listening import BACKLOG
from pricedesk.poller import HAS_EPOLL, Poller, Ready, Wire
from pricedesk.port import Listener, Port
from pricedesk.tally import Tally
from pricedesk.telnet import IAC, TelnetFilter
from pricedesk.telnet_charset import CharsetOption
from pricedesk.unread import Unread, waiting_bytes

logger = logging.getLogger(__name__)

OUTPUT_BYTES_MAX = 64 * 1024
"""Answers that may wait for a client to read them; beyond it nothing more is answered.

With READ_BYTES it bounds the memory of one client. After as much the other clients get a turn,
however few lines it was."""

KERNEL_OUTPUT_BYTES = 32 * 1024
"""Answers that may wait in the kernel besides; left to itself it would take megabytes."""

RECALLED_BYTES_MAX = 1024
"""Bytes of requests that are answered at once without a session, if not each line is known."""

LINES_AT_ONCE = 500
"""Lines of one client that are answered before the other clients get a turn.

Of known lines as many as come with one read."""

ANSWERING_SECONDS = 0.001
"""After so long, too, the others get a turn: a table of rates takes as long as a hundred prices."""


class Session(Protocol):
    """One client's dialogue, without sockets."""

    greeting: bytes

    @property
    def finished(self) -> bool:
        """Whether an answer was given after which the connection is to end."""

    def answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        """The answer to one line, at once or when it is there.

        Several sessions may give one future; a coroutine is cancelled when its client goes.
        """


class Peer(NamedTuple):
    """Who is at the other end of a connection."""

    address: str
    charset: CharsetOption | None = None
    """What is agreed on with it, where a door speaks more than ASCII."""


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


class LineService(Port["_Connection"]):
    """One listening port for lines.

    `session` makes the dialogue of a new client. `charset` is whether one is agreed on with it.
    Lines and internal errors are counted in `tally`; what else is refused, a session may count.
    What is `known` at an instant needs no session. A `turn` lasts while those are served who are
    ready. Without `epoll` the connections are asyncio's, and each is served for itself.
    """

    sweep_seconds = 1

    def __init__(  # noqa: PLR0913  # what a door is made of
        self,
        session: Callable[[Peer], Session],
        notices: Notices,
        limits: Limits,
        seconds: Callable[[], float],
        tally: Tally | None = None,
        *,
        charset: bool = False,
        known: Callable[[], KnownLines] | None = None,
        turn: Turn | None = None,
        epoll: bool = HAS_EPOLL,
    ) -> None:
        super().__init__(Gate(limits.connections, limits.connections_per_address), seconds)
        self.new_session = session
        self.notices = notices
        self.limits = limits
        self.charset = charset
        self.tally = tally if tally is not None else Tally()
        self.read_buffer = bytearray(READ_BYTES)
        self.known: KnownLines | None = None
        self.uncounted = 0
        """Lines since the last look that are not counted yet."""
        self.looked_at = 0.0
        self._known = known
        self._turn = turn or Turn()
        self._epoll = epoll

    def connect(self) -> "_Connection":
        """The protocol of a new client."""
        return _Connection(self)

    async def listen(self, sockets: Sequence[socket.socket]) -> Sequence[Listener]:
        """Let clients in on these sockets, which are bound."""
        for each in sockets:
            # What connects to a socket has its options.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_OUTPUT_BYTES)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Telnet marks the end of its synch command as urgent data; left out of line, the
            # command would lose its last byte and take the next one of the text.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        if not self._epoll:
            return await super().listen(sockets)
        return [Poller(self, sockets, BACKLOG)]

    def begin_turn(self) -> None:
        """Those who are ready are served now."""
        self._turn.begin()
        self.look()

    def answer_known(self, ready: list[Ready], wires: dict[int, Wire]) -> Rest[Wire]:
        """Answer who sends nothing but known lines; gives the others."""
        if self.known is None:
            return Rest(ready)
        rest = Rest[Wire]()
        self.uncounted += answer_known(ready, wires, self.known, self.looked_at, rest)
        return rest

    def end_turn(self) -> None:
        """All of them were."""
        self.count()
        self._turn.end()

    def look(self) -> None:
        """Look at the time, and at what is known now, for all who have sent something."""
        self.looked_at = self.seconds()
        if self._known is not None:
            self.known = self._known()

    def count(self) -> None:
        """Count the lines since the last look; as all were answered together, so is their time."""
        if self.uncounted:
            self.tally.took(self.seconds() - self.looked_at, self.uncounted)
            self.uncounted = 0


class _Connection(asyncio.BufferedProtocol):
    """One client: bytes to lines to answers to bytes, in order."""

    __slots__ = (
        "_answering",
        "_buffer",
        "_ending_since",
        "_filter",
        "_lines",
        "_output_full",
        "_partial_since",
        "_peer",
        "_peer_finished",
        "_service",
        "_session",
        "_single",
        "_transport",
        "_unread",
        "at_rest",
        "last_line_at",
    )

    _peer: Peer
    _session: Session
    _transport: Wire
    """Or asyncio's own, which has the same methods."""

    def __init__(self, service: LineService) -> None:
        now = service.seconds()
        self._service = service
        self._filter = TelnetFilter(CharsetOption() if service.charset else None)
        self._buffer = LineBuffer()
        self._lines: list[bytes] = []  # The next one is the last: a list is smaller than a deque.
        self._answering: asyncio.Future[bytes] | None = None
        self.at_rest = False  # Nothing has begun: what comes next is the beginning of a line.
        self._single = False  # What is being answered came alone: after it nothing has begun.
        self._output_full = False
        self._peer_finished = False
        self.last_line_at = now
        self._partial_since: float | None = None
        self._ending_since: float | None = None
        self._unread = Unread(now)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport | Wire) -> None:
        service = self._service
        wire = self._transport = cast("Wire", transport)
        wire.set_write_buffer_limits(high=OUTPUT_BYTES_MAX)
        peer = wire.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else "unknown"
        self._peer = Peer(address, self._filter.charset)
        admission = service.admit(self, address)
        if admission is Admission.FLOOD:
            self.cut_off()
        elif admission is Admission.BUSY:
            self._end(service.notices.busy)
        elif service.draining:
            self._end(service.notices.closing)
        else:
            session = self._session = service.new_session(self._peer)
            self.at_rest = True
            wire.write(session.greeting)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        answering = self._answering
        if isinstance(answering, asyncio.Task):
            answering.cancel()
        elif isinstance(answering, Prompt):  # Others may wait for the same answer, here and below.
            answering.remove_listener(self._answered)
        elif answering is not None:
            answering.remove_done_callback(self._answered)
        self._lines.clear()
        self._service.forget(self, self._peer.address)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's interface
        """All connections read into one buffer: each empties it before another is read."""
        return self._service.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._service.look()
        self.received(bytes(self._service.read_buffer[:nbytes]))
        self._service.count()

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        service = self._service
        if self.at_rest:
            known = service.known
            if known is not None and len(data) <= RECALLED_BYTES_MAX:
                answers = known.recall(data)
                if answers is not None:
                    service.uncounted += answers.count(b"\n")
                    self.last_line_at = service.looked_at
                    self._transport.write(answers)
                    return
            self.at_rest = False
            line = single_line(data)
            if line is not None:
                self._answer_single(line)
                return
        if self._ending_since is not None:
            return
        text, reply = self._filter.receive(data)
        if reply:
            self._transport.write(reply)
        self._buffer.add(text)
        if not self._buffer.has_partial:
            self._partial_since = None
        elif self._partial_since is None or b"\n" in text:
            self._partial_since = service.seconds()
        self.go_on()
        # That may have taken long, or told something new.
        service.count()
        service.look()

    def eof_received(self) -> bool:
        """Answer what was asked before the end; the connection closes after that.

        At once if there was nothing: then it is not true.
        """
        if self.at_rest:
            return False
        self._peer_finished = True
        if self._ending_since is not None:
            self._transport.close()
        else:
            self._buffer.end()
            self.go_on()
        return True

    def pause_writing(self) -> None:
        self._output_full = True
        self.at_rest = False

    def resume_writing(self) -> None:
        self._output_full = False
        self._unread.taken(self._service.seconds())
        self.go_on()

    # What the service calls.

    def finish(self) -> None:
        """Say goodbye when what was asked is answered."""
        self.at_rest = False
        self.go_on()

    def go_on(self) -> None:
        """Answer waiting lines as far as possible, and end when there is a reason to."""
        if self._ending_since is not None or self._transport.is_closing():
            return
        if self._lines or self._buffer.has_line:
            self._answer_lines()
        if self._answering is not None or self._output_full:
            self._transport.pause_reading()
        elif self._session.finished:
            self._end(b"")
        elif self._lines or self._buffer.has_line:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.go_on)
        elif self._buffer.is_too_long:
            self._end(self._service.notices.line_too_long)
        elif self._peer_finished:
            self._end(b"")
        elif self._service.draining:
            self._end(self._service.notices.closing)
        else:
            self._transport.resume_reading()
            self.at_rest = self._buffer.is_empty and self._filter.at_rest

    def check_time(self, now: float) -> None:
        """Hold the connection against its time limits."""
        limits, notices = self._service.limits, self._service.notices
        if self._unread.is_stalled(waiting_bytes(self._transport), now):
            self.cut_off()
        elif self._unread.size or self._answering is not None:
            return
        elif self._ending_since is not None:
            if self._unread.has_lingered(self._ending_since, now):
                self.cut_off()
        elif (
            self._partial_since is not None and now - self._partial_since > limits.line_seconds
        ) or now - self.last_line_at > limits.idle_seconds:
            self._end(notices.idle)

    def cut_off(self) -> None:
        """End the connection at once, without a word."""
        self._transport.abort()

    # The rest.

    def _answer_single(self, line: bytes) -> None:
        """Answer a line that came alone while nothing else had begun, as nearly all do."""
        service = self._service
        self.last_line_at = service.looked_at
        service.uncounted += 1
        answer = self._answer(line)
        if isinstance(answer, bytes):
            self.at_rest = True
            self._transport.write(answer)
            # It may have taken long, or told something new.
            service.count()
            service.look()
            if self._session.finished:
                self.finish()
        else:
            self._single = True
            self._wait_for(answer)
            self._transport.pause_reading()

    def _wait_for(self, answer: Awaitable[bytes]) -> None:
        if isinstance(answer, Prompt):
            self._answering = answer
            answer.add_listener(self._answered)
        else:
            self._answering = asyncio.ensure_future(answer)
            self._answering.add_done_callback(self._answered)

    def _answer_lines(self) -> None:
        """Write the answers to the waiting lines until one has to be waited for.

        No more than OUTPUT_BYTES_MAX at once, nor for longer than ANSWERING_SECONDS: others have a
        turn.
        """
        began_at = self._service.seconds()
        if not self._lines and self._answering is None and not self._output_full:
            self._lines = self._buffer.take(LINES_AT_ONCE)
            self._lines.reverse()
            if self._lines:
                self.last_line_at = began_at
        answers: list[bytes] = []
        size = 0
        lines_before = len(self._lines)
        while (
            self._lines
            and size <= OUTPUT_BYTES_MAX
            and not (self._answering is not None or self._output_full or self._session.finished)
        ):
            answer = self._answer(self._lines.pop())
            if isinstance(answer, bytes):
                answers.append(answer)
                size += len(answer)
            else:
                self._wait_for(answer)
            if self._service.seconds() - began_at > ANSWERING_SECONDS:
                break
        if answers:
            self._transport.write(b"".join(answers))
        self._count(lines_before - len(self._lines))

    def _count(self, lines: int) -> None:
        """Count lines that were answered together, and how long that took: one clock read."""
        if lines:
            service = self._service
            service.tally.took(service.seconds() - self.last_line_at, lines)

    def _answer(self, line: bytes) -> bytes | Awaitable[bytes]:
        try:
            answer = self._session.answer(line)
            return answer.result() if isinstance(answer, Prompt) and answer.done() else answer
        except Exception:  # an error of ours is one answer, and the connection lives
            logger.exception("internal error while answering a line")
            self._service.tally.failed += 1
            return self._service.notices.internal_error

    def _answered(self, answering: asyncio.Future[bytes]) -> None:
        """The answer that was waited for is there."""
        self._answering = None
        single, self._single = self._single, False
        if answering.cancelled():
            return
        error = answering.exception()
        if error is not None:
            logger.error("internal error while answering a line", exc_info=error)
            self._service.tally.failed += 1
        if self._transport.is_closing():
            return
        self.last_line_at = self._service.seconds()
        self._transport.write(
            answering.result() if error is None else self._service.notices.internal_error
        )
        if not single or self._output_full or self._session.finished or self._service.draining:
            self.go_on()
        else:
            self._transport.resume_reading()
            self.at_rest = True

    def _end(self, notice: bytes) -> None:
        """Say a last word and close; what the peer still sends is read and dropped."""
        self._ending_since = self._service.seconds()
        self.at_rest = False
        self._lines.clear()
        if notice:
            self._transport.write(notice)
        if self._peer_finished:
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # The peer has just reset the connection.
            self.cut_off()
        else:
            self._transport.resume_reading()


def single_line(data: bytes) -> bytes | None:
    """The one line that these bytes are, without its end; None if they are anything else.

    What `TelnetFilter` and `LineBuffer` make of it is that line.
    """
    end = data.find(b"\n")
    if not 0 <= end <= LINE_BYTES_MAX or end != len(data) - 1 or IAC in data:
        return None
    if b"\r" not in data:
        return data[:-1]
    return data[:-2] if data.find(b"\r") == end - 1 else None
