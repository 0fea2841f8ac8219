"""The questions that every door asks, answered from the rate book.

Doors parse a question, ask here, and write the answer down; that is why all of them give
the same digits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from pricedesk.backend.calendars import Calendar, State, state
from pricedesk.backend.conversion import Conversion, convert
from pricedesk.backend.rates import Publication, RateBook
from pricedesk.clock import Clock
from pricedesk.currencies import Currency
from pricedesk.errors import NoRateForDate
from pricedesk.money import ExactDecimal, Rounding
from pricedesk.protocol import Explanation

_EARLIEST_ZONE = timedelta(hours=14)
"""The zone in which a day begins first: UTC+14. What is later there is the future everywhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A conversion and how its rate stood against its source's calendar.

    `day` is the day that was asked for; `missed` publications were expected between the
    rate's date and that day.
    """

    conversion: Conversion
    day: date
    missed: int

    @property
    def state(self) -> State:
        """Fresh, late or stale."""
        return state(self.missed)

    def explained(self) -> Explanation:
        """The answer with its reasons, as text."""
        conversion, rate = self.conversion, self.conversion.rate
        publication = rate.publication
        return Explanation(
            amount=str(conversion.amount),
            base=rate.base.code,
            counter=rate.counter.code,
            result=str(conversion.result),
            rate=str(rate),
            date=str(publication.date if publication else self.day),
            source=publication.source if publication else "none",
            path="/".join(rate.path),
            state=self.state.value,
            missed=str(self.missed),
            published=",".join(f"{pair}:{text}" for pair, text in rate.published) or "none",
            unrounded=conversion.unrounded_text,
            rounding=conversion.rounding.value,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds where a question does not say: the pair, and how money is rounded."""

    base: Currency
    counter: Currency
    rounding: Rounding = Rounding.HALF_UP


class Bureau:
    """Answers from one rate book, which is replaced as a whole when publications arrive."""

    def __init__(
        self,
        book: RateBook,
        calendar: Calendar,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self.book = book
        self._calendar = calendar
        self._clock = clock
        self._terms = terms

    def convert(
        self,
        amount: ExactDecimal,
        base: Currency | None = None,
        counter: Currency | None = None,
        on: date | None = None,
    ) -> Answer:
        """Convert an amount at the rate that held on a day; the present day if None.

        Raises:
            NoRate: no published rate answers this, or the day is still to come.
            RatesUnavailable: no rates are known at all.
        """
        now = self._clock()
        today = now.date()
        if on is not None and on > (now + _EARLIEST_ZONE).date():
            raise NoRateForDate(f"{on} is in the future: there is no rate for it yet")
        rate = self.book.rate(base or self._terms.base, counter or self._terms.counter, on or today)
        conversion = convert(amount, rate, self._terms.rounding)
        if rate.publication is None:
            missed = 0
        elif on is None or on >= today:
            missed = self._calendar.missed(rate.publication.date, now)
        else:
            missed = self._calendar.missed_on(rate.publication.date, on)
        return Answer(conversion, on or today, missed)

    def missed(self) -> int:
        """How many publications after the newest one should be known by now."""
        return self._calendar.missed(self.book.newest.date, self._clock())

    def currencies(self) -> list[str]:
        """The codes that the newest publication answers for, sorted."""
        newest = self.book.newest
        return sorted([newest.base, *newest.rates()])

    def take(self, publications: Iterable[Publication]) -> None:
        """Answer from these publications too, from the next question on."""
        self.book = self.book.with_publications(publications)
