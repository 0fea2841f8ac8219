"""The rates of now, for a door that is asked for the same pairs thousands of times a second.

A rate is looked up once a second at most: after that its publication may be too old, or it may
be tomorrow. A new rate book is answered from at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pricedesk.backend.bureau import Bureau, Question
from pricedesk.backend.calendars import State
from pricedesk.backend.rates import Rate
from pricedesk.currencies import Currency

_NEVER = datetime.min.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PresentRate:
    """A rate, and how it stands against its source's calendar."""

    rate: Rate
    state: State


class PresentRates:
    """What was looked up within this second, by the codes of base and counter."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._book = bureau.book
        self._since = self._until = _NEVER
        self._rates: dict[tuple[str, str], PresentRate] = {}

    def rates(self) -> dict[tuple[str, str], PresentRate]:
        """What was looked up already, as far as it still holds: else another dictionary."""
        now = self._bureau.clock()
        if self._bureau.book is not self._book or not self._since <= now < self._until:
            self._book = self._bureau.book
            self._since = now.replace(microsecond=0)
            self._until = self._since + _SECOND
            self._rates = {}
        return self._rates

    def find(self, base: Currency, counter: Currency) -> PresentRate:
        """Look a rate up, and remember it; there are no more pairs than currencies squared.

        Raises:
            NoRate: no published rate answers this.
        """
        question = Question(self._bureau.clock())
        rate = self._bureau.rate(base, counter, question)
        found = PresentRate(rate, self._bureau.state_of(rate, question))
        self._rates[base.code, counter.code] = found
        return found
