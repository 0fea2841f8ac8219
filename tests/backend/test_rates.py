"""Publications and the rates that follow from them: exact, explained, and never made up."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.rates import (
    Convention,
    Provenance,
    Publication,
    PublishedRate,
    Rate,
    RateBook,
    Sheet,
    identity,
    publication_of,
    rate_in,
)
from pricedesk.currencies import Currency, currency
from pricedesk.errors import NoRateForCurrency, NoRateForDate, NoRatesKnown, PricedeskError

PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
THURSDAY, FRIDAY = date(2026, 10, 29), date(2026, 10, 30)
SATURDAY, MONDAY = date(2026, 10, 31), date(2026, 11, 2)
EUR, USD, CAD, JPY = (currency(code) for code in ("EUR", "USD", "CAD", "JPY"))


def publication(day: date, **rates: str) -> Publication:
    return publication_of("ECB", Convention("EUR", per_pivot=True), Sheet(day, rates), PROVENANCE)


PUBLISHED = publication(FRIDAY, USD="1.1172", CAD="1.5606", JPY="175.68", HRK="")


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


@pytest.mark.parametrize(
    ("code", "published", "publishes"),
    [
        ("USD", PublishedRate("EUR", "USD", 1, "1.1172"), True),
        ("HRK", None, False),
        ("KWD", None, False),
        ("EUR", None, True),
    ],
)
def test_a_publication_has_values_as_published_or_none(
    code: str, published: PublishedRate | None, publishes: bool
) -> None:
    assert (PUBLISHED.published(code), PUBLISHED.publishes(code)) == (published, publishes)


def test_the_rates_of_a_publication_leave_out_what_has_no_value() -> None:
    assert PUBLISHED.rates() == {"USD": "1.1172", "CAD": "1.5606", "JPY": "175.68"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"HUF": "310.70"}, {"HUF": "310.7"}, True),
        ({"HUF": "310"}, {"HUF": "310.0"}, True),
        ({"HUF": "0.50"}, {"HUF": ".5"}, True),
        ({"HUF": "310.70"}, {"HUF": "310.07"}, False),
        ({"HUF": "310"}, {"HUF": "31"}, False),
        ({"HUF": "1"}, {"CZK": "1"}, False),
        ({"HUF": "1", "CZK": "2"}, {"CZK": "2", "HUF": "1"}, True),
        ({"HUF": "1", "CZK": ""}, {"HUF": "1"}, True),
        ({"HUF": "1", "CZK": "2"}, {"HUF": "1"}, False),
    ],
)
def test_publications_say_the_same_if_their_numbers_do(
    one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    assert publication(FRIDAY, **one).says_the_same(publication(FRIDAY, **other)) is same
    assert publication(FRIDAY, **other).says_the_same(publication(FRIDAY, **one)) is same


@pytest.mark.parametrize(
    ("pair", "value", "path", "published", "text"),
    [
        ("EUR USD", Fraction("1.1172"), "EUR/USD", "EUR/USD 1.1172", "1.1172"),
        ("USD EUR", 1 / Fraction("1.1172"), "USD/EUR", "EUR/USD 1.1172", "0.895094880057"),
        (
            "CAD USD",
            Fraction("1.1172") / Fraction("1.5606"),
            "CAD/EUR/USD",
            "EUR/CAD 1.5606 EUR/USD 1.1172",
            "0.715878508266",
        ),
        (
            "CAD JPY",
            Fraction("175.68") / Fraction("1.5606"),
            "CAD/EUR/JPY",
            "EUR/CAD 1.5606 EUR/JPY 175.68",
            "112.572087659",
        ),
    ],
)
def test_a_rate_is_an_exact_fraction_that_says_how_it_was_made(
    pair: str, value: Fraction, path: str, published: str, text: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    rate = rate_in(PUBLISHED, base, counter)
    assert (rate.base, rate.counter) == (base, counter)
    assert (exact(rate), str(rate)) == (value, text)
    assert "/".join(rate.path) == path
    assert " ".join(f"{pair} {as_published}" for pair, as_published in rate.published) == published
    assert rate.publication is PUBLISHED


def test_a_published_rate_is_shown_as_it_was_published() -> None:
    published = publication(FRIDAY, HUF="310.70")
    assert str(rate_in(published, EUR, currency("HUF"))) == "310.70"


def test_a_currency_to_itself_is_one_and_needs_no_publication() -> None:
    rate = identity(currency("KWD"))
    assert (rate.numerator, rate.denominator, str(rate)) == (1, 1, "1")
    assert (rate.path, rate.published, rate.publication) == (("KWD",), (), None)


VALUES = st.decimals("0.000001", "999999", places=6).map(str)


@given(st.lists(VALUES, min_size=3, max_size=3), st.permutations(["EUR", "USD", "CAD", "JPY"]))
def test_there_and_back_is_one_and_a_way_round_changes_nothing(
    values: list[str], codes: list[str]
) -> None:
    published = publication(FRIDAY, **dict(zip(("USD", "CAD", "JPY"), values, strict=True)))
    a, b, c = (currency(code) for code in codes[:3])
    there, back = exact(rate_in(published, a, b)), exact(rate_in(published, b, a))
    assert there * back == 1
    assert there * exact(rate_in(published, b, c)) == exact(rate_in(published, a, c))


@pytest.mark.parametrize(
    ("day", "rate_of"),
    [
        (THURSDAY, THURSDAY),
        (FRIDAY, FRIDAY),
        (SATURDAY, FRIDAY),
        (date(2026, 11, 1), FRIDAY),
        (MONDAY, MONDAY),
        (date(2027, 10, 29), MONDAY),
    ],
)
def test_a_day_takes_the_last_publication_on_or_before_it(day: date, rate_of: date) -> None:
    days = [MONDAY, THURSDAY, FRIDAY]
    used = RateBook(publication(d, USD="1") for d in days).rate(EUR, USD, day).publication
    assert used is not None
    assert used.date == rate_of


def test_a_book_is_in_order_of_dates_whatever_it_was_made_from() -> None:
    book = RateBook(publication(d, USD="1") for d in (MONDAY, THURSDAY, FRIDAY))
    assert [p.date for p in book] == [THURSDAY, FRIDAY, MONDAY]
    assert (len(book), book.newest.date) == (3, MONDAY)


def test_a_book_knows_which_days_have_a_publication_of_their_own() -> None:
    book = RateBook([PUBLISHED]).of("ECB")
    assert (book.on(FRIDAY), book.on(SATURDAY), book.on(THURSDAY)) == (PUBLISHED, None, None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_newest_revision_of_a_date_answers(order: tuple[int, ...]) -> None:
    book = RateBook(replace(publication(FRIDAY, USD=f"{n}"), revision=n) for n in order)
    assert (len(book), str(book.rate(EUR, USD, FRIDAY))) == (1, "3")


def test_new_publications_make_a_new_book_and_leave_the_old_one() -> None:
    old = RateBook([publication(FRIDAY, USD="1")])
    corrected = replace(publication(FRIDAY, USD="2"), revision=2)
    new = old.with_publications([corrected, publication(MONDAY, USD="3")])
    assert [(str(p.date), p.rates()["USD"]) for p in old] == [("2026-10-30", "1")]
    assert [(str(p.date), p.rates()["USD"]) for p in new] == [
        ("2026-10-30", "2"),
        ("2026-11-02", "3"),
    ]


@pytest.mark.parametrize(
    ("pair", "day", "error", "sentence"),
    [
        ("CAD KWD", "2026-10-30", NoRateForCurrency, "ECB does not publish KWD"),
        ("KWD CAD", "2026-10-30", NoRateForCurrency, "ECB does not publish KWD"),
        ("KWD BHD", "1998-01-01", NoRateForCurrency, "ECB does not publish KWD"),
        (
            "EUR USD",
            "1999-01-03",
            NoRateForDate,
            "there is no rate for EUR on 1999-01-03: ECB has it since 1999-01-04",
        ),
        (
            "EUR RUB",
            "2026-10-30",
            NoRateForDate,
            "there is no rate for RUB on 2026-10-30: ECB has it from 2005-04-01 to 2022-03-01",
        ),
        (
            "EUR RUB",
            "2022-03-02",
            NoRateForDate,
            "there is no rate for RUB on 2022-03-02: ECB has it from 2005-04-01 to 2022-03-01",
        ),
        (
            "ISK EUR",
            "2010-06-01",
            NoRateForDate,
            (
                "there is no rate for ISK on 2010-06-01: ECB has it"
                " from 1999-01-04 to 2008-12-09 and since 2018-02-01"
            ),
        ),
        (
            "ROL RON",
            "2005-07-01",
            NoRateForDate,
            "there is no rate for ROL on 2005-07-01: ECB has it from 1999-01-04 to 2005-06-30",
        ),
    ],
)
def test_a_missing_rate_is_refused_by_currency_and_date(
    book: RateBook, pair: str, day: str, error: type[PricedeskError], sentence: str
) -> None:
    base, counter = (currency(code) for code in pair.split())
    with pytest.raises(PricedeskError) as refusal:
        book.rate(base, counter, date.fromisoformat(day))
    assert (type(refusal.value), str(refusal.value)) == (error, sentence)


@pytest.mark.parametrize("day", [date(1990, 1, 1), FRIDAY])
def test_a_currency_to_itself_is_never_refused(book: RateBook, day: date) -> None:
    assert str(book.rate(currency("KWD"), currency("KWD"), day)) == "1"


def test_an_empty_book_has_no_rates_at_all() -> None:
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        _ = RateBook([]).newest
    with pytest.raises(NoRatesKnown, match=r"^no rates are known yet$"):
        RateBook([]).rate(EUR, USD, FRIDAY)


@pytest.mark.parametrize(
    ("code", "spans"),
    [
        ("EUR", "1999-01-04 2026-10-30"),
        ("CAD", "1999-01-04 2026-10-30"),
        ("ISK", "1999-01-04 2008-12-09, 2018-02-01 2026-10-30"),
        ("BGN", "2000-07-19 2025-12-31"),
        ("KWD", ""),
    ],
)
def test_a_book_knows_from_when_to_when_a_currency_was_published(
    book: RateBook, code: str, spans: str
) -> None:
    assert ", ".join(f"{first} {last}" for first, last in book.of("ECB").spans(code)) == spans


BOC = publication_of(
    "BOC", Convention("CAD", per_pivot=False), Sheet(FRIDAY, {"USD": "1.3699"}), PROVENANCE
)
NB = publication_of(
    "NB",
    Convention("NOK", per_pivot=False),
    Sheet(FRIDAY, {"USD": "9.5", "HUF": "2.85"}, {"HUF": 100}),
    PROVENANCE,
)
HUF, NOK = currency("HUF"), currency("NOK")


@pytest.mark.parametrize(
    ("source", "base", "counter", "expected", "published"),
    [
        (BOC, USD, CAD, Fraction("1.3699"), (("USD/CAD", "1.3699"),)),
        (BOC, CAD, USD, 1 / Fraction("1.3699"), (("USD/CAD", "1.3699"),)),
        (NB, HUF, NOK, Fraction("0.0285"), (("100HUF/NOK", "2.85"),)),
        (NB, NOK, HUF, 100 / Fraction("2.85"), (("100HUF/NOK", "2.85"),)),
        (
            NB,
            HUF,
            USD,
            Fraction("0.0285") / Fraction("9.5"),
            (("100HUF/NOK", "2.85"), ("USD/NOK", "9.5")),
        ),
    ],
)
def test_a_rate_follows_from_whichever_way_its_source_publishes(
    source: Publication,
    base: Currency,
    counter: Currency,
    expected: Fraction,
    published: tuple[tuple[str, str], ...],
) -> None:
    rate = rate_in(source, base, counter)
    assert (exact(rate), rate.published) == (expected, published)
