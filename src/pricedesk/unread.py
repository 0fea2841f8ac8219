"""What waits for a client to take it: nobody may have it wait for long, nor stay after the end."""

import fcntl
import sys
import termios
from contextlib import suppress
from typing import Protocol, cast

STALLED_OUTPUT_SECONDS = 10
"""A client that takes nothing of what waits for it for so long is cut off."""

LINGER_SECONDS = 2
"""How long a client that was told of the end, or refused, may go on sending before it is cut off.

Closing at once would make the kernel throw away what was said together with what is unread.
"""

_NUMBER_BYTES = 4


class Outgoing(Protocol):
    """A connection to a client, as asyncio's transports are."""

    def get_write_buffer_size(self) -> int:
        """How many bytes the system has not taken yet."""

    def get_extra_info(self, name: str) -> object:
        """Its `socket`."""


class HasNumber(Protocol):
    """A socket."""

    def fileno(self) -> int:
        """The number that the system knows it by."""


def waiting_bytes(outgoing: Outgoing) -> int:
    """How many bytes wait for a client: if any do so here, those in the system too.

    It takes bytes from here only when it has got rid of a third of what it holds: for a slow
    client that is long after the client has taken some.
    """
    waiting = outgoing.get_write_buffer_size()
    if waiting:
        connection = cast("HasNumber", outgoing.get_extra_info("socket"))
        with suppress(OSError):  # Not every system tells.
            told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_NUMBER_BYTES))
            waiting += int.from_bytes(told, sys.byteorder)
    return waiting


class Unread:
    """How many bytes wait for one client, and when it has last taken some.

    Their number is looked at now and then, so who takes some and is sent as much again in between
    is known by `taken` only.
    """

    __slots__ = ("_progress_at", "size")

    def __init__(self, now: float) -> None:
        self.size = 0
        self._progress_at = now

    def taken(self, now: float) -> None:
        """The client has taken some of them."""
        self._progress_at = now

    def is_stalled(self, size: int, now: float) -> bool:
        """Whether, now that so many bytes wait, the client has taken none for too long."""
        before, self.size = self.size, size
        if size < before or (size and not before):
            self._progress_at = now
        return size > 0 and now - self._progress_at > STALLED_OUTPUT_SECONDS

    def has_lingered(self, ending_since_seconds: float, now: float) -> bool:
        """Whether a client has had its time since it was told of the end, or since it took some."""
        return now - max(ending_since_seconds, self._progress_at) > LINGER_SECONDS
