"""The ECB's documents: what they say, read exactly; everything else, refused with its reason."""

import hashlib
import zipfile
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from fake_source import xml_document, zip_archive
from pricedesk.backend import history
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import ecb
from pricedesk.errors import RefusedDocument, in_quotes

FIXTURES = Path(__file__).parents[1] / "fixtures" / "ecb"

ON_2017_03_08 = (
    "USD 1.0556 JPY 120.65 BGN 1.9558 CZK 27.021 DKK 7.4335 GBP 0.86753 HUF 310.70 PLN 4.3130"
    " RON 4.5503 SEK 9.5223 CHF 1.0702 NOK 8.9513 HRK 7.4213 RUB 61.7573 TRY 3.9434 AUD 1.3968"
    " BRL 3.3151 CAD 1.4193 CNY 7.2953 HKD 8.1982 IDR 14144.80 ILS 3.8879 INR 70.4960"
    " KRW 1216.36 MXN 20.7130 MYR 4.7082 NZD 1.5219 PHP 53.198 SGD 1.4947 THB 37.236 ZAR 13.7908"
)
ON_2026_10_30 = (
    "USD 1.1172 JPY 175.68 CZK 24.353 DKK 7.4735 GBP 0.8338 HUF 366.33 PLN 4.4038 RON 5.3447"
    " SEK 10.978 CHF 0.9194 ISK 136 NOK 10.312 TRY 55.8015 AUD 1.5904 BRL 6.0692 CAD 1.5606"
    " CNY 7.4326 HKD 8.7652 IDR 20275.17 ILS 3.495 INR 106.084 KRW 1491.76 MXN 21.1237"
    " MYR 4.5325 NZD 1.9823 PHP 71.143 SGD 1.4282 THB 37.683 ZAR 18.6455"
)
SINCE_2016 = "ca5152a2916d4ba738175ce6a0ed875c810baa96091a5a4e76ca686511cc8633"


def parsed_file(document: ecb.Document, name: str) -> list[Sheet]:
    return ecb.parse(document, (FIXTURES / name).read_bytes())


def refusal(document: ecb.Document, raw: bytes) -> str:
    with pytest.raises(RefusedDocument) as caught:
        ecb.parse(document, raw)
    return str(caught.value)


def in_words(sheet: Sheet) -> str:
    """Its currencies and values in their order."""
    return " ".join(f"{code} {value}" for code, value in sheet.rates.items())


@pytest.mark.parametrize(
    ("name", "day", "rates"),
    [
        ("eurofxref-daily-2017-03-08.xml", date(2017, 3, 8), ON_2017_03_08),
        ("eurofxref-daily.RECONSTRUCTED.xml", date(2026, 10, 30), ON_2026_10_30),
    ],
)
def test_the_daily_document_is_read_in_its_own_words(name: str, day: date, rates: str) -> None:
    [sheet] = parsed_file(ecb.Document.DAY, name)
    assert (sheet.date, in_words(sheet), sheet.units) == (day, rates, {})


def test_the_ninety_day_document_says_what_the_history_says() -> None:
    ninety_days = parsed_file(ecb.Document.NINETY_DAYS, "eurofxref-hist-90d.RECONSTRUCTED.xml")
    packaged = [p for p in packaged_publications() if p.date >= date(2026, 8, 3)]
    assert len(ninety_days) == 65
    assert [(s.date, s.rates) for s in ninety_days] == [(p.date, p.rates()) for p in packaged]


def test_the_ecb_itself_gave_the_daily_document_zeros_that_the_history_lacks() -> None:
    [daily] = parsed_file(ecb.Document.DAY, "eurofxref-daily-2017-03-08.xml")
    [history] = [p for p in packaged_publications() if p.date == daily.date]
    assert (daily.rates["HUF"], history.rates()["HUF"]) == ("310.70", "310.7")


def test_the_history_is_read_in_its_own_words_and_from_the_oldest_day_on() -> None:
    csv = b"Date,USD,ISK,CAD,\n2026-10-30,1.1172,N/A,1.5606,\n2026-10-29,1.113,135.8,1.5588,\n"
    before, after = ecb.parse(ecb.Document.HISTORY, zip_archive(csv))
    assert (before.date, in_words(before)) == (date(2026, 10, 29), "USD 1.113 ISK 135.8 CAD 1.5588")
    assert (after.date, in_words(after)) == (date(2026, 10, 30), "USD 1.1172 CAD 1.5606")


