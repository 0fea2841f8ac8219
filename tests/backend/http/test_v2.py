"""Version 2: documented requests and errors with exact bodies; ranges, averages, formats."""

import json
import tracemalloc
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import Asker, respond
from ecb_history import crossed, half_up, published_texts
from looked_up import rate_of
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.http.rate_format import amount_text, number_text, rate_text
from pricedesk.backend.http.row_formats import Format, accepted_format
from pricedesk.backend.http.rows import Group
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.backend.sources import find_sources
from pricedesk.currencies import currency
from pricedesk.money import ExactDecimal

TERMS = Terms(currency("CAD"), currency("USD"))


def row(line: str) -> str:
    day, base, quote, rate = line.split()
    return f'{{"date":"{day}","base":"{base}","quote":"{quote}","rate":{rate}}}'


def rows(*lines: str) -> str:
    return f"[{','.join(map(row, lines))}]"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v2/rates?base=CAD&quotes=usd,JPY",
         rows("2026-10-30 CAD JPY 112.57", "2026-10-30 CAD USD 0.71588")),
        # The base itself is a row unless it is not among the quotes.
        ("/v2/rates?quotes=USD,EUR,USD",
         rows("2026-10-30 EUR EUR 1.0", "2026-10-30 EUR USD 1.1172")),
        ("/v2/rates?base=USD&quotes=USD", rows("2026-10-30 USD USD 1.0")),
        ("/v2/rates?base=USD&quotes=USD,KWD", rows("2026-10-30 USD USD 1.0")),
        ("/v2/rates?date=2026-10-25&quotes=USD", rows("2026-10-23 EUR USD 1.1193")),
        ("/v2/rates?providers=ecb&quotes=IDR", rows("2026-10-30 EUR IDR 20275.17")),
        ("/v2/rates?from=2026-10-24&to=2026-10-27&quotes=USD,EUR",
         rows("2026-10-23 EUR EUR 1.0", "2026-10-23 EUR USD 1.1193",
              "2026-10-26 EUR EUR 1.0", "2026-10-26 EUR USD 1.1188",
              "2026-10-27 EUR EUR 1.0", "2026-10-27 EUR USD 1.115")),
        ("/v2/rates?from=2026-10-29&base=CAD&quotes=USD",
         rows("2026-10-29 CAD USD 0.71451", "2026-10-30 CAD USD 0.71588")),
        ("/v2/rates?from=2025-12-30&to=2026-01-10&quotes=BGN",
         rows("2025-12-30 EUR BGN 1.9558", "2025-12-31 EUR BGN 1.9558")),
        ("/v2/rate/CAD/USD", row("2026-10-30 CAD USD 0.71588")),
        ("/v2/rate/cad/usd?date=2026-10-25", row("2026-10-23 CAD USD 0.71452")),
        ("/v2/rate/CAD/USD/2026-10-25", row("2026-10-23 CAD USD 0.71452")),
        ("/v2/rate/USD/USD", row("2026-10-30 USD USD 1.0")),
        # What there are no rates for is an empty list.
        ("/v2/rates?base=KWD", "[]"),
        ("/v2/rates?quotes=KWD", "[]"),
        ("/v2/rates?date=1998-12-31", "[]"),
        ("/v2/rates?date=0001-01-01", "[]"),
        ("/v2/rates?date=9999-12-31", "[]"),
        ("/v2/rates?from=2026-10-31", "[]"),
        ("/v2/rates?from=2026-10-30&to=2026-10-29", "[]"),
        ("/v2/rates?from=9999-01-01&to=9999-12-31&group=week", "[]"),
        # Also where both ends, or today and tomorrow, are in one week or month.
        ("/v2/rates?from=2026-10-30&to=2026-10-29&group=week", "[]"),
        ("/v2/rates?from=2026-10-30&to=2026-10-01&group=month", "[]"),
        ("/v2/rates?from=2026-10-31&group=week", "[]"),
        ("/v2/rates?from=2026-10-31&to=2026-10-31&group=month", "[]"),
        ("/v2/rates?from=0001-01-01&to=1998-12-31&group=month", "[]"),
        # Whole months under their first, whole ISO weeks under their Monday.
        ("/v2/rates?from=2025-12-31&to=2026-01-01&group=week&quotes=USD",
         rows("2025-12-29 EUR USD 1.1749")),
        ("/v2/rates?from=2026-10-15&group=Month&quotes=USD,EUR",
         rows("2026-10-01 EUR EUR 1.0", "2026-10-01 EUR USD 1.1202")),
    ],
)  # fmt: skip
def test_a_request_has_exactly_this_body(api: Asker, url: str, body: str) -> None:
    answered = api.get(url)
    assert (answered.text, answered.status) == (body, 200)
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"
    json.loads(answered.text)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/v2/rates?symbols=USD&foo=1", "unknown parameter: symbols, foo"),
        ("/v2/rates?quotes[]=USD", "unknown parameter: quotes[]"),
        ("/v2/rates?quotes=USD&quotes=CAD", "repeated parameter: quotes"),
        ("/v2/rates?date=20261025", "invalid date"),
        ("/v2/rates?date=25", "invalid date"),
        ("/v2/rates?date=monday", "invalid date"),
        ("/v2/rates?date=", "invalid date"),
        ("/v2/rates?from=2026-02-30", "invalid date"),
        ("/v2/rates?date=2026-10-25&from=2026-10-01", "conflicting params"),
        ("/v2/rates?date=2026-10-25&to=2026-10-26", "conflicting params"),
        ("/v2/rates?from=2026-10-25&group=year", "invalid group"),
        ("/v2/rates?expand=peg", "invalid expand: peg"),
        ("/v2/rates?base=FOO&quotes=bar,USD,BAR", "invalid currency: FOO,BAR"),
        ("/v2/rates?quotes=USD,%20CAD", "invalid currency:  CAD"),
        ("/v2/rates?quotes=u%C5%BFd", "invalid currency: u\\u017fd"),
        ("/v2/rates?to=2026-10-25", "to without from: a range has both, or from alone"),
        ("/v2/rates?group=week", "group without a range: it needs from"),
        ("/v2/rates?date=2026-10-25&group=week", "group without a range: it needs from"),
        # The first thing that is off is the one that is named.
        ("/v2/rates?foo=1&date=25", "unknown parameter: foo"),
        ("/v2/rates?date=25&from=2026-10-01&group=x", "invalid date"),
        ("/v2/rates?group=x&expand=y&base=z", "invalid group"),
        ("/v2/rates?expand=y&base=z", "invalid expand: y"),
        ("/v2/rate/CAD/USD?from=2026-10-01", "unknown parameter: from"),
        ("/v2/rate/CAD/USD?quotes=USD", "unknown parameter: quotes"),
        ("/v2/rate/CAD/USD/2026-10-25?date=2026-10-25", "conflicting params"),
        ("/v2/rate/CAD/USD/tomorrow", "invalid date"),
        ("/v2/rate/CAD/FOO", "invalid currency: FOO"),
        ("/v2/rate/FOO/BAR", "invalid currency: FOO,BAR"),
        ("/v2/rate/foo/bar/2026-10-25", "invalid currency: FOO,BAR"),
        ("/v2/currencies?scope=some", "invalid scope: all is the only one"),
        ("/v2/currencies?date=2026-10-25", "unknown parameter: date"),
        ("/v2/providers?scope=all", "unknown parameter: scope"),
    ],
)
def test_a_request_that_is_off_is_refused_with_what_is_off(
    api: Asker, url: str, message: str
) -> None:
    answered = api.get(url)
    body = json.loads(answered.text)
    assert (answered.status, body["status"], body["message"]) == (422, 422, message)
    assert body.keys() <= {"status", "message", "detail"}
    assert answered.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("/v2/rate/EUR/KWD", "ECB does not publish KWD"),
        ("/v2/rate/KWD/KWD", None),
        ("/v2/rate/EUR/BGN",
         "there is no rate for BGN on 2026-10-30: ECB has it from 2000-07-19 to 2025-12-31"),
        ("/v2/rate/EUR/USD/2027-01-01", "2027-01-01 is in the future: there is no rate for it yet"),
        ("/v2/currency/FOO", 'no source publishes "FOO"'),
        ("/v2/currency/KWD", 'no source publishes "KWD"'),
    ],
)  # fmt: skip
def test_one_that_there_is_not_is_not_found(api: Asker, url: str, detail: str | None) -> None:
    answered = api.get(url)
    body = json.loads(answered.text)
    assert (answered.status, body["status"], body["message"]) == (404, 404, "not found")
    if detail is not None:
        assert body["detail"] == detail


