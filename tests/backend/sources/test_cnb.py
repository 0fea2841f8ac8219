"""The Czech National Bank's document: read exactly, or refused with its reason."""

import json
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import cnb
from pricedesk.errors import RefusedDocument

FIXTURE = Path(__file__).parents[2] / "fixtures" / "cnb" / "cnb-daily-year-2026.json"
RECORDED = FIXTURE.read_bytes()

HUNDREDS = "HUF INR ISK JPY KRW PHP THB TRY"
FIRST_ON_2026_01_02 = (
    "AUD 13.797 BRL 3.789 CAD 15.014 CHF 25.997 CNY 2.947 DKK 3.236 EUR 24.170 GBP 27.718"
    " HKD 2.645 HUF 6.304 IDR 1.233 ILS 6.492 "
)
LAST_ON_2026_04_02 = " SEK 2.241 SGD 16.542 THB 64.984 TRY 47.850 USD 21.291 ZAR 1.252"

SMALL = (
    b'{"rates":[{"currencyCode":"CAD","amount":1,"validFor":"2026-01-02","rate":15.014},'
    b'{"currencyCode":"HUF","amount":100,"validFor":"2026-01-02","rate":6.304},'
    b'{"currencyCode":"XDR","amount":1,"validFor":"2026-01-02","rate":28.170},'
    b'{"currencyCode":"CAD","amount":1,"validFor":"2026-01-05","rate":15.050}]}'
)


def changed(before: bytes, after: bytes) -> bytes:
    """A right document with the first of this replaced by that."""
    assert before in SMALL
    return SMALL.replace(before, after, 1)


def in_words(sheet: Sheet) -> str:
    return " ".join(f"{code} {value}" for code, value in sheet.rates.items())


def test_the_recorded_document_is_read_in_its_own_words() -> None:
    sheets = cnb.parse(RECORDED)
    assert (len(sheets), sheets[0].date, sheets[-1].date) == (
        65,
        date(2026, 1, 2),
        date(2026, 4, 2),
    )
    assert in_words(sheets[0]).startswith(FIRST_ON_2026_01_02)
    assert in_words(sheets[-1]).endswith(LAST_ON_2026_04_02)


def test_every_recorded_value_is_there_but_the_drawing_rights() -> None:
    found = re.findall(
        r'"currencyCode":"(\w+)","amount":(\d+),"validFor":"([\d-]+)","rate":([\d.]+)}',
        RECORDED.decode("ascii"),
    )
    read = {
        (code, sheet.units.get(code, 1), str(sheet.date), value)
        for sheet in cnb.parse(RECORDED)
        for code, value in sheet.rates.items()
    }
    assert read == {(c, int(a), day, v) for c, a, day, v in found if c != "XDR"}
    assert (len(found), len(read)) == (1950, 1885)


def test_values_of_more_than_one_unit_say_so() -> None:
    units = dict.fromkeys(HUNDREDS.split(), 100) | {"IDR": 1000}
    assert [sheet.units for sheet in cnb.parse(RECORDED)] == [units] * 65


def test_a_canadian_dollar_was_worth_this_many_us_dollars() -> None:
    [rates] = [s.rates for s in cnb.parse(RECORDED) if s.date == date(2026, 3, 17)]
    assert round(Fraction(rates["CAD"]) / Fraction(rates["USD"]), 5) == Fraction("0.72992")


def test_a_document_is_of_one_year() -> None:
    assert cnb.url(date(2026, 1, 1), date(2026, 12, 31)) == (
        "https://api.cnb.cz/cnbapi/exrates/daily-year?year=2026&lang=EN"
    )
    with pytest.raises(ValueError, match=r"^2025-12-31 and 2026-01-01 are not of one year$"):
        cnb.url(date(2025, 12, 31), date(2026, 1, 1))


def test_values_keep_their_zeros_and_dates_ascend() -> None:
    document = json.loads(SMALL, parse_float=str)
    document["rates"].reverse()
    before, after = cnb.parse(json.dumps(document).encode())
    assert before == Sheet(date(2026, 1, 2), {"HUF": "6.304", "CAD": "15.014"}, {"HUF": 100})
    assert after == Sheet(date(2026, 1, 5), {"CAD": "15.050"}, {})


