"""Publications and the rates that follow from them: exact, explained, and never made up."""

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
    Sheet,
    identity,
    publication_of,
    rate_in,
)
from pricedesk.currencies import Currency, currency

PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
FRIDAY = date(2026, 10, 30)
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
