"""The ECB's data portal: read exactly as published, or refused with the reason."""

from contextlib import suppress
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import ecb, ecb_portal
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ecb"
SPRING = (FIXTURES / "ecb-sdmx-2026-02-17_2026-03.csv").read_bytes()
LONG = (FIXTURES / "ecb-sdmx-2025-01_2026-03.csv").read_bytes()
TUESDAY, WEDNESDAY = date(2026, 3, 17), date(2026, 3, 18)
SHORT = "FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE"
FULL = "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE"
USD = "EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2026-03-17,1.1531"


def document(*rows: str, header: str = SHORT) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@pytest.mark.parametrize(
    ("recorded", "days", "values", "last"),
    [
        (SPRING, 22, 638, "ZAR 19.4174"),
        (LONG, 309, 8067, "SGD 1.4734"),
    ],
)
def test_a_recorded_document_has_each_value_as_published(
    recorded: bytes, days: int, values: int, last: str
) -> None:
    rates: dict[date, dict[str, str]] = {}
    for line in recorded.decode().splitlines()[1:]:
        _, code, day, value = line.split(",")
        if day:
            rates.setdefault(date.fromisoformat(day), {})[code] = value
    sheets = ecb_portal.parse(recorded)
    assert sheets == [Sheet(day, rates[day]) for day in sorted(rates)]
    assert (len(sheets), sum(len(sheet.rates) for sheet in sheets)) == (days, values)
    assert " ".join(list(sheets[-1].rates.items())[-1]) == last


@pytest.mark.parametrize("recorded", [SPRING, LONG])
def test_the_portal_says_what_the_history_says_without_a_difference(recorded: bytes) -> None:
    history = {publication.date: publication.rates() for publication in packaged_publications()}
    for sheet in ecb_portal.parse(recorded):
        published = history[sheet.date]
        assert {
            code: (value, published[code])
            for code, value in sheet.rates.items()
            if Fraction(value) != Fraction(published[code])
        } == {}


def test_the_address_has_days_before_the_first_so_that_it_never_has_none() -> None:
    assert ecb_portal.url(date(2026, 3, 17), date(2026, 3, 18)) == (
        "https://data-api.ecb.europa.eu/service/data/EXR/D..EUR.SP00.A"
        "?format=csvdata&detail=dataonly&startPeriod=2026-03-07&endPeriod=2026-03-18"
    )


def test_the_source_reads_its_document_by_the_name_of_the_request() -> None:
    source = ecb.source("https://ecb.example")
    assert source.elsewhere is not None
    request = source.elsewhere(TUESDAY, WEDNESDAY)
    assert request.url == ecb_portal.url(TUESDAY, WEDNESDAY)
    assert source.read(request, SPRING) == ecb_portal.parse(SPRING)


def test_columns_are_read_by_their_names() -> None:
    assert ecb_portal.parse(document(USD, header=FULL)) == [Sheet(TUESDAY, {"USD": "1.1531"})]


@pytest.mark.parametrize("nothing", ["", "NaN"])
def test_a_row_without_a_value_and_an_empty_row_say_nothing(nothing: str) -> None:
    raw = document("D,USD,2026-03-17,1.1531", f"D,USD,2026-03-18,{nothing}", ",,,")
    assert ecb_portal.parse(raw) == [Sheet(TUESDAY, {"USD": "1.1531"})]


@pytest.mark.parametrize("odd", ["0", "-1.1531", "1e400", "n/a", "Infinity"])
def test_an_odd_value_is_passed_on_as_it_is(odd: str) -> None:
    raw = document(f"D,USD,2026-03-17,{odd}", "D,XXX,2026-03-17,1")
    assert ecb_portal.parse(raw) == [Sheet(TUESDAY, {"USD": odd, "XXX": "1"})]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"<html>", "the document is a web page or XML, which the source's is not"),
        (SPRING[:-1], "the last row is cut off"),
        (document(), "the document has no rates"),
        (document(",,,"), "the document has no rates"),
        (document(header="FREQ,CURRENCY,TIME_PERIOD"), "the header has 0 columns OBS_VALUE"),
        (document(header=f"{SHORT},FREQ"), "the header has 2 columns FREQ"),
        (document(header=f"{FULL},CURRENCY_DENOM"), "the header has 2 columns CURRENCY_DENOM"),
        (
            document(f"{USD},2", header=f"{FULL},UNIT_MULT"),
            'UNIT_MULT on 2026-03-17 is "2", not 0',
        ),
        (document("D,USD,2026-03-17"), "row 2 has 3 cells for 4 columns"),
        (document("D,USD,2026-03-17,1,5"), "row 2 has 5 cells for 4 columns"),
        (document("M,USD,2026-03-17,1.1"), 'FREQ on 2026-03-17 is "M", not D'),
        (
            document(USD.replace(",EUR,", ",USD,"), header=FULL),
            'CURRENCY_DENOM on 2026-03-17 is "USD", not EUR',
        ),
        (
            document(USD.replace(",SP00,", ",ERP0,"), header=FULL),
            'EXR_TYPE on 2026-03-17 is "ERP0", not SP00',
        ),
        (
            document(USD.replace(",A,", ",E,"), header=FULL),
            'EXR_SUFFIX on 2026-03-17 is "E", not A',
        ),
        (document("D,USD,2026-03,1.1"), '"2026-03" is not a date'),
        (document("D,usd,2026-03-17,1.1"), '"usd" is no currency code'),
        (
            document("D,USD,2026-03-17,1.1", "D,USD,2026-03-17,1.1"),
            "USD occurs twice on 2026-03-17",
        ),
    ],
)
def test_what_is_not_of_this_shape_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        ecb_portal.parse(raw)
    assert str(refusal.value) == reason


@given(st.binary(max_size=400) | st.text(alphabet="D,USEQ-01239.\n", max_size=400).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for candidate in (raw, document(raw.decode(errors="replace"))):
        with suppress(RefusedDocument):
            assert ecb_portal.parse(candidate)
