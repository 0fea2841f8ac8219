"""The rates of a pair over years: what is a point, of which source, and with which digits."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kept import VALUES
from looked_up import rate_of
from pricedesk.backend.pair_history import PairHistory, pair_history
from pricedesk.backend.pegs import Peg
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import (
    Convention,
    Provenance,
    Publication,
    Sheet,
    publication_of,
    rate_in,
)
from pricedesk.currencies import CURRENCIES, Currency, currency
from pricedesk.errors import InvalidRequest
from pricedesk.rate_lines import POINTS_MAX, Point, Unit

PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
EUROS, CANADIAN = Convention("EUR", per_pivot=True), Convention("CAD", per_pivot=False)
EUR, USD, CAD, JPY, ISK, BGN, AED, XOF, SAR = (
    currency(code) for code in ("EUR", "USD", "CAD", "JPY", "ISK", "BGN", "AED", "XOF", "SAR")
)
MONDAY = date(2026, 10, 26)
WEEK = [MONDAY + timedelta(days=number) for number in range(5)]
ALL = (date.min, date.max)
SINCE_1999 = (date(1999, 1, 1), date(2026, 10, 30))


def ecb(day: date, **rates: str) -> Publication:
    return publication_of("ECB", EUROS, Sheet(day, rates), PROVENANCE)


def boc(day: date, **rates: str) -> Publication:
    return publication_of("BOC", CANADIAN, Sheet(day, rates, {"JPY": 100}), PROVENANCE)


def points(found: PairHistory | None) -> list[str]:
    """The points as they are written."""
    assert found is not None
    return [f"{day}:{rate}" for day, rate in found.points]


@pytest.mark.parametrize(
    ("pair", "span", "unit", "expected"),
    [
        (
            (EUR, USD),
            ("2026-10-27", "2026-10-30"),
            Unit.DAY,
            "2026-10-27:1.115 2026-10-28:1.1133 2026-10-29:1.113 2026-10-30:1.1172",
        ),
        (
            (CAD, USD),
            ("2026-10-29", "2026-11-01"),
            Unit.DAY,
            "2026-10-29:0.714514990049 2026-10-30:0.715878508266",
        ),
        ((USD, EUR), ("2026-10-30", "2026-10-30"), Unit.DAY, "2026-10-30:0.895094880057"),
        ((EUR, USD), ("2026-10-24", "2026-10-25"), Unit.DAY, ""),
        (
            # Christmas is on a Friday: the week's last publication is of its Thursday.
            (EUR, USD),
            ("2020-12-14", "2021-01-03"),
            Unit.WEEK,
            "2020-12-18:1.2259 2020-12-24:1.2193 2020-12-31:1.2271",
        ),
        (
            (EUR, USD),
            ("1998-12-01", "1999-03-15"),
            Unit.MONTH,
            "1999-01-29:1.1384 1999-02-26:1.1018 1999-03-15:1.0949",
        ),
        (
            # Its last day is in the past.
            (EUR, BGN),
            ("2025-12-30", "2026-10-30"),
            Unit.DAY,
            "2025-12-30:1.9558 2025-12-31:1.9558",
        ),
        (
            # Nobody published it for nine years.
            (EUR, ISK),
            ("2008-11-01", "2018-02-28"),
            Unit.MONTH,
            "2008-11-28:280 2008-12-09:290 2018-02-28:123.7",
        ),
    ],
)
def test_the_ecb_has_these_points(
    book: RateBook,
    pair: tuple[Currency, Currency],
    span: tuple[str, str],
    unit: Unit,
    expected: str,
) -> None:
    first, last = map(date.fromisoformat, span)
    found = pair_history(book, pair, (first, last), unit)
    assert found is not None
    assert (found.source, points(found)) == ("ECB", expected.split())


@pytest.mark.parametrize("pair", [(CAD, USD), (EUR, JPY), (ISK, EUR), (JPY, ISK)])
def test_each_point_has_the_digits_of_the_days_rate(
    book: RateBook, pair: tuple[Currency, Currency]
) -> None:
    found: list[Point] = []
    for year in range(1999, 2027, 3):
        span = date(year, 1, 1), date(year + 2, 12, 31)
        history = pair_history(book, pair, span, Unit.DAY)
        found += history.points if history is not None else ()
    days = [day for day in book.of("ECB").dates if next(book.rates(*pair, day), None)]
    rates = [(day, rate_of(book, *pair, day)) for day in days]
    assert found == [(d, str(r)) for d, r in rates if r.publication and r.publication.date == d]


@pytest.mark.parametrize("unit", [Unit.WEEK, Unit.MONTH])
def test_a_week_or_month_is_its_last_publication(book: RateBook, unit: Unit) -> None:
    found = pair_history(book, (CAD, USD), SINCE_1999, unit)
    assert found is not None
    days = [day for day, _ in found.points]
    every = book.of("ECB").dates
    last = [a for a, b in pairwise([*every, date.max]) if unit.begin(a) != unit.begin(b)]
    assert days == last
    assert all(rate == str(rate_of(book, CAD, USD, day)) for day, rate in found.points)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Publication], tuple[str, str]]:
    """A week of any source with any units, and a pair that it may have."""
    codes = draw(st.lists(st.sampled_from(sorted(CURRENCIES)), unique=True, min_size=3, max_size=6))
    pivot, *others = codes
    convention = Convention(pivot, per_pivot=draw(st.booleans()))
    size = len(others)
    found = []
    for day in WEEK:
        values = draw(st.lists(st.just("") | VALUES, min_size=size, max_size=size))
        units = draw(
            st.just([]) | st.lists(st.sampled_from([1, 100]), min_size=size, max_size=size)
        )
        order = draw(st.permutations(others)) if draw(st.booleans()) else others
        found.append(
            Publication(
                "ANY",
                day,
                convention,
                tuple(order),
                ",".join(values),
                PROVENANCE,
                () if convention.per_pivot else tuple(units),
            )
        )
    pair = draw(st.permutations(codes))[:2]
    return found, (pair[0], pair[1])


@given(tables())
def test_a_point_is_written_as_the_rate_of_its_publication(
    table: tuple[list[Publication], tuple[str, str]],
) -> None:
    publications, (base, counter) = table
    pair = currency(base), currency(counter)
    expected = [
        (p.date, str(rate_in(p, *pair)))
        for p in publications
        if p.publishes(base) and p.publishes(counter)
    ]
    found = pair_history(RateBook(publications), pair, ALL, Unit.DAY)
    assert list(found.points if found is not None else ()) == expected


def test_a_withheld_value_is_no_point_and_the_day_before_stands_for_its_week() -> None:
    friday = replace(ecb(WEEK[4], CAD="2"), withheld=frozenset({"USD"}))
    book = RateBook([ecb(WEEK[2], USD="1.1"), ecb(WEEK[3], USD="1.2", CAD="2"), friday])
    by_day = pair_history(book, (EUR, USD), ALL, Unit.DAY)
    by_week = pair_history(book, (EUR, USD), ALL, Unit.WEEK)
    assert points(by_day) == ["2026-10-28:1.1", "2026-10-29:1.2"]
    assert points(by_week) == ["2026-10-29:1.2"]


def test_a_correction_counts_and_what_it_corrects_does_not() -> None:
    book = RateBook([ecb(MONDAY, USD="1.1"), replace(ecb(MONDAY, USD="1.11"), revision=2)])
    assert points(pair_history(book, (EUR, USD), ALL, Unit.DAY)) == ["2026-10-26:1.11"]


TWO = [
    ecb(WEEK[0], USD="1.1", CAD="1.5"),
    ecb(WEEK[1], USD="1.2", CAD="1.5", BGN="1.9558"),
    ecb(WEEK[2], USD="1.3", CAD="1.5"),
    boc(WEEK[0], USD="1.4", JPY="0.9"),
    boc(WEEK[1], USD="1.5", JPY="0.8"),
]


@pytest.mark.parametrize(
    ("order", "pair", "last", "source", "expected"),
    [
        (("ECB", "BOC"), (USD, CAD), 2, "ECB", "1.36363636364 1.25 1.15384615385"),
        (("BOC", "ECB"), (USD, CAD), 2, "BOC", "1.4 1.5"),
        (("BOC", "ECB"), (CAD, EUR), 1, "ECB", "0.666666666667 0.666666666667"),
        (("ECB", "BOC"), (JPY, CAD), 2, "BOC", "0.009 0.008"),
        (("BOC", "ECB"), (EUR, BGN), 2, "ECB", "1.9558"),
    ],
)
def test_the_source_that_answers_for_the_last_day_has_all_points(
    order: tuple[str, ...],
    pair: tuple[Currency, Currency],
    last: int,
    source: str,
    expected: str,
) -> None:
    book = RateBook(TWO, Order(order))
    found = pair_history(book, pair, (MONDAY, WEEK[last]), Unit.DAY)
    assert found is not None
    assert (found.source, [rate for _, rate in found.points]) == (source, expected.split())


def test_a_pair_with_an_order_of_its_own_has_its_first_source() -> None:
    book = RateBook(TWO, Order(("ECB", "BOC"), {frozenset(("USD", "CAD")): ("BOC",)}))
    found = pair_history(book, (CAD, USD), ALL, Unit.DAY)
    assert found == PairHistory("BOC", ((WEEK[0], "0.714285714286"), (WEEK[1], "0.666666666667")))


PEGS = (
    Peg("AED", "USD", "3.6725", date(1997, 12, 1), "Central Bank of the UAE"),
    Peg("SAR", "USD", "3.75", date(2003, 1, 1), "Saudi Central Bank"),
    Peg("XOF", "EUR", "655.957", WEEK[1], "BCEAO"),
)


@pytest.mark.parametrize(
    ("pair", "exact"),
    [
        ((EUR, AED), [Fraction("1.1"), Fraction("1.2"), Fraction("1.3")]),
        ((AED, EUR), [Fraction("1.1"), Fraction("1.2"), Fraction("1.3")]),
        ((XOF, AED), [Fraction("1.2"), Fraction("1.3")]),
    ],
)
def test_parities_lead_on_from_what_a_source_published_since_they_have_held(
    pair: tuple[Currency, Currency], exact: list[Fraction]
) -> None:
    book = RateBook(TWO, Order(("ECB", "BOC", PEG)), PEGS)
    found = pair_history(book, pair, (MONDAY, WEEK[2]), Unit.DAY)
    assert found is not None
    assert found.source == "ECB"
    assert len(found.points) == len(exact)
    assert [rate for _, rate in found.points] == [
        str(rate_of(book, *pair, day)) for day, _ in found.points
    ]


def test_parities_alone_have_no_source_and_no_points() -> None:
    book = RateBook(TWO, Order(("ECB", PEG)), PEGS)
    assert pair_history(book, (AED, SAR), ALL, Unit.DAY) == PairHistory(
        None, (), ("USD/AED", "USD/SAR")
    )


def test_a_pair_that_nobody_published_has_no_history(book: RateBook) -> None:
    assert pair_history(book, (EUR, XOF), SINCE_1999, Unit.DAY) is None
    assert pair_history(book, (EUR, BGN), (date(2026, 1, 1), SINCE_1999[1]), Unit.DAY) is None


@pytest.mark.parametrize(
    ("unit", "advice"),
    [
        (Unit.DAY, "ask by week or by month"),
        (Unit.WEEK, "ask by month"),
        (Unit.MONTH, "ask for a shorter time"),
    ],
)
def test_so_many_points_there_may_be_and_no_more(unit: Unit, advice: str) -> None:
    days: list[date] = []
    day = date(1800, 1, 1)
    while len(days) <= POINTS_MAX:
        days.append(day)
        day = unit.begin(day + timedelta(days={"day": 1, "week": 7, "month": 31}[unit.value]))
    book = RateBook(ecb(day, USD="1.1") for day in days)
    found = pair_history(book, (EUR, USD), (days[1], days[-1]), unit)
    assert found is not None
    assert len(found.points) == POINTS_MAX
    with pytest.raises(InvalidRequest) as refusal:
        pair_history(book, (EUR, USD), (days[0], days[-1]), unit)
    assert str(refusal.value) == (
        f"there are more than 2000 rates from 1800-01-01 to {days[-1]}: {advice}"
    )
