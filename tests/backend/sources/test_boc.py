"""The Bank of Canada's document: read in its own words; everything else, refused."""

import json
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.sources import boc
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "boc"
RECORDED = (FIXTURES / "FX_RATES_DAILY-2026-03-12.json").read_bytes()

ON_2026_03_17 = (
    "AUD 0.9731 BRL 0.2634 CNY 0.1989 EUR 1.5798 HKD 0.1748 INR 0.01483 IDR 0.000081 JPY 0.008620"
    " MXN 0.07749 NZD 0.8025 NOK 0.1428 PEN 0.4015 RUB 0.01661 SAR 0.3648 SGD 1.0730 ZAR 0.08219"
    " KRW 0.000921 SEK 0.1476 CHF 1.7437 TWD 0.04298 TRY 0.03100 GBP 1.8286 USD 1.3699"
)
DAY = b'{"d":"2026-03-17","FXUSDCAD":{"v":"1.3699"},"FXIDRCAD":{"v":"0.000081"}}'
DOCUMENT = b'{"terms":{},"observations":[' + DAY + b"]}"


def refusal(raw: bytes) -> str:
    with pytest.raises(RefusedDocument) as caught:
        boc.parse(raw)
    return str(caught.value)


def test_the_address_names_the_first_and_the_last_day() -> None:
    assert boc.url(date(2026, 3, 12), date(2026, 3, 18)) == (
        "https://www.bankofcanada.ca/valet/observations/group/FX_RATES_DAILY/json"
        "?start_date=2026-03-12&end_date=2026-03-18"
    )


def test_a_day_is_read_in_the_banks_own_words() -> None:
    [sheet] = [sheet for sheet in boc.parse(RECORDED) if sheet.date == date(2026, 3, 17)]
    assert " ".join(f"{code} {value}" for code, value in sheet.rates.items()) == ON_2026_03_17
    assert sheet.units == {}


def test_every_value_of_the_recording_is_read_and_nothing_else() -> None:
    recorded = {
        observation["d"]: {
            series[2:5]: cell["v"] for series, cell in observation.items() if series != "d"
        }
        for observation in json.loads(RECORDED)["observations"]
    }
    assert {str(sheet.date): sheet.rates for sheet in boc.parse(RECORDED)} == recorded
    assert [len(rates) for rates in recorded.values()] == [23, 23, 23, 23, 23]


def test_a_dollar_of_canada_is_worth_one_divided_by_the_value_of_the_other() -> None:
    [sheet] = [sheet for sheet in boc.parse(RECORDED) if sheet.date == date(2026, 3, 17)]
    assert round(1 / Fraction(sheet.rates["USD"]), 5) == Fraction("0.72998")


def test_days_come_in_their_order_whatever_that_of_the_document_is() -> None:
    earlier = DAY.replace(b"03-17", b"03-16")
    raw = DOCUMENT.replace(DAY, DAY + b"," + earlier)
    assert [sheet.date for sheet in boc.parse(raw)] == [date(2026, 3, 16), date(2026, 3, 17)]


def test_a_day_without_any_value_has_no_sheet() -> None:
    raw = DOCUMENT.replace(DAY, b'{"d":"2026-03-16"},' + DAY)
    assert [sheet.date for sheet in boc.parse(raw)] == [date(2026, 3, 17)]


