"""TCP connections on an epoll of their own, which is itself one file of the event loop.

For small answers to many clients the loop's own transports cost more than the answers: asyncio
wraps each readable socket in a handle and a callback of several layers, and uvloop waits for its
next turn to write, and lets one client in a turn. Here one callback of the loop serves all sockets
that are ready, each with one read and one write, and lets in all who wait at the door.

`Wire` has of `asyncio.Transport` what a line service uses, and behaves alike; only Linux has
epoll, so elsewhere asyncio's transports take its place.
"""

import asyncio
import errno
import logging
import select
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from pricedesk.known_lines import READ_BYTES, Answering, Rest

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 256
"""Clients that are served before the rest of the process gets a turn."""

ACCEPTS_AT_ONCE = 256
"""New clients that are let in before those that are there get a turn."""

LOW_PART = 4
"""Writing goes on when a quarter of what was too much is left, as with asyncio."""

ACCEPT_AGAIN_SECONDS = 1
"""How long nobody is let in after the system had no file or memory for a client."""

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

HAS_EPOLL = hasattr(select, "epoll")
_READABLE, _WRITABLE = 1, 4
"""EPOLLIN and EPOLLOUT, by value: so this module can be imported where there are none."""

Address: TypeAlias = tuple[object, ...] | None

Given = TypeVar("Given")
Ready: TypeAlias = tuple[int, int]
"""A socket's number, and epoll's events."""


class Receiver(Answering, Protocol):
    """What a connection tells: asyncio.Protocol's methods, but for `received`."""

    def connection_made(self, transport: "Wire") -> None:
        """It is there."""

    def received(self, data: bytes) -> None:
        """Bytes have come."""

    def eof_received(self) -> bool | None:
        """The peer will send nothing more; unless it is true, the connection is closed."""

    def pause_writing(self) -> None:
        """Too much waits for the peer to take it."""

    def resume_writing(self) -> None:
        """Enough of it was taken."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""


class Host(Protocol):
    """Whose connections these are."""

    def connect(self) -> Receiver:
        """The receiver of a new connection."""

    def begin_turn(self) -> None:
        """Nobody was served yet of those who are ready."""

    def answer_known(self, ready: list[Ready], wires: dict[int, "Wire"]) -> "Rest[Wire]":
        """Answer who can be answered without the receiver; gives the others."""

    def end_turn(self) -> None:
        """All of them were served."""


class Poller:
    """Listens on sockets, and serves all who connect to them until they go.

    The sockets are the poller's from now on; they are bound. What is set on them by `setsockopt`
    holds for the connections, too.
    """

    def __init__(self, host: Host, sockets: Sequence[socket.socket], backlog: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.wires: dict[int, Wire] = {}
        self.epoll = select.epoll()
        self._host = host
        self._listeners = {each.fileno(): each for each in sockets}
        for number, listener in self._listeners.items():
            listener.setblocking(False)  # noqa: FBT003  # the standard library's interface
            listener.listen(backlog)
            self.epoll.register(number, _READABLE)
        self.loop.add_reader(self.epoll.fileno(), self._turn)

    def close(self) -> None:
        """Let nobody in any more; who is there stays."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        self._end_if_done()

    def forget(self, number: int) -> None:
        """A connection's socket was closed."""
        del self.wires[number]
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not self.wires and not self._listeners and not self.epoll.closed:
            self.loop.remove_reader(self.epoll.fileno())
            self.epoll.close()

    def _turn(self) -> None:
        """Serve everyone who is ready."""
        host, wires = self._host, self.wires
        host.begin_turn()
        try:
            ready = self.epoll.poll(0, EVENTS_AT_ONCE)
            rest = host.answer_known(ready, wires)
            for wire, error in rest.faults:
                wire.fault(error)
            for wire, data in rest.heard:
                _guard(wire, wire.hear, data)
            for number, events in rest.left:
                ready_wire = wires.get(number)
                if ready_wire is None:
                    self._accept(number)
                else:
                    _guard(ready_wire, ready_wire.ready, events)
        finally:
            host.end_turn()

    def _accept(self, number: int) -> None:
        """Let in who waits, if it is a listening socket that is ready."""
        listener = self._listeners.get(number)
        if listener is None:  # It was closed in this turn.
            return
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                logger.exception("nobody can be let in for a moment")
                self.epoll.unregister(number)
                self.loop.call_later(ACCEPT_AGAIN_SECONDS, self._accept_again, number)
                return
            connection.setblocking(False)  # noqa: FBT003  # the standard library's interface
            wire = Wire(self, connection, peer)
            wire.begin(self._host.connect())

    def _accept_again(self, number: int) -> None:
        if number in self._listeners:
            self.epoll.register(number, _READABLE)


def _guard(wire: "Wire", serve: Callable[[Given], None], given: Given) -> None:
    """Serve a connection: a fault with it ends this one."""
    try:
        serve(given)
    except Exception as error:  # noqa: BLE001  # it is logged there
        wire.fault(error)


