"""Official pegs: exact, never before they existed, and not contradicted by what banks publish."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from looked_up import rate_of
from pricedesk.backend.pegs import Peg, all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import is_published_value
from pricedesk.backend.sources import nbp
from pricedesk.currencies import CURRENCIES
from pricedesk.errors import NoRate

FIXTURES = Path(__file__).parents[1] / "fixtures"
PEGS = {peg.currency: peg for peg in all_pegs()}
BOOK = RateBook([], Order((PEG,)), all_pegs())
WEDNESDAY = date(2026, 3, 4)


def test_the_dirham_is_pegged_to_the_dollar() -> None:
    assert PEGS["AED"] == Peg("AED", "USD", "3.6725", date(1997, 12, 1), "Central Bank of the UAE")
    assert PEGS["AED"].fraction() == (36725, 10_000)


def test_these_are_the_pegs() -> None:
    told = " ".join(f"{peg.anchor}:{peg.value}:{peg.currency}" for peg in PEGS.values())
    assert told == (
        "USD:3.6725:AED USD:1.79:AWG EUR:1.95583:BAM USD:2:BBD USD:0.376:BHD USD:1:BMD SGD:1:BND"
        " USD:1:BSD INR:1:BTN USD:2:BZD EUR:110.265:CVE USD:177.721:DJF GBP:1:FKP GBP:1:GIP"
        " USD:0.709:JOD EUR:491.96775:KMF ZAR:1:LSL HKD:1.03:MOP ZAR:1:NAD INR:1.6:NPR"
        " USD:0.3845:OMR USD:1:PAB USD:3.64:QAR USD:3.75:SAR GBP:1:SHP EUR:24.5:STN USD:8.75:SVC"
        " ZAR:1:SZL USD:3.5:TMT EUR:655.957:XAF USD:2.7:XCD USD:1.79:XCG EUR:655.957:XOF"
    )


@pytest.mark.parametrize(
    ("currency", "last_without", "first_with"),
    [
        # The manat was at 2.85 to the dollar until the end of 2014.
        ("TMT", "2014-12-31", "2015-01-01"),
        ("XOF", "1998-12-31", "1999-01-01"),
        ("XCG", "2025-03-30", "2025-03-31"),
        ("SAR", "2002-12-31", "2003-01-01"),
        ("DJF", "1973-02-19", "1973-02-20"),
    ],
)
def test_a_peg_answers_on_no_day_before_it_existed(
    currency: str, last_without: str, first_with: str
) -> None:
    peg = PEGS[currency]
    pair = CURRENCIES[peg.anchor], CURRENCIES[currency]
    with pytest.raises(NoRate):
        rate_of(BOOK, *pair, date.fromisoformat(last_without))
    rate = rate_of(BOOK, *pair, date.fromisoformat(first_with))
    assert Fraction(rate.numerator, rate.denominator) == Fraction(peg.value)


@pytest.mark.parametrize("peg", PEGS.values(), ids=lambda peg: peg.currency)
def test_a_peg_ties_a_currency_in_use_to_another_that_is_not_pegged_itself(peg: Peg) -> None:
    for code in (peg.currency, peg.anchor):
        assert CURRENCIES[code].withdrawn is None
    assert peg.anchor != peg.currency
    assert peg.anchor not in PEGS
    assert is_published_value(peg.value)
    assert peg.since < WEDNESDAY
    assert peg.authority


def test_the_national_bank_of_poland_had_the_pegged_currencies_at_their_parity() -> None:
    """Within two per cent: table B rounds to four decimals and is of other hours."""
    tables = sorted((FIXTURES / "nbp").glob("nbp-table-*.json"))
    zloty = {
        code: Fraction(value)
        for table in tables
        for sheet in nbp.parse(table.read_bytes())
        if sheet.date == WEDNESDAY
        for code, value in sheet.rates.items()
    }
    apart = {
        peg.currency: abs(zloty[peg.anchor] / zloty[peg.currency] / Fraction(peg.value) - 1)
        for peg in PEGS.values()
        if peg.currency in zloty
    }
    assert sorted(PEGS.keys() - apart.keys()) == ["BMD", "BTN", "FKP", "SHP"]
    assert {code for code, by in apart.items() if by > Fraction(2, 100)} == set()
