"""The Bank of England's document: what it says, read exactly; all else, refused with its reason."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.history import packaged_publications
from pricedesk.backend.sources import boe
from pricedesk.errors import RefusedDocument

FIXTURE = Path(__file__).parents[2] / "fixtures" / "boe" / "boe-iadb-2026-03-17_2026-03-20.csv"
RECORDED = FIXTURE.read_bytes()

SERIES = (
    "XUDLUSS XUDLERS XUDLJYS XUDLCDS XUDLSFS XUDLADS XUDLNDS XUDLNKS XUDLSKS XUDLDKS XUDLHDS"
    " XUDLSGS XUDLSRS XUDLZRS XUDLTWS XUDLBK25 XUDLBK33 XUDLBK47 XUDLBK78 XUDLBK83 XUDLBK87"
    " XUDLBK89 XUDLBK93 XUDLBK95 XUDLBK97 XUDLZOS4"
)
CURRENCIES = (
    "USD EUR JPY CAD CHF AUD NZD NOK SEK DKK HKD SGD SAR ZAR TWD CZK HUF PLN ILS MYR THB CNY KRW"
    " TRY INR RON"
)
CODES = dict(zip(SERIES.split(), CURRENCIES.split(), strict=True))

ON_2026_03_17 = (
    "USD 1.3343 EUR 1.1577 JPY 212.1937 CAD 1.829 CHF 1.0484 AUD 1.8794 NZD 2.2781 NOK 12.8023"
    " SEK 12.3878 DKK 8.651 HKD 10.4564 SGD 1.704 SAR 5.0103 ZAR 22.2645 TWD 42.5442 CZK 28.3025"
    " HUF 450.2329 PLN 4.933 ILS 4.1357 MYR 5.2365 THB 43.1513 CNY 9.1865 KRW 1986.5526"
    " TRY 58.9829 INR 123.2486 RON 5.8963"
)

SMALL = b"DATE,XUDLUSS,XUDLCDS\r\n17 Mar 2026,1.3343,1.829\r\n18 Mar 2026,1.3323,1.8248\r\n"


def changed(before: bytes, after: bytes) -> bytes:
    """A right document with the first of this replaced by that."""
    assert before in SMALL
    return SMALL.replace(before, after, 1)


def test_the_recorded_document_is_read_in_its_own_words() -> None:
    sheets = boe.parse(RECORDED)
    assert [sheet.date for sheet in sheets] == [date(2026, 3, day) for day in (17, 18, 19, 20)]
    assert " ".join(f"{c} {v}" for c, v in sheets[0].rates.items()) == ON_2026_03_17
    assert [dict(sheet.units) for sheet in sheets] == [{}, {}, {}, {}]


def test_every_recorded_value_stands_under_the_currency_of_its_column() -> None:
    header, *lines = RECORDED.decode("ascii").split("\r\n")[:-1]
    codes = [CODES[series] for series in header.split(",")[1:]]
    rows = [dict(zip(codes, line.split(",")[1:], strict=True)) for line in lines]
    assert [sheet.rates for sheet in boe.parse(RECORDED)] == rows
    assert sum(len(row) for row in rows) == 104


def test_what_is_asked_for_are_the_series_whose_currencies_are_known() -> None:
    assert boe.url(date(2026, 3, 1), date(2026, 12, 31)) == (
        "https://www.bankofengland.co.uk/boeapps/database/_iadb-fromshowcolumns.asp?csv.x=yes"
        "&SeriesCodes=XUDLUSS,XUDLERS,XUDLJYS,XUDLCDS,XUDLSFS,XUDLADS,XUDLNDS,XUDLNKS,XUDLSKS"
        ",XUDLDKS,XUDLHDS,XUDLSGS,XUDLSRS,XUDLZRS,XUDLTWS,XUDLBK25,XUDLBK33,XUDLBK47,XUDLBK78"
        ",XUDLBK83,XUDLBK87,XUDLBK89,XUDLBK93,XUDLBK95,XUDLBK97,XUDLZOS4"
        "&UsingCodes=Y&CSVF=TN&Datefrom=01/Mar/2026&Dateto=31/Dec/2026"
    )


def per_pound_elsewhere(day: date) -> dict[str, Fraction]:
    """What a pound was worth by the ECB, and in the two currencies that it lacks.

    The riyal is tied to the US dollar at 3.75. Norges Bank had the pound at 12.8115 kroner and
    100 Taiwan dollars at 30.139 on 2026-03-17.
    """
    [ecb] = [p for p in packaged_publications() if p.date == day]
    per_euro = {"EUR": Fraction(1)} | {c: Fraction(v) for c, v in ecb.rates().items()}
    per_pound = {code: value / per_euro["GBP"] for code, value in per_euro.items()}
    per_pound["SAR"] = per_pound["USD"] * Fraction("3.75")
    per_pound["TWD"] = Fraction("12.8115") / Fraction("0.30139")
    return per_pound


@pytest.mark.parametrize("day", [date(2026, 3, 17), date(2026, 3, 18)])
def test_the_nearest_rate_of_others_is_that_of_the_same_currency(day: date) -> None:
    elsewhere = per_pound_elsewhere(day)
    [sheet] = [sheet for sheet in boe.parse(RECORDED) if sheet.date == day]
    apart = {
        code: {other: abs(Fraction(value) / rate - 1) for other, rate in elsewhere.items()}
        for code, value in sheet.rates.items()
    }
    assert {c: min(others, key=lambda o: others[o]) for c, others in apart.items()} == {
        code: code for code in CODES.values()
    }
    assert [code for code, others in apart.items() if others[code] > Fraction("0.006")] == []


def test_a_canadian_dollar_was_worth_this_many_us_dollars() -> None:
    rates = boe.parse(RECORDED)[0].rates
    assert round(Fraction(rates["USD"]) / Fraction(rates["CAD"]), 5) == Fraction("0.72952")


@pytest.mark.parametrize("cell", [b"", b"0"])
def test_an_empty_cell_and_a_zero_are_no_value(cell: bytes) -> None:
    before, after = boe.parse(changed(b"1.3343", cell))
    assert (before.rates, after.rates) == ({"CAD": "1.829"}, {"USD": "1.3323", "CAD": "1.8248"})


@pytest.mark.parametrize("value", ["0.0000", "-1.3343", "NaN", "1e400", " 1.3343", "n/a"])
def test_an_odd_value_is_passed_on_for_the_guards(value: str) -> None:
    before, _ = boe.parse(changed(b"1.3343", value.encode()))
    assert before.rates == {"USD": value, "CAD": "1.829"}


def test_so_is_a_date_that_cannot_be() -> None:
    assert boe.parse(changed(b"18 Mar 2026", b"18 Mar 2126"))[1].date == date(2126, 3, 18)


def test_a_day_without_any_value_is_no_publication() -> None:
    [sheet] = boe.parse(changed(b"1.3343,1.829", b",0"))
    assert sheet.date == date(2026, 3, 18)


def test_columns_and_rows_may_come_in_any_order() -> None:
    before, after = boe.parse(b"DATE,XUDLZOS4,XUDLBK95\n02 Jan 2026,5.9,57.10\n31 Dec 2025,6,57\n")
    assert (before.date, before.rates) == (date(2025, 12, 31), {"RON": "6", "TRY": "57"})
    assert (after.date, after.rates) == (date(2026, 1, 2), {"RON": "5.9", "TRY": "57.10"})


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"\r\n \r\n", "the document is empty"),
        (b"<html>Busy</html>", "the document is a web page or XML, which the source's is not"),
        (b"DATE,XUDLUSS\r\n", "the document has no rates"),
        (b"DATE\r\n17 Mar 2026\r\n", "the document has no rates"),
        (b"DATE,XUDLUSS\r\n17 Mar 2026,0\r\n", "the document has no rates"),
        (b"Error 500", 'the document begins with "Error 500", not with its columns'),
        (b"\r\n" + SMALL, 'the document begins with "", not with its columns'),
        (
            changed(b"DATE,", b"Date,"),
            'the document begins with "Date,XUDLUSS,XUDLCDS", not with its columns',
        ),
        (changed(b"XUDLCDS", b"XUDLBK85"), '"XUDLBK85" is no series that was asked for'),
        (changed(b"XUDLCDS", b"xudlcds"), '"xudlcds" is no series that was asked for'),
        (changed(b"XUDLCDS", b""), '"" is no series that was asked for'),
        (changed(b"XUDLCDS", b"DATE"), '"DATE" is no series that was asked for'),
        (changed(b"XUDLCDS", b"XUDLUSS"), "the document has a column twice"),
        (SMALL[:-9], "row 3 has 2 cells for 3 columns"),
        (SMALL[:-4], "the last row is cut off"),
        (SMALL[:-2], "the last row is cut off"),
        (changed(b"1.829\r\n", b"1.829,\r\n"), "row 2 has 4 cells for 3 columns"),
        (changed(b"1.829\r\n", b"1.829\r\n\r\n"), "row 3 has 0 cells for 3 columns"),
        (SMALL[:-15] + b'"1.3323', "the document is not CSV: unexpected end of data"),
        (changed(b"18 Mar", b"17 Mar"), "the date 2026-03-17 occurs twice"),
        (changed(b"17 Mar 2026", b"2026-03-17"), '"2026-03-17" is not a date'),
        (changed(b"17 Mar", b"7 Mar"), '"7 Mar 2026" is not a date'),
        (changed(b"17 Mar", b"17 mar"), '"17 mar 2026" is not a date'),
        (changed(b"17 Mar", b"17 Mrz"), '"17 Mrz 2026" is not a date'),
        (changed(b"17 Mar", b"31 Feb"), '"31 Feb 2026" is not a date'),
        (changed(b"2026", b"0000"), '"17 Mar 0000" is not a date'),
        (changed(b"2026", b"20261"), '"17 Mar 20261" is not a date'),
        (changed(b"17 Mar 2026", b""), '"" is not a date'),
        (changed(b"1.3343,", b'"1,334",'), 'USD on 2026-03-17 has the value "1,334"'),
        (changed(b"1.3343", b"1\x7f"), 'USD on 2026-03-17 has the value "1\\x7f"'),
        (changed(b"1.3343", b"1" * 65), f'USD on 2026-03-17 has the value "{"1" * 37}..."'),
        (changed(b"1.3343", b"1" * 4097), "line 2 is longer than 4096 characters"),
    ],
)
def test_anything_else_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument, match=f"^{re.escape(reason)}$"):
        boe.parse(raw)


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(RefusedDocument, match=r"^the document is not UTF-8 text: "):
        boe.parse(changed(b"Mar", b"M\xe4r"))


def parsed_or_refused(raw: bytes) -> None:
    """Sheets, ascending and with rates, or RefusedDocument; any other exception comes out."""
    try:
        sheets = boe.parse(raw)
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