@pytest.mark.parametrize(
    "path", ["/v2/rates/foo", "/v2/rates.xml", "/v2/providers/ECB", "/v2/rates/", "/v2/rate/CAD"]
)
def test_a_path_that_there_is_not(api: Asker, path: str) -> None:
    answered = api.get(path)
    assert (answered.status, answered.text) == (404, '{"status":404,"message":"not found"}')


@pytest.mark.parametrize(
    "path", ["currencies.csv", "providers.csv", "currency/USD.csv", "rate/CAD/USD.csv"]
)
def test_csv_of_what_has_none_is_not_acceptable(api: Asker, path: str) -> None:
    assert api.get(f"/v2/{path}").status == 406


def test_head_is_answered_and_post_is_not(api: Asker) -> None:
    assert (api.ask("HEAD", "/v2/rates").status, api.ask("HEAD", "/v2/rates").text) == (200, "")
    posted = api.ask("POST", "/v2/rates")
    assert (posted.status, posted.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert json.loads(posted.text)["status"] == 405


@pytest.mark.parametrize(
    ("url", "accept", "text", "media_type"),
    [
        ("/v2/rates.csv?quotes=USD", "application/json",
         "date,base,quote,rate\n2026-10-30,EUR,USD,1.1172\n", "text/csv"),
        ("/v2/rates?quotes=USD", "text/csv",
         "date,base,quote,rate\n2026-10-30,EUR,USD,1.1172\n", "text/csv"),
        ("/v2/rates.csv?base=KWD", "", "date,base,quote,rate\n", "text/csv"),
        ("/v2/rates.csv?from=2027-01-01", "", "date,base,quote,rate\n", "text/csv"),
        ("/v2/rates?from=2026-10-29&quotes=USD", "text/csv",
         "date,base,quote,rate\n2026-10-29,EUR,USD,1.113\n2026-10-30,EUR,USD,1.1172\n",
         "text/csv"),
        ("/v2/rates?quotes=USD", "application/x-ndjson",
         row("2026-10-30 EUR USD 1.1172") + "\n", "application/x-ndjson"),
        ("/v2/rates?base=KWD", "application/x-ndjson", "", "application/x-ndjson"),
        ("/v2/rates?quotes=USD", "text/html, image/png", rows("2026-10-30 EUR USD 1.1172"),
         "application/json; charset=utf-8"),
    ],
)  # fmt: skip
def test_rates_are_written_as_the_client_asks(
    api: Asker, url: str, accept: str, text: str, media_type: str
) -> None:
    answered = api.get(url, accept=accept)
    assert (answered.text, answered.headers["Content-Type"]) == (text, media_type)
    assert answered.headers["Vary"] == ("Origin" if ".csv" in url else "Accept, Origin")


@pytest.mark.parametrize(
    ("accept", "row_format"),
    [
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("text/csv", Format.CSV),
        ("TEXT/CSV;charset=utf-8", Format.CSV),
        ("text/csv, application/json", Format.CSV),
        ("text/csv;q=0.5, application/json", Format.JSON),
        ("text/csv;q=0.5, application/json;q=0.49", Format.CSV),
        ("text/csv;q=0", Format.JSON),
        ("text/html, application/x-ndjson;q=0.1", Format.LINES),
        ("text/csv;q=x", Format.JSON),
    ],
)
def test_the_format_that_is_liked_best_is_taken(accept: str, row_format: Format) -> None:
    assert accepted_format(accept) is row_format


def test_currencies_are_those_of_now_unless_all_are_asked_for(api: Asker) -> None:
    now = json.loads(api.text("/v2/currencies"))
    everything = json.loads(api.text("/v2/currencies?scope=ALL&providers=ecb"))
    assert (len(now), len(everything)) == (30, 42)
    assert [c["iso_code"] for c in everything] == sorted(c["iso_code"] for c in everything)
    dollar = {
        "iso_code": "CAD",
        "iso_numeric": "124",
        "name": "Canadian Dollar",
        "symbol": "CA$",
        "start_date": "1999-01-04",
        "end_date": "2026-10-30",
    }
    assert dollar in now
    assert [c["end_date"] for c in everything if c["iso_code"] == "HRK"] == ["2022-12-30"]
    assert json.loads(api.text("/v2/currency/cad")) == {**dollar, "providers": ["ECB"]}


PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))
CONVENTIONS = {
    "ECB": Convention("EUR", per_pivot=True),
    "BOC": Convention("CAD", per_pivot=False),
    "NB": Convention("NOK", per_pivot=False),
}


