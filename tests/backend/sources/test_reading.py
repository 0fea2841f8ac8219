"""What parsers pass on and what they refuse, for all of them in one place."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import (
    SHEET_CURRENCIES_MAX,
    Sheets,
    read_code,
    read_json,
    read_value,
)
from pricedesk.errors import RefusedDocument

DAY = date(2026, 3, 17)


@pytest.mark.parametrize("text", ["1.5", "0", "-1", "NaN", "1e400", "N/A", "", " ", "½", "1" * 64])
def test_a_short_text_that_prints_is_passed_on_as_it_is(text: str) -> None:
    assert read_value(text, "USD", DAY) == text


@pytest.mark.parametrize(
    "value",
    [
        *("1,5", "1\n", "\t1", "1\x00", "1\x7f", "\ud800", "\u202e1", "\xa01", "1" * 65),
        *(None, True, [], {}, 1),
    ],
)
def test_what_is_no_short_text_of_one_value_is_refused(value: object) -> None:
    with pytest.raises(RefusedDocument, match=r"^USD on 2026-03-17 has the value \""):
        read_value(value, "USD", DAY)


@pytest.mark.parametrize("code", ["USD", "QQQ", "XXX"])
def test_three_capitals_are_passed_on(code: str) -> None:
    assert read_code(code) == code


@pytest.mark.parametrize(
    "code", ["usd", "US", "USDD", "", " USD", "US1", "\u00dcSD", None, ["USD"]]
)
def test_anything_else_is_no_code(code: object) -> None:
    with pytest.raises(RefusedDocument, match=r" is no currency code$"):
        read_code(code)


@given(st.text())
def test_no_text_that_is_passed_on_can_break_a_row_of_values(text: str) -> None:
    try:
        value = read_value(text, "USD", DAY)
    except RefusedDocument:
        return
    assert value.splitlines() in ([value], [])
    assert value.encode().split(b",") == [value.encode()]


def test_numbers_that_are_none_are_read_as_what_they_say() -> None:
    assert read_json(b"[NaN, Infinity, -Infinity, 1e400, 0, -0.0]") == (
        ["NaN", "Infinity", "-Infinity", "1e400", "0", "-0.0"]
    )


def test_a_date_has_no_more_codes_than_there_can_be_currencies() -> None:
    sheets = Sheets()
    codes = [f"{a}{b}A" for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJKLMNOPQRST"]
    assert len(codes) == SHEET_CURRENCIES_MAX
    for code in codes:
        sheets.add(DAY, code, "1")
    assert sheets.by_date() == [Sheet(DAY, dict.fromkeys(codes, "1"))]
    with pytest.raises(RefusedDocument, match=r"^there are more than 400 codes on 2026-03-17$"):
        sheets.add(DAY, "ZZZ", "1")
