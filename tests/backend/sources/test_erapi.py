"""ExchangeRate-API's document: read in its own words; everything else, refused."""

import json
import re
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.sources import erapi
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "erapi"
MADE = (FIXTURES / "latest-USD.MADE-BY-US.json").read_bytes()

DOCUMENT = (
    b'{"result":"success","time_last_update_unix":1793404951,"time_next_update_unix":1793492531,'
    b'"time_eol_unix":0,"base_code":"USD","rates":{"USD":1,"CAD":1.396885,"FOK":6.689492}}'
)


def refusal(raw: bytes) -> str:
    with pytest.raises(RefusedDocument) as caught:
        erapi.parse(raw)
    return str(caught.value)


def test_the_address_is_the_same_for_all_days() -> None:
    address = "https://open.er-api.com/v6/latest/USD"
    assert erapi.url(date(2026, 3, 12), date(2026, 3, 18)) == address
    assert erapi.url(date(1999, 1, 4), date(1999, 1, 4)) == address


def test_the_document_is_read_in_its_own_words() -> None:
    [sheet] = erapi.parse(MADE)
    assert (sheet.date, sheet.units, len(sheet.rates)) == (date(2026, 10, 31), {}, 55)
    assert [sheet.rates[code] for code in ("CAD", "EUR", "LBP", "BBD", "BRL", "IRR", "AED")] == [
        "1.396885",
        "0.895095",
        "89500",
        "2",
        "5.43251",
        "1100000.5",
        "3.6725",
    ]


def test_every_rate_of_a_currency_is_read_and_nothing_else() -> None:
    rates = json.loads(MADE, parse_float=str, parse_int=str)["rates"]
    others = {"USD", "CNH", "FOK", "GGP", "IMP", "JEP", "KID", "TVD", "XDR"}
    others |= {"ANG", "BGN", "HRK", "SLL", "ZWL"}
    expected = {code: value for code, value in rates.items() if code not in others}
    [sheet] = erapi.parse(MADE)
    assert sheet.rates == expected
    assert others <= rates.keys()


@pytest.mark.parametrize(
    ("seconds", "day"),
    [
        (b"1793404799", date(2026, 10, 30)),
        (b"1793404800", date(2026, 10, 31)),
        (b"1793491199", date(2026, 10, 31)),
    ],
)
def test_its_date_is_the_day_of_the_last_update_in_utc(seconds: bytes, day: date) -> None:
    [sheet] = erapi.parse(DOCUMENT.replace(b"1793404951", seconds))
    assert sheet.date == day


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (
            b"<html>Too many requests</html>",
            "the document is a web page or XML, which the source's is not",
        ),
        (b'{"rates":', "the document is not JSON: Expecting value: line 1 column 10 (char 9)"),
        (b"[]", "the document is not an object"),
        (b"{}", 'result is "None", not "success"; error-type is "None"'),
        (
            b'{"result":"error","error-type":"unsupported-code"}',
            'result is "error", not "success"; error-type is "unsupported-code"',
        ),
        (
            b'{"result":"error","error-type":"gone","time_eol_unix":1798761600}',
            (
                'result is "error", not "success"; error-type is "gone"'
                '; the source ends at time_eol_unix "1798761600"'
            ),
        ),
    ],
)
def test_what_is_not_the_sources_document_is_refused(raw: bytes, reason: str) -> None:
    assert refusal(raw) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"base_code":"USD"', b'"base_code":"EUR"', 'base_code is "EUR", not "USD"'),
        (b'"base_code":"USD"', b'"base":"USD"', 'base_code is "None", not "USD"'),
        (b'"USD":1,', b"", 'USD has the value "None", not 1'),
        (b'"USD":1,', b'"USD":1.01,', 'USD has the value "1.01", not 1'),
        (b"1793404951", b'"31 Oct"', 'time_last_update_unix is "31 Oct", which is not a time'),
        (b"1793404951", b"-1", 'time_last_update_unix is "-1", which is not a time'),
        (
            b"1793404951",
            b"1793404951000",
            'time_last_update_unix is "1793404951000", which is not a time',
        ),
        (b"1793404951", b"1e400", 'time_last_update_unix is "1e400", which is not a time'),
        (b"time_last", b"time", 'time_last_update_unix is "None", which is not a time'),
        (b'{"USD":1,"CAD":1.396885,"FOK":6.689492}', b"[]", "rates is not an object"),
        (b'"rates"', b'"conversion_rates"', "rates is not an object"),
        (b',"CAD":1.396885', b"", "the document has no rates"),
        (b'"CAD"', b'"cad"', '"cad" is no currency code'),
        (b'"FOK"', b'"CAD"', "the document has a name twice in one object"),
        (b"1.396885", b"null", 'CAD on 2026-10-31 has the value "None"'),
        (b"1.396885", b"true", 'CAD on 2026-10-31 has the value "True"'),
        (b"1.396885", b"{}", 'CAD on 2026-10-31 has the value "{}"'),
    ],
)
def test_one_wrong_thing_refuses_the_document(old: bytes, new: bytes, reason: str) -> None:
    assert refusal(DOCUMENT.replace(old, new)) == reason


