"""A value that is judged, with all that guards ask about it; found out when it is asked for."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pricedesk.backend.limits import Limits
from pricedesk.backend.precedents import PERCENT, Precedent, Value, apart, jump_limit
from pricedesk.backend.quarantine import Doubt
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.sources.source import Source
from pricedesk.backend.witnesses import Testimony, Witnesses


@dataclass(frozen=True, slots=True)
class Hearing:
    """What all values of a sheet are judged by: whose and of when it is, and what is known."""

    source: Source
    day: date
    known: SourceHistory
    witnesses: Witnesses
    limits: Limits


@dataclass(frozen=True)
class Case:
    """A readable value of a sheet.

    `before` is what it is compared with, of the same day or the last one before it, and
    `moved` how far it is from that, in millionths.
    """

    hearing: Hearing
    code: str
    value: Value
    before: Precedent | None
    moved: int

    @classmethod
    def of(cls, hearing: Hearing, code: str, value: Value, before: Precedent | None) -> "Case":
        """The case of a value."""
        moved = apart(value.fraction, before.value.fraction) if before is not None else 0
        return cls(hearing, code, value, before, moved)

    @property
    def limits(self) -> Limits:
        """The limits that it is judged by."""
        return self.hearing.limits

    @property
    def corrects(self) -> bool:
        """Whether there is a value of the same day that it would take the place of."""
        return self.before is not None and self.before.date == self.hearing.day

    @cached_property
    def limit(self) -> int:
        """How far it may move, in millionths."""
        if self.before is None or self.corrects:
            return self.limits.correction_percent * PERCENT
        hearing = self.hearing
        return jump_limit(self.code, self.before.date, hearing.day, hearing.known, hearing.limits)

    @property
    def is_calm(self) -> bool:
        """Whether it moved too little for any guard that compares it with what was before."""
        limits = self.limits
        least = min(limits.mistaken_percent, limits.jump_least_percent, limits.correction_percent)
        return self.moved <= least * PERCENT

    @property
    def is_far(self) -> bool:
        """Whether it moved further than it may."""
        if not self.corrects and self.moved <= self.limits.jump_least_percent * PERCENT:
            # The limit of a currency takes a while to find, and is never under the least one.
            return False
        return self.moved > self.limit

    @cached_property
    def testimonies(self) -> list[Testimony]:
        """What the witnesses say."""
        hearing = self.hearing
        source = hearing.source
        about = hearing.witnesses.about(self.code, source.convention, source.key, hearing.day)
        return list(about)

    def doubt(self, guard: str, about: str) -> Doubt:
        """A doubt of this value in one sentence."""
        return Doubt(
            self.code, guard, f"{self.code} on {self.hearing.day} is {self.value}, {about}"
        )
