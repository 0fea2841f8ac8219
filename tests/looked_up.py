"""What a rate book has for a pair, as a rate or as the refusal that says why there is none."""

from collections.abc import Sequence
from datetime import date

from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Rate
from pricedesk.currencies import Currency


def rate_of(
    book: RateBook,
    base: Currency,
    counter: Currency,
    day: date,
    keys: Sequence[str] | None = None,
) -> Rate:
    """The rate of a pair on a day, by these sources if they are named; raises NoRate."""
    rate = book.find(base, counter, day, keys=keys)
    if rate is None:
        raise book.refusal(base, counter, day, keys)
    return rate
