"""Conversions against an independent computation, their laws, and figures worth knowing."""

import csv
import io
import random
import zipfile
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looked_up import rate_of
from pricedesk.backend.conversion import (
    PLAIN_DECIMALS_MAX,
    Conversion,
    convert,
    prepared,
)
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.rates import Provenance, Rate, Sheet, publication_of, rate_in
from pricedesk.backend.sources.ecb import CONVENTION
from pricedesk.currencies import CURRENCIES, currency
from pricedesk.errors import InvalidAmount, NoRateForDate
from pricedesk.money import AMOUNT_DIGITS_MAX, ExactDecimal, Rounding

CONVERSIONS = 6_000
SEED = 20261030

FRIDAY = date(2026, 10, 30)
MADE_UP = publication_of(
    "ECB",
    CONVENTION,
    Sheet(
        FRIDAY,
        {"USD": "1.1172", "CAD": "1.5606", "JPY": "175.68", "KWD": "0.34275", "CLF": "0.0255"},
    ),
    Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC)),
)
TIES = publication_of(
    "ECB",
    CONVENTION,
    Sheet(FRIDAY, {"USD": "0.5", "JPY": "0.5", "KWD": "0.5"}),
    MADE_UP.provenance,
)

AMOUNTS = st.builds(ExactDecimal, st.integers(-(10**15), 10**15), st.integers(0, 6))
CODES = st.sampled_from(["EUR", "USD", "CAD", "JPY", "KWD", "CLF"])


def converted(
    amount: str, base: str, counter: str, rounding: Rounding = Rounding.HALF_UP
) -> Conversion:
    rate = rate_in(MADE_UP, currency(base), currency(counter))
    return convert(ExactDecimal.parse(amount), rate, rounding)


def unrounded(conversion: Conversion) -> Fraction:
    return Fraction(conversion.numerator, conversion.denominator)


# An independent computation: the ECB's file read anew, fractions, half up in four lines.


def euro_rates() -> dict[date, dict[str, Fraction]]:
    """The value of one euro by date and currency, from the packaged file itself."""
    archive = files("pricedesk.backend.history").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive)) as unzipped:
        text = unzipped.read("eurofxref-hist.csv").decode()
    return {
        date.fromisoformat(row.pop("Date")): {"EUR": Fraction(1)}
        | {code: Fraction(value) for code, value in row.items() if code and value != "N/A"}
        for row in csv.DictReader(text.splitlines())
    }


def half_up(value: Fraction) -> int:
    whole, rest = divmod(abs(value), 1)
    away = int(whole) + (rest >= Fraction(1, 2))
    return away if value > 0 else -away


def expected_text(
    amount: str, base: str, counter: str, on: dict[str, Fraction]
) -> tuple[str, Fraction]:
    digits = {"JPY": 0, "KRW": 0, "ISK": 0, "TRL": 0}.get(counter, 2)
    exact = Fraction(amount) * on[counter] / on[base]
    minor = half_up(exact * 10**digits)
    text = f"{abs(minor):0{digits + 1}d}"
    text = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return ("-" if minor < 0 else "") + text, exact


def random_amount(dice: random.Random) -> str:
    digits = dice.randint(0, 6)
    sign = dice.choice(("", "", "", "-"))
    whole = dice.randrange(10 ** dice.randint(1, 12))
    return f"{sign}{whole}.{dice.randrange(10**digits):0{digits}d}" if digits else f"{sign}{whole}"