LIST = "rates is not a list of objects"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"<html>Busy</html>", "the document is a web page or XML, which the source's is not"),
        (b'{"rates":[]}', "the document has no rates"),
        (
            SMALL[:-2],
            "the document is not JSON: Expecting ',' delimiter: line 1 column 299 (char 298)",
        ),
        (b"[]", "the document is not an object"),
        (b'"rates"', "the document is not an object"),
        (b"null", "the document is not an object"),
        (b"{}", LIST),
        (b'{"errorCode":"VALIDATION_ERROR"}', LIST),
        (b'{"rates":{}}', LIST),
        (b'{"rates":null}', LIST),
        (b'{"rates":"CAD"}', LIST),
        (b'{"rates":[[]]}', LIST),
        (b'{"rates":[{"a":1,"a":1}]}', "the document has a name twice in one object"),
        (changed(b"2026-01-05", b"2026-01-02"), "CAD occurs twice on 2026-01-02"),
        (changed(b"HUF", b"CAD"), "CAD occurs twice on 2026-01-02"),
        (changed(b'"CAD"', b'"cad"'), '"cad" is no currency code'),
        (changed(b'"CAD"', b"124"), '"124" is no currency code'),
        (changed(b'"CAD"', b'["XDR"]'), "\"['XDR']\" is no currency code"),
        (changed(b"currencyCode", b"code"), '"None" is no currency code'),
        (changed(b"2026-01-02", b"2026-02-30"), '"2026-02-30" is not a date'),
        (changed(b"2026-01-02", b"02.01.2026"), '"02.01.2026" is not a date'),
        (changed(b'"2026-01-02"', b"20260102"), '"20260102" is not a date'),
        (changed(b'"2026-01-02"', b"{}"), '"{}" is not a date'),
        (changed(b"15.014", b'"15,014"'), 'CAD on 2026-01-02 has the value "15,014"'),
        (changed(b"15.014", b"null"), 'CAD on 2026-01-02 has the value "None"'),
        (changed(b"15.014", b"true"), 'CAD on 2026-01-02 has the value "True"'),
        (changed(b"15.014", b"[15.014]"), "CAD on 2026-01-02 has the value \"['15.014']\""),
        (changed(b':1,"', b':10,"'), 'CAD on 2026-01-02 has the amount "10"'),
        (changed(b':1,"', b':0,"'), 'CAD on 2026-01-02 has the amount "0"'),
        (changed(b':1,"', b':1.0,"'), 'CAD on 2026-01-02 has the amount "1.0"'),
        (changed(b':1,"', b':true,"'), 'CAD on 2026-01-02 has the amount "True"'),
        (changed(b':1,"', b':[1],"'), "CAD on 2026-01-02 has the amount \"['1']\""),
        (changed(b"amount", b"units"), 'CAD on 2026-01-02 has the amount "None"'),
    ],
)
def test_anything_else_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as caught:
        cnb.parse(raw)
    assert str(caught.value) == reason


@pytest.mark.parametrize("number", ["0", "0.000", "-15.014", "NaN", "1e400", '"N/A"', '""'])
def test_an_odd_value_is_passed_on_for_the_guards(number: str) -> None:
    sheet, _ = cnb.parse(changed(b"15.014", number.encode()))
    assert sheet.rates == {"CAD": number.strip('"'), "HUF": "6.304"}


@pytest.mark.parametrize("code", ["XBT", "CZK"])
def test_so_is_a_code_that_the_bank_cannot_publish(code: str) -> None:
    sheet, _ = cnb.parse(changed(b'"CAD"', f'"{code}"'.encode()))
    assert sheet.rates == {code: "15.014", "HUF": "6.304"}


def test_so_is_a_date_that_cannot_be() -> None:
    assert cnb.parse(changed(b"2026-01-05", b"2126-01-05"))[1].date == date(2126, 1, 5)


def parsed_or_refused(raw: bytes) -> None:
    """Sheets, ascending and with rates, or RefusedDocument; any other exception comes out."""
    try:
        sheets = cnb.parse(raw)
    except RefusedDocument:
        return
    days = [sheet.date for sheet in sheets if sheet.rates]
    assert days == sorted(set(days))
    assert len(days) == len(sheets)


@given(st.binary())
def test_any_bytes_are_sheets_or_refused(raw: bytes) -> None:
    parsed_or_refused(raw)


@given(st.integers(0, len(SMALL)), st.integers(0, 12), st.binary(max_size=12))
def test_a_damaged_document_is_sheets_or_refused(start: int, length: int, put: bytes) -> None:
    parsed_or_refused(SMALL[:start] + put + SMALL[start + length :])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(["currencyCode", "amount", "validFor", "rate"]), ANYTHING)
def test_anything_in_place_of_a_value_is_sheets_or_refused(name: str, value: object) -> None:
    rate = {"currencyCode": "CAD", "amount": 1, "validFor": "2026-01-02", "rate": "15.014"}
    parsed_or_refused(json.dumps({"rates": [rate | {name: value}]}).encode())
