"""The Riksbank's JSON: read exactly as published, or refused with the reason."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import rb
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rb"
RECORDED = (FIXTURES / "riksbank-bygroup130-2026-03-24_2026-03-28.json").read_bytes()
USD = '{"seriesId":"SEKUSDPMI","date":"2026-03-24","value":9.33245}'
CAD = '{"seriesId":"SEKCADPMI","date":"2026-03-24","value":6.80314}'
ONE = '{"seriesId":"SEKETT","date":"2026-03-24","value":1}'
SMALL = f"[{USD},{CAD},{ONE}]".encode()
TUESDAY = date(2026, 3, 24)


def document(*observations: str) -> bytes:
    return f"[{','.join(observations)}]".encode()


def test_the_recorded_document_has_each_value_as_published() -> None:
    item = re.compile(r'\{"seriesId":"SEK(...)(?:PMI)?","date":"([0-9-]{10})","value":([0-9.]+)\}')
    found = item.findall(RECORDED.decode())
    assert len(found) == RECORDED.count(b"{") == 120
    rates: dict[str, dict[str, str]] = {}
    for code, day, value in found:
        if code != "ETT":
            rates.setdefault(day, {})[code] = value
    assert rb.parse(RECORDED) == [
        Sheet(date.fromisoformat(day), rates[day]) for day in sorted(rates)
    ]


def test_some_of_what_was_recorded() -> None:
    sheets = rb.parse(RECORDED)
    assert [sheet.date.day for sheet in sheets] == [24, 25, 26, 27]
    assert {len(sheet.rates) for sheet in sheets} == {29}
    assert (sheets[0].rates["AUD"], sheets[0].rates["CZK"]) == ("6.5", "0.4422")
    assert (sheets[3].rates["CAD"], sheets[3].rates["USD"]) == ("6.80982", "9.44517")
    assert not any(sheet.units for sheet in sheets)


def test_a_canadian_dollar_is_worth_so_many_us_dollars() -> None:
    rates = rb.parse(RECORDED)[3].rates
    assert round(Fraction(rates["CAD"]) / Fraction(rates["USD"]), 5) == Fraction("0.72098")


def test_the_address_has_both_days() -> None:
    assert rb.url(date(2026, 3, 24), date(2026, 3, 28)) == (
        "https://api.riksbank.se/swea/v1/Observations/ByGroup/130/2026-03-24/2026-03-28"
    )


def test_one_request_is_for_a_year() -> None:
    assert rb.url(date(2025, 1, 1), date(2025, 12, 31)).endswith("/130/2025-01-01/2025-12-31")
    with pytest.raises(ValueError, match=r"^366 days are more than the 365 of one request$"):
        rb.url(date(2025, 1, 1), date(2026, 1, 1))


def test_days_come_in_order_whatever_the_document_s() -> None:
    later = USD.replace("-24", "-25")
    friday_before = CAD.replace("-24", "-20")
    assert rb.parse(document(later, friday_before)) == [
        Sheet(date(2026, 3, 20), {"CAD": "6.80314"}),
        Sheet(date(2026, 3, 25), {"USD": "9.33245"}),
    ]


def test_the_ecu_is_not_the_euro() -> None:
    ecu = '{"seriesId":"SEKEURPMI","date":"1998-12-30","value":9.4880}'
    euro = '{"seriesId":"SEKEURPMI","date":"1999-01-04","value":9.4700}'
    old_dollar = '{"seriesId":"SEKUSDPMI","date":"1998-12-30","value":8.0685}'
    assert rb.parse(document(ecu, euro, old_dollar)) == [
        Sheet(date(1998, 12, 30), {"USD": "8.0685"}),
        Sheet(date(1999, 1, 4), {"EUR": "9.4700"}),
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"<html>Busy</html>", "the document is a web page or XML, which the source's is not"),
        (b"[]", "the document has no rates"),
        (document(ONE), "the document has no rates"),
        (
            b'{"statusCode": 429, "message": "Rate limit is exceeded."}',
            'the document is an error message: "Rate limit is exceeded."',
        ),
        (b'{"title": "Bad Request"}', 'the document is an error message: ""'),
        (b'{"message": {"a": [7]}}', "the document is an error message: \"{'a': ['7']}\""),
        (b'"SEKUSDPMI"', "the document is not a list of objects"),
        (b"null", "the document is not a list of objects"),
        (b"[[]]", "the document is not a list of objects"),
        (document(USD, "null"), "the document is not a list of objects"),
        (
            SMALL[:-1],
            "the document is not JSON: Expecting ',' delimiter: line 1 column 175 (char 174)",
        ),
        (document(USD, USD), "USD occurs twice on 2026-03-24"),
        (
            document(USD.replace("date", "value")),
            "the document has a name twice in one object",
        ),
        (document(USD.replace("9.33245", "null")), 'USD on 2026-03-24 has the value "None"'),
        (document(USD.replace("9.33245", "true")), 'USD on 2026-03-24 has the value "True"'),
        (document(USD.replace("9.33245", "[1]")), "USD on 2026-03-24 has the value \"['1']\""),
        (document(USD.replace("PMI", "PMIX")), '"SEKUSDPMIX" is no series of a currency'),
        (document(USD.replace("PMI", "PMX")), '"SEKUSDPMX" is no series of a currency'),
        (document(USD.replace('"SEKUSDPMI"', "[]")), '"[]" is no series of a currency'),
        (document(USD.replace("seriesId", "series")), '"None" is no series of a currency'),
        (document(USD.replace("-24", "-32")), '"2026-03-32" is not a date'),
        (document(USD.replace('"2026-03-24"', "20260324")), '"20260324" is not a date'),
    ],
)
def test_what_the_riksbank_does_not_publish_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        rb.parse(raw)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("number", ["0", "0.0", "-9.3", "NaN", "1e400", '"N/A"'])
def test_an_odd_value_is_passed_on_for_the_guards(number: str) -> None:
    assert rb.parse(document(USD.replace("9.33245", number), CAD)) == [
        Sheet(TUESDAY, {"USD": number.strip('"'), "CAD": "6.80314"})
    ]


@pytest.mark.parametrize("code", ["QQQ", "SEK"])
def test_so_is_a_code_that_the_bank_cannot_publish(code: str) -> None:
    assert rb.parse(document(USD.replace("USD", code))) == [Sheet(TUESDAY, {code: "9.33245"})]


def test_so_is_a_date_that_cannot_be() -> None:
    assert rb.parse(document(USD.replace("2026", "2126")))[0].date == date(2126, 3, 24)


def check_what_is_read(raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        sheets = rb.parse(raw)
    except RefusedDocument:
        return
    days = [sheet.date for sheet in sheets]
    assert days == sorted(set(days))
    for sheet in sheets:
        assert sheet.rates
        assert sheet.units == {}
        for code, value in sheet.rates.items():
            assert re.fullmatch(r"[A-Z]{3}", code)
            assert len(value) <= VALUE_CHARACTERS_MAX
            assert value.isprintable()
            assert "," not in value


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_sound(raw: bytes) -> None:
    check_what_is_read(raw)


@given(st.binary(max_size=20))
def test_bytes_of_any_kind_for_a_value_are_refused_or_sound(raw: bytes) -> None:
    check_what_is_read(SMALL.replace(b"9.33245", raw))


FRAGMENTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"0", b"-", b",", b'"', b"[", b"{}", b"null", b"e400", b"NaN", b"EUR"]),
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
