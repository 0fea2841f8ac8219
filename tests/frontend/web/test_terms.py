"""The terms of sources: who wants to be named is named, and what may not be handed on is not."""

import json
from collections.abc import Sequence

import pytest

from web_desk import WebDesk

LINK = '<a href="https://bank.example/terms" rel="noreferrer">'
NOT_TO_BE_SHOWN = "<p>No source publishes rates of it that may be shown here.</p>"
NOT_TO_BE_SHOWN_IN_FRENCH = "en publie de taux qui puissent être affichés ici.</p>"
PAGES = [
    "/",
    "/products/laptop",
    "/rates?base=CAD",
    "/rates?base=CAD&to=USD",
    "/quotes/0000-0000-0001",
]
HELD = {"sku": "laptop", "currency": "USD", "conversion": "787.47", "price": "787.47", "key": "k"}


async def tell(desk: WebDesk, *, required: str, redistributable: str) -> None:
    """Give the one source other terms, in all that the back-end says."""
    told = await desk.lines.ask("sources")
    head, status = told.rsplit("=", 1)
    parts: Sequence[str] = status.split(",")
    terms = ("https://bank.example/terms", required, redistributable)
    desk.lines.instead["sources"] = f"{head}={','.join((*parts[:8], *terms, *parts[11:]))}"


async def name_in_prices(desk: WebDesk) -> None:
    for begin in ("explain 1100.00 CAD USD", "quote "):
        told = await desk.lines.ask(begin if begin != "quote " else "quote 0000-0000-0001")
        named = told.replace("attribution=none", "attribution=https://bank.example/terms")
        desk.lines.instead[begin] = named


async def test_the_terms_of_a_source_are_told_to_programs(desk: WebDesk) -> None:
    await tell(desk, required="yes", redistributable="no")
    [source] = json.loads((await desk.get("/api/sources")).text)["sources"]
    named = ("attribution", "attribution_url", "attribution_required", "redistributable")
    assert [source[name] for name in named] == [
        "Source: ECB",
        "https://bank.example/terms",
        True,
        False,
    ]
    head, _, terms = desk.lines.instead["sources"].partition("https:")
    desk.lines.instead["sources"] = f"{head}javascript:{terms}"
    await desk.shop.standing.look()
    [source] = json.loads((await desk.get("/api/sources")).text)["sources"]
    assert source["attribution_url"] is None


@pytest.mark.parametrize("url", PAGES)
async def test_a_source_that_wants_to_be_named_is_on_each_page(desk: WebDesk, url: str) -> None:
    await desk.submit("/quotes", HELD)
    before = await desk.get(url)
    assert (before.status, before.text.count(LINK)) == (200, 0)
    await tell(desk, required="yes", redistributable="yes")
    await desk.shop.standing.look()
    await name_in_prices(desk)
    page = await desk.get(url)
    assert page.status == 200
    assert page.text.count(LINK) == 1


async def test_a_chart_names_its_source_where_the_price_is_of_another(desk: WebDesk) -> None:
    await tell(desk, required="yes", redistributable="yes")
    page = await desk.get("/products/laptop")
    assert page.text.count(LINK) == 1


async def test_a_history_that_may_not_be_handed_on_is_nowhere(desk: WebDesk) -> None:
    chart = '<figure class="chart">'
    histories = ("/api/products/laptop/history", "/api/rates/history?base=CAD&to=USD")
    assert chart in (await desk.get("/products/laptop")).text
    assert chart in (await desk.get("/rates?base=CAD&to=USD")).text
    for url in histories:
        assert json.loads((await desk.get(url)).text)["rates"]
    await tell(desk, required="no", redistributable="no")
    await desk.shop.standing.look()
    product = await desk.get("/products/laptop")
    assert (product.status, "$787.47" in product.text) == (200, True)
    assert chart not in product.text
    for rates_url in ("/rates?base=CAD&to=USD", "/rates", "/rates?base=JPY"):
        rates = await desk.get(rates_url)
        assert (rates.status, NOT_TO_BE_SHOWN in rates.text) == (200, True)
        assert (chart in rates.text, "<table" in rates.text) == (False, False)
    in_french = await desk.get("/rates", accept_language="fr")
    assert (in_french.status, NOT_TO_BE_SHOWN_IN_FRENCH in in_french.text) == (200, True)
    for url in histories:
        told = json.loads((await desk.get(url)).text)
        assert (told["source"], told["rates"]) == (None, [])
    assert json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"] == {}


@pytest.mark.parametrize("missing", ["off", "error no-rates-known", "sources=?"])
async def test_rates_of_sources_of_which_nothing_is_known_are_asked_for_later(
    desk: WebDesk, missing: str
) -> None:
    answer = json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"]
    assert len(answer) == 29
    desk.sell()
    desk.lines.instead["sources"] = missing
    assert (await desk.get("/products/laptop")).status == 200
    for url in (
        "/api/rates?base=CAD",
        "/rates?base=CAD",
        "/api/rates/history?base=CAD&to=USD",
        "/api/products/laptop/history",
    ):
        later = await desk.get(url)
        assert (later.status, later.headers["Retry-After"]) == (503, "5")
        assert '"rates":' not in later.text
    told = json.loads((await desk.get("/api/rates?base=CAD")).text)
    assert told["type"] == "/api/problems/service-unavailable"
    del desk.lines.instead["sources"]
    assert json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"] == answer


async def test_json_names_the_source_too(desk: WebDesk) -> None:
    await tell(desk, required="yes", redistributable="yes")
    rates = json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"]
    prices = json.loads((await desk.get("/api/products/laptop/history")).text)
    pair = json.loads((await desk.get("/api/rates/history?base=CAD&to=USD")).text)
    named = [told["attribution"] for told in (rates["USD"], prices, pair)]
    assert named == ["https://bank.example/terms"] * 3
