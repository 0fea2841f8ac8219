"""Conversions: one from parameters, thousands from a document, the digits of every other door."""

import json
from collections.abc import Generator
from datetime import UTC, date, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import Asker, respond
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.conversion_requests import ITEMS_AT_ONCE, ITEMS_MAX
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Sheet, publication_of
from pricedesk.backend.sources import find_sources
from pricedesk.currencies import currency

ONE = (
    '{"amount":"1100","from":"CAD","to":"USD","result":"787.47","rate":"0.715878508266",'
    '"date":"2026-10-30","source":"ECB","state":"fresh"}'
)
EXPLAINED = (
    '{"amount":"1100","from":"CAD","to":"USD","result":"787.47","rate":"0.715878508266",'
    '"date":"2026-10-30","source":"ECB","path":["CAD","EUR","USD"],"state":"fresh","missed":0,'
    '"published":[{"pair":"EUR/CAD","rate":"1.5606"},{"pair":"EUR/USD","rate":"1.1172"}],'
    '"unrounded":"787.466359092657","rounding":"half-up","pegs":[],"others":[],'
    '"document":"73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",'
    '"fetched":"2026-10-30T15:56:00Z","attribution":null}'
)
ITSELF = (
    '{"amount":"1","from":"KWD","to":"KWD","result":"1.000","rate":"1","date":"2026-10-30",'
    '"source":null,"state":"fresh"}'
)
OLD = (
    '{"amount":"-19.99","from":"USD","to":"JPY","result":"-2196","rate":"109.859804464",'
    '"date":"2020-02-14","source":"ECB","state":"fresh"}'
)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/convert?amount=1100", ONE),
        ("/convert?amount=1100&from=cad&to=usd&on=2026-10-30&explain=false", ONE),
        ("/convert?amount=1100&sources=ecb&known_at=2026-10-30T16:56:00%2B01:00", ONE),
        ("/convert?amount=1100&known_at=2026-10-30T18:00:00Z", ONE),
        ("/convert?amount=1100&explain=true", EXPLAINED),
        ("/convert?amount=1&from=KWD&to=KWD", ITSELF),
        ("/convert?amount=-19.99&from=USD&to=JPY&on=2020-02-16", OLD),
    ],
)
def test_a_conversion_is_answered_with_texts(api: Asker, url: str, body: str) -> None:
    answered = api.get(url)
    assert (answered.status, answered.text) == (200, body)
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("url", "status", "slug", "detail"),
    [
        ("", 422, "invalid-request",
         "there is no amount: ask like /convert?amount=1100&from=CAD&to=USD"),
        ("?amount=1e3", 422, "invalid-amount",
         '"1e3" is not a number: write it like 1100 or 19.99'),
        ("?amount=1&to=XYZ", 422, "unknown-currency", '"XYZ" is not an ISO 4217 currency code'),
        ("?amount=1&on=20261030", 422, "invalid-date",
         '"20261030" is not a date: write it as YYYY-MM-DD'),
        ("?amount=1&known_at=2026-10-30", 422, "invalid-date",
         '"2026-10-30" is not an instant: write it like 2026-10-30T16:00:00Z'),
        ("?amount=1&known_at=2026-13-30T16:00:00Z", 422, "invalid-date",
         '"2026-13-30T16:00:00Z" is not an instant of the calendar'),
        ("?amount=1&known_at=0001-01-01T00:00:00%2B14:00", 422, "invalid-date",
         '"0001-01-01T00:00:00+14:00" is not an instant of the calendar'),
        ("?amount=1&known_at=2026-10-30T00:00:00Z", 404, "no-rate-for-date",
         "no rates were known here at 2026-10-30T00:00:00Z"),
        ("?amount=1&known_at=2026-10-30T18:00:01Z", 404, "no-rate-for-date",
         "2026-10-30T18:00:01Z is in the future: what is known then, nobody knows"),
        ("?amount=1&from=KWD&to=KWD&known_at=9999-12-31T23:59:59Z", 404, "no-rate-for-date",
         "9999-12-31T23:59:59Z is in the future: what is known then, nobody knows"),
        ("?amount=1&explain=yes", 422, "invalid-request",
         'explain is "yes", neither true nor false'),
        ("?amount=1&date=2026-10-30", 422, "invalid-request", "unknown parameter: date"),
        ("?amount=1&amount=2", 422, "invalid-request", "repeated parameter: amount"),
        ("?amount=1&sources=ECB,FOO", 422, "invalid-request",
         "unknown source: FOO; known here: ECB"),
        ("?amount=1&to=KWD", 404, "no-rate-for-currency", "ECB does not publish KWD"),
        ("?amount=1&to=BGN", 404, "no-rate-for-date",
         "there is no rate for BGN on 2026-10-30: ECB has it from 2000-07-19 to 2025-12-31"),
        ("?amount=1&on=2027-01-01", 404, "no-rate-for-date",
         "2027-01-01 is in the future: there is no rate for it yet"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_problem_that_says_why(
    api: Asker, url: str, status: int, slug: str, detail: str
) -> None:
    answered = api.get(f"/convert{url}")
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answered.text) == {
        "type": f"/docs#{slug}",
        "title": slug.replace("-", " "),
        "status": status,
        "detail": detail,
    }
    assert (answered.status, answered.headers["Cache-Control"]) == (status, "no-store")


DIRHAMS = (
    '{"amount":"100","from":"USD","to":"AED","result":"367.25","rate":"3.6725",'
    '"date":"2026-10-30","source":null,"state":"fresh",'
    '"pegs":[{"pair":"USD/AED","rate":"3.6725"}]}'
)
FRANCS = (
    '{"amount":"100","from":"USD","to":"XOF","result":"58714","rate":"587.143752238",'
    '"date":"2026-10-30","source":"ECB","state":"fresh",'
    '"pegs":[{"pair":"EUR/XOF","rate":"655.957"}]}'
)
BOTH = (
    '{"amount":"1","from":"AED","to":"XOF","result":"160","rate":"159.875766436",'
    '"date":"2026-10-30","source":"ECB","state":"fresh",'
    '"pegs":[{"pair":"USD/AED","rate":"3.6725"},{"pair":"EUR/XOF","rate":"655.957"}]}'
)


def test_a_parity_is_named_wherever_it_answers(api: Asker, bureau: Bureau) -> None:
    bureau.book = RateBook(bureau.book, Order(("ECB", PEG)), all_pegs())
    asked = [
        {"amount": "100", "from": "USD", "to": "AED"},
        {"amount": "100", "from": "USD", "to": "XOF"},
        {"amount": "1", "from": "AED", "to": "XOF"},
        {"amount": "1100"},
    ]
    answers = (DIRHAMS, FRANCS, BOTH, ONE)
    for item, answer in zip(asked, answers, strict=True):
        told = api.text(f"/convert?{urlencode(item)}")
        assert told == answer
        explained = json.loads(api.text(f"/convert?{urlencode({**item, 'explain': 'true'})}"))
        assert explained["pegs"] == json.loads(told).get("pegs", [])
    assert post(api, {"items": asked}) == f'200 {{"results":[{",".join(answers)}]}}'


def post(api: Asker, document: object, content_type: str = "application/json") -> str:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    answered = api.ask("POST", "/convert", body, content_type=content_type)
    assert answered.headers["Cache-Control"] == "no-store"
    return f"{answered.status} {answered.text}"


def test_many_are_answered_in_their_order_and_each_is_refused_for_itself(api: Asker) -> None:
    items = [
        {"amount": "1100"},
        {"amount": "abc", "to": "USD"},
        {"amount": "1", "from": "KWD", "to": "KWD"},
        {"amount": "1", "from": "CAD", "to": "BGN", "on": "2026-10-30"},
        {"amount": "-19.99", "from": "USD", "to": "JPY", "on": "2020-02-14"},
        {"amount": "1", "on": "yesterday"},
    ]
    invalid = '{"error":{"slug":"invalid-amount","detail":"\\"abc\\" is not a number"}}'
    retired = (
        '{"error":{"slug":"no-rate-for-date","detail":"there is no rate for BGN on 2026-10-30:'
        ' ECB has it from 2000-07-19 to 2025-12-31"}}'
    )
    undated = (
        '{"error":{"slug":"invalid-date",'
        '"detail":"\\"yesterday\\" is not a date: write it as YYYY-MM-DD"}}'
    )
    results = f"{ONE},{invalid},{ITSELF},{retired},{OLD},{undated}"
    assert post(api, {"items": items}) == f'200 {{"results":[{results}]}}'


def test_what_holds_for_all_items_is_said_once(api: Asker) -> None:
    known = {"known_at": "2026-10-30T15:56:00Z", "sources": "ecb"}
    asked = {"items": [{"amount": "1100"}], "explain": True, **known}
    assert post(api, asked) == f'200 {{"results":[{EXPLAINED}]}}'
    asked["known_at"] = "2026-10-30T15:55:59Z"
    assert '"slug":"no-rate-for-date"' in post(api, asked)


def test_no_items_are_no_results(api: Asker) -> None:
    assert post(api, {"items": []}) == '200 {"results":[]}'


def test_a_number_keeps_its_digits(api: Asker) -> None:
    numbers = ("0.10", "9007199254740993", "1e3")
    items = ",".join(f'{{"amount":{number},"to":"CAD"}}' for number in numbers)
    body = f'{{"items":[{items}]}}'.encode()
    results = json.loads(post(api, body).removeprefix("200 "))["results"]
    assert [result.get("result") for result in results] == ["0.10", "9007199254740993.00", None]
    assert results[2]["error"]["slug"] == "invalid-amount"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is no JSON: Expecting value at 0"),
        (b"\xff", "the body is not UTF-8"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b"[]", 'the body is no object: send {"items":[...]}'),
        (b"{}", '"items" is no array'),
        (b'{"items":[],"items":[]}', '"items" is there twice in one object'),
        (b'{"items":[],"base":"CAD"}', '"base" is no member of the body'),
        (b'{"items":[],"explain":1}', '"explain" is neither true nor false'),
        (b'{"items":[],"known_at":1}', '"known_at" is no text'),
        (b'{"items":[],"sources":"X"}', "unknown source: X; known here: ECB"),
        (b'{"items":[{"amount":NaN}]}', "NaN is no number in JSON"),
        (b'{"items":[' + b"1," * ITEMS_MAX + b"1]}",
         "10001 items are too many: at most 10000 in a request"),
    ],
)  # fmt: skip
def test_a_document_that_is_off_is_refused_as_a_whole(api: Asker, body: bytes, detail: str) -> None:
    status, _, text = post(api, body).partition(" ")
    told = json.loads(text)
    assert (status, told["detail"], "index" in told) == ("422", detail, False)


