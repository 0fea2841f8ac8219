"""A rate book in a minute of the clock: while both are the same, so is what a question is answered.

A book never changes: a new one takes its place. The instant decides what day it is, which days are
still to come, and how many publications should be out. All of that changes at the beginning of a
minute: days begin then, in every zone, and calendars have their times in whole minutes. So what was
found out or said in a moment holds as long as it lasts, in whichever direction the clock steps
within it; with another book or in another minute nothing of it does.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from pricedesk.backend.calendars import State
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Rate
from pricedesk.currencies import Currency
from pricedesk.protocol import Explanation

RATES_MAX = 4096
"""So many rates are remembered in a moment; one more, and all of them are forgotten."""

ONE_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Found:
    """The rate that answers, and how it stands against its source's calendar.

    `missed` is how many publications were expected after its own. `reasons` is an explanation
    without an amount, and `others` what the other sources say: text that is written when somebody
    first wants to know.
    """

    rate: Rate
    missed: int
    state: State
    reasons: Explanation | None = None
    others: str | None = None


Wanted: TypeAlias = tuple[str, str, date | None, datetime | None, tuple[str, ...] | None]
"""What decides, in one moment, which rate answers: the codes of base and counter, the day that was
asked for, the instant at which it was to be known, and the sources."""


class Moment:
    """A rate book from the beginning of a minute to its end, and the rates that were looked up."""

    __slots__ = ("_rates", "begins", "book", "ends")

    def __init__(self, book: RateBook, instant: datetime) -> None:
        self.book = book
        self.begins = instant.replace(second=0, microsecond=0)
        self.ends = self.begins + ONE_MINUTE
        self._rates: dict[Wanted, Found] = {}

    def rate(self, wanted: Wanted) -> Found | None:
        """What was looked up before, None if it was not."""
        return self._rates.get(wanted)

    def present(self, base: Currency, counter: Currency) -> Found | None:
        """What was looked up of a pair for the present day, of no sources in particular."""
        return self._rates.get((base.code, counter.code, None, None, None))

    def remember(self, wanted: Wanted, found: Found) -> None:
        """Keep what was looked up in this book, by an instant of this minute."""
        if len(self._rates) >= RATES_MAX:
            self._rates.clear()
        self._rates[wanted] = found
