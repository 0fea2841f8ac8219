"""What doors are told of the rest of the back-end, and what the HTTP door shows of it.

Without the packages that the doors themselves need, so that they can be loaded later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.tally import Tally
from pricedesk.turns import Turns


class Readiness:
    """Whether clients should be sent here; `draining` is set when the service is to end."""

    def __init__(self, bureau: Bureau) -> None:
        self.draining = False
        self._bureau = bureau
        self._when_draining: list[Callable[[], None]] = []

    def when_draining(self, listener: Callable[[], None]) -> None:
        """Have a listener called when `drain` is, once it says no."""
        self._when_draining.append(listener)

    def drain(self) -> None:
        """Say no from now on."""
        self.draining = True
        for listener in self._when_draining:
            listener()

    @property
    def hindrance(self) -> str:
        """Why clients should go elsewhere; empty if they need not."""
        if self.draining:
            return "the service is shutting down"
        return "" if len(self._bureau.book) else "no rates are known yet"


class Visitors(Protocol):
    """Who is at a door, as a gate counts them."""

    @property
    def refusals(self) -> int:
        """How many connections found no room, since the start."""

    @property
    def connections(self) -> int:
        """How many clients are connected."""


@dataclass(frozen=True, slots=True)
class DoorCount:
    """Where the counts of one door are read: what it answered, and who is there."""

    name: str
    tally: Tally
    visitors: Visitors


def _none() -> Mapping[str, int]:
    return {}


def _unknown() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where the numbers are read that neither the bureau nor a door keeps.

    `refresh_failures` and `withheld_waiting` give counts by source; `store_up` whether the
    store can be read, None where nobody knows. `quotes_held` is how many quotes are held, None
    where nobody has counted yet, `quotes_ended` how many have ended by what became of them, and
    `ledger_ahead` by how many seconds the ledger's time is ahead of the clock, if that is known.
    `workers_replaced` is how many workers have died and been replaced, None where there is one.
    """

    refresh_failures: Callable[[], Mapping[str, int]] = field(default=_none)
    withheld_waiting: Callable[[], Mapping[str, int]] = field(default=_none)
    store_up: Callable[[], bool | None] = field(default=_unknown)
    quotes_held: Callable[[], int | None] = field(default=_unknown)
    quotes_ended: Callable[[], Mapping[str, int]] = field(default=_none)
    ledger_ahead: Callable[[], int | None] = field(default=_unknown)
    workers_replaced: Callable[[], int | None] = field(default=_unknown)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What doors answer from, and what HTTP's shows in its metrics of all doors and the store.

    Each door adds itself to `doors` when it is made; `shown_doors` gives what is shown of them.
    Long answers take `turns`, those of one door with those of the others: they share the loop.
    """

    bureau: Bureau
    quotes: QuoteDesk
    readiness: Readiness
    doors: list[DoorCount]
    shown_doors: Callable[[], Sequence[DoorCount]]
    gauges: Gauges
    turns: Turns = field(default_factory=Turns)