@pytest.mark.parametrize(
    ("item", "detail"),
    [
        ("1", "item 1: it is no object"),
        ("{}", 'item 1: it has no "amount"'),
        ('{"amount":true}', 'item 1: "amount" is neither a text nor a number'),
        ('{"amount":"1","from":1}', 'item 1: "from" is no text'),
        ('{"amount":"1","date":"2026-10-30"}', 'item 1: "date" is no member of an item'),
    ],
)
def test_an_item_of_another_shape_is_named_by_its_index(api: Asker, item: str, detail: str) -> None:
    body = f'{{"items":[{{"amount":"1"}},{item}]}}'.encode()
    told = json.loads(post(api, body).removeprefix("422 "))
    assert (told["detail"], told["index"], told["status"]) == (detail, 1, 422)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_is_to_be_called_json(api: Asker, content_type: str) -> None:
    assert post(api, {"items": []}, content_type).startswith("415 ")
    assert post(api, {"items": []}, "Application/JSON; charset=utf-8").startswith("200 ")


def test_the_most_items_are_answered_in_slices(api: Asker) -> None:
    body = json.dumps({"items": [{"amount": str(n)} for n in range(ITEMS_MAX)]}).encode()
    headers = {"content-type": "application/json"}
    response = respond(api.router, "POST", "/convert", "", headers, body)
    assert isinstance(response.body, Generator)
    chunks = [chunk for chunk in response.body if chunk]
    assert len(chunks) >= ITEMS_MAX // ITEMS_AT_ONCE
    results = json.loads(b"".join(chunks))["results"]
    assert [int(result["amount"]) for result in results] == list(range(ITEMS_MAX))


