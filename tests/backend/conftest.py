"""The packaged history, read once for all tests of the back-end, and a bureau that has it."""

from datetime import UTC, datetime

import pytest

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.currencies import currency

FRIDAY_EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)


@pytest.fixture(scope="session")
def book() -> RateBook:
    """Everything that the package knows; a book never changes, so tests may share it."""
    return RateBook(packaged_publications())


@pytest.fixture
def bureau(book: RateBook) -> Bureau:
    """Asked on the evening of the day on which the packaged history ends."""
    terms = Terms(currency("CAD"), currency("USD"))
    return Bureau(book, [ecb.source("https://ecb.example")], lambda: FRIDAY_EVENING, terms)
