"""Exact decimals and money: what is read, what is refused, how it is written and rounded."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import currency
from pricedesk.errors import InvalidAmount
from pricedesk.money import (
    AMOUNT_DIGITS_MAX,
    ExactDecimal,
    Money,
    Rounding,
    decimal_text,
    round_ratio,
    significant_text,
)

SPELLINGS = st.from_regex(r"[+-]?([0-9]{1,20}(\.[0-9]{0,10})?|\.[0-9]{1,30})", fullmatch=True)
NUMERATORS = st.integers(-(10**30), 10**30)
DENOMINATORS = st.integers(1, 10**30)


@pytest.mark.parametrize(
    ("text", "unscaled", "scale"),
    [
        ("1100", 1100, 0),
        ("1100.00", 110000, 2),
        ("19.90", 1990, 2),
        ("-0.5", -5, 1),
        ("-.5", -5, 1),
        ("+7", 7, 0),
        ("5.", 5, 0),
        (".5", 5, 1),
        ("0", 0, 0),
        ("-0", 0, 0),
        ("-0.00", 0, 2),
        ("007", 7, 0),
        ("9" * 30, 10**30 - 1, 0),
        ("-" + "9" * 29 + ".9", 1 - 10**30, 1),
        ("." + "9" * 30, 10**30 - 1, 30),
        ("0." + "9" * 30, 10**30 - 1, 30),
    ],
)
def test_plain_decimal_notation_is_read_to_the_last_digit(
    text: str, unscaled: int, scale: int
) -> None:
    assert ExactDecimal.parse(text) == ExactDecimal(unscaled, scale)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("abc", '"abc" is not a number'),
        ("", '"" is not a number'),
        (".", '"." is not a number'),
        ("-", '"-" is not a number'),
        ("NaN", '"NaN" is not a number'),
        ("Infinity", '"Infinity" is not a number'),
        ("1e3", '"1e3" is not a number: write it like 1100 or 19.99'),
        ("1,100", '"1,100" is not a number: write it like 1100 or 19.99'),
        ("1_100", '"1_100" is not a number: write it like 1100 or 19.99'),
        ("1.1.1", '"1.1.1" is not a number: write it like 1100 or 19.99'),
        ("--1", '"--1" is not a number: write it like 1100 or 19.99'),
        ("1 ", '"1 " is not a number: write it like 1100 or 19.99'),
        ("1\n", r'"1\n" is not a number: write it like 1100 or 19.99'),
        ("$5", '"$5" is not a number: write it like 1100 or 19.99'),
        ("0x10", '"0x10" is not a number: write it like 1100 or 19.99'),
        ("٣", r'"\u0663" is not a number: write it like 1100 or 19.99'),
        ("1" * 31, '"' + "1" * 31 + '" has more than 30 digits'),
        ("00." + "1" * 30, '"00.' + "1" * 30 + '" has more than 30 digits'),
        ("1." + "1" * 30, '"1.' + "1" * 30 + '" has more than 30 digits'),
        ("9" * 5000, '"' + "9" * 37 + '..." has more than 30 digits'),
    ],
)
def test_anything_else_is_no_amount(text: str, complaint: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        ExactDecimal.parse(text)
    assert str(refusal.value) == complaint


@given(SPELLINGS)
def test_an_amount_is_the_number_that_was_written(text: str) -> None:
    amount = ExactDecimal.parse(text)
    assert Fraction(amount.unscaled, 10**amount.scale) == Fraction(text)


@given(SPELLINGS)
def test_what_an_amount_is_written_as_reads_back_as_the_same_amount(text: str) -> None:
    amount = ExactDecimal.parse(text)
    assert ExactDecimal.parse(str(amount)) == amount


def test_an_amount_has_at_most_thirty_digits() -> None:
    assert AMOUNT_DIGITS_MAX == 30


@pytest.mark.parametrize(
    ("text", "code", "amount_minor", "written"),
    [
        ("1100", "CAD", 110000, "1100.00"),
        ("1100.5", "CAD", 110050, "1100.50"),
        ("1100.500000", "CAD", 110050, "1100.50"),
        ("-0.01", "CAD", -1, "-0.01"),
        ("0", "CAD", 0, "0.00"),
        ("123829", "JPY", 123829, "123829"),
        ("123829.0", "JPY", 123829, "123829"),
        ("1.234", "KWD", 1234, "1.234"),
        ("1.2345", "CLF", 12345, "1.2345"),
    ],
)
def test_money_is_a_whole_number_of_minor_units(
    text: str, code: str, amount_minor: int, written: str
) -> None:
    money = Money.parse(text, currency(code))
    assert (money, str(money)) == (Money(amount_minor, currency(code)), written)


@pytest.mark.parametrize(
    ("text", "code", "complaint"),
    [
        ("19.995", "CAD", '"19.995" has more decimals than CAD, which has 2'),
        ("-0.001", "CAD", '"-0.001" has more decimals than CAD, which has 2'),
        ("0.5", "JPY", '"0.5" has more decimals than JPY, which has 0'),
        ("1.0001", "KWD", '"1.0001" has more decimals than KWD, which has 3'),
        ("abc", "CAD", '"abc" is not a number'),
    ],
)
def test_money_is_never_rounded_when_it_is_read(text: str, code: str, complaint: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        Money.parse(text, currency(code))
    assert str(refusal.value) == complaint


@given(st.integers(-(10**30), 10**30), st.integers(0, 30))
def test_a_decimal_text_has_exactly_the_decimals_of_its_scale(unscaled: int, scale: int) -> None:
    text = decimal_text(unscaled, scale)
    assert Fraction(text) == Fraction(unscaled, 10**scale)
    assert len(text.partition(".")[2]) == scale


@pytest.mark.parametrize(
    ("numerator", "denominator", "half_up", "half_even"),
    [
        (1, 2, 1, 0),
        (3, 2, 2, 2),
        (5, 2, 3, 2),
        (-1, 2, -1, 0),
        (-3, 2, -2, -2),
        (-5, 2, -3, -2),
        (49, 100, 0, 0),
        (51, 100, 1, 1),
        (-49, 100, 0, 0),
        (-51, 100, -1, -1),
        (1, 3, 0, 0),
        (2, 3, 1, 1),
        (0, 7, 0, 0),
        (14, 7, 2, 2),
        (5 * 10**40 - 1, 10**41, 0, 0),
        (5 * 10**40, 10**41, 1, 0),
        (5 * 10**40 + 1, 10**41, 1, 1),
    ],
)
def test_ties_go_away_from_zero_or_to_the_even_neighbour(
    numerator: int, denominator: int, half_up: int, half_even: int
) -> None:
    assert round_ratio(numerator, denominator) == half_up
    assert round_ratio(numerator, denominator, Rounding.HALF_UP) == half_up
    assert round_ratio(numerator, denominator, Rounding.HALF_EVEN) == half_even


@given(NUMERATORS, DENOMINATORS)
def test_half_even_is_what_pythons_own_fractions_round_to(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert round_ratio(numerator, denominator, Rounding.HALF_EVEN) == round(exact)


@given(NUMERATORS, DENOMINATORS, st.sampled_from(Rounding))
def test_rounding_is_symmetrical_about_zero(n: int, d: int, rounding: Rounding) -> None:
    assert round_ratio(-n, d, rounding) == -round_ratio(n, d, rounding)


@pytest.mark.parametrize(
    ("numerator", "denominator", "digits", "text"),
    [
        (11172, 15606, 12, "0.715878508266"),
        (15606, 11172, 12, "1.39688506982"),
        (17568 * 10**4, 15606 * 10**2, 12, "112.572087659"),
        (1, 1, 12, "1"),
        (1, 4, 12, "0.25"),
        (2000, 1, 2, "2000"),
        (123456, 1, 3, "123456"),
        (1, 3, 3, "0.333"),
        (2, 3, 3, "0.667"),
        (999_999, 1_000_000, 3, "1"),
        (1, 1_000_000, 12, "0.000001"),
        (10000, 9999, 3, "1"),
        (999, 1000, 12, "0.999"),
        (1, 20275, 12, "0.0000493218249075"),
    ],
)
def test_a_computed_rate_is_shown_to_so_many_significant_digits(
    numerator: int, denominator: int, digits: int, text: str
) -> None:
    assert significant_text(numerator, denominator, digits) == text


@given(st.integers(1, 10**20), st.integers(1, 10**20), st.integers(1, 20))
def test_the_shown_digits_are_off_by_at_most_half_a_unit_of_the_last(
    numerator: int, denominator: int, digits: int
) -> None:
    exact = Fraction(numerator, denominator)
    shown = Fraction(significant_text(numerator, denominator, digits))
    assert abs(shown - exact) <= exact * Fraction(1, 2 * 10 ** (digits - 1))