def test_a_currency_without_a_value_is_left_out() -> None:
    [sheet] = boc.parse(DOCUMENT.replace(b'"FXUSDCAD":{"v":"1.3699"},', b""))
    assert sheet.rates == {"IDR": "0.000081"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b" \r\n", "the document is empty"),
        (
            b"<!DOCTYPE html><title>Blocked</title>",
            "the document is a web page or XML, which the source's is not",
        ),
        (
            b'{"observations":[',
            "the document is not JSON: Expecting value: line 1 column 18 (char 17)",
        ),
        (b"[]", "the document is not an object with observations"),
        (b'{"message":"Not found"}', "the document is not an object with observations"),
        (b'{"observations":{}}', "observations is not a list of objects"),
        (b'{"observations":["2026-03-17"]}', "observations is not a list of objects"),
        (b'{"observations":[]}', "the document has no rates"),
        (b'{"observations":[{"d":"2026-03-17"}]}', "the document has no rates"),
        (b'{"observations":[{}]}', '"None" is not a date'),
    ],
)
def test_what_is_not_the_banks_document_is_refused(raw: bytes, reason: str) -> None:
    assert refusal(raw) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"2026-03-17"', b'"2026-02-29"', '"2026-02-29" is not a date'),
        (b'"2026-03-17"', b'"17/03/2026"', '"17/03/2026" is not a date'),
        (b'"2026-03-17"', b"20260317", '"20260317" is not a date'),
        (b'"2026-03-17"', b'{"v":"1"}', "\"{'v': '1'}\" is not a date"),
        (b"FXUSDCAD", b"FXCADUSD", '"FXCADUSD" on 2026-03-17 is no series of exchange rates'),
        (b"FXUSDCAD", b"fxusdcad", '"fxusdcad" on 2026-03-17 is no series of exchange rates'),
        (b"FXUSDCAD", b"CEER_USD", '"CEER_USD" on 2026-03-17 is no series of exchange rates'),
        (b"FXIDRCAD", b"FXUSDCAD", "the document has a name twice in one object"),
        (DAY, DAY + b"," + DAY, "USD occurs twice on 2026-03-17"),
        (b'{"v":"1.3699"}', b'"1.3699"', "USD on 2026-03-17 is not an object with one value"),
        (b'{"v":"1.3699"}', b"{}", "USD on 2026-03-17 is not an object with one value"),
        (b'{"v":"1.3699"}', b'{"e":-64}', "USD on 2026-03-17 is not an object with one value"),
        (b'"1.3699"}', b'"1.3699","e":1}', "USD on 2026-03-17 is not an object with one value"),
        (b'"1.3699"', b"[]", 'USD on 2026-03-17 has the value "[]"'),
        (b'"1.3699"', b"null", 'USD on 2026-03-17 has the value "None"'),
        (b"1.3699", b"1,3699", 'USD on 2026-03-17 has the value "1,3699"'),
        (b"1.3699", b"1\\u0000", 'USD on 2026-03-17 has the value "1\\x00"'),
        (b"1.3699", b"1" * 65, f'USD on 2026-03-17 has the value "{"1" * 37}..."'),
    ],
)
def test_one_wrong_thing_refuses_the_document(old: bytes, new: bytes, reason: str) -> None:
    assert refusal(DOCUMENT.replace(old, new)) == reason


@pytest.mark.parametrize(
    "value", ["NaN", "1e400", "0.0000", "-1.3699", "N/A", " 1.3699", "", "1" * 64]
)
def test_an_odd_value_is_passed_on_for_the_guards(value: str) -> None:
    [sheet] = boc.parse(DOCUMENT.replace(b"1.3699", value.encode()))
    assert sheet.rates == {"USD": value, "IDR": "0.000081"}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "0"])
def test_so_is_a_number_that_is_none(number: str) -> None:
    [sheet] = boc.parse(DOCUMENT.replace(b'"1.3699"', number.encode()))
    assert sheet.rates["USD"] == number


@pytest.mark.parametrize("code", ["XXX", "QQQ", "CAD"])
def test_so_is_a_code_that_the_bank_cannot_publish(code: str) -> None:
    [sheet] = boc.parse(DOCUMENT.replace(b"FXUSDCAD", f"FX{code}CAD".encode()))
    assert sheet.rates == {code: "1.3699", "IDR": "0.000081"}


@pytest.mark.parametrize("day", ["2126-03-17", "1926-03-17"])
def test_so_is_a_date_that_cannot_be(day: str) -> None:
    [sheet] = boc.parse(DOCUMENT.replace(b"2026-03-17", day.encode()))
    assert sheet.date == date.fromisoformat(day)


def test_a_document_that_is_cut_off_is_refused() -> None:
    for length in range(len(DOCUMENT)):
        refusal(DOCUMENT[:length])


def check_what_is_read(raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        sheets = boc.parse(raw)
    except RefusedDocument:
        return
    days = [sheet.date for sheet in sheets]
    assert days == sorted(set(days))
    for sheet in sheets:
        assert sheet.rates
        for code, value in sheet.rates.items():
            assert re.fullmatch(r"[A-Z]{3}", code)
            assert len(value) <= VALUE_CHARACTERS_MAX
            assert value.isprintable()
            assert "," not in value


FRAGMENTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(b'0 - " , : {} [] null NaN 1e400 USD CAD "d" "v" \\ud800 2026-03-16'.split()),
)
EDITS = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 8), FRAGMENTS), max_size=5)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_sound(raw: bytes) -> None:
    check_what_is_read(raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([RECORDED, DOCUMENT]), EDITS)
def test_what_comes_of_a_right_document_is_refused_or_sound(
    raw: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    for position, length, fragment in edits:
        at = position % (len(raw) + 1)
        raw = raw[:at] + fragment + raw[at + length :]
    check_what_is_read(raw)
