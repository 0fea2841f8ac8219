"""Norges Bank's CSV: read exactly as published, or refused with the reason."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import nb
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "nb"
RECORDED = (FIXTURES / "norges-bank-sdmx-2026-03-16_2026-03-24.csv").read_bytes()
HEADER = (
    "FREQ,BASE_CUR,QUOTE_CUR,TENOR,DECIMALS,CALCULATED,UNIT_MULT,COLLECTION,TIME_PERIOD,OBS_VALUE"
)
USD = "B,USD,NOK,SP,4,false,0,C,2026-03-17,9.6028"
HUF = "B,HUF,NOK,SP,4,false,2,C,2026-03-17,2.8514"
XDR = "B,XDR,NOK,SP,5,true,0,C,2026-03-17,13.07222"
SMALL = f"{HEADER}\n{USD}\n{HUF}\n{XDR}\n".encode()
TUESDAY = date(2026, 3, 17)


def document(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def test_the_recorded_document_has_each_value_as_published() -> None:
    row = re.compile(
        r"^B,(...),NOK,SP,\d,(?:true|false),(\d),C,(\d{4}-\d\d-\d\d),([0-9.]+)$", re.MULTILINE
    )
    found = row.findall(RECORDED.decode())
    assert len(found) == RECORDED.count(b"\n") - 1 == 266
    rates: dict[str, dict[str, str]] = {}
    units: dict[str, dict[str, int]] = {}
    for code, power, day, value in found:
        if code not in {"I44", "TWI", "XDR"}:
            rates.setdefault(day, {})[code] = value
            units.setdefault(day, {}).update({code: 100} if power == "2" else {})
    assert nb.parse(RECORDED) == [
        Sheet(date.fromisoformat(day), rates[day], units[day]) for day in sorted(rates)
    ]


def test_some_of_what_was_recorded() -> None:
    sheets = nb.parse(RECORDED)
    assert [sheet.date.day for sheet in sheets] == [16, 17, 18, 19, 20, 23, 24]
    assert {len(sheet.rates) for sheet in sheets} == {35}
    tuesday = sheets[1]
    assert (tuesday.date, tuesday.rates["USD"], tuesday.rates["DKK"]) == (
        TUESDAY,
        "9.6028",
        "148.2",
    )
    assert tuesday.rates["IDR"] == "0.056627"
    assert "USD" not in tuesday.units
    assert tuesday.units["IDR"] == 100


def test_a_canadian_dollar_is_worth_so_many_us_dollars() -> None:
    rates = nb.parse(RECORDED)[1].rates
    assert round(Fraction(rates["CAD"]) / Fraction(rates["USD"]), 5) == Fraction("0.72963")


def test_the_address_has_both_days() -> None:
    assert nb.url(date(2026, 3, 16), date(2026, 3, 24)) == (
        "https://data.norges-bank.no/api/data/EXR/B..NOK.SP"
        "?format=csvdata&startPeriod=2026-03-16&endPeriod=2026-03-24"
    )


def test_columns_may_stand_in_another_order_with_others_between() -> None:
    header = "OBS_VALUE,NEW,TIME_PERIOD,UNIT_MULT,TENOR,QUOTE_CUR,BASE_CUR,FREQ"
    raw = document("2.8514,x,2026-03-17,2,SP,NOK,HUF,B", header=header)
    assert nb.parse(raw) == [Sheet(TUESDAY, {"HUF": "2.8514"}, {"HUF": 100})]


@pytest.mark.parametrize(("power", "units"), [("0", {}), ("2", {"HUF": 100}), ("3", {"HUF": 1000})])
def test_unit_mult_is_the_power_of_ten_of_the_units(power: str, units: dict[str, int]) -> None:
    raw = document(HUF.replace(",2,C", f",{power},C"))
    assert nb.parse(raw) == [Sheet(TUESDAY, {"HUF": "2.8514"}, units)]


def test_a_cell_without_a_value_is_left_out() -> None:
    raw = document(USD.replace("9.6028", ""), HUF)
    assert nb.parse(raw) == [Sheet(TUESDAY, {"HUF": "2.8514"}, {"HUF": 100})]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"\xef\xbb\xbf", "the document is empty"),
        (b"<html>Busy</html>", "the document is a web page or XML, which the source's is not"),
        (document(), "the document has no rates"),
        (document(XDR), "the document has no rates"),
        (b'{"errors": []}\n', "the header has 0 columns FREQ"),
        (document(USD, header=HEADER.replace("TENOR", "TERM")), "the header has 0 columns TENOR"),
        (
            document(USD, header=HEADER.replace("COLLECTION", "OBS_VALUE")),
            "the header has 2 columns OBS_VALUE",
        ),
        (SMALL[:-2], "the last row is cut off"),
        (document(USD[:-10]), "row 2 has 9 cells for 10 columns"),
        (document(USD, "", HUF), "row 3 has 0 cells for 10 columns"),
        (document(f"{USD},1"), "row 2 has 11 cells for 10 columns"),
        (document(USD, USD), "USD occurs twice on 2026-03-17"),
        (document(USD.replace("B,U", "M,U")), 'FREQ on 2026-03-17 is "M", not B'),
        (document(USD.replace("NOK", "SEK")), 'QUOTE_CUR on 2026-03-17 is "SEK", not NOK'),
        (document(XDR.replace("NOK", "SEK")), 'QUOTE_CUR on 2026-03-17 is "SEK", not NOK'),
        (document(USD.replace("SP", "1M")), 'TENOR on 2026-03-17 is "1M", not SP'),
        (document(HUF.replace(",2,", ",6,")), 'HUF on 2026-03-17 has the UNIT_MULT "6"'),
        (document(HUF.replace(",2,", ",,")), 'HUF on 2026-03-17 has the UNIT_MULT ""'),
        (
            document(USD.replace("9.6028", '"9,6"')),
            'USD on 2026-03-17 has the value "9,6"',
        ),
        (document(USD.replace("USD", "US")), '"US" is no currency code'),
        (document(USD.replace("-17", "-32")), '"2026-03-32" is not a date'),
        (document(USD.replace("-17", "")), '"2026-03" is not a date'),
    ],
)
def test_what_norges_bank_does_not_publish_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        nb.parse(raw)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("value", ["0", "0.0000", "-9.6", "NaN", "1e400", "NA", " 9.6"])
def test_an_odd_value_is_passed_on_for_the_guards(value: str) -> None:
    assert nb.parse(document(USD.replace("9.6028", value))) == [Sheet(TUESDAY, {"USD": value})]


@pytest.mark.parametrize("code", ["QQQ", "NOK"])
def test_so_is_a_code_that_the_bank_cannot_publish(code: str) -> None:
    assert nb.parse(document(USD.replace("USD", code))) == [Sheet(TUESDAY, {code: "9.6028"})]


def test_so_is_a_date_that_cannot_be() -> None:
    assert nb.parse(document(USD.replace("2026", "2126")))[0].date == date(2126, 3, 17)


def check_what_is_read(raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        sheets = nb.parse(raw)
    except RefusedDocument:
        return
    days = [sheet.date for sheet in sheets]
    assert days == sorted(set(days))
    for sheet in sheets:
        assert sheet.rates
        assert sheet.units.keys() <= sheet.rates.keys()
        assert all(units in {100, 1000} for units in sheet.units.values())
        for code, value in sheet.rates.items():
            assert re.fullmatch(r"[A-Z]{3}", code)
            assert len(value) <= VALUE_CHARACTERS_MAX
            assert value.isprintable()
            assert "," not in value


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_sound(raw: bytes) -> None:
    check_what_is_read(raw)
    check_what_is_read(SMALL + raw + b"\n")


FRAGMENTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(
        [b"0", b"-", b",", b'"', b"\n", b"\x00", b"e400", b"NaN", b"EUR", b"2026-03-18"]
    ),
)
EDITS = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 8), FRAGMENTS), max_size=4)


@settings(max_examples=300)
@given(EDITS)
def test_what_comes_of_a_right_document_is_refused_or_sound(
    edits: list[tuple[int, int, bytes]],
) -> None:
    raw = SMALL
    for position, length, fragment in edits:
        at = position % (len(raw) + 1)
        raw = raw[:at] + fragment + raw[at + length :]
    check_what_is_read(raw)
