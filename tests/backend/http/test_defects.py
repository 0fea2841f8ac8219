"""Where we answer otherwise than Frankfurter, with both answers: D1 to D22 of the page on HTTP.

Its answers were recorded from a running copy with the ECB's history up to 2026-10-30.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from asking import Asker
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Sheet, publication_of
from pricedesk.backend.sources import find_sources
from pricedesk.currencies import currency

EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "http.md"


def one_row(line: str) -> str:
    day, base, quote, rate = line.split()
    return f'{{"date":"{day}","base":"{base}","quote":"{quote}","rate":{rate}}}'


def only(day: str, base: str, rates: str, amount: str = "1.0") -> str:
    return f'{{"amount":{amount},"base":"{base}","date":"{day}","rates":{{{rates}}}}}'


NEWEST = "2026-10-30"

ANSWERS = [
    # Defect, what is asked, what Frankfurter answers, what we answer.
    ("D1", "/v1/latest?amount=4000&base=CAD&symbols=USD", 'rates {"USD":2863.7}',
     only(NEWEST, "CAD", '"USD":2863.51', "4000.0")),
    ("D1", "/v1/latest?amount=9876.02&base=CAD&symbols=USD", 'rates {"USD":7069}',
     only(NEWEST, "CAD", '"USD":7070.03', "9876.02")),
    ("D1", "/v1/latest?amount=10000&base=CAD&symbols=USD", 'rates {"USD":7159}',
     only(NEWEST, "CAD", '"USD":7158.79', "10000.0")),
    ("D2", "/v1/latest?base=USD&symbols=INR", 'rates {"INR":94.95}, and 94.96 in version 2',
     only(NEWEST, "USD", '"INR":94.96')),
    ("D3", "/v1/latest?base=IDR&symbols=USD", 'rates {"USD":5.5e-05}',
     only(NEWEST, "IDR", '"USD":0.000055102')),
    ("D3", "/v1/latest?amount=0.01&base=IDR&symbols=EUR", 'rates {"EUR":0.0}',
     only(NEWEST, "IDR", '"EUR":0.00000049321', "0.01")),
    ("D4", "/v1/2026-01-05?symbols=USD,BGN", "date 2025-12-31, BGN alone",
     only("2026-01-05", "EUR", '"USD":1.1664')),
    ("D5", "/v2/rates?quotes=BGN&date=2025-12-31", "1.9558",
     f'[{one_row("2025-12-31 EUR BGN 1.9558")}]'),
    ("D5", "/v2/rates?quotes=BGN&date=2026-01-05", "1.9415 under the date 2025-12-31", "[]"),
    ("D5", "/v2/rates?quotes=BGN&date=2026-01-14", "1.9393 under the date 2025-12-31", "[]"),
    ("D6", "/v2/rate/CAD/USD/2026-10-25", "the newest rate, 0.71588",
     one_row("2026-10-23 CAD USD 0.71452")),
    ("D13", "/v2/rates?quotes=IDR", "20275", f'[{one_row("2026-10-30 EUR IDR 20275.17")}]'),
    ("D13", "/v2/rates?quotes=INR", "106.08", f'[{one_row("2026-10-30 EUR INR 106.084")}]'),
    ("D15", "/v2/rates?from=2025-12-31&to=2026-01-02&group=week&quotes=USD",
     "two weeks, 2025-12-31 and 2026-01-01", f'[{one_row("2025-12-29 EUR USD 1.1749")}]'),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "url", "frankfurters", "ours"), ANSWERS)
def test_an_answer_is_right(
    api: Asker, defect: str, url: str, frankfurters: str, ours: str
) -> None:
    assert api.text(url) == ours


REFUSALS = [
    # Defect, what is asked, what Frankfurter answers, our status and message.
    ("D4", "/v1/2026-01-05?base=USD&symbols=BGN", "404", 404, "not found"),
    ("D6", "/v2/rates?to=2026-10-25", "the newest rates", 422,
     "to without from: a range has both, or from alone"),
    ("D6", "/v2/rate/CAD/USD?from=2026-10-01", "the oldest row", 422, "unknown parameter: from"),
    ("D6", "/v2/rates/foo", "all rates", 404, "not found"),
    ("D6", "/v2/rates?quotes=USD&quotes=CAD", "the last of them", 422,
     "repeated parameter: quotes"),
    ("D6", "/v1/latest?symbol=USD", "all rates", 422, "unknown parameter: symbol"),
    ("D7", "/v2/rates?date=25", "the 25th of this month", 422, "invalid date"),
    ("D7", "/v2/rates?date=monday", "this week's Monday", 422, "invalid date"),
    ("D7", "/v1/latest?amount=10abc", "10", 422, "invalid amount"),
    ("D7", "/v2/rates.xml", "JSON", 404, "not found"),
    ("D11", "/v1/latest?symbols[]=USD", "undefined method `upcase' for an instance of Array", 422,
     "unknown parameter: symbols[]"),
    ("D11", "/v1/latest?amount=1e400", "Infinity", 422, "invalid amount"),
    ("D11", "/v1/latest?amount=0.0000001&base=KWD", 'invalid value for Float(): "NaN"', 404,
     "not found"),
    ("D11", "/v2/rates?quotes[]=USD", "500", 422, "unknown parameter: quotes[]"),
    ("D18", "/v2/currencies?foo=1", "the same without foo", 422, "unknown parameter: foo"),
    ("D18", "/v2/providers?foo=1", "the same without foo", 422, "unknown parameter: foo"),
    ("D18", "/v1/currencies?foo=1", "the same without foo", 422, "unknown parameter: foo"),
    ("D19", "/v2/currencies.csv", "406 without a body", 406,
     "this is written as JSON only; CSV is at /v2/rates.csv"),
    ("D19", "/v2/rate/CAD/USD.csv", "406 without a body", 406,
     "this is written as JSON only; CSV is at /v2/rates.csv"),
    ("D20", "/favicon.ico", "200, an icon", 404, "not found"),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "url", "frankfurters", "status", "message"), REFUSALS)
def test_a_question_that_cannot_be_meant_is_refused(  # noqa: PLR0913, PLR0917  # a row of the table
    api: Asker, defect: str, url: str, frankfurters: str, status: int, message: str
) -> None:
    answered = api.get(url)
    assert (answered.status, json.loads(answered.text)["message"]) == (status, message)


RANGE = "/v2/rates?from=2026-10-29&to=2026-10-30&quotes=USD"


@pytest.mark.parametrize(
    "url",
    ["/v1/2026-10-29", "/v1/2026-10-29..2026-10-30", "/v2/rates?date=2026-10-29", RANGE,
     "/v2/rates?from=2026-10-29&to=2026-10-30&group=week", "/v2/rate/EUR/USD/2026-10-29"],
)  # fmt: skip
def test_d8_the_tag_is_another_one_after_a_correction_and_the_weak_one_matches(
    book: RateBook, api: Asker, url: str
) -> None:
    known = book.of("ECB").on(date(2026, 10, 29))
    assert known is not None
    row = known.row.replace("1.113", "1.1131")
    corrected = api_over(book.with_publications([replace(known, row=row, revision=2)]))
    tags = [asker.get(url).headers["ETag"] for asker in (api, corrected)]
    assert tags[0] != tags[1]
    assert api.get(url, if_none_match=f"W/{tags[0]}").status == 304
    assert corrected.get(url, if_none_match=tags[0]).status == 200


@pytest.mark.parametrize("url", ["/v2/rates?quotes=USD", RANGE])
def test_d8_each_format_has_a_tag_of_its_own(api: Asker, url: str) -> None:
    accepted = ("application/json", "text/csv", "application/x-ndjson")
    assert len({api.get(url, accept=accept).headers["ETag"] for accept in accepted}) == 3


@pytest.mark.parametrize("url", ["/v2/rate/EUR/USD", "/v2/currencies", "/v2/providers"])
def test_d8_answers_that_had_no_tag_have_one(api: Asker, url: str) -> None:
    assert "ETag" in api.get(url).headers


def test_d9_the_newest_rates_are_kept_until_the_next_ones_come(book: RateBook) -> None:
    # Frankfurter: max-age=86400, whenever it is asked. The ECB publishes at 15:00 UTC.
    api = api_over(book, datetime(2026, 11, 2, 14, 59, tzinfo=UTC))
    assert "max-age=60," in api.get("/v1/latest").headers["Cache-Control"]


@pytest.mark.parametrize(
    "url", ["/v1/latest", "/v2/rates", "/convert?amount=1", "/v2/rate/CAD/USD"]
)
def test_d9_a_rate_that_is_refused_is_in_a_cache_for_a_minute_at_most(
    book: RateBook, url: str
) -> None:
    # Frankfurter: stale-if-error=86400, an old rate for another day whenever it fails.
    # The second publication after the one that is known is missed from 16:00 UTC on.
    missed_twice = datetime(2026, 11, 3, 16, tzinfo=UTC)
    before = api_over(book, missed_twice - timedelta(seconds=1), refuse_after_missed=1).get(url)
    after = api_over(book, missed_twice, refuse_after_missed=1).get(url)
    assert (before.status, before.headers["Cache-Control"]) == (
        200,
        "public, max-age=60, must-revalidate",
    )
    assert (after.status, after.headers["Cache-Control"]) == (503, "no-store")


def test_d10_head_is_answered_and_other_verbs_are_not(api: Asker) -> None:
    # Frankfurter: 404 for HEAD in version 2, the same as GET for DELETE in version 1.
    got, headed = api.get("/v2/rates"), api.ask("HEAD", "/v2/rates")
    assert (headed.status, headed.text, headed.headers) == (200, "", got.headers)
    assert api.ask("DELETE", "/v1/latest").status == 405


def test_d12_csv_without_rows_is_its_header(api: Asker) -> None:
    # Frankfurter: nothing at all for a date, the header for a range.
    for when in ("date=1998-01-01", "from=1998-01-01&to=1998-12-31"):
        assert api.text(f"/v2/rates.csv?{when}") == "date,base,quote,rate\n"


def test_d14_a_parity_holds_from_its_first_day_on(book: RateBook) -> None:
    # Frankfurter: 3.5 for USD to TMT in 2012 too, though 2.85 held then.
    api = api_over(book, order=("ECB", "PEG"))
    assert api.text("/v2/rate/USD/TMT/2016-01-04") == one_row("2016-01-04 USD TMT 3.5")
    assert api.get("/v2/rate/USD/TMT/2012-01-04").status == 404


def test_d16_a_correction_answers_and_what_was_known_before_is_known(book: RateBook) -> None:
    # Frankfurter: the first value stays for ever, as a binary float.
    sheet = Sheet(date(2026, 10, 30), {"USD": "1.11720000000000001", "CAD": "1.5606"})
    fetched = datetime(2026, 10, 30, 17, tzinfo=UTC)
    correction = replace(
        publication_of(
            "ECB", Convention("EUR", per_pivot=True), sheet, Provenance("5" * 64, fetched)
        ),
        revision=2,
    )
    api = api_over(book.with_publications([correction]))
    assert api.text("/v2/rate/EUR/USD") == one_row("2026-10-30 EUR USD 1.11720000000000001")
    then = "known_at=2026-10-30T16:30:00Z&amount=1&from=EUR&to=USD"
    assert json.loads(api.text(f"/convert?{then}"))["rate"] == "1.1172"


def test_d17_a_pair_costs_what_a_pair_costs(api: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    # Frankfurter reads 300 to 550 rows of its database for each request, whatever it is for.
    asked: list[frozenset[str]] = []
    rates = RateBook.rates

    def counted(
        self: RateBook, base: object, counter: object, *rest: object, **named: object
    ) -> object:
        asked.append(frozenset((str(base), str(counter))))
        return rates(self, base, counter, *rest, **named)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(RateBook, "rates", counted)
    for url in ("/v2/rates?base=CAD&quotes=USD", "/v2/rate/CAD/USD", "/v1/latest?from=CAD&to=USD"):
        api.text(url)
    # Both of version 2 ask the same of all sources, version 1 asks one.
    assert asked == [frozenset(("CAD", "USD"))] * 2


def test_d21_the_index_has_no_address_of_code(api: Asker) -> None:
    # Frankfurter: name, versions, docs, and source, the address of its repository.
    assert list(json.loads(api.text("/"))) == ["name", "versions", "docs", "convert"]


@pytest.mark.parametrize("url", ["/robots.txt", "/v1/openapi.json", "/v2/openapi.json"])
def test_d22_a_document_has_a_tag_and_no_time(api: Asker, url: str) -> None:
    headers = api.get(url).headers
    assert ("ETag" in headers, "Last-Modified" in headers) == (True, False)


def test_every_difference_has_its_line_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [n for n in range(1, 23) if f"| D{n} |" not in page] == []


def api_over(
    book: RateBook,
    now: datetime = EVENING,
    order: tuple[str, ...] = ("ECB",),
    *,
    refuse_after_missed: int | None = None,
) -> Asker:
    revisions = [p for source in book.sources.values() for p in source.revisions]
    ordered = RateBook(revisions, Order(order), all_pegs())
    sources = find_sources([key for key in order if key != "PEG"], "https://ecb.example")
    ages = AgeLimits(refuse_after_missed=refuse_after_missed)
    terms = Terms(currency("CAD"), currency("USD"), ages=ages)
    return Asker(Bureau(ordered, sources, lambda: now, terms))
