"""Version 1: documented requests and errors with their exact bodies, and what may be kept."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from asking import Asker
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Sheet, publication_of
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.currencies import currency

TERMS = Terms(currency("CAD"), currency("USD"))


def single(base: str, day: str, rates: str, amount: str = "1.0") -> str:
    return f'{{"amount":{amount},"base":"{base}","date":"{day}","rates":{{{rates}}}}}'


def span(base: str, first: str, last: str, rates: list[str], amount: str = "1.0") -> str:
    days = ",".join(f'"{rate[:10]}":{{"USD":{rate[11:]}}}' for rate in rates)
    return (
        f'{{"amount":{amount},"base":"{base}","start_date":"{first}","end_date":"{last}",'
        f'"rates":{{{days}}}}}'
    )


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/latest?base=CAD&symbols=USD", single("CAD", "2026-10-30", '"USD":0.71588')),
        ("/v1/current?from=CAD&to=USD", single("CAD", "2026-10-30", '"USD":0.71588')),
        ("/v1/latest?symbols=USD,jpy", single("EUR", "2026-10-30", '"JPY":175.68,"USD":1.1172')),
        # What was published is not rounded, nor is it written otherwise.
        ("/v1/latest?symbols=IDR,ISK", single("EUR", "2026-10-30", '"IDR":20275.17,"ISK":136')),
        # A weekend has the day before; a retired currency its last day.
        ("/v1/2026-10-25?symbols=USD", single("EUR", "2026-10-23", '"USD":1.1193')),
        ("/v1/2025-12-31?base=bgn&symbols=EUR", single("BGN", "2025-12-31", '"EUR":0.5113')),
        # An alias goes before the name it stands for.
        ("/v1/latest?base=USD&from=CAD&symbols=JPY&to=USD",
         single("CAD", "2026-10-30", '"USD":0.71588')),
        # Codes that there are no rates for are left out, and the base never is among them.
        ("/v1/latest?symbols=USD,FOO,EUR,KWD", single("EUR", "2026-10-30", '"USD":1.1172')),
        ("/v1/latest?amount=4000&base=CAD&symbols=USD",
         single("CAD", "2026-10-30", '"USD":2863.51', "4000.0")),
        ("/v1/latest?amount=10.50&symbols=USD,JPY",
         single("EUR", "2026-10-30", '"JPY":1844.64,"USD":11.7306', "10.5")),
        # A minor unit is never cut off, though the band of the number has fewer decimals.
        ("/v1/latest?amount=0.01&base=IDR&symbols=EUR",
         single("IDR", "2026-10-30", '"EUR":0.00000049321', "0.01")),
        ("/v1/2026-10-24..2026-10-27?symbols=USD",
         span("EUR", "2026-10-23", "2026-10-27",
              ["2026-10-23 1.1193", "2026-10-26 1.1188", "2026-10-27 1.115"])),
        ("/v1/2026-10-29..?base=CAD&symbols=USD&amount=100",
         span("CAD", "2026-10-29", "2026-10-30",
              ["2026-10-29 71.451", "2026-10-30 71.588"], "100.0")),
        # It ends where the data ends.
        ("/v1/2025-12-30..2027-01-01?from=BGN&to=USD",
         span("BGN", "2025-12-30", "2025-12-31", ["2025-12-30 0.60114", "2025-12-31 0.60078"])),
    ],
)  # fmt: skip
def test_a_request_has_exactly_this_body(api: Asker, url: str, body: str) -> None:
    answered = api.get(url)
    assert (answered.text, answered.status) == (body, 200)
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"
    json.loads(answered.text)


NOT_FOUND = "not found"


@pytest.mark.parametrize(
    ("url", "status", "message"),
    [
        ("/v1/latest?base=FOO", 404, NOT_FOUND),
        ("/v1/latest?base=", 404, NOT_FOUND),
        ("/v1/latest?base=KWD", 404, NOT_FOUND),
        ("/v1/latest?symbols=FOO", 404, NOT_FOUND),
        ("/v1/latest?symbols=", 404, NOT_FOUND),
        ("/v1/latest?symbols=EUR", 404, NOT_FOUND),
        ("/v1/latest?symbols=KWD", 404, NOT_FOUND),
        ("/v1/latest?base=KWD&symbols=BHD,AED", 404, NOT_FOUND),
        ("/v1/1999-01-03", 404, NOT_FOUND),
        ("/v1/0001-01-01", 404, NOT_FOUND),
        ("/v1/2026-11-01", 404, NOT_FOUND),
        ("/v1/9999-12-31", 404, NOT_FOUND),
        ("/v1/2026-10-31..", 404, NOT_FOUND),
        ("/v1/2026-10-30..2026-10-29", 404, NOT_FOUND),
        ("/v1/1998-01-01..1998-12-31", 404, NOT_FOUND),
        ("/v1/latest?base=EUR&symbols=EUR", 422, "bad currency pair"),
        ("/v1/latest?from=usd&to=USD", 422, "bad currency pair"),
        ("/v1/2026-02-30", 422, "invalid date"),
        ("/v1/2026-10-01..2026-02-30", 422, "invalid date"),
        ("/v1/latest?amount=0", 422, "invalid amount"),
        ("/v1/latest?amount=", 422, "invalid amount"),
        ("/v1/latest?amount=-1", 422, "invalid amount"),
        ("/v1/latest?amount=10abc", 422, "invalid amount"),
        ("/v1/latest?amount=1e400", 422, "invalid amount"),
        ("/v1/latest?amount=" + "1" * 31, 422, "invalid amount"),
        ("/v1/latest?symbol=USD", 422, "unknown parameter: symbol"),
        ("/v1/latest?symbols[]=USD&x=1", 422, "unknown parameter: symbols[], x"),
        ("/v1/latest?symbols=USD&symbols=CAD", 422, "repeated parameter: symbols"),
        ("/v1/currencies?scope=all", 422, "unknown parameter: scope"),
    ],
)
def test_a_request_that_is_not_answered_says_why(
    api: Asker, url: str, status: int, message: str
) -> None:
    answered = api.get(url)
    body = json.loads(answered.text)
    assert (answered.status, body["message"]) == (status, message)
    assert body.keys() <= {"message", "detail"}
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_detail_of_a_refusal_names_what_was_wrong(api: Asker) -> None:
    assert api.get("/v1/2026-01-05?base=USD&symbols=BGN").text == (
        '{"message":"not found","detail":"there is no rate for BGN on 2026-01-05:'
        ' ECB has it from 2000-07-19 to 2025-12-31"}'
    )


@pytest.mark.parametrize("path", ["/v1/latest/", "/v1/foo", "/v1/2026-10", "/v1/2026-10-30..x"])
def test_a_path_that_there_is_not_is_told_as_by_the_whole_server(api: Asker, path: str) -> None:
    answered = api.get(path)
    assert (answered.status, answered.text) == (404, '{"status":404,"message":"not found"}')


def test_all_rates_of_a_day_are_those_of_its_publication(api: Asker, book: RateBook) -> None:
    rates = json.loads(api.text("/v1/2026-10-30"), parse_float=str, parse_int=str)["rates"]
    assert rates == book.of("ECB").as_of(date(2026, 10, 30)).rates()  # type: ignore[union-attr]  # there is one
    assert list(rates) == sorted(rates)


def test_currencies_are_those_of_the_newest_publication_with_names(api: Asker) -> None:
    names = json.loads(api.text("/v1/currencies"))
    assert (len(names), names["CAD"], names["EUR"]) == (30, "Canadian Dollar", "Euro")
    assert list(names) == sorted(names)
    assert "BGN" not in names


def at(clock: str, book: RateBook, terms: Terms = TERMS) -> Asker:
    instant = datetime.fromisoformat(clock)
    return Asker(Bureau(book, [ecb.source("https://ecb.example")], lambda: instant, terms))


LIVELY = "public, max-age={}, must-revalidate"
SETTLED = "public, max-age=86400, stale-while-revalidate=86400"


@pytest.mark.parametrize(
    ("clock", "url", "kept"),
    [
        # On Friday evening nothing comes before Monday; a day is the most.
        ("2026-10-30T18:00:00Z", "/v1/latest", LIVELY.format(86400)),
        # On Monday at 14:00 in Frankfurt there are two hours left.
        ("2026-11-02T13:00:00Z", "/v1/latest", LIVELY.format(7200)),
        ("2026-11-02T13:00:00Z", "/v1/currencies", LIVELY.format(7200)),
        ("2026-11-02T13:00:00Z", "/v1/2026-11-02", LIVELY.format(7200)),
        ("2026-11-02T13:00:00Z", "/v1/2026-10-01..", LIVELY.format(7200)),
        ("2026-11-02T13:00:00Z", "/v1/2026-10-01..2026-11-02", LIVELY.format(7200)),
        # Once it is due and not there, every minute may bring it.
        ("2026-11-02T15:00:00Z", "/v1/latest", LIVELY.format(60)),
        ("2026-11-03T08:00:00Z", "/v1/2026-11-02", LIVELY.format(60)),
        # A day whose rates are known changes by a correction only.
        ("2026-11-02T13:00:00Z", "/v1/2026-10-30", SETTLED),
        ("2026-11-02T13:00:00Z", "/v1/2026-11-01", SETTLED),
        ("2026-11-02T13:00:00Z", "/v1/2026-10-01..2026-10-31", SETTLED),
    ],
)
def test_an_answer_may_be_kept_until_the_next_publication_comes(
    book: RateBook, clock: str, url: str, kept: str
) -> None:
    assert at(clock, book).get(url).headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    ("clock", "url", "state"),
    [
        ("2026-10-30T18:00:00Z", "/v1/latest", "fresh"),
        ("2026-11-02T18:00:00Z", "/v1/latest", "late"),
        ("2026-11-20T18:00:00Z", "/v1/latest", "stale"),
        ("2026-11-20T18:00:00Z", "/v1/2026-10-30", "fresh"),
    ],
)
def test_an_answer_says_how_old_its_rates_are(
    book: RateBook, clock: str, url: str, state: str
) -> None:
    assert at(clock, book).get(url).headers["Pricedesk-Rate-State"] == state


def test_rates_that_are_too_old_are_refused_and_those_of_their_days_are_not(
    book: RateBook,
) -> None:
    strict = replace(TERMS, ages=AgeLimits(refuse_after_missed=3))
    api = at("2026-11-20T18:00:00Z", book, strict)
    for url in ("/v1/latest", "/v1/latest?symbols=USD"):
        assert api.get(url).status == 503
        assert "2026-10-30 (ECB)" in json.loads(api.get(url).text)["message"]
    assert api.get("/v1/2026-10-30").status == 200


PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
FRIDAY, MONDAY = date(2026, 10, 30), date(2026, 11, 2)


def test_a_withheld_value_never_mixes_two_dates() -> None:
    per_euro = Convention("EUR", per_pivot=True)
    friday = publication_of(
        "ECB", per_euro, Sheet(FRIDAY, {"USD": "1.1", "CAD": "1.5", "JPY": "170"}), PROVENANCE
    )
    monday = replace(
        publication_of("ECB", per_euro, Sheet(MONDAY, {"CAD": "1.6", "JPY": "171"}), PROVENANCE),
        withheld=frozenset(["USD"]),
    )
    api = at("2026-11-02T18:00:00Z", RateBook([friday, monday]))
    assert api.text("/v1/latest") == single("EUR", "2026-11-02", '"CAD":1.6,"JPY":171')
    assert api.text("/v1/latest?symbols=USD,CAD") == single(
        "EUR", "2026-10-30", '"CAD":1.5,"USD":1.1'
    )
    assert json.loads(api.text("/v1/currencies")).keys() == {"CAD", "EUR", "JPY", "USD"}


def test_the_first_source_in_order_answers_and_no_other() -> None:
    sheet = Sheet(FRIDAY, {"USD": "1.3969", "JPY": "0.0089"})
    boc = publication_of("BOC", Convention("CAD", per_pivot=False), sheet, PROVENANCE)
    euro = publication_of("ECB", Convention("EUR", per_pivot=True), sheet, PROVENANCE)
    api = Asker(
        Bureau(
            RateBook([euro, boc], Order(("PEG", "BOC", "ECB"))),
            find_sources(["BOC", "ECB"], "https://ecb.example"),
            lambda: datetime(2026, 10, 30, 22, tzinfo=UTC),
            TERMS,
        )
    )
    assert api.text("/v1/latest?base=USD") == single(
        "USD", "2026-10-30", '"CAD":1.3969,"JPY":156.96'
    )
    assert api.get("/v1/latest").status == 404


def test_without_any_rates_nothing_is_made_up() -> None:
    api = at("2026-10-30T18:00:00Z", RateBook([], Order(("ECB",))))
    assert api.get("/v1/latest").status == 503
    assert api.text("/v1/currencies") == "{}"


def test_the_source_is_named_of_which_nothing_is_known_while_others_are(book: RateBook) -> None:
    api = at("2026-10-30T18:00:00Z", RateBook(book, Order(("BOC", "ECB"))))
    answered = api.get("/v1/latest")
    assert (answered.status, json.loads(answered.text)) == (
        503,
        {"message": "no rates of BOC are known yet"},
    )


def test_failures_of_the_whole_door_have_the_shape_of_this_version(api: Asker) -> None:
    assert api.ask("POST", "/v1/latest").text.startswith('{"message":"this is answered for GET')
    assert api.get("/v1/latest?a=%ZZ").status == 400