def publication(
    source: str, day: str, units: dict[str, int] | None = None, **rates: str
) -> Publication:
    sheet = Sheet(date.fromisoformat(day), rates, units or {})
    return publication_of(source, CONVENTIONS[source], sheet, PROVENANCE)


THREE = [
    publication("ECB", "2026-10-29", USD="1.1000", CAD="1.5000"),
    publication("ECB", "2026-10-30", USD="1.1172", CAD="1.5606"),
    publication("BOC", "2026-10-28", USD="1.3900", SEK="0.1500"),
    publication("BOC", "2026-10-29", USD="1.3969", SEK="0.1530"),
    publication("NB", "2026-10-30", {"USD": 1, "JPY": 100}, USD="10.1", JPY="6.123456"),
]


def of_three(
    *later: Publication,
    order: str = "ECB BOC NB",
    terms: Terms = TERMS,
    clock: str = "2026-10-30T18:00:00Z",
) -> Asker:
    keys = order.split()
    sources = find_sources([key for key in keys if key != "PEG"], "https://ecb.example")
    book = RateBook([*THREE, *later], Order(tuple(keys)), all_pegs())
    now = datetime.fromisoformat(clock)
    return Asker(Bureau(book, sources, lambda: now, terms))


def test_each_pair_is_answered_by_the_first_source_that_has_it_under_its_own_date() -> None:
    assert of_three().text("/v2/rates?base=USD&quotes=CAD,SEK,NOK,JPY") == rows(
        "2026-10-30 USD CAD 1.3969",
        "2026-10-30 USD JPY 164.94",
        "2026-10-30 USD NOK 10.1",
        "2026-10-29 USD SEK 9.1301",
    )