def test_thousands_of_conversions_agree_with_fractions_rounded_by_hand(book: RateBook) -> None:
    dice = random.Random(SEED)  # noqa: S311  # no secret: the same conversions each time
    history = euro_rates()
    first, days = min(history), (max(history) - min(history)).days
    codes = sorted({code for rates in history.values() for code in rates})
    done = 0
    while done < CONVERSIONS:
        day = published = first + timedelta(dice.randint(0, days))
        while published not in history:
            published -= timedelta(1)
        base, counter = dice.sample(codes, 2)
        amount = random_amount(dice)
        try:
            rate = rate_of(book, CURRENCIES[base], CURRENCIES[counter], day)
        except NoRateForDate:
            assert not {base, counter} <= history[published].keys()
            continue
        conversion = convert(ExactDecimal.parse(amount), rate)
        assert (str(conversion.result), unrounded(conversion)) == expected_text(
            amount, base, counter, history[published]
        ), f"{amount} {base} {counter} {day}"
        done += 1


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("1100 CAD USD 2026-10-30", "787.47"),
        ("1100 CAD JPY 2026-10-30", "123829"),
        ("1100 CAD JPY 2020-02-14", "91221"),
        ("1100 EUR USD 2026-10-30", "1228.92"),
        ("1100 USD CAD 2026-10-30", "1536.57"),
        ("1100 USD EUR 2026-10-30", "984.60"),
        ("1100 CAD USD 2026-11-01", "787.47"),
        ("1100 CAD USD 1999-01-04", "720.28"),
        ("1100 CAD CAD 2026-10-30", "1100.00"),
        ("1000000 TRL EUR 2004-12-31", "0.54"),
        ("1 EUR TRL 2004-12-31", "1836200"),
        ("0 CAD USD 2026-10-30", "0.00"),
    ],
)
def test_known_figures_of_the_history(book: RateBook, question: str, result: str) -> None:
    amount, base, counter, day = question.split()
    rate = rate_of(book, currency(base), currency(counter), date.fromisoformat(day))
    assert str(convert(ExactDecimal.parse(amount), rate).result) == result


@pytest.mark.parametrize(
    ("amount", "base", "counter", "result", "before"),
    [
        ("1100", "CAD", "USD", "787.47", "787.466359092657"),
        ("1100", "EUR", "USD", "1228.92", "1228.92"),
        ("1", "EUR", "KWD", "0.343", "0.34275"),
        ("100", "EUR", "KWD", "34.275", "34.275"),
        ("10", "EUR", "KWD", "3.428", "3.4275"),
        ("1100", "CAD", "KWD", "241.590", "241.589773164168"),
        ("100", "EUR", "CLF", "2.5500", "2.55"),
        ("0.001", "EUR", "CLF", "0.0000", "0.0000255"),
        ("0.01", "EUR", "JPY", "2", "1.7568"),
        ("0.000000001", "EUR", "USD", "0.00", "0.000000001117"),
        ("0", "EUR", "USD", "0.00", "0"),
        ("-1100", "CAD", "USD", "-787.47", "-787.466359092657"),
        ("-0.000000000000001", "EUR", "USD", "0.00", "0"),
    ],
)
def test_the_result_has_the_minor_units_digits_and_what_it_was_before_is_shown(
    amount: str, base: str, counter: str, result: str, before: str
) -> None:
    conversion = converted(amount, base, counter)
    assert (str(conversion.result), conversion.unrounded_text) == (result, before)


@pytest.mark.parametrize(
    ("amount", "counter", "half_up_result", "half_even_result"),
    [
        ("1", "JPY", "1", "0"),
        ("3", "JPY", "2", "2"),
        ("5", "JPY", "3", "2"),
        ("-1", "JPY", "-1", "0"),
        ("-3", "JPY", "-2", "-2"),
        ("-5", "JPY", "-3", "-2"),
        ("0.01", "USD", "0.01", "0.00"),
        ("0.03", "USD", "0.02", "0.02"),
        ("-0.01", "USD", "-0.01", "0.00"),
        ("0.001", "KWD", "0.001", "0.000"),
        ("0.005", "KWD", "0.003", "0.002"),
        ("0.0099999", "USD", "0.00", "0.00"),
        ("0.0100001", "USD", "0.01", "0.01"),
    ],
)
def test_ties_go_away_from_zero_or_in_the_other_mode_to_the_even_digit(
    amount: str, counter: str, half_up_result: str, half_even_result: str
) -> None:
    rate = rate_in(TIES, currency("EUR"), currency(counter))
    exact = ExactDecimal.parse(amount)
    assert str(convert(exact, rate).result) == half_up_result
    assert str(convert(exact, rate, Rounding.HALF_UP).result) == half_up_result
    assert str(convert(exact, rate, Rounding.HALF_EVEN).result) == half_even_result


