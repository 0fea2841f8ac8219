"""The NBP's JSON: read exactly as published, or refused with the reason."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import nbp
from pricedesk.backend.sources.reading import VALUE_CHARACTERS_MAX
from pricedesk.errors import RefusedDocument

FIXTURES = Path(__file__).parents[2] / "fixtures" / "nbp"
TABLE_A = (FIXTURES / "nbp-table-A-2026-03-01_2026-03-05.json").read_bytes()
TABLE_B = (FIXTURES / "nbp-table-B-2026-03-01_2026-03-05.json").read_bytes()
USD = '{"currency":"dolar amerykański","code":"USD","mid":3.6056}'
GOLD = (FIXTURES / "nbp-gold-2026-03-01_2026-03-05.json").read_bytes()
CAD = '{"currency":"dolar kanadyjski","code":"CAD","mid":2.6410}'
XDR = '{"currency":"SDR (MFW)","code":"XDR","mid":5.0119}'
MONDAY = date(2026, 3, 2)


def table(*rates: str, day: str = "2026-03-02") -> str:
    return (
        f'{{"table":"A","no":"041/A/NBP/2026","effectiveDate":"{day}","rates":[{",".join(rates)}]}}'
    )


def document(*tables: str) -> bytes:
    return f"[{','.join(tables)}]".encode()


SMALL = document(table(USD, CAD, XDR))


@pytest.mark.parametrize(("recorded", "values"), [(TABLE_A, 128), (TABLE_B, 116)])
def test_a_recorded_document_has_each_value_as_published(recorded: bytes, values: int) -> None:
    one = re.compile(r'\{"currency":"[^"]+","code":"(...)","mid":([0-9.]+)\}')
    expected = []
    count = 0
    for part in recorded.decode().split('"effectiveDate":"')[1:]:
        found = dict(one.findall(part))
        count += len(found)
        found.pop("XDR", None)
        expected.append(Sheet(date.fromisoformat(part[:10]), found))
    assert count == recorded.count(b'"code"') == values
    assert nbp.parse(recorded) == expected


def test_recorded_prices_of_gold_are_read_to_the_digit_and_are_no_rates() -> None:
    """A gram in zloty: of XAU, an ounce, nothing was published, and no factor is put in."""
    assert nbp.gold_prices(GOLD) == {
        date(2026, 3, 2): "595.71",
        date(2026, 3, 3): "624.92",
        date(2026, 3, 4): "624.32",
        date(2026, 3, 5): "612.51",
    }
    with pytest.raises(RefusedDocument) as refusal:
        nbp.parse(GOLD)
    assert str(refusal.value) == (
        "the document has 4 prices of gold by the gram, not exchange rates"
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"data":"2026-03-02","cena":1}', "the document is not a list of objects"),
        (b'[{"data":"02.03.2026","cena":1}]', '"02.03.2026" is not a date'),
        (b'[{"data":"2026-03-02","price":1}]', 'gold on 2026-03-02 has the value "None"'),
        (
            b'[{"data":"2026-03-02","cena":1},{"data":"2026-03-02","cena":2}]',
            "the price of gold is there twice on 2026-03-02",
        ),
    ],
)
def test_prices_of_gold_of_another_shape_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        nbp.gold_prices(raw)
    assert str(refusal.value) == reason


def test_some_of_what_was_recorded() -> None:
    sheets = nbp.parse(TABLE_A)
    assert [sheet.date.day for sheet in sheets] == [2, 3, 4, 5]
    assert {len(sheet.rates) for sheet in sheets} == {31}
    rates = sheets[0].rates
    assert (rates["USD"], rates["CAD"], rates["IDR"]) == ("3.6056", "2.6410", "0.00021385")
    (wednesday,) = nbp.parse(TABLE_B)
    assert wednesday.date == date(2026, 3, 4)
    assert (wednesday.rates["IRR"], wednesday.rates["NIO"]) == ("0.0000028", "0.1000")
    assert not any(sheet.units for sheet in [*sheets, wednesday])


def test_a_canadian_dollar_is_worth_so_many_us_dollars() -> None:
    rates = nbp.parse(TABLE_A)[0].rates
    assert round(Fraction(rates["CAD"]) / Fraction(rates["USD"]), 5) == Fraction("0.73247")


def test_the_address_has_both_days() -> None:
    assert nbp.url(date(2026, 3, 1), date(2026, 3, 5)) == (
        "https://api.nbp.pl/api/exchangerates/tables/A/2026-03-01/2026-03-05/?format=json"
    )


def test_one_request_is_for_93_days() -> None:
    assert "/2026-01-01/2026-04-03/" in nbp.url(date(2026, 1, 1), date(2026, 4, 3))
    with pytest.raises(ValueError, match=r"^94 days are more than the 93 of one request$"):
        nbp.url(date(2026, 1, 1), date(2026, 4, 4))


def test_days_come_in_order_whatever_the_document_s() -> None:
    assert nbp.parse(document(table(USD, day="2026-03-03"), table(CAD))) == [
        Sheet(MONDAY, {"CAD": "2.6410"}),
        Sheet(date(2026, 3, 3), {"USD": "3.6056"}),
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b"<html>Busy</html>", "the document is a web page or XML, which the source's is not"),
        (
            b"404 NotFound - Not Found - Brak danych",
            "the document is not JSON: Extra data: line 1 column 5 (char 4)",
        ),
        (b"[]", "the document has no rates"),
        (document(table()), "the document has no rates"),
        (document(table(XDR)), "the document has no rates"),
        (table(USD).encode(), "the document is not a list of objects"),
        (b"null", "the document is not a list of objects"),
        (b"[1]", "the document is not a list of objects"),
        (document(table("[]")), "the table of 2026-03-02 is not a list of objects"),
        (
            document(table(USD).replace("[", '{"a":').replace("]", "}")),
            "the table of 2026-03-02 is not a list of objects",
        ),
        (
            document(table(USD).replace("rates", "prices")),
            "the table of 2026-03-02 is not a list of objects",
        ),
        (document(table(USD).replace('"A"', '"C"')), 'the table of 2026-03-02 is "C"'),
        (document(table(USD).replace('"A"', "{}")), 'the table of 2026-03-02 is "{}"'),
        (
            SMALL[:-2],
            "the document is not JSON: Expecting ',' delimiter: line 1 column 243 (char 242)",
        ),
        (document(table(USD, USD)), "USD occurs twice on 2026-03-02"),
        (document(table(USD), table(USD)), "USD occurs twice on 2026-03-02"),
        (
            document(table(USD.replace("currency", "code"))),
            "the document has a name twice in one object",
        ),
        (document(table(USD.replace("mid", "bid"))), 'USD on 2026-03-02 has the value "None"'),
        (document(table(USD.replace("3.6056", "[]"))), 'USD on 2026-03-02 has the value "[]"'),
        (document(table(USD.replace("3.6056", '"3,6"'))), 'USD on 2026-03-02 has the value "3,6"'),
        (document(table(USD.replace('"USD"', "{}"))), '"{}" is no currency code'),
        (document(table(USD.replace("USD", "usd"))), '"usd" is no currency code'),
        (document(table(USD, day="2026-03-32")), '"2026-03-32" is not a date'),
        (document(table(USD).replace("effectiveDate", "date")), '"None" is not a date'),
    ],
)
def test_what_the_nbp_does_not_publish_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedDocument) as refusal:
        nbp.parse(raw)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("number", ["0", "0.0", "-3.6", "NaN", "Infinity", "1e400", '"n/a"'])
def test_an_odd_value_is_passed_on_for_the_guards(number: str) -> None:
    assert nbp.parse(document(table(USD.replace("3.6056", number), CAD))) == [
        Sheet(MONDAY, {"USD": number.strip('"'), "CAD": "2.6410"})
    ]


@pytest.mark.parametrize("code", ["QQQ", "PLN"])
def test_so_is_a_code_that_the_bank_cannot_publish(code: str) -> None:
    assert nbp.parse(document(table(USD.replace("USD", code)))) == [Sheet(MONDAY, {code: "3.6056"})]


def test_so_is_a_date_that_cannot_be() -> None:
    assert nbp.parse(document(table(USD, day="2126-03-02")))[0].date == date(2126, 3, 2)


def check_what_is_read(raw: bytes) -> None:
    """It is refused, or it is sound."""
    try:
        sheets = nbp.parse(raw)
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
    check_what_is_read(SMALL.replace(b"3.6056", raw))


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
