"""A document that says less than it should is refused; what was known stays."""

from datetime import UTC, date, datetime

import pytest

from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.rates import Provenance, Publication, Sheet, publication_of
from pricedesk.backend.refresh import check_complete, news
from pricedesk.backend.sources.ecb import CALENDAR, CONVENTION
from pricedesk.errors import RefusedDocument

CODES = ["AUD", "CAD", "CHF", "GBP", "JPY", "USD"]
THURSDAY, FRIDAY, SATURDAY = date(2026, 10, 29), date(2026, 10, 30), date(2026, 10, 31)
MONDAY, NEXT_FRIDAY = date(2026, 11, 2), date(2026, 11, 6)
PROVENANCE = Provenance("5" * 64, datetime(2026, 11, 6, 15, 5, tzinfo=UTC))


def publication(day: date, codes: list[str], value: str = "1.5") -> Publication:
    return publication_of("ECB", CONVENTION, Sheet(day, dict.fromkeys(codes, value)), PROVENANCE)


KNOWN = SourceHistory([publication(day, CODES) for day in (THURSDAY, FRIDAY)])


def check(*document: Publication) -> None:
    check_complete(news(list(document), KNOWN), list(document), KNOWN, CALENDAR)


@pytest.mark.parametrize(
    "document",
    [
        [publication(FRIDAY, CODES)],
        [publication(FRIDAY, CODES, "1.6")],
        [publication(FRIDAY, [*CODES, "NZD"])],
        [publication(MONDAY, CODES)],
        [publication(MONDAY, CODES[2:])],
        [publication(date(2026, 11, 4), CODES)],
    ],
)
def test_a_correction_a_new_day_and_what_sources_really_do_is_taken(
    document: list[Publication],
) -> None:
    """A source may stop two currencies at once, and a day off may be unknown to the calendar."""
    check(*document)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([publication(FRIDAY, CODES[1:])], "2026-10-30 lacks AUD, known before"),
        ([publication(MONDAY, CODES[3:])], "2026-11-02 lacks AUD, CAD, CHF, known before"),
        (
            [publication(SATURDAY, CODES)],
            "2026-10-31 is no day on which the source publishes",
        ),
        ([publication(NEXT_FRIDAY, CODES)], "4 days after 2026-10-30 are left out"),
    ],
)
def test_what_would_lose_something_is_refused(document: list[Publication], reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        check(*document)
    assert str(refusal.value) == reason