def test_the_history_since_2016_as_it_was_recorded_is_read_in_its_own_words() -> None:
    """Those 2,773 days are in the package's document, byte for byte, and read from there."""
    with zipfile.ZipFile(Path(str(files(history).joinpath("eurofxref-hist.zip")))) as archive:
        header, *rows = archive.read("eurofxref-hist.csv").splitlines(keepends=True)
    recorded = header + b"".join(row for row in rows if b"2016" <= row < b"2026-10-31")
    assert hashlib.sha256(recorded).hexdigest() == SINCE_2016
    codes = header.decode().split(",")[1:-1]
    expected = []
    for row in reversed(recorded.decode().splitlines()[1:]):
        day, *values = row.split(",")[:-1]
        there = {c: v for c, v in zip(codes, values, strict=True) if v != "N/A"}
        expected.append(Sheet(date.fromisoformat(day), there))
    assert len(expected) == 2773
    assert ecb.parse(ecb.Document.HISTORY, zip_archive(recorded)) == expected


def test_a_history_that_is_fetched_says_what_the_packaged_one_says() -> None:
    raw = files(history).joinpath("eurofxref-hist.zip").read_bytes()
    fetched = ecb.parse(ecb.Document.HISTORY, raw)
    packaged = packaged_publications()
    assert [(s.date, s.rates) for s in fetched] == [(p.date, p.rates()) for p in packaged]
    assert [list(s.rates) for s in fetched] == [list(p.rates()) for p in packaged]


@pytest.mark.parametrize(
    "value",
    [
        *("0.0000000001", "999999999999.999999999999", "007.50", "1"),
        # Odd ones too: whether to believe them is for the guards to say.
        *("0", "0.0", "-1.1172", "+1.1172", "NaN", "Infinity", "1e400", "1_0", "", " 1", ".5"),
        *("1.1.1", "N/A", "n/a", "one", "1234567890123", "1" * 64),
    ],
)
def test_a_value_is_kept_as_it_is_written(value: str) -> None:
    [sheet] = ecb.parse(
        ecb.Document.DAY, xml_document({"2026-10-30": {"CAD": "1.5606", "USD": value}})
    )
    assert sheet == Sheet(date(2026, 10, 30), {"CAD": "1.5606", "USD": value})


@pytest.mark.parametrize("code", ["EUR", "XYZ", "XAU", "XDR"])
def test_a_code_of_three_capitals_is_kept_whether_or_not_it_can_be(code: str) -> None:
    [sheet] = ecb.parse(ecb.Document.DAY, xml_document({"2026-10-30": {code: "1.1172"}}))
    assert sheet.rates == {code: "1.1172"}


@pytest.mark.parametrize("day", ["2126-10-30", "1998-12-31"])
def test_a_date_is_kept_whether_or_not_it_can_be(day: str) -> None:
    [sheet] = ecb.parse(ecb.Document.DAY, xml_document({day: {"USD": "1.1172"}}))
    assert sheet.date == date.fromisoformat(day)


XML = xml_document({"2026-10-30": {"USD": "1.1172"}})
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
GESMES = "{http://www.gesmes.org/xml/2002-08-01"
OTHER = "{http://g/xml/2002-08-01}Envelope"
VOCABULARY = "{http://www.ecb.int/vocabulary/2002-0"
ANOTHER_USD = b"/>\n<Cube currency='USD' rate='1.1172'/>\n"


def changed(before: bytes, after: bytes) -> bytes:
    """A right document with all of this replaced by that."""
    assert before in XML
    return XML.replace(before, after)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the document is empty"),
        (b" " * 524_289, "the document is larger than 524288 bytes"),
        (b" " * 4_194_305, "the document is larger than 2097152 bytes"),
        (b"<html><body/></html>", 'the root element is "html", not an ECB envelope'),
        (
            changed(b":Envelope", b":Mail"),
            f'the root element is "{GESMES}...", not an ECB envelope',
        ),
        (changed(b"www.gesmes.org", b"g"), f'the root element is "{OTHER}", not an ECB envelope'),
        (
            changed(b"2002-08-01/eurofxref", b"2027"),
            'unexpected element "{http://www.ecb.int/vocabulary/2027}Cube"',
        ),
        (xml_document({}), "the document has no rates"),
        (xml_document({"2026-10-30": {}}), "there are no rates on 2026-10-30"),
        (changed(b" time='2026-10-30'", b""), '"" is not a date'),
        (changed(b" currency='USD'", b""), '"" is no currency code'),
        (changed(b" rate='1.1172'", b""), 'USD on 2026-10-30 has the value "None"'),
        (changed(b"/>\n", ANOTHER_USD), "USD occurs twice on 2026-10-30"),
        (
            changed(b"/>\n", b"><x/></Cube>\n"),
            f'unexpected element "{VOCABULARY}..."',
        ),
        (changed(b"<Cube c", b"<Rate xmlns='r' c"), 'unexpected element "{r}Rate"'),
        (changed(b"<Cube>", b"<Cube><Rate xmlns='r'/>"), 'unexpected element "{r}Rate"'),
    ],
)
def test_what_is_not_the_ecbs_xml_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    assert refusal(ecb.Document.DAY, raw) == reason
    assert refusal(ecb.Document.NINETY_DAYS, raw) == reason


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE html>\n<html><body>Maintenance</body></html>",
        changed(b"?>", b"?><!DOCTYPE e>"),
        changed(b"?>", b'?><!DOCTYPE e SYSTEM "file:///etc/passwd">'),
        f'<!DOCTYPE l [<!ENTITY l0 "lol">{LAUGHS}]><l>&l9;</l>'.encode(),
        XML.decode().replace("UTF-8", "UTF-16").replace("?>", "?><!DOCTYPE e>").encode("utf-16"),
    ],
    ids=["HTML", "empty", "external", "a billion laughs", "UTF-16"],
)
def test_a_doctype_is_refused_before_it_can_define_anything(raw: bytes) -> None:
    reason = "the document declares a DOCTYPE, which the ECB's never do"
    assert refusal(ecb.Document.DAY, raw) == reason