@given(AMOUNTS, st.permutations(["EUR", "USD", "CAD", "JPY", "KWD", "CLF"]))
def test_there_and_back_is_the_same_amount_before_rounding(
    amount: ExactDecimal, codes: list[str]
) -> None:
    there = convert(amount, rate_in(MADE_UP, currency(codes[0]), currency(codes[1])))
    back = rate_in(MADE_UP, currency(codes[1]), currency(codes[0]))
    assert unrounded(there) * Fraction(back.numerator, back.denominator) == Fraction(str(amount))


@given(AMOUNTS, AMOUNTS, CODES, st.sampled_from(Rounding))
def test_more_money_is_never_converted_to_less(
    one: ExactDecimal, other: ExactDecimal, code: str, rounding: Rounding
) -> None:
    less, more = sorted((one, other), key=lambda amount: Fraction(str(amount)))
    rate = rate_in(MADE_UP, currency("CAD" if code != "CAD" else "EUR"), currency(code))
    results = [convert(amount, rate, rounding).result.amount_minor for amount in (less, more)]
    assert results == sorted(results)


@given(AMOUNTS, CODES, st.sampled_from(Rounding))
def test_a_debt_is_converted_as_the_same_credit(
    amount: ExactDecimal, code: str, rounding: Rounding
) -> None:
    rate = rate_in(MADE_UP, currency("CAD" if code != "CAD" else "EUR"), currency(code))
    debt = convert(ExactDecimal(-amount.unscaled, amount.scale), rate, rounding)
    assert debt.result.amount_minor == -convert(amount, rate, rounding).result.amount_minor


# Plain amounts, many at a time: what is answered is what the general way answers.


def plain_results(
    amounts: list[bytes], rate: Rate, rounding: Rounding = Rounding.HALF_UP
) -> list[str] | None:
    ready = prepared(rate, rounding)
    return None if ready is None else ready.results(amounts)


def plain_result(amount: bytes, rate: Rate, rounding: Rounding = Rounding.HALF_UP) -> str | None:
    results = plain_results([amount], rate, rounding)
    return None if results is None else "".join(results)


def general_result(amount: bytes, rate: Rate, rounding: Rounding) -> str | None:
    try:
        exact = ExactDecimal.parse(amount.decode("utf-8", "backslashreplace"))
    except InvalidAmount:
        return None
    return str(convert(exact, rate, rounding).result)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """Rates of any size to currencies of 0, 2, 3 and 4 digits; many of them make ties."""
    sizes = st.one_of(
        st.integers(1, 10**24), st.integers(1, 50), st.sampled_from([10**n for n in range(13)])
    )
    counter = draw(st.sampled_from(["JPY", "USD", "KWD", "CLF"]))
    top, bottom = draw(sizes), draw(sizes)
    return Rate(currency("CAD"), currency(counter), top, bottom, ("CAD", counter), (), None)


DIGITS = st.text("0123456789", min_size=1, max_size=AMOUNT_DIGITS_MAX)
PLAIN = st.one_of(
    DIGITS,
    st.builds(
        lambda digits, decimals: f"{digits[:-decimals]}.{digits[-decimals:]}",
        DIGITS,
        st.integers(1, PLAIN_DECIMALS_MAX),
    ),
    DIGITS.map(lambda digits: f"{digits}."),
).map(str.encode)
ODD = st.one_of(
    st.text("0123456789.+-_ eE,\r\n\t\0\u0663\u00b2\uff11", max_size=40).map(str.encode),
    st.from_regex(r"[+-]?[0-9]{0,40}\.?[0-9]{0,40}", fullmatch=True).map(str.encode),
    st.binary(max_size=40),
)