def test_providers_are_asked_in_their_order_and_nobody_else() -> None:
    api = of_three()
    asked = "/v2/rates?base=USD&quotes=CAD,SEK&providers="
    assert api.text(f"{asked}boc,ecb") == rows(
        "2026-10-29 USD CAD 1.3969", "2026-10-29 USD SEK 9.1301"
    )
    assert api.text(f"{asked}ecb") == rows("2026-10-30 USD CAD 1.3969")
    assert api.text(f"{asked}nb") == "[]"


def test_what_was_published_for_a_hundred_units_keeps_its_digits() -> None:
    assert of_three().text("/v2/rates?base=JPY&quotes=NOK") == rows("2026-10-30 JPY NOK 0.06123456")


def test_an_expanded_row_lists_what_each_source_has_by_key() -> None:
    api = of_three()
    assert api.text("/v2/rate/USD/CAD?expand=providers") == (
        '{"date":"2026-10-30","base":"USD","quote":"CAD","rate":1.3969,"providers":['
        '{"key":"BOC","date":"2026-10-29","rate":1.3969},'
        '{"key":"ECB","date":"2026-10-30","rate":1.3969}]}'
    )
    assert api.text("/v2/rates.csv?base=USD&quotes=CAD,USD&expand=providers&from=2026-10-29") == (
        "date,base,quote,rate,providers\n"
        "2026-10-29,USD,CAD,1.3636,BOC:1.3969|ECB:1.3636\n"
        "2026-10-29,USD,USD,1.0,\n"
        "2026-10-30,USD,CAD,1.3969,BOC:1.3969|ECB:1.3969\n"
        "2026-10-30,USD,USD,1.0,\n"
    )


def test_an_average_is_exact_and_rounded_once_and_expanded_by_source() -> None:
    # The means are 1.38350..., 1.39345 and 1.38026...; the Bank of Canada alone has the 28th.
    query = "base=USD&quotes=CAD&from=2026-10-30&group=week&expand=providers"
    assert of_three().text(f"/v2/rates?{query}") == (
        '[{"date":"2026-10-26","base":"USD","quote":"CAD","rate":1.3835,"providers":['
        '{"key":"BOC","date":"2026-10-26","rate":1.3935},'
        '{"key":"ECB","date":"2026-10-26","rate":1.3803}]}]'
    )