@pytest.mark.parametrize(
    "raw",
    [
        b"Service unavailable",
        changed(b"1.1172", b"&usd;"),
        changed(b"\t\t</Cube>\n", b""),
        changed(b"rate", b"currency"),
        changed(b"UTF-8", b"UTF-16"),
        changed(b"UTF-8", b"UTF-7"),
        changed(b"UTF-8", b"no-such-encoding"),
        changed(b"UTF-8", b"hex"),
        changed(b"Reference", b"R\xe9f\xe9rence"),
        changed(b"USD", b"US\x00"),
        XML.decode().encode("utf-16"),
        XML.decode().encode("utf-32"),
        XML + XML,
    ],
)
def test_what_is_not_well_formed_is_refused(raw: bytes) -> None:
    assert refusal(ecb.Document.DAY, raw).startswith("the document is not well-formed XML: ")


def test_an_encoding_that_is_declared_and_used_changes_nothing() -> None:
    utf_16 = XML.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert ecb.parse(ecb.Document.DAY, utf_16) == ecb.parse(ecb.Document.DAY, XML)


NOT_VALUES = ("1,5", "1\u2028", "1\u202e", "1" * 65)
NOT_CODES = ("usd", "US", "USDD", "", " USD")
NOT_DATES = ("2026-13-01", "2026-02-29", "26-10-30", "2026-10-3", "20261030", "2026-W44-5", " ")


@pytest.mark.parametrize("value", NOT_VALUES)
def test_what_is_no_short_text_is_refused_as_a_value(value: str) -> None:
    raw = xml_document({"2026-10-30": {"CAD": "1.5606", "USD": value}})
    reason = f"USD on 2026-10-30 has the value {in_quotes(value)}"
    assert refusal(ecb.Document.DAY, raw) == reason


@pytest.mark.parametrize("code", NOT_CODES)
def test_what_is_not_three_capitals_is_refused_as_a_code(code: str) -> None:
    reason = f'"{code}" is no currency code'
    assert refusal(ecb.Document.DAY, xml_document({"2026-10-30": {code: "1.1172"}})) == reason


@pytest.mark.parametrize("day", NOT_DATES)
def test_what_is_no_calendar_date_is_refused_as_a_day(day: str) -> None:
    raw = xml_document({day: {"USD": "1.1172"}})
    assert refusal(ecb.Document.DAY, raw) == f'"{day}" is not a date'


def test_unicode_digits_are_not_digits_of_a_date() -> None:
    assert refusal(ecb.Document.DAY, xml_document({"\uff12026-10-30": {"USD": "1"}})) == (
        '"\\uff12026-10-30" is not a date'
    )


def test_each_day_of_a_document_occurs_once() -> None:
    days = ["2026-10-29", "2026-10-30", "2026-10-29"]
    parts = [xml_document({day: {"USD": "1.1172"}}).splitlines(keepends=True) for day in days]
    raw = b"".join(
        [*parts[0][:7], *(line for part in parts for line in part[7:10]), *parts[0][10:]]
    )
    reason = "the date 2026-10-29 occurs twice"
    assert refusal(ecb.Document.NINETY_DAYS, raw) == reason
    csv = "Date,USD,\n" + "".join(f"{day},1.1172,\n" for day in days)
    assert refusal(ecb.Document.HISTORY, zip_archive(csv.encode())) == reason
