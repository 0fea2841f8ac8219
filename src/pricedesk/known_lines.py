"""The hot loop of the lines: who sends nothing but known lines is answered here, in one step each.

There are two of it that do the same: the one in Python is below, the other one in C, in
`_known_lines.c`, which is compiled where Pricedesk is installed beside a C compiler and Python's
headers. Nothing but speed depends on which it is.

What is not as simple as a read, a look and a write is left to the ordinary way: other lines, half
lines, answers that are too many, a socket that takes no more, and everybody's end.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

READABLE = 1
"""EPOLLIN, and nothing else, by value: so this module can be imported where there is none."""

ANSWERED_BYTES_MAX = 64 * 1024
"""More than that is not answered here at once."""


class Receiver(Protocol):
    """Who answers at the end of a connection, as far as it is looked at here."""

    at_rest: bool
    last_line_at: float


class Connection(Protocol):
    """A connection, as far as it is looked at here; one whose receiver is at rest can be read."""

    @property
    def receiver(self) -> Receiver:
        """Who answers."""

    @property
    def unsent(self) -> bytes:
        """What waits to be written, and goes first."""

    def take(self) -> bytes | None:
        """What the peer has sent, nothing at its end; None if there is nothing to be heard."""

    def write(self, data: bytes, /) -> None:
        """Send bytes; what the system does not take now waits."""


Connected = TypeVar("Connected", bound=Connection)


def answer_known_in_python(
    ready: list[tuple[int, int]],
    connections: dict[int, Connected],
    known: dict[bytes, bytes],
    now: float,
) -> tuple[list[tuple[int, int]], list[tuple[Connected, bytes]], int]:
    """Answer those who are ready and send nothing but known lines; `known` has lines with ends.

    `ready` are sockets' numbers and the events of epoll. Gives those that are left, then who has
    sent something else with what it is, and the number of lines that were answered.
    """
    left: list[tuple[int, int]] = []
    heard: list[tuple[Connected, bytes]] = []
    lines = 0
    for each in ready:
        number, events = each
        connection = connections.get(number)
        if (
            connection is None
            or events != READABLE
            or not connection.receiver.at_rest
            or connection.unsent
        ):
            left.append(each)
            continue
        data = connection.take()
        if data is None:
            continue
        answers, count = known.get(data), 1
        if answers is None:
            answers = answers_to(data, known)
            if answers is None:
                heard.append((connection, data))
                continue
            count = data.count(b"\n")
        connection.receiver.last_line_at = now
        connection.write(answers)
        lines += count
    return left, heard, lines


def answers_to(data: bytes, known: Mapping[bytes, bytes]) -> bytes | None:
    """The answers to some lines with their ends, if all of these are known."""
    first = data[: data.find(b"\n") + 1]
    if first not in known:  # Then mostly none of them is.
        return None
    lines = data.split(b"\n")
    if lines.pop():  # It has only begun.
        return None
    try:
        answers = b"".join([known[line + b"\n"] for line in lines])
    except KeyError:
        return None
    return answers if len(answers) <= ANSWERED_BYTES_MAX else None


class KnownLines(dict[bytes, bytes]):
    """Answers that are right at this instant, whoever asks, by their lines with their ends."""

    def recall(self, data: bytes) -> bytes | None:
        """The answers to whole lines, a line each, if there are all of them.

        What is not known may be found here in another way, if it does not need to know who asks.
        """
        return answers_to(data, self)


try:
    from pricedesk._known_lines import answer_known as answer_known  # noqa: PLC0414  # it is exported from here
except ImportError:
    answer_known = answer_known_in_python
