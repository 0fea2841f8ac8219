"""Who may come in: how many connections a door serves, in all and from one address.

Each door has a gate of its own, so that a crowd at one of them leaves the others free.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

REFUSALS_AT_ONCE_MAX = 256
"""Connections over the limit that are told so; those beyond are cut off without a word."""


class Admission(Enum):
    """What becomes of a new connection."""

    WELCOME = auto()
    BUSY = auto()
    FLOOD = auto()


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How many clients a door serves: in all, and from one address."""

    connections: int
    connections_per_address: int


Connection = TypeVar("Connection")


class Gate(Generic[Connection]):
    """Counts a door's connections against its limits.

    `refusals` counts those that found no room, since the start.
    """

    def __init__(self, connections_max: int, per_address_max: int) -> None:
        self.refusals = 0
        self._connections_max = connections_max
        self._per_address_max = per_address_max
        self._refusals_max = REFUSALS_AT_ONCE_MAX
        self._admitted: set[Connection] = set()
        self._refused: set[Connection] = set()
        self._per_address: Counter[str] = Counter()

    def admit(self, connection: Connection, address: str) -> Admission:
        """Count a new connection and say whether there is room for it."""
        if (
            len(self._admitted) < self._connections_max
            and self._per_address[address] < self._per_address_max
        ):
            self._admitted.add(connection)
            self._per_address[address] += 1
            return Admission.WELCOME
        flood = len(self._refused) >= self._refusals_max
        self._refused.add(connection)
        self.refusals += 1
        return Admission.FLOOD if flood else Admission.BUSY

    def forget(self, connection: Connection, address: str) -> None:
        """A connection is over."""
        if connection in self._admitted:
            self._admitted.discard(connection)
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]
        self._refused.discard(connection)

    def limit(self, files: int) -> None:
        """Let no more connections in than there may be open files, refused ones counted."""
        room = files - REFUSALS_AT_ONCE_MAX if files > 2 * REFUSALS_AT_ONCE_MAX else files // 2
        if room < self._connections_max:
            logger.warning(
                "the limit of open files allows fewer clients than the settings",
                extra={"clients": room, "settings": self._connections_max},
            )
            self._connections_max = room
            self._refusals_max = min(REFUSALS_AT_ONCE_MAX, files - room)

    @property
    def connections(self) -> int:
        """How many clients there are, those that are being refused not counted."""
        return len(self._admitted)

    @property
    def admitted(self) -> list[Connection]:
        """The connections that were let in."""
        return list(self._admitted)

    @property
    def all(self) -> list[Connection]:
        """Every connection, those that are being refused too."""
        return [*self._admitted, *self._refused]

    @property
    def is_empty(self) -> bool:
        """Whether there is no connection left."""
        return not self._admitted and not self._refused
