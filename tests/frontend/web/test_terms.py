"""The terms of sources: who wants to be named is named, and what may not be handed on is not."""

import json
from collections.abc import Sequence

import pytest

from web_desk import WebDesk

LINK = '<a href="https://bank.example/terms" rel="noreferrer">'
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
    parts: Sequence[str] = status.split(",")[:-3]
    terms = ("https://bank.example/terms", required, redistributable)
    desk.lines.instead["sources"] = f"{head}={','.join((*parts, *terms))}"


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
    assert LINK not in (await desk.get(url)).text
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
    url = "/api/products/laptop/history?currency=USD"
    assert chart in (await desk.get("/products/laptop")).text
    assert chart in (await desk.get("/rates?base=CAD&to=USD")).text
    assert json.loads((await desk.get(url)).text)["rates"]
    await tell(desk, required="no", redistributable="no")
    await desk.shop.standing.look()
    product = await desk.get("/products/laptop")
    assert "$787.47" in product.text
    assert chart not in product.text
    rates = await desk.get("/rates?base=CAD&to=USD")
    assert chart not in rates.text
    assert 'class="spark"' not in rates.text
    told = json.loads((await desk.get(url)).text)
    assert (told["source"], told["rates"]) == (None, [])
    assert json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"] == {}


async def test_json_names_the_source_too(desk: WebDesk) -> None:
    await tell(desk, required="yes", redistributable="yes")
    rates = json.loads((await desk.get("/api/rates?base=CAD")).text)["rates"]
    history = json.loads((await desk.get("/api/products/laptop/history")).text)
    named = (rates["USD"]["attribution"], history["attribution"])
    assert named == ("https://bank.example/terms",) * 2
