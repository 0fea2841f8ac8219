"""The counts of several workers, added up: what `/metrics` shows whichever of them is asked.

Each worker counts for itself, as a single process does, and copies its counts now and then to
memory that all of them share. One that takes a dead one's place goes on from its counts.
"""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from pricedesk.backend.surroundings import DoorCount, Gauges
from pricedesk.quote_lines import QuoteStatus
from pricedesk.shared_numbers import shared_numbers
from pricedesk.tally import BOUNDS_SECONDS, Tally

COPY_SECONDS = 0.5
"""How old the counts of the other workers are at most; so much is lost of one that is killed."""

_NANOSECONDS = 10**9
_BUCKETS = len(BOUNDS_SECONDS) + 1
_CONNECTIONS = 0
"""Where among a door's numbers the one is that also falls; a dead worker has no clients."""
_OF_A_DOOR = 6 + _BUCKETS


@dataclass(frozen=True, slots=True)
class _Sum:
    """Who is at a door, of all workers."""

    connections: int
    refusals: int


class CountsBoard:
    """The memory for the counts: a row of numbers for each worker; made before they are forked.

    `doors` and `sources` are all that there will be.
    """

    def __init__(self, workers: int, doors: Sequence[str], sources: Sequence[str]) -> None:
        self.doors = doors
        self.sources = sources
        self._width = len(doors) * _OF_A_DOOR + len(sources) + len(QuoteStatus)
        self._numbers = shared_numbers(workers * self._width)

    def row(self, worker: int) -> list[int]:
        """The numbers of a worker, which count from 1."""
        return self._numbers[self._slice(worker)].tolist()

    def write(self, worker: int, row: Sequence[int]) -> None:
        """Put a worker's numbers in the place of those before."""
        self._numbers[self._slice(worker)] = memoryview(array("q", row))

    def sums(self) -> list[int]:
        """The numbers of all workers, added up."""
        workers = len(self._numbers) // self._width
        return list(map(sum, zip(*(self.row(n + 1) for n in range(workers)), strict=True)))

    def _slice(self, worker: int) -> slice:
        return slice((worker - 1) * self._width, worker * self._width)


class WorkerCounts:
    """The counts of one worker, and of all.

    `doors` and `gauges` are where the worker's own are; a door may be added later.
    """

    def __init__(
        self, board: CountsBoard, worker: int, doors: Sequence[DoorCount], gauges: Gauges
    ) -> None:
        self._board = board
        self._worker = worker
        self._doors = doors
        self._gauges = gauges
        self._before = board.row(worker)
        for place in range(len(board.doors)):
            self._before[place * _OF_A_DOOR + _CONNECTIONS] = 0
        self.copy()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Copy for ever what is counted here to where the others see it."""
        while True:
            self.copy()
            await sleep(COPY_SECONDS)

    def copy(self) -> None:
        """Copy what is counted here to where the others see it."""
        own = zip(self._before, self._own(), strict=True)
        self._board.write(self._worker, [before + now for before, now in own])

    def doors(self) -> list[DoorCount]:
        """What all workers have counted at each door."""
        # First the own ones: so what is shown never falls, whichever worker is asked next.
        self.copy()
        sums = self._board.sums()
        return [
            _door(name, sums[place * _OF_A_DOOR :][:_OF_A_DOOR])
            for place, name in enumerate(self._board.doors)
        ]

    def gauges(self) -> Gauges:
        """What is shown beside the doors: of what is counted, that of all workers."""
        return replace(
            self._gauges,
            refresh_failures=lambda: dict(zip(self._board.sources, self._rest()[0], strict=True)),
            quotes_ended=lambda: dict(
                zip((status.value for status in QuoteStatus), self._rest()[1], strict=True)
            ),
        )

    def _rest(self) -> tuple[list[int], list[int]]:
        """Of all workers: looks that failed by source, and quotes by what became of them."""
        self.copy()
        rest = self._board.sums()[len(self._board.doors) * _OF_A_DOOR :]
        sources = len(self._board.sources)
        return rest[:sources], rest[sources:]

    def _own(self) -> list[int]:
        counted = {door.name: _numbers(door) for door in self._doors}
        failures, ended = self._gauges.refresh_failures(), self._gauges.quotes_ended()
        nothing = [0] * _OF_A_DOOR
        return [
            *(number for name in self._board.doors for number in counted.get(name, nothing)),
            *(failures.get(source, 0) for source in self._board.sources),
            *(ended.get(status.value, 0) for status in QuoteStatus),
        ]


def _numbers(door: DoorCount) -> list[int]:
    tally = door.tally
    return [
        door.visitors.connections,
        door.visitors.refusals,
        tally.answered,
        tally.refused,
        tally.failed,
        int(tally.taken_seconds * _NANOSECONDS),
        *tally.buckets,
    ]


def _door(name: str, numbers: Sequence[int]) -> DoorCount:
    connections, refusals, answered, refused, failed, taken, *buckets = numbers
    tally = Tally()
    tally.requests = answered + refused + failed
    tally.refused, tally.failed = refused, failed
    tally.taken_seconds, tally.buckets = taken / _NANOSECONDS, buckets
    return DoorCount(name, tally, _Sum(connections, refusals))