@given(PLAIN, rates())
def test_a_plain_amount_is_converted_as_in_the_general_way(amount: bytes, rate: Rate) -> None:
    """And not left to it, unless the currency has four digits."""
    expected = general_result(amount, rate, Rounding.HALF_UP)
    wanted = expected if rate.counter.minor_digits < 4 else None
    assert expected is not None
    assert plain_result(amount, rate) == wanted


@given(st.one_of(PLAIN, ODD), rates(), st.sampled_from(Rounding))
def test_what_the_fast_way_answers_the_general_way_answers_alike(
    amount: bytes, rate: Rate, rounding: Rounding
) -> None:
    fast = plain_result(amount, rate, rounding)
    assert fast in (None, general_result(amount, rate, rounding))


@given(st.lists(PLAIN | ODD, max_size=8), rates())
def test_many_plain_amounts_are_converted_as_each_of_them_or_none_is(
    amounts: list[bytes], rate: Rate
) -> None:
    each = [plain_result(amount, rate) for amount in amounts]
    refused = None in each or prepared(rate, Rounding.HALF_UP) is None
    assert plain_results(amounts, rate) == (None if refused else each)


TIE = rate_in(TIES, currency("EUR"), currency("USD"))
MADE = {code: rate_in(MADE_UP, currency("CAD"), currency(code)) for code in ("USD", "JPY", "KWD")}


@pytest.mark.parametrize(
    ("amount", "rate", "result"),
    [
        (b"1100", MADE["USD"], "787.47"),
        (b"1100.", MADE["USD"], "787.47"),
        (b"001100.00", MADE["USD"], "787.47"),
        (b".5", MADE["USD"], "0.36"),
        (b"0", MADE["USD"], "0.00"),
        (b"0.000000001", MADE["USD"], "0.00"),
        (b"0.01", MADE["USD"], "0.01"),
        (b"1100", MADE["JPY"], "123829"),
        (b"0.001", MADE["JPY"], "0"),
        (b"0.01", MADE["JPY"], "1"),
        (b"1100", MADE["KWD"], "241.590"),
        (b"0.001", MADE["KWD"], "0.000"),
        (b"9" * 30, MADE["USD"], "715878508266051518646674356016.20"),
        (b"9" * 21 + b"." + b"9" * 9, MADE["USD"], "715878508266051518646.67"),
        # Ties, and their neighbours on both sides.
        (b"0.01", TIE, "0.01"),
        (b"0.03", TIE, "0.02"),
        (b"0.05", TIE, "0.03"),
        (b"1.01", TIE, "0.51"),
        (b"0.009999999", TIE, "0.00"),
        (b"0.010000001", TIE, "0.01"),
        (b"0.029999999", TIE, "0.01"),
        (b"99999999999999999999999999999", TIE, "49999999999999999999999999999.50"),
        (b"999999999999999999999999999.99", TIE, "500000000000000000000000000.00"),
    ],
)
def test_known_figures_of_plain_amounts(amount: bytes, rate: Rate, result: str) -> None:
    assert plain_result(amount, rate) == result
    assert general_result(amount, rate, Rounding.HALF_UP) == result


@pytest.mark.parametrize(
    "amount",
    [
        *(b"", b".", b"..", b"1.1.1", b"1..1", b"-1", b"+1", b"-0", b"--1", b"1e3", b"1_100"),
        *(b"1,100", b" 1", b"1\t", b"1\r", b"1\n", b"\x001", b"0x10", b"NaN", b"1\xff", b"\xb2"),
        *("\u0663".encode(), "1\u00b2".encode(), "\uff11".encode()),
        *(b"9" * 31, b"0" * 31, b"0." + b"9" * 30, b"0." + b"0" * 10, b"9" * 5000),
    ],
)
def test_what_is_not_written_plainly_is_left_to_the_general_way(amount: bytes) -> None:
    assert plain_result(amount, MADE["USD"]) is None


def test_ties_to_the_even_digit_and_four_digits_are_left_to_the_general_way() -> None:
    assert prepared(MADE["USD"], Rounding.HALF_EVEN) is None
    assert prepared(rate_in(MADE_UP, currency("CAD"), currency("CLF")), Rounding.HALF_UP) is None
