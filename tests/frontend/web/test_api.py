"""The desk's JSON, to the byte; and what is said to whom asks wrongly."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from asking import Answered
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.customers import is_random, key_of
from pricedesk.frontend.price_rules import NO_RULES, PriceRules
from pricedesk.frontend.price_rules_file import parse_price_rules
from pricedesk.frontend.service import new_key
from pricedesk.money import Money
from web_desk import CAD, EUR, KWD, USD, WebDesk, web_desk

LAPTOP_IN_DOLLARS = (
    '{"sku":"laptop","name":"A laptop","description":"14 inches",'
    '"category":"Computers & <b>more</b>","own":{"amount":"1100.00","currency":"CAD"},'
    '"price":{"amount":"787.47","currency":"USD","conversion":"787.47","rate":"0.715878508266",'
    '"path":"CAD/EUR/USD","source":"ECB","date":"2026-10-30","state":"fresh","missed":"0",'
    '"steps":[],"attribution":null},"known_at":null,"reason":null}'
)
LAPTOP_AT_HOME = (
    '{"sku":"laptop","name":"A laptop","description":"14 inches",'
    '"category":"Computers & <b>more</b>","own":{"amount":"1100.00","currency":"CAD"},'
    '"price":{"amount":"1100.00","currency":"CAD","conversion":"1100.00","rate":"1",'
    '"path":"CAD","source":null,"date":"2026-10-30","state":"fresh","missed":"0",'
    '"steps":[],"attribution":null},"known_at":null,"reason":null}'
)
DINAR = (
    '{"sku":"dinar","name":"In dinars","description":"","category":"",'
    '"own":{"amount":"12.345","currency":"KWD"},"price":null,"known_at":null,'
    '"reason":"ECB does not publish KWD"}'
)
SEEN = {"sku": "laptop", "currency": "USD", "conversion": "787.47", "price": "787.47"}
RECORD = (
    "quote=0000-0000-0001 ref=laptop name=A%20laptop amount=1100.00 from=CAD to=USD"
    " result=787.47 price=787.47 rate=0.715878508266 date=2026-10-30 source=ECB path=CAD/EUR/USD"
    " published=EUR/CAD:1.5606,EUR/USD:1.1172 pegs=none unrounded=787.466359092657"
    " rounding=half-up state=fresh missed=0 rules=v=none;conversion=787.47USD"
    " document=73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3 attribution=none"
    " held=2026-10-30T18:00:00Z expires=2026-10-31T18:00:00Z version=0.1.0"
)
HELD = (
    '{"quote":"0000-0000-0001","ref":"laptop","name":"A laptop","amount":"1100.00","from":"CAD",'
    '"to":"USD","result":"787.47","price":"787.47","rate":"0.715878508266","date":"2026-10-30",'
    '"source":"ECB","path":"CAD/EUR/USD","published":"EUR/CAD:1.5606,EUR/USD:1.1172","pegs":null,'
    '"unrounded":"787.466359092657","rounding":"half-up","state":"fresh","missed":"0",'
    '"rules":"v=none;conversion=787.47USD",'
    '"document":"73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",'
    '"attribution":null,"held":"2026-10-30T18:00:00Z","expires":"2026-10-31T18:00:00Z",'
    f'"version":"0.1.0","status":"held","ended":null,"record":"{RECORD}"}}'
)
COMPUTERS = '{"name":"Computers & <b>more</b>","products":2}'
KITCHEN = '{"name":"Kitchen","products":1}'
DAY = timedelta(days=1)


async def hold(
    desk: WebDesk, seen: Mapping[str, str] = SEEN, key: str = "k1", address: str = "203.0.113.7"
) -> Answered:
    body = json.dumps(seen).encode()
    return await desk.ask("POST", "/api/quotes", {"Idempotency-Key": key}, body, address)


def told(answered: Answered) -> tuple[int, str, str]:
    """Status, name and sentence of a problem."""
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert answered.headers["Cache-Control"] == "no-store"
    problem = json.loads(answered.text)
    assert problem["status"] == answered.status
    return (answered.status, problem["type"].removeprefix("/api/problems/"), problem["detail"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/api/categories", f'{{"total":2,"offset":0,"categories":[{COMPUTERS},{KITCHEN}]}}'),
        (
            "/api/categories?offset=1&limit=1",
            f'{{"total":2,"offset":1,"categories":[{KITCHEN}]}}',
        ),
        ("/api/categories?offset=10000000", '{"total":2,"offset":10000000,"categories":[]}'),
        ("/api/categories?limit=0", '{"total":2,"offset":0,"categories":[]}'),
        ("/api/products/laptop", LAPTOP_IN_DOLLARS),
        ("/api/products/laptop?currency=usd", LAPTOP_IN_DOLLARS),
        ("/api/products/laptop?currency=CAD", LAPTOP_AT_HOME),
        ("/api/products/dinar", DINAR),
        (
            "/api/products?q=lap&limit=1",
            f'{{"total":1,"offset":0,"products":[{LAPTOP_IN_DOLLARS}]}}',
        ),
        ("/api/products?category=none", '{"total":0,"offset":0,"products":[]}'),
        ("/api/products?offset=4", f'{{"total":5,"offset":4,"products":[{DINAR}]}}'),
        ("/api/products?offset=10000000", '{"total":5,"offset":10000000,"products":[]}'),
        ("/api/products?limit=0", '{"total":5,"offset":0,"products":[]}'),
        (
            "/api/products/laptop/history?range=30d&currency=EUR",
            '{"from":"CAD","to":"EUR","unit":"day","source":"ECB","attribution":null,"rates":[',
        ),
        (
            "/api/products/laptop/history?currency=CAD",
            '{"from":"CAD","to":"CAD","unit":"day","source":null,"attribution":null,"rates":[]}',
        ),
        (
            "/api/products/dinar/history",
            '{"from":"KWD","to":"USD","unit":"day","source":null,"attribution":null,"rates":[]}',
        ),
        (
            "/api/rates/history?base=cad&to=eur&range=5y",
            '{"from":"CAD","to":"EUR","unit":"week","source":"ECB","attribution":null,"rates":[',
        ),
        (
            "/api/rates/history?to=CAD&range=all",
            '{"from":"USD","to":"CAD","unit":"month","source":"ECB","attribution":null,"rates":[',
        ),
        (
            "/api/rates/history?base=USD&to=USD",
            '{"from":"USD","to":"USD","unit":"day","source":null,"attribution":null,"rates":[]}',
        ),
        (
            "/api/rates/history?to=KWD",
            '{"from":"USD","to":"KWD","unit":"day","source":null,"attribution":null,"rates":[]}',
        ),
    ],
)
async def test_products_in_json(desk: WebDesk, url: str, expected: str) -> None:
    answered = await desk.get(url)
    assert (answered.status, answered.text[: len(expected)]) == (200, expected)
    assert answered.text == expected or expected.endswith("[")
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answered.headers["Cache-Control"] == "no-store"


async def test_a_history_has_the_published_rates(desk: WebDesk) -> None:
    answered = await desk.get("/api/rates/history?base=CAD&to=EUR&range=30d")
    rates = json.loads(answered.text)["rates"]
    assert (rates[0], rates[-1]) == (
        {"date": "2026-09-30", "rate": "0.620925178516"},
        {"date": "2026-10-30", "rate": "0.640779187492"},
    )


async def test_a_products_history_has_its_price_at_each_rate(desk: WebDesk) -> None:
    answered = await desk.get("/api/products/laptop/history?range=30d&currency=EUR")
    rates = json.loads(answered.text)["rates"]
    assert (rates[0], rates[-1]) == (
        {"date": "2026-09-30", "rate": "0.620925178516", "price": "683.02"},
        {"date": "2026-10-30", "rate": "0.640779187492", "price": "704.86"},
    )
    pair = await desk.get("/api/rates/history?base=CAD&to=EUR&range=30d")
    assert json.loads(pair.text)["rates"] == [
        {"date": each["date"], "rate": each["rate"]} for each in rates
    ]


@pytest.mark.parametrize("name", ["30d", "1y", "5y", "all"])
async def test_the_prices_of_a_history_are_those_of_the_page(
    tmp_path: Path, book: RateBook, name: str
) -> None:
    rules = parse_price_rules("[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n", "r")
    async with web_desk(tmp_path, book, rules=rules) as desk:
        answered = await desk.get(f"/api/products/laptop/history?range={name}")
        page = (await desk.get(f"/products/laptop?range={name}")).text
    prices = [each["price"] for each in json.loads(answered.text)["rates"]]
    assert prices[-1] == "807.99"
    drawn = re.findall(r'<td class="number">\$([0-9,.]+)</td>', page)
    assert [text.replace(",", "") for text in reversed(drawn)] == prices


async def test_rates_and_sources_in_json(desk: WebDesk) -> None:
    answered = await desk.get("/api/rates?base=EUR")
    rates = json.loads(answered.text)
    assert (rates["base"], rates["date"]) == ("EUR", "2026-10-30")
    usd = {"rate": "1.1172", "date": "2026-10-30", "source": "ECB", "state": "fresh", "missed": 0}
    usd |= {"attribution": None}
    assert rates["rates"]["USD"] == usd
    assert (await desk.get("/api/sources")).text == (
        '{"away":false,"sources":[{"source":"ECB","name":"European Central Bank",'
        '"newest":"2026-10-30","state":"fresh","missed":0,'
        '"expected":"2026-11-02T15:00:00+00:00","failing_since":null,"looked_at":null,'
        '"attribution":"Source: ECB","attribution_url":"https://www.ecb.europa.eu/stats/'
        'policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html",'
        '"attribution_required":false,"redistributable":true}]}'
    )


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (",none", {"looked_at": None}),
        (",2026-10-30T15:05:00Z", {"looked_at": "2026-10-30T15:05:00+00:00"}),
        ("", {}),
    ],
)
async def test_the_last_look_is_told_as_the_back_end_tells_it(
    desk: WebDesk, part: str, told: dict[str, str | None]
) -> None:
    """One of an earlier version does not."""
    line = await desk.lines.ask("sources")
    assert line.endswith(",no,yes,none")
    desk.lines.instead["sources"] = f"{line.removesuffix(',none')}{part}"
    [source] = json.loads((await desk.get("/api/sources")).text)["sources"]
    assert {name: source[name] for name in source if name == "looked_at"} == told


async def test_official_parities_are_named_with_what_goes_over_them(
    tmp_path: Path, book: RateBook
) -> None:
    pegged = RateBook(book, Order(("ECB", PEG)), all_pegs())
    async with web_desk(tmp_path, pegged) as desk:
        price = json.loads((await desk.get("/api/products/laptop?currency=XOF")).text)["price"]
        assert (price["amount"], price["source"], price["pegs"]) == ("462356", "ECB", ["EUR/XOF"])
        rates = json.loads((await desk.get("/api/rates?base=AED")).text)["rates"]
        told = {code: (rates[code]["source"], rates[code]["pegs"]) for code in ("XOF", "SAR")}
        assert told == {
            "XOF": ("ECB", ["USD/AED", "EUR/XOF"]),
            "SAR": (None, ["USD/AED", "USD/SAR"]),
        }
        history = await desk.get("/api/products/laptop/history?currency=XOF&range=30d")
        assert json.loads(history.text)["pegs"] == ["EUR/XOF"]
        plain = await desk.get("/api/products/laptop/history?range=30d")
        assert "pegs" not in json.loads(plain.text)
        assert (
            "pegs" not in json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"]["USD"]
        )


async def test_rules_are_told_step_by_step(tmp_path: Path, book: RateBook) -> None:
    rules = parse_price_rules("[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n", "r")
    async with web_desk(tmp_path, book, rules=rules) as desk:
        price = json.loads((await desk.get("/api/products/laptop")).text)["price"]
        assert (price["amount"], price["conversion"]) == ("807.99", "787.47")
        assert price["steps"] == [
            {"name": "margin", "value": "2.5", "before": "787.47", "after": "807.16"},
            {"name": "ending", "value": "0.99", "before": "807.16", "after": "807.99"},
        ]
        kept = await hold(desk, {**SEEN, "price": "807.99"})
        assert (kept.status, json.loads(kept.text)["price"]) == (201, "807.99")
        assert told(await hold(desk, key="other")) == (
            409,
            "price-changed",
            "the price has changed from 787.47 to 807.99 USD",
        )


async def test_a_quote_is_held_read_redeemed_and_the_same_to_the_byte(desk: WebDesk) -> None:
    first = await hold(desk)
    assert (first.status, first.text) == (201, HELD)
    assert (await hold(desk)).text == HELD
    for spelled in ("0000-0000-0001", "000000000001", "oooo%20oooo%20oool"):
        assert (await desk.get(f"/api/quotes/{spelled}")).text == HELD
    redeemed = await desk.ask("POST", "/api/quotes/0000-0000-0001/redeem")
    assert (redeemed.status, redeemed.text) == (
        200,
        HELD.replace('"held","ended":null', '"redeemed","ended":"2026-10-30T18:00:00Z"'),
    )
    desk.clock.now += 2 * DAY
    assert (await desk.ask("POST", "/api/quotes/0000-0000-0001/redeem")).text == redeemed.text
    assert told(await desk.ask("POST", "/api/quotes/0000-0000-0001/cancel"))[:2] == (
        409,
        "quote-redeemed",
    )


async def test_a_product_in_its_own_currency_can_be_held(desk: WebDesk) -> None:
    seen = {"sku": "laptop", "currency": "CAD", "conversion": "1100.00", "price": "1100.00"}
    kept = await hold(desk, seen)
    record = json.loads(kept.text)
    assert (kept.status, record["price"], record["source"]) == (201, "1100.00", None)


async def test_what_has_ended_is_refused_by_name(desk: WebDesk) -> None:
    await hold(desk)
    await hold(desk, key="k2")
    assert (await desk.ask("POST", "/api/quotes/0000-0000-0002/cancel")).status == 200
    assert told(await desk.ask("POST", "/api/quotes/0000-0000-0002/redeem"))[:2] == (
        409,
        "quote-cancelled",
    )
    desk.clock.now += DAY
    expired = await desk.get("/api/quotes/0000-0000-0001")
    assert '"status":"expired","ended":"2026-10-31T18:00:00Z"' in expired.text
    assert told(await desk.ask("POST", "/api/quotes/0000-0000-0001/redeem"))[:2] == (
        409,
        "quote-expired",
    )
    desk.clock.now -= DAY
    assert told(await desk.ask("POST", "/api/quotes/0000-0000-0001/redeem"))[:2] == (
        409,
        "quote-expired",
    )


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({"sku": "no"}, "k", (404, "unknown-product", 'there is no product "no"')),
        ({"sku": "\ud800"}, "k", (404, "unknown-product", 'there is no product "\\ud800"')),
        (
            {"currency": "ABC"},
            "k",
            (422, "unknown-currency", '"ABC" is not an ISO 4217 currency code'),
        ),
        ({"currency": "KWD"}, "k", (404, "no-rate-for-currency", "ECB does not publish KWD")),
        (
            {"price": "1e5"},
            "k",
            (422, "invalid-amount", '"1e5" is not a number: write it like 1100 or 19.99'),
        ),
        (
            {"conversion": ""},
            "k",
            (422, "invalid-request", "conversion and price say what was seen, and are needed both"),
        ),
        (
            {"conversion": "787.46", "price": "787.46"},
            "k",
            (409, "price-changed", "the result is 787.47 USD now, not 787.46"),
        ),
        (
            {},
            "",
            (422, "invalid-request", "the header Idempotency-Key is needed: a text of your own"),
        ),
        (
            {},
            "é",
            (422, "invalid-request", "the key is to have 1 to 255 printable characters of ASCII"),
        ),
        (
            {},
            "a\nb",
            (422, "invalid-request", "the header Idempotency-Key is there twice"),
        ),
        (
            {},
            "k" * 256,
            (422, "invalid-request", "the key is to have 1 to 255 printable characters of ASCII"),
        ),
        (
            {"more": "x"},
            "k",
            (422, "invalid-request", '"more" is not known: sku, currency, conversion, price are'),
        ),
    ],
)
async def test_what_cannot_be_held_is_refused_by_name(
    desk: WebDesk, change: dict[str, str], key: str, expected: tuple[int, str, str]
) -> None:
    assert told(await hold(desk, {**SEEN, **change}, key)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 15_000,
        b'{"sku":' * 2000,
        b'{"price":' + b"9" * 10_000 + b"}",
        b'{"sku":1}',
        b'{"sku":null}',
        b'{"sku":"a","sku":"b"}',
        b'{"sku":"' + b"a" * 20_000 + b'"}',
        '{"sku":"a"}'.encode("utf-16"),
    ],
)
async def test_a_bad_body_is_refused_and_nothing_else_happens(desk: WebDesk, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answered = await desk.ask("POST", "/api/quotes", headers, body)
    assert told(answered)[:2] == (422, "invalid-request")


@pytest.mark.parametrize(
    ("missing", "told_of"),
    [
        (("sku",), "sku"),
        (("currency",), "currency"),
        (("conversion",), "conversion"),
        (("price",), "price"),
        (("price", "sku"), "sku, price"),
        (tuple(SEEN), "sku, currency, conversion, price"),
    ],
)
async def test_a_body_has_all_that_the_description_calls_required(
    desk: WebDesk, missing: tuple[str, ...], told_of: str
) -> None:
    body = {name: value for name, value in SEEN.items() if name not in missing}
    expected = (422, "invalid-request", f"the body lacks {told_of}")
    assert told(await hold(desk, body)) == expected
    assert desk.lines.asked == []


async def test_a_key_is_for_one_request(desk: WebDesk) -> None:
    await hold(desk)
    other = {"sku": "pc", "currency": "USD", "conversion": "1718.11", "price": "1718.11"}
    assert told(await hold(desk, other))[:2] == (422, "quote-key-reused")


RULES = parse_price_rules("[default]\nmargin_percent = 2.5\n", "r")
CHANGES: dict[str, tuple[list[Product], PriceRules]] = {
    "it is not sold any more": ([], NO_RULES),
    "it is called otherwise": ([Product("laptop", "A notebook", Money(110000, CAD))], NO_RULES),
    "it costs something else": ([Product("laptop", "A laptop", Money(99900, CAD))], NO_RULES),
    "it is priced in euros": ([Product("laptop", "A laptop", Money(70500, EUR))], NO_RULES),
    "it is priced in dollars": ([Product("laptop", "A laptop", Money(78800, USD))], NO_RULES),
    "no source has its currency": ([Product("laptop", "A laptop", Money(12345, KWD))], NO_RULES),
    "the rules are others": ([Product("laptop", "A laptop", Money(110000, CAD))], RULES),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_same_request_gets_the_same_quote_whatever_has_changed(
    desk: WebDesk, change: str
) -> None:
    assert (await hold(desk)).text == HELD
    desk.sell(*CHANGES[change])
    desk.clock.now += DAY - timedelta(seconds=1)
    again = await hold(desk)
    assert (again.status, again.text) == (201, HELD)
    assert desk.lines.dropped == 0
    other = {**SEEN, "conversion": "787.46", "price": "787.46"}
    assert told(await hold(desk, other)) == (
        422,
        "quote-key-reused",
        "the key came with another request before",
    )


ENDING = parse_price_rules("[USD]\nending = 9.99\n", "r")
YESTERDAY = {**SEEN, "conversion": "785.97", "price": "789.99"}


async def test_a_price_that_is_the_same_at_the_rate_of_now_is_held_at_that_rate(
    tmp_path: Path, book: RateBook
) -> None:
    async with web_desk(tmp_path, book, rules=ENDING) as desk:
        desk.clock.now -= DAY
        price = json.loads((await desk.get("/api/products/laptop")).text)["price"]
        assert (price["conversion"], price["amount"]) == ("785.97", "789.99")
        desk.clock.now += DAY
        kept = await hold(desk, YESTERDAY)
        quote = json.loads(kept.text)
        assert (kept.status, quote["result"], quote["price"]) == (201, "787.47", "789.99")
        assert quote["rules"].endswith(";conversion=787.47USD;ending=9.99:789.99")
        for conversion in ("785.97", "787.47"):
            assert (await hold(desk, {**YESTERDAY, "conversion": conversion})).text == kept.text
        desk.sell([])
        assert (await hold(desk, YESTERDAY)).text == kept.text
        other = {**YESTERDAY, "price": "779.99"}
        assert told(await hold(desk, other))[:2] == (422, "quote-key-reused")


async def test_a_quote_of_the_rate_of_before_is_found_again_at_the_rate_of_now(
    tmp_path: Path, book: RateBook
) -> None:
    async with web_desk(tmp_path, book, rules=ENDING) as desk:
        desk.clock.now -= DAY
        kept = await hold(desk, YESTERDAY)
        assert json.loads(kept.text)["result"] == "785.97"
        desk.clock.now += DAY - timedelta(seconds=1)
        assert (await hold(desk, {**YESTERDAY, "conversion": "787.47"})).text == kept.text


async def test_a_price_that_other_rules_make_too_is_held(tmp_path: Path, book: RateBook) -> None:
    async with web_desk(tmp_path, book, rules=ENDING) as desk:
        desk.sell(rules=parse_price_rules("[USD]\nmargin_percent = 0.32\n", "r"))
        quote = json.loads((await hold(desk, YESTERDAY)).text)
        assert quote["rules"].endswith(";conversion=787.47USD;margin=0.32:789.99")


async def test_a_price_is_not_held_while_nobody_knows_what_it_is_now(
    tmp_path: Path, book: RateBook
) -> None:
    async with web_desk(tmp_path, book, rules=ENDING) as desk:
        desk.lines.instead["explain "] = "error internal"
        assert told(await hold(desk, YESTERDAY))[:2] == (503, "service-unavailable")
        desk.lines.instead["explain "] = "error rate-too-old it is of last week"
        assert told(await hold(desk, YESTERDAY))[:2] == (409, "price-changed")


async def test_the_ledger_is_asked_by_the_key_only_where_the_desk_would_refuse(
    desk: WebDesk,
) -> None:
    await hold(desk)
    await hold(desk)
    assert [line.split()[0] for line in desk.lines.asked] == ["hold", "hold"]
    desk.sell([])
    await hold(desk)
    assert told(await hold(desk, key="k2")) == (
        404,
        "unknown-product",
        'there is no product "laptop"',
    )
    assert desk.lines.asked[2:] == [
        f"quote key={key_of(key, '203.0.113.7')} asked=472cfaf92b0535d45f9edea60aff1ff8"
        for key in ("k1", "k2")
    ]


async def test_whether_there_is_a_quote_is_not_known_while_the_back_end_is_away(
    desk: WebDesk,
) -> None:
    await hold(desk)
    desk.sell([])
    desk.lines.away = True
    assert told(await hold(desk))[:2] == (503, "service-unavailable")
    desk.lines.away = False
    assert (await hold(desk)).text == HELD


async def test_an_older_back_end_that_knows_no_keys_there_is_as_if_it_had_none(
    desk: WebDesk,
) -> None:
    desk.lines.instead["quote key="] = 'error invalid-request "key=k" is not the id of a quote'
    assert told(await hold(desk, {**SEEN, "sku": "no"}))[:2] == (404, "unknown-product")


ELSEWHERE = "198.51.100.9"
RANDOM = "0b9d4c0e-7a35-4f1e-9c28-d6e1f0a3b572"


def test_the_keys_of_the_desks_own_forms_are_random() -> None:
    assert is_random(new_key())
    assert new_key() != new_key()


@pytest.mark.parametrize("key", [RANDOM, RANDOM.upper()])
async def test_a_random_key_gets_its_quote_from_another_address_too(
    desk: WebDesk, key: str
) -> None:
    assert (await hold(desk, key=key)).text == HELD
    desk.sell([])
    assert (await hold(desk, key=key, address=ELSEWHERE)).text == HELD
    other = {**SEEN, "price": "787.46"}
    assert told(await hold(desk, other, key, ELSEWHERE))[:2] == (422, "quote-key-reused")


@pytest.mark.parametrize(
    "key",
    [
        "1",
        "order-4711",
        "a" * 255,
        "1b9d4c0e7a354f1e9c28d6e1f0a3b572",
        "0b9d4c0e-7a35-1f1e-9c28-d6e1f0a3b572",
        "0b9d4c0e-7a35-4f1e-7c28-d6e1f0a3b572",
        f"{RANDOM} ",
        "00000000-0000-4000-8000-000000000000",
        "00000000-0000-4000-8000-000000004711",
        "11111111-2222-4333-8444-555555555555",
    ],
)
async def test_any_other_key_is_the_customers_own(desk: WebDesk, key: str) -> None:
    assert (await hold(desk, key=key)).text == HELD
    theirs = json.loads((await hold(desk, key=key, address=ELSEWHERE)).text)
    assert theirs["quote"] == "0000-0000-0002"
    desk.sell([])
    assert told(await hold(desk, key=key, address="198.51.100.10"))[:2] == (404, "unknown-product")
    assert json.loads((await hold(desk, key=key, address=ELSEWHERE)).text) == theirs


async def test_stale_rates_are_shown_as_such_and_not_held(desk: WebDesk) -> None:
    desk.clock.now += 10 * DAY
    price = json.loads((await desk.get("/api/products/laptop")).text)["price"]
    assert (price["state"], price["missed"]) == ("stale", "6")
    assert told(await hold(desk))[:2] == (503, "rate-not-fresh")


async def test_nobody_holds_too_many(tmp_path: Path, book: RateBook) -> None:
    terms = replace(QuoteTerms(), per_customer_max=1)
    async with web_desk(tmp_path, book, terms=terms) as desk:
        assert (await hold(desk, address="2001:db8::1")).status == 201
        assert told(await hold(desk, key="k2", address="2001:db8::2"))[:2] == (
            429,
            "too-many-quotes",
        )
        assert (await hold(desk, key="k3", address="2001:db8:0:1::2")).status == 201
        assert (await hold(desk, key="k4", address="203.0.113.7")).status == 201
        assert (await hold(desk, key="k5", address="::ffff:203.0.113.7")).status == 429
        assert (await hold(desk, key="k6", address="unknown")).status == 201


async def test_without_the_back_end_the_last_known_is_told_and_nothing_held(desk: WebDesk) -> None:
    before = await desk.get("/api/products/laptop")
    desk.lines.away = True
    desk.clock.now += timedelta(hours=1)
    known = LAPTOP_IN_DOLLARS.replace('"known_at":null', '"known_at":"2026-10-30T18:00:00+00:00"')
    assert (await desk.get("/api/products/laptop")).text == known
    assert (await desk.get("/api/products/laptop?currency=CAD")).text == LAPTOP_AT_HOME
    never = json.loads((await desk.get("/api/products/pc")).text)
    why = "the conversion service does not answer"
    assert (never["price"], never["known_at"], never["reason"]) == (None, None, why)
    for method, url in (
        ("POST", "/api/quotes"),
        ("GET", "/api/quotes/0000-0000-0001"),
        ("POST", "/api/quotes/0000-0000-0001/redeem"),
        ("GET", "/api/rates"),
        ("GET", "/api/products/laptop/history"),
        ("GET", "/api/rates/history?base=CAD&to=EUR"),
    ):
        body = json.dumps(SEEN).encode() if url == "/api/quotes" else b""
        answered = await desk.ask(method, url, {"Idempotency-Key": "k"}, body)
        assert told(answered) == (
            503,
            "service-unavailable",
            "the conversion service does not answer",
        )
        assert answered.headers["Retry-After"] == "5"
    desk.lines.away = False
    assert (await desk.get("/api/products/laptop")).text == before.text
    assert (await hold(desk)).status == 201


async def test_last_known_rates_have_their_instant(desk: WebDesk) -> None:
    before = (await desk.get("/api/rates?base=CAD")).text
    assert before.startswith('{"base":"CAD","date":"2026-10-30","known_at":null,"rates":{"AUD":')
    desk.lines.away = True
    desk.clock.now += timedelta(hours=1)
    known = before.replace('"known_at":null', '"known_at":"2026-10-30T18:00:00+00:00"')
    assert (await desk.get("/api/rates?base=CAD")).text == known
    desk.lines.away = False
    assert (await desk.get("/api/rates?base=CAD")).text == before


async def test_a_store_that_fails_says_nothing_of_itself(desk: WebDesk) -> None:
    desk.lines.instead["hold "] = "error store-failed /data/secret.sqlite3: disk full"
    answered = await hold(desk)
    assert told(answered) == (503, "service-unavailable", "the conversion service does not answer")
    assert answered.headers["Retry-After"] == "5"


async def test_a_refusal_of_a_later_back_end_is_one_of_a_gateway(desk: WebDesk) -> None:
    desk.lines.instead["hold "] = "error never-heard-of no"
    assert told(await hold(desk)) == (502, "never-heard-of", "no")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ref=laptop", "ref=pc"),
        ("result=787.47", "result=787.46"),
        ("to=USD", "to=JPY"),
        ("price=787.47", "price=1.00"),
        ("quote=", "quota="),
    ],
)
async def test_the_quote_of_another_question_is_none(desk: WebDesk, right: str, wrong: str) -> None:
    desk.lines.instead["hold "] = RECORD.replace(right, wrong, 1) + " status=held"
    assert told(await hold(desk))[1] == "service-unavailable"
    assert desk.lines.dropped == 1


@pytest.mark.parametrize(
    ("method", "url", "status", "slug"),
    [
        ("GET", "/api/products/nothing", 404, "unknown-product"),
        ("GET", "/api/products?currency=XXX", 422, "unknown-currency"),
        ("GET", "/api/products?offset=-1", 422, "invalid-request"),
        ("GET", "/api/products?offset=10000001", 422, "invalid-request"),
        ("GET", "/api/products?offset=%D9%A1", 422, "invalid-request"),
        ("GET", "/api/products?limit=101", 422, "invalid-request"),
        ("GET", "/api/products?limit=1&limit=1", 422, "invalid-request"),
        ("GET", "/api/products?page=1", 422, "invalid-request"),
        ("GET", f"/api/products?q={'a' * 101}", 422, "invalid-request"),
        ("GET", "/api/categories?limit=201", 422, "invalid-request"),
        ("GET", "/api/categories?q=k", 422, "invalid-request"),
        ("GET", "/api/products/laptop/history?range=2y", 422, "invalid-request"),
        ("GET", "/api/products/nothing/history", 404, "unknown-product"),
        ("GET", "/api/rates/history", 422, "invalid-request"),
        ("GET", "/api/rates/history?to=XXX", 422, "unknown-currency"),
        ("GET", "/api/rates/history?to=EUR&range=2y", 422, "invalid-request"),
        ("GET", "/api/rates/history?to=EUR&currency=CAD", 422, "invalid-request"),
        ("GET", "/api/rates?base=XXX", 422, "unknown-currency"),
        ("GET", "/api/rates?base=KWD", 404, "no-rate-for-currency"),
        ("GET", "/api/quotes/1", 422, "invalid-request"),
        ("GET", "/api/quotes/0000-0000-0009", 404, "unknown-quote"),
        ("GET", "/api/quotes/0000-0000-0009?x=1", 422, "invalid-request"),
        ("GET", "/api/nothing", 404, "not-found"),
        ("GET", "/api/", 404, "not-found"),
        ("GET", "/api/%zz", 400, "invalid-request"),
        ("GET", "/api/rates?%ff", 400, "invalid-request"),
        ("DELETE", "/api/rates", 405, "method-not-allowed"),
        ("GET", "/api/quotes", 405, "method-not-allowed"),
    ],
)
async def test_what_is_asked_wrongly_is_refused_by_name(
    desk: WebDesk, method: str, url: str, status: int, slug: str
) -> None:
    assert told(await desk.ask(method, url))[:2] == (status, slug)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("/api/products?page=1&page=2&q=x", "unknown parameter: page"),
        ("/api/products?q=x&q=y", "repeated parameter: q"),
    ],
)
async def test_parameters_are_refused_in_the_words_of_the_back_end(
    desk: WebDesk, url: str, sentence: str
) -> None:
    assert told(await desk.get(url)) == (422, "invalid-request", sentence)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
@pytest.mark.parametrize(
    "url", ["/api/quotes", "/api/quotes/0000-0000-0001/redeem", "/api/quotes/0000-0000-0001/cancel"]
)
async def test_a_page_of_another_site_does_nothing(
    desk: WebDesk, headers: dict[str, str], url: str
) -> None:
    body = json.dumps(SEEN).encode()
    named = {"Idempotency-Key": "k", "Host": "shop.example", **headers}
    answered = await desk.ask("POST", url, named, body)
    assert told(answered)[:2] == (403, "other-site")
    assert "Access-Control-Allow-Origin" not in answered.headers
    assert not [line for line in desk.lines.asked if line.startswith(("hold", "redeem", "cancel"))]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_a_body_is_to_be_called_json(desk: WebDesk, content_type: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": content_type}
    answered = await desk.ask("POST", "/api/quotes", headers, json.dumps(SEEN).encode())
    assert told(answered)[:2] == (415, "unsupported-media-type")
    assert not [line for line in desk.lines.asked if line.startswith("hold")]


async def test_a_body_that_is_nested_deeply_is_refused(desk: WebDesk) -> None:
    answered = await desk.ask("POST", "/api/quotes", {"Idempotency-Key": "k"}, b"[" * 16_000)
    assert told(answered) == (422, "invalid-request", "the body is nested too deeply")


async def test_a_body_where_none_is_wanted_is_refused(desk: WebDesk) -> None:
    await hold(desk)
    answered = await desk.ask("POST", "/api/quotes/0000-0000-0001/redeem", body=b"{}")
    assert told(answered)[:2] == (422, "invalid-request")


@pytest.mark.parametrize(
    ("url", "status"),
    [("/api/rates?base=QQQ", 422), ("/api/products/none", 404), ("/api/none", 404)],
)
async def test_the_type_of_a_problem_is_a_path_that_explains_it(
    desk: WebDesk, url: str, status: int
) -> None:
    answered = json.loads((await desk.get(url)).text)
    explained = await desk.get(answered["type"])
    assert explained.status == 200
    meaning = json.loads(explained.text)
    assert (meaning["status"], meaning["name"]) == (status, answered["type"].rpartition("/")[2])
    assert meaning["meaning"].endswith(".")
    assert (await desk.get("/api/problems/none")).status == 404


@pytest.mark.parametrize(
    ("slug", "meaning"),
    [
        ("unknown-quote", "There is no quote with the id, or none was held with the key."),
        (
            "price-changed",
            "The rate or the shop's rules make another price than was seen; nothing was held.",
        ),
    ],
)
async def test_a_meaning_is_true_of_all_that_has_its_name(
    desk: WebDesk, slug: str, meaning: str
) -> None:
    assert json.loads((await desk.get(f"/api/problems/{slug}")).text)["meaning"] == meaning


async def test_pages_of_other_origins_read_nothing_of_the_json(desk: WebDesk) -> None:
    answered = await desk.get("/api/products/laptop", Origin="https://evil.example")
    assert answered.status == 200
    assert not [name for name in answered.headers if name.startswith("Access-Control")]
    assert answered.headers["Cross-Origin-Resource-Policy"] == "same-origin"