def test_publications_that_arrive_while_an_answer_is_sent_are_for_the_next(
    api: Asker, bureau: Bureau
) -> None:
    body = json.dumps({"items": [{"amount": "1100"}] * 3 * ITEMS_AT_ONCE}).encode()
    headers = {"content-type": "application/json"}
    response = respond(api.router, "POST", "/convert", "", headers, body)
    assert isinstance(response.body, Generator)
    sheet = Sheet(date(2026, 10, 30), {"USD": "2", "CAD": "1"})
    corrected = publication_of("ECB", Convention("EUR", per_pivot=True), sheet, PROVENANCE)
    begun = [next(response.body), next(response.body)]
    bureau.book = RateBook([corrected])
    results = json.loads(b"".join([*begun, *response.body]))["results"]
    assert {result["result"] for result in results} == {"787.47"}
    assert json.loads(api.text("/convert?amount=1100"))["result"] == "2200.00"


PROVENANCE = Provenance("5" * 64, datetime(2026, 10, 30, 15, 30, tzinfo=UTC))


def of_two(day: str = "2026-10-30") -> Asker:
    """The ECB, and another source with one publication; of a third one nothing is known."""
    sheet = Sheet(date.fromisoformat(day), {"CAD": "1.4", "KWD": "0.3"})
    known = publication_of("ERAPI", Convention("USD", per_pivot=True), sheet, PROVENANCE)
    keys = ("ECB", "ERAPI", "RB")
    book = RateBook([*packaged_publications(), known], Order(keys))
    sources = find_sources(keys, "https://ecb.example")
    now = datetime(2026, 10, 30, 18, tzinfo=UTC)
    return Asker(Bureau(book, sources, lambda: now, Terms(currency("CAD"), currency("USD"))))