def test_official_parities_answer_only_where_the_order_has_them() -> None:
    assert of_three().text("/v2/rates?quotes=AED") == "[]"
    pegged = of_three(order="ECB BOC PEG")
    assert pegged.text("/v2/rates?quotes=AED") == rows("2026-10-30 EUR AED 4.1029")
    assert pegged.text("/v2/rate/USD/AED/2026-10-31") == row("2026-10-31 USD AED 3.6725")
    assert pegged.text("/v2/rates?quotes=AED&providers=ECB") == "[]"
    assert json.loads(pegged.text("/v2/currency/AED"))["peg"] == {
        "base": "USD",
        "rate": 3.6725,
        "authority": "Central Bank of the UAE",
    }
    listed = {c["iso_code"]: c for c in json.loads(pegged.text("/v2/currencies"))}
    assert (listed["AED"]["start_date"], listed["AED"]["end_date"]) == ("2026-10-28", "2026-10-30")
    assert of_three().get("/v2/currency/AED").status == 404


def test_official_parities_are_named_among_the_providers_where_they_are_asked_for() -> None:
    pegged = of_three(order="ECB BOC PEG")
    assert pegged.text("/v2/rates?quotes=AED,USD&expand=providers") == (
        '[{"date":"2026-10-30","base":"EUR","quote":"AED","rate":4.1029,"providers":['
        '{"key":"PEG","date":"2026-10-30","rate":4.1029}]},'
        '{"date":"2026-10-30","base":"EUR","quote":"USD","rate":1.1172,"providers":['
        '{"key":"ECB","date":"2026-10-30","rate":1.1172}]}]'
    )
    assert pegged.text("/v2/rate/USD/AED/2026-10-31?expand=providers") == (
        '{"date":"2026-10-31","base":"USD","quote":"AED","rate":3.6725,"providers":['
        '{"key":"PEG","date":"2026-10-31","rate":3.6725}]}'
    )
    assert pegged.text("/v2/rates.csv?quotes=AED&expand=providers&from=2026-10-30") == (
        "date,base,quote,rate,providers\n2026-10-30,EUR,AED,4.1029,PEG:4.1029\n"
    )
    query = "quotes=AED,USD&expand=providers&from=2026-10-30&group=week"
    for averaged in json.loads(pegged.text(f"/v2/rates?{query}")):
        key = "PEG" if averaged["quote"] == "AED" else "ECB"
        assert averaged["providers"] == [
            {"key": key, "date": "2026-10-26", "rate": averaged["rate"]}
        ]
    assert "PEG" not in pegged.text("/v2/rates?quotes=USD&expand=providers&providers=ECB")


def test_a_parity_is_listed_beside_the_source_that_publishes_the_currency() -> None:
    dirhams = publication("BOC", "2026-10-30", USD="1.3969", AED="0.3804")
    for order, rate in (("BOC PEG ECB", 3.6722), ("PEG BOC ECB", 3.6725)):
        told = json.loads(of_three(dirhams, order=order).text("/v2/rate/USD/AED?expand=providers"))
        assert (told["rate"], told["providers"]) == (
            rate,
            [
                {"key": "BOC", "date": "2026-10-30", "rate": 3.6722},
                {"key": "PEG", "date": "2026-10-30", "rate": 3.6725},
            ],
        )


def test_providers_are_told_of_when_something_of_theirs_is_known() -> None:
    told = json.loads(of_three(order="RB NB ECB").text("/v2/providers"))
    assert [provider["key"] for provider in told] == ["BOC", "ECB", "NB"][1:]
    assert told[1] == {
        "key": "NB",
        "name": "Norges Bank",
        "country_code": "NO",
        "rate_type": "middle rate",
        "pivot_currency": "NOK",
        "data_url": "https://www.norges-bank.no/en/topics/Statistics/exchange_rates/",
        "terms_url": "https://www.norges-bank.no/en/topics/Statistics/disclaimer/",
        "start_date": "2026-10-30",
        "end_date": "2026-10-30",
        "publish_cadence": "daily",
        "publishes_missed": 0,
        "currencies": ["JPY", "NOK", "USD"],
    }


def test_rates_that_are_too_old_are_refused_where_they_were_asked_for() -> None:
    strict = replace(TERMS, ages=AgeLimits(refuse_after_missed=3))
    api = of_three(terms=strict, clock="2026-11-20T18:00:00Z", order="ECB")
    for url in ("/v2/rates", "/v2/rates?quotes=USD", "/v2/rate/EUR/USD"):
        answered = api.get(url)
        assert (answered.status, json.loads(answered.text)["status"]) == (503, 503)
    assert api.text("/v2/rate/EUR/USD/2026-10-30") == row("2026-10-30 EUR USD 1.1172")
    assert api.get("/v2/rates?from=2026-10-30").status == 200


