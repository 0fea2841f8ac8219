"""One connection to the back-end: request lines out, reply lines matched to them in order.

What is sent in one turn of the door leaves in one write. Who waits for a reply hears of it in the
call that reads it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from pricedesk.at_once import Prompt, Turn
from pricedesk.error_lines import is_goodbye
from pricedesk.errors import ServiceUnavailable

READ_BYTES = 16 * 1024
"""Bytes of replies that are taken at once."""

REPLY_BYTES_MAX = 64 * 1024
"""A longer line is not a reply of ours: the connection is dropped."""

LOST = "the connection to the back-end was lost"


class Request:
    """A request line on its way to its reply."""

    __slots__ = ("asked_again", "deadline", "line", "link", "reply", "sent_at")

    def __init__(self, line: bytes, deadline: float) -> None:
        self.line = line
        self.deadline = deadline
        self.reply = Prompt[str]()
        self.asked_again = False
        self.link: Link | None = None
        self.sent_at = 0.0

    def fail(self, reason: str) -> None:
        """There will be no reply."""
        if not self.reply.done():
            self.reply.set_exception(ServiceUnavailable(reason))


class Link(asyncio.BufferedProtocol):
    """One TCP connection.

    `lost` is told of the end, and of the requests that had no reply by then.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        lost: Callable[["Link", Sequence[Request]], None],
        turn: Turn,
    ) -> None:
        self._seconds = seconds
        self._lost = lost
        self._turn = turn
        self.closed = False
        self.received_at = 0.0
        self.replies = 0
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request] = deque()
        self._unsent: list[bytes] = []
        self._partial = b""
        # Otherwise asyncio makes room for 256 KiB at each reading.
        self._read_buffer = bytearray(READ_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        """It is over."""
        self.closed = True
        waiting = list(self._waiting)
        self._waiting.clear()
        self._lost(self, waiting)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's interface
        """Where replies are read to."""
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Replies have come."""
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

    def send(self, request: Request) -> None:
        """Send a request line; its reply comes through its future."""
        if self.closed:
            request.fail(LOST)
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