def test_a_source_whose_terms_want_it_is_linked_with_each_answer() -> None:
    api = of_two()
    told = json.loads(api.text("/convert?amount=1&to=KWD"))
    assert (told["source"], told["attribution"]) == ("ERAPI", "https://www.exchangerate-api.com")
    assert "attribution" not in json.loads(api.text("/convert?amount=1"))
    explained = json.loads(api.text("/convert?amount=1&explain=true"))
    assert explained["others"] == [
        {"source": "ERAPI", "date": "2026-10-30", "rate": "0.714285714286"}
    ]


LIVELY = "public, max-age={}, must-revalidate"
SETTLED = "public, max-age=86400, stale-while-revalidate=86400"


@pytest.mark.parametrize(
    ("query", "day", "kept"),
    [
        # The ECB publishes on Monday, the other source five minutes after midnight.
        ("", "2026-10-30", LIVELY.format(86400)),
        ("&sources=erapi", "2026-10-30", LIVELY.format(6 * 3600 + 5 * 60)),
        # Reasons have what all sources say, whoever was asked.
        ("&explain=true", "2026-10-30", LIVELY.format(6 * 3600 + 5 * 60)),
        ("&sources=ecb&explain=true", "2026-10-30", LIVELY.format(6 * 3600 + 5 * 60)),
        ("&explain=true", "2026-10-29", LIVELY.format(60)),
        ("&on=2026-10-30", "2026-10-29", SETTLED),
        ("&on=2026-10-30&explain=true", "2026-10-29", LIVELY.format(60)),
        ("&on=2026-10-30&explain=true", "2026-10-30", SETTLED),
    ],
)
def test_an_answer_may_be_kept_until_a_source_of_which_it_tells_publishes(
    query: str, day: str, kept: str
) -> None:
    assert of_two(day).get(f"/convert?amount=1{query}").headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "2026-10-30 6 stale"),
        ("&known_at=2026-11-10T12:00:00Z", "2026-10-30 6 stale"),
        ("&known_at=2026-11-03T16:00:00Z", "2026-10-30 2 stale"),
        ("&known_at=2026-11-02T16:00:00Z", "2026-10-30 1 late"),
        ("&known_at=2026-11-02T15:59:59Z", "2026-10-30 0 fresh"),
        # A day is held against what had been expected by then, and has begun by then or not.
        ("&known_at=2026-11-03T16:00:00Z&on=2026-11-02", "2026-10-30 1 late"),
        ("&known_at=2026-11-02T16:00:00Z&on=2026-11-03", "2026-10-30 1 late"),
        ("&known_at=2026-11-02T16:00:00Z&on=2026-11-04",
         "2026-11-04 is in the future: there is no rate for it yet"),
        # What has no publication has the day of the instant.
        ("&to=CAD", "2026-11-10 0 fresh"),
        ("&to=CAD&known_at=2026-11-02T16:00:00Z", "2026-11-02 0 fresh"),
    ],
)  # fmt: skip
def test_an_instant_is_when_a_question_is_asked(bureau: Bureau, query: str, told: str) -> None:
    bureau.clock = lambda: datetime(2026, 11, 10, 12, tzinfo=UTC)
    answered = Asker(bureau).get(f"/convert?amount=1&explain=true{query}")
    fields = json.loads(answered.text)
    if answered.status == 200:
        assert "{date} {missed} {state}".format_map(fields) == told
    else:
        assert (answered.status, fields["detail"]) == (404, told)


AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2).map(str)
CODES = st.sampled_from(["CAD", "USD", "EUR", "JPY", "IDR", "KRW", "BGN", "ISK", "HUF", "KWD"])
DAYS = st.dates(date(1998, 12, 1), date(2026, 10, 30))


@given(AMOUNTS, CODES, CODES, DAYS)
def test_every_door_has_the_same_digits(
    book: RateBook, amount: str, base: str, counter: str, day: date
) -> None:
    now = datetime(2026, 10, 30, 18, tzinfo=UTC)
    sources = find_sources(["ECB"], "https://ecb.example")
    bureau = Bureau(book, sources, lambda: now, Terms(currency("CAD"), currency("USD")))
    answer = LineSession(bureau).answer(f"{amount} {base} {counter} {day}".encode())
    assert isinstance(answer, bytes)
    line = answer.decode().strip()
    api = Asker(bureau)
    item = {"amount": amount, "from": base, "to": counter, "on": str(day)}
    one = json.loads(api.get("/convert?" + "&".join(map("=".join, item.items()))).text)
    many = json.loads(post(api, {"items": [item]}).removeprefix("200 "))["results"][0]
    if line.startswith("error "):
        _, slug, detail = line.split(" ", 2)
        assert (one["type"], one["detail"]) == (f"/docs#{slug}", detail)
        assert many == {"error": {"slug": slug, "detail": detail}}
    else:
        assert (one["result"], many) == (line, one)
