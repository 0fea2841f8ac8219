"""Quotes over HTTP: the fields and rules of the lines, as JSON; a key in a header."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from asking import content_of, respond
from held import DAY, DeskAtOnce, quote_id
from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.door import make_router
from pricedesk.backend.surroundings import Readiness
from pricedesk.errors import StoreFailed
from pricedesk.http.messages import Response
from pricedesk.http.routes import Router
from pricedesk.quote_lines import parse_quote_reply

ONE = quote_id(1)
LAPTOP = {"amount": "1100", "from": "CAD", "to": "USD", "ref": "laptop", "name": "Café laptop"}
TOLD = {
    "quote": ONE,
    "ref": "laptop",
    "name": "Café laptop",
    "amount": "1100",
    "from": "CAD",
    "to": "USD",
    "result": "787.47",
    "price": "787.47",
    "rate": "0.715878508266",
    "date": "2026-10-30",
    "source": "ECB",
    "path": "CAD/EUR/USD",
    "published": "EUR/CAD:1.5606,EUR/USD:1.1172",
    "pegs": None,
    "unrounded": "787.466359092657",
    "rounding": "half-up",
    "state": "fresh",
    "missed": "0",
    "rules": None,
    "document": "73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",
    "attribution": None,
    "held": "2026-10-30T18:00:00Z",
    "expires": "2026-10-31T18:00:00Z",
    "version": __version__,
    "status": "held",
    "ended": None,
}


@dataclass
class Door:
    """The door over a ledger in a file."""

    router: Router

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        return respond(self.router, method, path, query, named, body)

    def hold(self, document: object, **headers: str) -> Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.ask("POST", "/quotes", body, **{"content_type": "application/json", **headers})


@pytest.fixture
def door(bureau: Bureau, quotes: DeskAtOnce) -> Door:
    return Door(make_router(bureau, quotes, Readiness(bureau), lambda: b""))


def told(response: Response) -> Any:  # noqa: ANN401  # a JSON document
    return json.loads(content_of(response))


def refused(response: Response) -> tuple[int, str, str]:
    problem = told(response)
    return response.status, problem["title"], problem["detail"]


def test_a_price_that_is_held_is_told_with_all_its_fields(door: Door, quotes: DeskAtOnce) -> None:
    response = door.hold(LAPTOP)
    answer = told(response)
    [record] = [quote.record for quote in quotes.asking.ledger.quotes()]
    assert (response.status, answer) == (200, {**TOLD, "record": record})
    assert list(answer) == [*TOLD, "record"]
    assert dict(response.headers)["Cache-Control"] == "no-store"


def test_the_record_is_the_one_of_the_lines(door: Door, quotes: DeskAtOnce) -> None:
    record = told(door.hold(LAPTOP))["record"]
    line = quotes.asking.one(f"quote {ONE}")
    assert parse_quote_reply(line).record == record


def test_a_quote_is_found_by_its_id_however_it_is_written(door: Door) -> None:
    held = content_of(door.hold(LAPTOP))
    for written in (ONE, ONE.lower(), ONE.replace("-", "").replace("0", "o")):
        response = door.ask("GET", f"/quotes/{written}")
        assert (response.status, content_of(response)) == (200, held)
    assert door.ask("HEAD", f"/quotes/{ONE}").status == 200


def test_a_quote_is_redeemed_and_then_not_cancelled(door: Door, quotes: DeskAtOnce) -> None:
    record = told(door.hold(LAPTOP))["record"]
    redeemed = content_of(door.ask("POST", f"/quotes/{ONE}/redeem"))
    ended = {"status": "redeemed", "ended": "2026-10-30T18:00:00Z", "record": record}
    assert json.loads(redeemed) == {**TOLD, **ended}
    quotes.asking.clock.now += DAY
    assert content_of(door.ask("POST", f"/quotes/{ONE}/redeem")) == redeemed
    assert refused(door.ask("POST", f"/quotes/{ONE}/cancel")) == (
        409,
        "quote redeemed",
        f"{ONE} was redeemed at 2026-10-30T18:00:00Z",
    )


def test_a_quote_is_cancelled_and_then_not_redeemed(door: Door) -> None:
    door.hold(LAPTOP)
    assert told(door.ask("POST", f"/quotes/{ONE}/cancel"))["status"] == "cancelled"
    assert refused(door.ask("POST", f"/quotes/{ONE}/redeem"))[:2] == (409, "quote cancelled")


def test_a_quote_that_has_expired_is_told_and_not_redeemed(door: Door, quotes: DeskAtOnce) -> None:
    door.hold(LAPTOP)
    quotes.asking.clock.now += DAY
    assert refused(door.ask("POST", f"/quotes/{ONE}/redeem"))[:2] == (409, "quote expired")
    found = told(door.ask("GET", f"/quotes/{ONE}"))
    assert (found["status"], found["ended"]) == ("expired", "2026-10-31T18:00:00Z")


def test_the_same_key_and_request_get_the_same_bytes(door: Door) -> None:
    first = content_of(door.hold(LAPTOP, idempotency_key="order 17"))
    assert content_of(door.hold(LAPTOP, idempotency_key="order 17")) == first
    assert refused(door.hold({**LAPTOP, "ref": "desktop"}, idempotency_key="order 17")) == (
        422,
        "quote key reused",
        "the key came with another request before",
    )
    assert told(door.hold(LAPTOP, idempotency_key="order 18"))["quote"] != ONE


def test_a_key_gets_the_same_bytes_whatever_has_become_of_the_rates(
    door: Door, bureau: Bureau, quotes: DeskAtOnce
) -> None:
    seen = {**LAPTOP, "expects": "787.47", "price": "789.99", "rules": "v1"}
    first = content_of(door.hold(seen, idempotency_key="order 17"))
    bureau.book = type(bureau.book)([])
    quotes.asking.clock.now += DAY - timedelta(seconds=1)
    assert content_of(door.hold(seen, idempotency_key="order 17")) == first
    assert refused(door.hold(seen, idempotency_key="order 18"))[:2] == (503, "no rates known")
    assert refused(door.hold({**seen, "rules": "v2"}, idempotency_key="order 17"))[:2] == (
        422,
        "quote key reused",
    )


def test_a_key_is_the_same_on_the_lines(door: Door, quotes: DeskAtOnce) -> None:
    record = told(door.hold({**LAPTOP, "name": "x"}, idempotency_key="k"))["record"]
    line = quotes.asking.one("hold 1100 CAD USD ref=laptop name=x key=k")
    assert line == f"{record} status=held"


def test_numbers_keep_their_digits(door: Door) -> None:
    answer = told(door.hold(b'{"amount":1100.00,"from":"CAD","to":"USD","price":789.90}'))
    assert (answer["amount"], answer["price"]) == ("1100.00", "789.90")


def test_a_price_that_nobody_has_seen_is_not_held(door: Door) -> None:
    assert refused(door.hold({**LAPTOP, "expects": "787.46"})) == (
        409,
        "price changed",
        "the result is 787.47 USD now, not 787.46",
    )


NO_OBJECT = 'the body is no object: send {"amount":"1","from":"CAD","to":"USD"}'


@pytest.mark.parametrize(
    ("body", "slug", "detail"),
    [
        (b"", "invalid request", "the body is no JSON: Expecting value at 0"),
        (b"[]", "invalid request", NO_OBJECT),
        (b'"1100"', "invalid request", NO_OBJECT),
        (b"{}", "invalid request", "hold needs amount"),
        (b'{"amount":"1","from":"CAD"}', "invalid request", "hold needs to"),
        (b'{"key":"k"}', "invalid request", '"key" is no member of the body'),
        (b'{"ref":7}', "invalid request", '"ref" is no text'),
        (b'{"amount":null}', "invalid request", '"amount" is neither a text nor a number'),
        (b'{"ref":"a","ref":"b"}', "invalid request", '"ref" is there twice in one object'),
        (
            b'{"amount":"1","from":"CAD","to":"USD","ref":""}',
            "invalid request",
            "ref is to have 1 to 64 characters, not 0",
        ),
        (
            b'{"amount":"1","from":"CAD","to":"USD","name":"\\ud800"}',
            "invalid request",
            r'name is "\ud800", which is no text',
        ),
        (
            b'{"amount":1e3,"from":"CAD","to":"USD"}',
            "invalid amount",
            '"1e3" is not a number: write it like 1100 or 19.99',
        ),
        (
            b'{"amount":"1","from":"CAD","to":"XXX"}',
            "unknown currency",
            '"XXX" is not an ISO 4217 currency code',
        ),
    ],
)
def test_a_body_that_is_off_is_refused(door: Door, body: bytes, slug: str, detail: str) -> None:
    assert refused(door.hold(body)) == (422, slug, detail)


@pytest.mark.parametrize("key", ["", "caf\xe9", "x" * 256, "a\nb"])
def test_a_key_that_is_off_is_refused(door: Door, key: str) -> None:
    assert refused(door.hold(LAPTOP, idempotency_key=key))[:2] == (422, "invalid request")


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/quotes/7F3K-9QXD-2MTA", 404, "unknown quote"),
        ("POST", "/quotes/7F3K-9QXD-2MTA/redeem", 404, "unknown quote"),
        ("POST", "/quotes/7F3K-9QXD-2MTA/cancel", 404, "unknown quote"),
        ("GET", "/quotes/laptop", 422, "invalid request"),
        ("GET", "/quotes/7F3K-9QXD-2MTA?at=now", 422, "invalid request"),
        ("GET", "/quotes", 405, "method not allowed"),
        ("DELETE", "/quotes/7F3K-9QXD-2MTA", 405, "method not allowed"),
        ("PUT", "/quotes/7F3K-9QXD-2MTA", 405, "method not allowed"),
        ("GET", "/quotes/7F3K-9QXD-2MTA/redeem", 405, "method not allowed"),
        ("POST", "/quotes/7F3K-9QXD-2MTA/extend", 404, "not found"),
    ],
)
def test_what_there_is_not_is_refused(
    door: Door, method: str, path: str, status: int, title: str
) -> None:
    assert refused(door.ask(method, path))[:2] == (status, title)


def test_a_body_where_none_is_wanted_is_refused(door: Door) -> None:
    door.hold(LAPTOP)
    assert refused(door.ask("POST", f"/quotes/{ONE}/redeem", b"{}"))[0] == 422


def test_a_body_that_is_not_called_json_is_refused(door: Door) -> None:
    assert refused(door.hold(LAPTOP, content_type="text/plain"))[:2] == (
        415,
        "unsupported media type",
    )


def test_a_store_that_fails_is_no_fault_of_the_client(door: Door, quotes: DeskAtOnce) -> None:
    quotes.failure = StoreFailed("the disk is full")
    assert refused(door.hold(LAPTOP)) == (503, "store failed", "the disk is full")


def test_pages_of_other_origins_read_nothing(door: Door) -> None:
    response = door.hold(LAPTOP, origin="https://elsewhere.example")
    assert "Access-Control-Allow-Origin" not in dict(response.headers)