@pytest.mark.parametrize("number", [b"0", b"-1.396885", b"1e400", b"NaN", b'"NA"'])
def test_an_odd_value_is_passed_on_for_the_guards(number: bytes) -> None:
    [sheet] = erapi.parse(DOCUMENT.replace(b"1.396885", number))
    assert sheet.rates == {"CAD": number.decode().strip('"')}


def test_so_is_a_code_that_is_not_known() -> None:
    [sheet] = erapi.parse(DOCUMENT.replace(b'"CAD"', b'"QQQ"'))
    assert sheet.rates == {"QQQ": "1.396885"}


def test_the_sources_notice_that_it_ends_is_told_only_when_it_cannot_be_read() -> None:
    ending = DOCUMENT.replace(b'"time_eol_unix":0', b'"time_eol_unix":1798761600')
    assert erapi.parse(ending) == erapi.parse(DOCUMENT)
    assert refusal(ending.replace(b'"USD":1,', b"")) == (
        'USD has the value "None", not 1; the source ends at time_eol_unix "1798761600"'
    )


def test_the_document_says_when_the_next_one_comes() -> None:
    assert erapi.next_update(MADE) == datetime(2026, 11, 1, 0, 22, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"success", b"error", 'result is "error", not "success"; error-type is "None"'),
        (b'"base_code":"USD"', b'"base_code":"EUR"', 'base_code is "EUR", not "USD"'),
        (b"1793492531", b"null", 'time_next_update_unix is "None", which is not a time'),
        (b"1793404951", b"0", 'time_last_update_unix is "0", which is not a time'),
        (
            b"1793492531",
            b"1793404951",
            (
                "the next update, 2026-10-31 00:02:31+00:00, is not after the last,"
                " 2026-10-31 00:02:31+00:00"
            ),
        ),
    ],
)
def test_no_schedule_is_taken_from_a_wrong_document(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as caught:
        erapi.next_update(DOCUMENT.replace(old, new))
    assert str(caught.value) == reason


def test_a_document_that_is_cut_off_is_refused() -> None:
    for length in range(len(DOCUMENT)):
        refusal(DOCUMENT[:length])


def check_what_is_read(raw: bytes) -> None:
    """It is refused, or it is sound; the same for its schedule."""
    with suppress(RefusedDocument):
        assert erapi.next_update(raw).tzinfo is UTC
    try:
        [sheet] = erapi.parse(raw)
    except RefusedDocument:
        return
    assert sheet.rates
    assert not sheet.rates.keys() & {"USD", *erapi._NOT_CURRENCIES}
    for code, value in sheet.rates.items():
        assert re.fullmatch(r"[A-Z]{3}", code)
        assert len(value) <= VALUE_CHARACTERS_MAX
        assert value.isprintable()
        assert "," not in value


FRAGMENTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(b'0 9 - " , : {} [] null NaN 1e400 USD "CAD":1, \\ud800 99999999999'.split()),
)
EDITS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 8), FRAGMENTS), max_size=5)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_sound(raw: bytes) -> None:
    check_what_is_read(raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([MADE, DOCUMENT]), EDITS)
def test_what_comes_of_a_right_document_is_refused_or_sound(
    raw: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    for position, length, fragment in edits:
        at = position % (len(raw) + 1)
        raw = raw[:at] + fragment + raw[at + length :]
    check_what_is_read(raw)