class Wire:
    """One connection."""

    __slots__ = (
        "_closing",
        "_ended_input",
        "_ending_output",
        "_high",
        "_interest",
        "_is_full",
        "_number",
        "_peer",
        "_poller",
        "_reading",
        "_recv",
        "_send",
        "_socket",
        "receiver",
        "unsent",
    )

    receiver: Receiver
    unsent: bytes
    """What waits for the peer to take it."""

    def __init__(self, poller: Poller, connection: socket.socket, peer: Address) -> None:
        self._poller = poller
        self._socket = connection
        self._peer = peer
        self._number = connection.fileno()
        self._recv, self._send = connection.recv, connection.send
        self.unsent = b""
        self._high = 64 * 1024
        self._interest = 0
        self._reading = True
        self._ended_input = False
        self._ending_output = False
        self._is_full = False
        self._closing = False

    def begin(self, receiver: Receiver) -> None:
        """Tell the receiver of the connection, and begin to read."""
        self.receiver = receiver
        self._poller.wires[self._number] = self
        self._interest = _READABLE
        self._poller.epoll.register(self._number, _READABLE)
        receiver.connection_made(self)

    # What the poller calls.

    def ready(self, events: int) -> None:
        """The socket can be read or written to, or is in a state that reading will tell."""
        if events & _WRITABLE and self.unsent:
            self._flush()
        if self._closing:
            if self.unsent:  # It goes on until that is sent; whatever else comes is not told.
                self._watch()
        elif events & ~_WRITABLE:
            data = self.take()
            if data is not None:
                self.hear(data)

    def take(self) -> bytes | None:
        """What the peer has sent, nothing at its end; None if there is nothing to be heard."""
        if not self._reading:  # It was paused, and now somebody has sent something.
            self._watch()
            return None
        try:
            return self._recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            self._end(error)
            return None

    def hear(self, data: bytes) -> None:
        """Tell the receiver what was taken."""
        if self._closing:  # Since it was taken, by what another one has sent.
            return
        if data:
            self.receiver.received(data)
            return
        self._ended_input = True
        self._reading = False
        receiver = self.receiver
        if not receiver.eof_received() and not self._closing:
            self._closing = True
            if not self.unsent:
                self._close()
                receiver.connection_lost(None)

    def fault(self, error: BaseException) -> None:
        """Something went wrong that must not: it ends this connection, and no other."""
        logger.error("internal error while serving a connection", exc_info=error)
        self.abort()

    # What a receiver calls: as asyncio.Transport has it.

    def get_extra_info(self, name: str) -> object:
        """The `socket`, or who is at the other end of it: the `peername`."""
        if name == "peername":
            return self._peer
        return self._socket if name == "socket" else None

    def set_write_buffer_limits(self, high: int) -> None:
        """How much may wait for the peer before the receiver is told so."""
        self._high = high

    def get_write_buffer_size(self) -> int:
        """How much waits for the peer to take it."""
        return len(self.unsent)

    def is_closing(self) -> bool:
        """Whether nothing more is read or written but what waits."""
        return self._closing

    def pause_reading(self) -> None:
        """Read nothing for now.

        The system is told when something has come nevertheless: mostly nothing does before reading
        goes on, and then it was never told.
        """
        self._reading = False

    def resume_reading(self) -> None:
        """Read again."""
        if not (self._reading or self._ended_input or self._closing):
            self._reading = True
            if not self._interest & _READABLE:
                self._watch()

    def write(self, data: bytes) -> None:
        """Send bytes; what the system does not take now waits."""
        if self._closing or not data:
            return
        if self.unsent:
            self.unsent += data
        else:
            try:
                sent = self._send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._end(error)
                return
            if sent == len(data):
                return
            self.unsent = data[sent:]
            self._watch()
        if not self._is_full and len(self.unsent) > self._high:
            self._is_full = True
            self.receiver.pause_writing()

    def write_eof(self) -> None:
        """Send nothing after what waits.

        Raises:
            OSError: the peer is gone.
        """
        self._ending_output = True
        if not self.unsent and not self._closing:
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close when what waits was sent."""
        if self._closing:
            return
        self._closing = True
        self.pause_reading()
        if not self.unsent:
            self._end(None)

    def abort(self) -> None:
        """Close at once."""
        self._end(None)

    # The rest.

    def _flush(self) -> None:
        """Send what waits, as much of it as the system takes."""
        try:
            sent = self._send(self.unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        self.unsent = self.unsent[sent:]
        if not self.unsent:
            self._watch()
            if self._closing:
                self._end(None)
                return
            if self._ending_output:
                try:
                    self._socket.shutdown(socket.SHUT_WR)
                except OSError as error:
                    self._end(error)
                    return
        if self._is_full and len(self.unsent) <= self._high // LOW_PART:
            self._is_full = False
            self.receiver.resume_writing()

    def _watch(self) -> None:
        """Have the system tell what is waited for, and nothing else."""
        wanted = (_READABLE if self._reading else 0) | (_WRITABLE if self.unsent else 0)
        before, self._interest = self._interest, wanted
        if wanted == before:
            return
        epoll = self._poller.epoll
        if not before:
            epoll.register(self._number, wanted)
        elif wanted:
            epoll.modify(self._number, wanted)
        else:
            # Even with no interest in anything the system would tell again and again of a peer
            # that is gone.
            epoll.unregister(self._number)

    def _end(self, error: OSError | None) -> None:
        """Close the socket now, and tell the receiver in a moment: it may be what called."""
        if self._poller.wires.get(self._number) is self:
            lost = self.receiver.connection_lost
            self._close()
            self._poller.loop.call_soon(lost, error)

    def _close(self) -> None:
        self._closing = True
        self._reading = False
        self.unsent = b""
        self._socket.close()
        self._poller.forget(self._number)
        # Each holds the other: apart they go at once, and leave nothing for the collector.
        del self.receiver
