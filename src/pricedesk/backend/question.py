"""When and of whom a rate is asked for, and what follows from that for the answer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Publication
from pricedesk.errors import NoRateForDate

EARLIEST_ZONE = timedelta(hours=14)
"""The zone in which a day begins first: UTC+14. What is later there is the future everywhere."""


@dataclass(frozen=True, slots=True)
class Question:
    """When and of whom something was asked: `on` is the day asked for, the present one if None.

    `known_at` asks as if it were that instant, of the book as it was then; `keys` are sources
    to ask in the place of the configured order. Instants have UTC as their zone.
    """

    asked_at: datetime
    on: date | None = None
    known_at: datetime | None = None
    keys: tuple[str, ...] | None = None

    @property
    def at(self) -> datetime:
        """The instant by which the answer is judged: what is the future, what is late."""
        return self.known_at or self.asked_at

    @property
    def day(self) -> date:
        """The day that is asked for."""
        return self.on or self.at.date()

    def missed(self, publication: Publication, calendar: Calendar) -> int:
        """How many publications were expected after this one, up to then."""
        return calendar.missed(publication.date, self.at, self.on)

    def refuse_the_future(self) -> None:
        """See to it that the day and the instant have come, in some zone.

        Raises:
            NoRateForDate: one of them has not.
        """
        if self.at > self.asked_at:
            then = instant_text(self.at)
            raise NoRateForDate(f"{then} is in the future: what is known then, nobody knows")
        if self.on is not None and self.on > (self.at + EARLIEST_ZONE).date():
            raise NoRateForDate(f"{self.on} is in the future: there is no rate for it yet")

    def book_in(self, book: RateBook) -> RateBook:
        """The book that is asked: as it was at the instant, if one was named.

        Raises:
            NoRateForDate: nothing was known at that instant.
        """
        if self.known_at is None:
            return book
        known = book.known_at(self.known_at)
        if not len(known) and len(book):
            raise NoRateForDate(f"no rates were known here at {instant_text(self.known_at)}")
        return known


def instant_text(instant: datetime) -> str:
    """An instant to the second, as it is told: 2026-11-02T16:00:00Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
