"""The questions that every door asks, answered from the rate book.

Doors parse a question, ask here, and write the answer down; that is why all of them give
the same digits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pricedesk.backend.calendars import Calendar, state
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
    """A conversion, and what it takes to say how old its rate is.

    It was asked at the instant `asked_at` for the day `on`, the present one if None. How old
    the rate is by `calendar` is worked out when somebody wants to know.
    """

    conversion: Conversion
    asked_at: datetime
    on: date | None
    calendar: Calendar | None

    @property
    def day(self) -> date:
        """The day that was asked for."""
        return self.on or self.asked_at.date()

    @property
    def missed(self) -> int:
        """How many publications were expected after the rate's, up to then."""
        publication = self.conversion.rate.publication
        if publication is None or self.calendar is None:
            return 0
        if self.on is None or self.on >= self.calendar.today(self.asked_at):
            return self.calendar.missed(publication.date, self.asked_at)
        return self.calendar.missed_on(publication.date, self.on)

    def explained(self) -> Explanation:
        """The answer with its reasons, as text."""
        conversion, rate, missed = self.conversion, self.conversion.rate, self.missed
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
            state=state(missed).value,
            missed=str(missed),
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
        calendars: Mapping[str, Calendar],
        clock: Clock,
        terms: Terms,
    ) -> None:
        self.book = book
        self._calendars = calendars
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
            NoRatesKnown: no rates are known at all.
        """
        now = self._clock()
        if on is not None and on > (now + _EARLIEST_ZONE).date():
            raise NoRateForDate(f"{on} is in the future: there is no rate for it yet")
        rate = self.book.rate(
            base or self._terms.base,
            counter or self._terms.counter,
            on or now.date(),
        )
        calendar = self._calendars[rate.publication.source] if rate.publication else None
        return Answer(convert(amount, rate, self._terms.rounding), now, on, calendar)

    def currencies(self) -> list[str]:
        """The codes that the newest publication answers for, sorted."""
        newest = self.book.newest
        return sorted([newest.convention.pivot, *newest.rates()])

    def take(self, publications: Iterable[Publication]) -> None:
        """Answer from these publications too, from the next question on."""
        self.book = self.book.with_publications(publications)