def test_the_state_is_that_of_the_oldest_source_that_answers() -> None:
    api = of_three(clock="2026-10-30T22:45:00Z")
    state = "Pricedesk-Rate-State"
    assert api.get("/v2/rates?base=USD&quotes=CAD").headers[state] == "fresh"
    assert api.get("/v2/rates?base=USD&quotes=CAD,SEK").headers[state] == "late"


LIVELY = "public, max-age={}, must-revalidate"
SETTLED = "public, max-age=86400, stale-while-revalidate=86400"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        # The Bank of Canada's next ones come at 20:30 UTC, two hours and a half after the question.
        ("/v2/rates?base=USD&quotes=CAD", LIVELY.format(86400)),
        ("/v2/rates?base=USD&quotes=SEK", LIVELY.format(9000)),
        ("/v2/rate/USD/SEK", LIVELY.format(9000)),
        ("/v2/rate/USD/SEK/2026-10-30", LIVELY.format(9000)),
        ("/v2/rate/USD/SEK/2026-10-29", SETTLED),
        ("/v2/rates?base=USD&quotes=SEK&from=2026-10-01", LIVELY.format(9000)),
        ("/v2/rates?base=USD&quotes=SEK&from=2026-10-01&to=2026-10-29", SETTLED),
        ("/v2/currencies", LIVELY.format(9000)),
        ("/v2/providers", LIVELY.format(9000)),
        # Nothing was found: it may come any minute.
        ("/v2/rates?quotes=KWD", LIVELY.format(60)),
        # The ECB answers alone; what the others have is told of as well.
        ("/v2/rates?base=USD&quotes=CAD&expand=providers", LIVELY.format(9000)),
        ("/v2/rates?base=USD&quotes=CAD&expand=providers&providers=ecb", LIVELY.format(86400)),
        ("/v2/rate/USD/CAD/2026-10-30", SETTLED),
        ("/v2/rate/USD/CAD/2026-10-30?expand=providers", LIVELY.format(9000)),
        ("/v2/rate/USD/CAD/2026-10-29?expand=providers", SETTLED),
        ("/v2/rates?base=USD&quotes=CAD&from=2026-10-29&to=2026-10-30", SETTLED),
        ("/v2/rates?base=USD&quotes=CAD&from=2026-10-29&to=2026-10-30&expand=providers",
         LIVELY.format(9000)),
        ("/v2/rates?base=USD&quotes=CAD&from=2026-10-29&to=2026-10-29&expand=providers", SETTLED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["ECB BOC NB", "RB ECB BOC NB"])
def test_an_answer_may_be_kept_until_a_source_of_which_it_tells_publishes(
    order: str, url: str, kept: str
) -> None:
    """A source of which nothing is known changes nothing of that."""
    assert of_three(order=order).get(url).headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        # The Bank of Canada's publication of the day is missed; the ECB's next one comes on Monday.
        ("/v2/rates?base=USD&quotes=CAD", LIVELY.format(60)),
        ("/v2/rates?base=USD&quotes=CAD&providers=ecb", LIVELY.format(86400)),
        ("/v2/rate/USD/CAD", LIVELY.format(60)),
        ("/v2/rate/USD/CAD/2026-10-30", LIVELY.format(60)),
        ("/v2/rate/USD/CAD/2026-10-29", SETTLED),
        ("/convert?amount=1&from=USD&to=CAD", LIVELY.format(60)),
        ("/convert?amount=1&from=USD&to=CAD&sources=ecb", LIVELY.format(86400)),
    ],
)
def test_a_source_that_is_passed_over_as_too_old_may_answer_again_as_soon_as_it_publishes(
    url: str, kept: str
) -> None:
    strict = replace(TERMS, ages=AgeLimits(refuse_after_missed=0))
    api = of_three(terms=strict, clock="2026-10-30T23:00:00Z", order="BOC ECB")
    assert api.get(url).headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    "url",
    [
        # In the earliest zone that day begins a minute later.
        "/v2/rates?date=2026-11-01",
        "/v2/rates?date=2026-11-01&expand=providers",
        "/v2/rates?from=2026-11-01",
        "/v2/rates?from=2026-11-01&to=2026-11-30&group=week&expand=providers",
        "/v2/rates?quotes=KWD",
        "/v2/rates?quotes=KWD&expand=providers",
    ],
)
@pytest.mark.parametrize("missed", [None, 0])
def test_an_empty_list_may_be_kept_for_a_minute_whatever_the_sources_calendars_say(
    url: str, missed: int | None
) -> None:
    terms = replace(TERMS, ages=AgeLimits(refuse_after_missed=missed))
    answered = of_three(terms=terms, clock="2026-10-31T09:59:00Z", order="ECB").get(url)
    assert (answered.text, answered.headers["Cache-Control"]) == ("[]", LIVELY.format(60))


