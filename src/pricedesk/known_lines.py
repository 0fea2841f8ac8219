"""The hot loop of the lines: who sends nothing but known lines is answered here, in one step each.

There are two of it: the one in Python is below, the other one in C, in `_known_lines.c`, which is
compiled where Pricedesk is installed beside a C compiler and Python's headers. Which it is decides
how fast answers are, and nothing that is answered.

What is not as simple as a read, a look and a write is left to the ordinary way: other lines, half
lines, answers that are too many, a socket that takes no more, and everybody's end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

READABLE = 1
"""EPOLLIN, and nothing else, by value: so this module can be imported where there is none."""

READ_BYTES = 16 * 1024
"""Bytes of one client that are taken at once."""

ANSWERED_BYTES_MAX = 64 * 1024
"""More than that is not answered here at once."""

INTERFACE = 1
"""Another number for whatever else the one in C looks at; one that was compiled before is left."""


class Answering(Protocol):
    """Who answers at the end of a connection, as far as it is looked at here."""

    at_rest: bool
    """Nothing has begun: what comes next may be answered without it. Reading is not paused."""
    last_line_at: float
    """When it, or somebody in its place, last answered."""


class Connection(Protocol):
    """A connection, as far as it is looked at here; one whose receiver is at rest can be read."""

    @property
    def receiver(self) -> Answering:
        """Who answers."""

    @property
    def unsent(self) -> bytes:
        """What waits to be written, and goes first."""

    def take(self) -> bytes | None:
        """What the peer has sent, nothing at its end; None if there is nothing to be heard."""

    def write(self, data: bytes, /) -> None:
        """Send bytes; what the system does not take now waits."""


Connected = TypeVar("Connected", bound=Connection)


@dataclass(slots=True)
class Rest(Generic[Connected]):
    """Who is to be seen to in the ordinary way."""

    left: list[tuple[int, int]] = field(default_factory=list)
    """Sockets' numbers and their events: nothing was read from these."""
    heard: list[tuple[Connected, bytes]] = field(default_factory=list)
    """Who has sent something else, or nothing as it is at the end, with what it is."""
    faults: list[tuple[Connected, BaseException]] = field(default_factory=list)
    """With whom something went wrong that must not go wrong."""


def answer_known_in_python(
    ready: list[tuple[int, int]],
    connections: dict[int, Connected],
    known: dict[bytes, bytes],
    now: float,
    rest: Rest[Connected],
    /,
) -> int:
    """Answer those who are ready and send nothing but known lines; `known` has lines with ends.

    `ready` are sockets' numbers and the events of epoll; who is not answered comes into `rest`.
    Gives the number of lines that were answered.
    """
    lines = 0
    for each in ready:
        number, events = each
        connection = connections.get(number)
        if connection is None or events != READABLE:
            rest.left.append(each)
            continue
        try:
            if not connection.receiver.at_rest or connection.unsent:
                rest.left.append(each)
                continue
            data = connection.take()
            if data is None:
                continue
            answers, count = known.get(data), 1
            if answers is None:
                answers = answers_to(data, known)
                if answers is None:
                    rest.heard.append((connection, data))
                    continue
                count = data.count(b"\n")
            connection.receiver.last_line_at = now
            connection.write(answers)
            lines += count
        except Exception as error:  # noqa: BLE001  # the caller tells of it
            rest.faults.append((connection, error))
    return lines


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


answer_known = answer_known_in_python
try:
    from pricedesk import _known_lines
except ImportError:
    pass
else:
    if _known_lines.BUILT_FOR == (INTERFACE, READ_BYTES, ANSWERED_BYTES_MAX):
        answer_known = _known_lines.answer_known
