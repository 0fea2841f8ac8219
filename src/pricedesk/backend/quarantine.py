"""Values that a guard did not believe, kept with the reason until a person decides.

A value is withheld by source, date and currency; the rest of its publication is used.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from pricedesk.backend.rates import Provenance


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a guard does not believe the value of a currency: the guard's name and a sentence."""

    code: str
    guard: str
    reason: str


class Verdict(Enum):
    """What becomes of a withheld value."""

    WAITING = "waiting"
    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on a withheld value: when, by whom, and why."""

    verdict: Verdict
    decided_at: datetime
    decided_by: str
    why: str


@dataclass(frozen=True, slots=True)
class WithheldValue:
    """A value that is kept out of its publication, as its document has it.

    `number` is given by the store, 0 before that; `decision` is None while it waits.
    """

    source: str
    date: date
    doubt: Doubt
    value: str
    units: int
    provenance: Provenance
    withheld_at: datetime
    number: int = 0
    decision: Decision | None = None

    @property
    def verdict(self) -> Verdict:
        """What has become of it."""
        return self.decision.verdict if self.decision is not None else Verdict.WAITING