@pytest.mark.parametrize(
    ("clock", "query", "kept"),
    [
        ("2026-10-30T18:00:00Z", "to=2026-10-29", SETTLED),
        # The month ends on Saturday, the week on Sunday, both in Frankfurt.
        ("2026-10-30T18:00:00Z", "to=2026-10-29&group=month", LIVELY.format(86400)),
        ("2026-10-31T22:59:59Z", "to=2026-10-29&group=month", LIVELY.format(86400)),
        ("2026-10-31T23:00:00Z", "to=2026-10-29&group=month", SETTLED),
        ("2026-11-01T22:59:59Z", "to=2026-10-29&group=week", LIVELY.format(57601)),
        ("2026-11-01T23:00:00Z", "to=2026-10-29&group=week", SETTLED),
        # The next one has begun.
        ("2026-11-02T12:00:00Z", "to=2026-11-02&group=week", LIVELY.format(10800)),
        ("2026-11-02T12:00:00Z", "to=2026-11-30&group=month", LIVELY.format(10800)),
        ("2026-11-02T12:00:00Z", "to=2026-11-01&group=month", LIVELY.format(10800)),
    ],
)
def test_averages_are_settled_when_the_last_week_or_month_has_ended(
    clock: str, query: str, kept: str
) -> None:
    asked = f"/v2/rates?base=USD&quotes=CAD&from=2026-10-01&{query}"
    assert of_three(clock=clock).get(asked).headers["Cache-Control"] == kept


def test_a_correction_of_any_date_of_a_range_has_another_tag() -> None:
    corrected = replace(publication("ECB", "2026-10-29", USD="1.1001", CAD="1.5000"), revision=2)
    url = "/v2/rates?from=2026-10-29&to=2026-10-30&quotes=USD"
    before, after = of_three().get(url), of_three(corrected).get(url)
    assert before.headers["ETag"] != after.headers["ETag"]
    assert of_three().get(url).headers["ETag"] == before.headers["ETag"]
    same = of_three().get(url, if_none_match=f"W/{before.headers['ETag']}")
    assert (same.status, same.text) == (304, "")
    formats = {of_three().get(url, accept=f.value).headers["ETag"] for f in Format}
    assert len(formats) == 3


def test_without_any_rates_nothing_is_made_up() -> None:
    sources = find_sources(["ECB"], "https://ecb.example")
    now = datetime(2026, 10, 30, 18, tzinfo=UTC)
    api = Asker(Bureau(RateBook([], Order(("ECB",))), sources, lambda: now, TERMS))
    assert api.get("/v2/rates").status == 503
    assert api.get("/v2/rate/EUR/USD").status == 503
    assert (api.text("/v2/currencies"), api.text("/v2/providers")) == ("[]", "[]")


MEMORY_BYTES_MAX = 2 * 1024 * 1024
"""What streaming the whole history may take: a hundredth of the text."""


