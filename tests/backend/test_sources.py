"""The table of sources: each can be asked, and reads its own recorded answer."""

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance
from pricedesk.backend.sources import find_sources
from pricedesk.currencies import currency
from pricedesk.errors import InvalidSetting

FIXTURES = Path(__file__).parents[1] / "fixtures"
ECB = "https://ecb.example"
PROVENANCE = Provenance("5" * 64, datetime(2026, 4, 3, tzinfo=UTC))
TODAY = date(2026, 10, 31)


@pytest.mark.parametrize("key", ["BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI"])
def test_each_source_can_be_asked_and_reads_its_recorded_answer(key: str) -> None:
    [source] = find_sources((key,), ECB)
    request = source.request(date(2026, 3, 16), date(2026, 3, 20))
    recording = min((FIXTURES / key.lower()).iterdir())
    publications = source.read(request, recording.read_bytes(), PROVENANCE, TODAY)
    assert request.url.startswith("https://")
    assert {(p.source, p.convention) for p in publications} == {(key, source.convention)}


@pytest.mark.parametrize(
    ("key", "usd"), [("BOC", "0.72998"), ("BOE", "0.72952"), ("NB", "0.72963"), ("CNB", "0.72992")]
)
def test_the_sources_agree_on_a_canadian_dollar(key: str, usd: str) -> None:
    [source] = find_sources((key,), ECB)
    day = date(2026, 3, 17)
    raw = min((FIXTURES / key.lower()).iterdir()).read_bytes()
    book = RateBook(source.read(source.request(day, day), raw, PROVENANCE, TODAY))
    rate = book.rate(currency("CAD"), currency("USD"), day)
    assert round(Fraction(rate.numerator, rate.denominator), 5) == Fraction(usd)


def test_a_source_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidSetting, match=r'^PRICEDESK_SOURCES: "XYZ" is none of ECB, BOC, NB'):
        find_sources(("ECB", "XYZ"), ECB)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("ECB", date(2020, 1, 1), date(2026, 3, 20)),
        ("NBP", date(2025, 12, 1), date(2026, 3, 3)),
        ("CNB", date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_no_more_days_are_asked_for_at_once_than_a_source_gives(
    key: str, first: date, last: date
) -> None:
    [source] = find_sources((key,), ECB)
    assert source.last_day(first, date(2026, 3, 20)) == last