def test_the_whole_history_is_streamed_in_little_memory(api: Asker) -> None:
    query = "from=1999-01-04&to=2026-10-30&base=USD&quotes=EUR,CAD,JPY,GBP,CHF,SEK,NOK,AUD"
    headers = {"accept": "application/x-ndjson"}
    response = respond(api.router, "GET", "/v2/rates", query, headers)
    assert isinstance(response.body, Generator)
    tracemalloc.start()
    try:
        lines = sum(chunk.count(b"\n") for chunk in response.body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines == 8 * 7126
    assert peak < MEMORY_BYTES_MAX


def test_a_year_of_a_pair_comes_in_one_answer(api: Asker) -> None:
    asked = "/v2/rates?base=CAD&quotes=USD&from=2025-10-31&to=2026-10-30"
    answered = json.loads(api.text(asked), parse_float=str)
    found = [(one["date"], one["base"], one["quote"], one["rate"]) for one in answered]
    assert (len(found), found[0], found[-1]) == (
        255,
        ("2025-10-31", "CAD", "USD", "0.7129"),
        ("2026-10-30", "CAD", "USD", "0.71588"),
    )
    assert found == [
        (str(day), "CAD", "USD", half_up(crossed(texts, "CAD", "USD"), 5).rstrip("0"))
        for day, texts in published_texts().items()
        if day >= date(2025, 10, 31)
    ]


@given(
    st.dates(date(2000, 1, 3), date(2026, 10, 30)),
    st.sampled_from(["CAD", "USD", "EUR", "IDR", "KRW", "ISK"]),
    st.sampled_from(["HUF", "JPY", "GBP", "TRY", "NZD"]),
)
def test_both_versions_write_the_exact_rate_rounded_once(
    book: RateBook, day: date, base: str, quote: str
) -> None:
    now = datetime(2026, 10, 30, 18, tzinfo=UTC)
    api = Asker(Bureau(book, find_sources(["ECB"], "https://ecb.example"), lambda: now, TERMS))
    answered = api.get(f"/v2/rate/{base}/{quote}/{day}")
    if answered.status == 404:
        assert api.get(f"/v1/{day}?base={base}&symbols={quote}").status == 404
        return
    text = json.loads(answered.text, parse_float=str, parse_int=str)["rate"]
    exact = rate_of(book, currency(base), currency(quote), day)
    assert text == rate_text(exact)
    first = api.text(f"/v1/{day}?base={base}&symbols={quote}")
    assert json.loads(first, parse_float=str, parse_int=str)["rates"][quote] == text
    decimals = len(text.partition(".")[2])
    error = abs(Fraction(text) - Fraction(exact.numerator, exact.denominator))
    assert error * 2 <= Fraction(1, 10 ** max(decimals, 2))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5000.005", "5000.01"),
        ("80.005", "80.01"),
        ("80", "80.0"),
        ("79.9995", "80.0"),
        ("20.0005", "20.001"),
        ("20", "20.0"),
        ("1.00005", "1.0001"),
        ("1", "1.0"),
        ("0.999995", "1.0"),
        ("0.123455", "0.12346"),
        ("0.1", "0.1"),
        ("0.0123455", "0.012346"),
        ("0.0001", "0.0001"),
        ("0.000055102499", "0.000055102"),
        ("0.00000000000000000012345678", "0.00000000000000000012346"),
    ],
)
def test_a_number_has_the_decimals_of_its_size_half_up(value: str, text: str) -> None:
    assert number_text(*Fraction(value).as_integer_ratio()) == text


def test_an_amount_is_never_coarser_than_its_currency(book: RateBook) -> None:
    rate = rate_of(book, currency("EUR"), currency("USD"), date(2026, 10, 30))
    texts = [amount_text(rate, ExactDecimal.parse(a)) for a in ("1", "1.0", "1000000", "0.01")]
    assert texts == ["1.1172", "1.1172", "1117200.0", "0.011172"]
    assert number_text(81_1235, 10_000, currency("KWD")) == "81.124"


@given(st.dates(date(1, 1, 1), date(9999, 11, 30)), st.sampled_from(Group))
def test_every_day_is_in_its_week_or_month_and_those_follow_without_a_gap(
    day: date, group: Group
) -> None:
    begin = group.begin(day)
    assert begin <= day <= group.end(begin)
    assert group.begin(group.end(begin)) == begin
    assert (begin.weekday() == 0) if group is Group.WEEK else (begin.day == 1)


@pytest.mark.parametrize("providers", ["FOO", "FOO,BAR", "PEG"])
@pytest.mark.parametrize(
    "path",
    ["rates?", "rates?quotes=USD&date=2026-10-29&", "rates?from=2026-10-01&", "currencies?",
     "rates?from=2026-10-01&to=2026-10-30&group=week&", "rates?expand=providers&"],
)  # fmt: skip
def test_of_providers_that_are_none_here_there_is_nothing(
    api: Asker, path: str, providers: str
) -> None:
    assert api.text(f"/v2/{path}providers={providers}") == "[]"


def test_of_providers_some_of_which_are_none_here_the_others_answer(api: Asker) -> None:
    for path in ("rates?quotes=USD&expand=providers&", "currencies?", "rate/CAD/USD?"):
        alone = api.text(f"/v2/{path}providers=ECB")
        assert api.text(f"/v2/{path}providers=foo,ecb,BAR") == alone != "[]"


def test_a_pair_of_providers_that_are_none_here_is_not_found(api: Asker) -> None:
    answered = api.get("/v2/rate/CAD/USD?providers=FOO")
    told = json.loads(answered.text)
    assert (answered.status, told["message"]) == (404, "not found")
    assert told["detail"] == "none of the providers is known here"
