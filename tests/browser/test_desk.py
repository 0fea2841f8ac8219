"""The shop's pages as a customer uses them, in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, Request, expect

from browser_desk import Desk, running
from services import Client, backend

pytestmark = pytest.mark.browser


def choose(page: Page, code: str) -> None:
    page.get_by_label("Prices in").select_option(code)
    page.get_by_role("button", name="Show", exact=True).click()


def hold(page: Page, desk: Desk) -> str:
    """Hold the laptop's price in dollars; gives the quote's id."""
    page.goto(f"{desk.url}/products/laptop")
    choose(page, "USD")
    page.get_by_role("button", name="Hold this price").click()
    expect(page).to_have_url(re.compile(r"/quotes/[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$"))
    return page.url.rpartition("/")[2]


def test_the_currency_is_the_visitors_own_and_can_be_chosen(page: Page, desk: Desk) -> None:
    page.goto(desk.url)
    expect(page.locator(".cost").first).to_have_text("$1,100.00")
    choose(page, "JPY")
    expect(page.locator(".cost")).to_have_text(["JP¥123,829", "JP¥270,173", "JP¥3,940,023"])
    page.get_by_role("link", name="A laptop").click()
    expect(page.locator("#price")).to_have_text("JP¥123,829")
    page.goto(f"{desk.url}/rates")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rates of one Japanese Yen")


def test_products_are_searched(page: Page, desk: Desk) -> None:
    page.goto(desk.url)
    page.get_by_label("Search products").fill("SERV")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status").filter(has_text="product")).to_have_text("1 product")
    expect(page.locator(".card h2")).to_have_text(["A server"])
    page.get_by_label("Search products").fill("<b>nothing</b>")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status").filter(has_text="product")).to_have_text("0 products")
    expect(page.get_by_label("Search products")).to_have_value("<b>nothing</b>")


def test_a_price_says_why_step_by_step_and_what_it_was(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/products/laptop")
    choose(page, "USD")
    steps = page.locator(".why li")
    expect(steps).to_have_count(3)
    expect(steps.nth(0)).to_contain_text("$1,100.00")
    expect(steps.nth(1)).to_contain_text("1 CAD = 0.715878508266 USD · ECB, October 30, 2026")
    expect(steps.nth(2)).to_contain_text("US$787.47")
    expect(page.get_by_role("img")).to_have_count(1)
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_text("The figures as a table").click()
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("US$787.47")
    expect(rows.last).to_contain_text("1999")


def test_a_price_is_held_and_redeemed_once(page: Page, desk: Desk) -> None:
    quote = hold(page, desk)
    expect(page.locator(".code")).to_have_text(quote)
    expect(page.locator(".price")).to_have_text("US$787.47")
    left = page.get_by_role("timer")
    expect(left).to_have_text(re.compile(r"2[34]:\d\d:\d\d"))
    first = left.inner_text()
    expect(left).not_to_have_text(first)
    page.get_by_role("button", name="Redeem").click()
    expect(page.locator(".badge").first).to_have_text("redeemed")
    page.reload()
    expect(page.get_by_text("This price was redeemed on")).to_be_visible()
    expect(page.get_by_role("button", name="Redeem")).to_have_count(0)


def test_a_quote_is_cancelled(page: Page, desk: Desk) -> None:
    hold(page, desk)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge").first).to_have_text("cancelled")


def test_a_hold_that_is_stopped_can_be_clicked_again(browser: Browser, desk: Desk) -> None:
    page = browser.new_page(locale="en-US")
    page.clock.install()
    page.goto(f"{desk.url}/products/laptop")
    # An answer without a page leaves the browser where it is, as one does that is stopped.
    page.route("**/quotes", lambda route: route.fulfill(status=204))
    button = page.get_by_role("button", name="Hold this price")
    button.click()
    page.clock.run_for(100)
    expect(button).to_be_disabled()
    page.clock.run_for(5000)
    expect(button).to_be_enabled()
    page.unroute("**/quotes")
    button.click()
    expect(page.locator(".badge").first).to_have_text("held")
    page.go_back()
    expect(button).to_be_enabled()
    page.close()


def test_a_form_sent_twice_holds_one_price(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/products/pc")
    choose(page, "EUR")
    form = page.locator("form[data-once] input")
    fields: dict[str, str | float | bool] = {
        str(field.get_attribute("name")): str(field.get_attribute("value")) for field in form.all()
    }
    headers = {"Sec-Fetch-Site": "same-origin"}
    sent = [page.request.post(f"{desk.url}/quotes", form=fields, headers=headers) for _ in range(2)]
    assert sent[0].url == sent[1].url
    assert "/quotes/" in sent[0].url


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """Both ways in which the pages are coloured."""
    return str(request.param)


@pytest.fixture(params=[390, 1280])
def examined(browser: Browser, request: pytest.FixtureRequest, scheme: str) -> Iterator[Page]:
    """A page, on a phone and on a desk, that can be examined."""
    context = browser.new_context(
        locale="en-US",
        viewport={"width": request.param, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,  # the checker is a script of its own
    )
    yield context.new_page()
    context.close()


def assert_accessible_and_fitting(page: Page) -> None:
    """With everything unfolded, too."""
    for _ in range(2):
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/products/laptop",
        "/rates?base=CAD&to=USD",
        "/sources",
        "/quotes",
        "/quotes/0000-0000-0000",
        "/nothing/here",
    ],
)
def test_pages_are_accessible_and_fit_the_screen(examined: Page, desk: Desk, path: str) -> None:
    examined.goto(f"{desk.url}{path}")
    assert_accessible_and_fitting(examined)


@pytest.mark.parametrize(("button", "status"), [("Redeem", "redeemed"), ("Cancel", "cancelled")])
def test_a_quote_is_accessible_and_fits_the_screen_whatever_becomes_of_it(
    examined: Page, desk: Desk, button: str, status: str
) -> None:
    hold(examined, desk)
    expect(examined.locator(".badge").first).to_have_text("held")
    assert_accessible_and_fitting(examined)
    examined.get_by_role("button", name=button).click()
    expect(examined.locator(".badge").first).to_have_text(status)
    assert_accessible_and_fitting(examined)


PLACEHOLDER_COLOURS = """element => {
    const inside = getComputedStyle(element, "::placeholder");
    return [inside.color, getComputedStyle(element).backgroundColor, inside.opacity];
}"""


@pytest.mark.parametrize("path", ["/", "/quotes"])
def test_what_a_field_is_for_can_be_read_in_it(examined: Page, desk: Desk, path: str) -> None:
    examined.goto(f"{desk.url}{path}")
    text, ground, opacity = examined.locator("[placeholder]").evaluate(PLACEHOLDER_COLOURS)
    assert opacity == "1"
    assert contrast(text, ground) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast of two colours of a browser's, from 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """How bright `rgb(RED, GREEN, BLUE)` is, from 0 to 1."""
    assert re.fullmatch(r"rgb\(\d+, \d+, \d+\)", colour)
    shares = [int(digits) / 255 for digits in re.findall(r"\d+", colour)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return sum(part * value for part, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("path", ["/rates?base=CAD", "/rates?base=IDR", "/sources"])
def test_all_of_a_table_is_on_the_screen_of_a_phone(
    browser: Browser, tmp_path: Path, path: str
) -> None:
    with running(tmp_path, rates={"sources": "ECB,BOC"}) as desk:
        page = browser.new_page(locale="fr-FR", viewport={"width": 360, "height": 700})
        page.goto(f"{desk.url}{path}")
        scroller = page.locator(".scroll")
        hidden = scroller.evaluate("element => element.scrollWidth - element.clientWidth")
        columns = page.get_by_role("columnheader").all_inner_texts()
        page.close()
    assert hidden <= 0
    assert len(columns) == (6 if path == "/sources" else 4)


LABELS_AND_LINE = """chart => [
    [...chart.querySelectorAll("text:not(.day)")].map(text => text.getBBox()),
    chart.querySelector(".run").getBBox(),
].flat().map(box => [box.x, box.x + box.width])"""


@pytest.mark.parametrize("scheme", ["light"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/products/laptop",
        "/products/laptop?range=all",
        "/rates?base=CAD&to=USD&range=30d",
        "/rates?base=EUR&to=IDR&range=5y",
        "/rates?base=IDR&to=EUR",
    ],
)
def test_a_chart_has_its_figures_beside_the_line(examined: Page, desk: Desk, path: str) -> None:
    examined.goto(f"{desk.url}{path}")
    *labels, line = examined.locator(".chart svg").evaluate(LABELS_AND_LINE)
    assert min(left for left, _ in labels) >= 0
    assert max(right for _, right in labels) < line[0]


def test_the_prices_of_cards_are_level(browser: Browser, tmp_path: Path) -> None:
    catalogue = tmp_path / "products.csv"
    catalogue.write_text(
        "sku,name,price,currency,category\n"
        "desk,A desk,1100,CAD,Furniture\n"
        "board,A mechanical keyboard with a name that needs more than one line,149,USD,\n"
        "dinar,In dinars,12.345,KWD,Other\n"
        "lamp,A lamp,119,USD,\n"
    )
    with running(tmp_path, desk={"catalogue": str(catalogue)}) as desk:
        page = browser.new_page(locale="en-US", viewport={"width": 1280, "height": 900})
        page.goto(desk.url)
        script = (
            "all => all.map(each => each.getBoundingClientRect()).map(box => [box.y, box.height])"
        )
        prices = page.locator(".cost").evaluate_all(script)
        cards = page.locator(".card").evaluate_all(script)
        page.close()
    assert len(prices) == 4
    assert prices == [prices[0]] * 4
    assert cards == [cards[0]] * 4


def test_everything_can_be_done_by_keyboard(page: Page, desk: Desk) -> None:
    page.goto(desk.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Search products")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="A laptop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("A laptop")


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A browser without scripts, of somebody in Quebec."""
    context = browser.new_context(java_script_enabled=False, locale="fr-CA")
    yield context.new_page()
    context.close()


def test_without_scripts_and_in_french(plain: Page, desk: Desk) -> None:
    plain.goto(f"{desk.url}/products/pc")
    expect(plain.locator("#price")).to_have_text("2 400,00 $")
    plain.get_by_label("Prix en").select_option("USD")
    plain.get_by_role("button", name="Afficher", exact=True).click()
    expect(plain.locator("#price")).to_have_text("1 718,11 $ US")
    plain.get_by_role("button", name="Garantir ce prix").click()
    expect(plain.locator(".badge").first).to_have_text("garantie")
    expect(plain.get_by_role("timer")).to_have_text(re.compile(r"2[34]:\d\d:\d\d"))
    plain.get_by_role("button", name="Utiliser").click()
    expect(plain.locator(".badge").first).to_have_text("utilisée")


def test_a_quote_expires_before_ones_eyes(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path) as desk:
        page = browser.new_page(locale="en-US")
        page.clock.install()
        hold(page, desk)
        page.clock.fast_forward("24:00:30")
        expect(page.get_by_role("timer")).to_have_text("This quote has expired.")
        expect(page.get_by_role("button", name="Redeem")).to_be_disabled()
        expect(page.get_by_role("button", name="Print")).to_be_enabled()
        expect(page.locator(".badge").first).to_have_text("expired")
        expect(page.locator(".badge").first).to_have_class("badge expired")
        # The day after, also by the back-end's clock.
        desk.backend.stop()
        with backend(tmp_path, desk.backend_port, clock="2026-10-31T19:00:00Z"):
            until(page, lambda: page.locator(".code").count() > 0)
            expect(page.locator(".badge").first).to_have_text("expired")
            expect(page.get_by_role("button", name="Redeem")).to_have_count(0)
        page.close()


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Reload a page until something is on it."""
    for _ in range(200):
        page.reload()
        if holds():
            return
    raise AssertionError(page.inner_text("body"))


def test_the_back_end_goes_away_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path) as desk:
        page = browser.new_page(locale="en-US")
        page.goto(f"{desk.url}/products/laptop")
        expect(page.locator("#price")).to_have_text("$787.47")
        desk.backend.kill()
        page.reload()
        expect(page.locator("#price")).to_have_text("$787.47")
        away = page.get_by_text("The conversion service cannot be reached.", exact=True)
        expect(away).to_be_visible()
        expect(page.get_by_text("last known", exact=True)).to_be_visible()
        button = page.get_by_role("button", name="Hold this price")
        expect(button).to_be_disabled()
        expect(page.get_by_text("Not now: the conversion service")).to_be_visible()
        # A product that was not priced before has no price, and says why.
        page.goto(f"{desk.url}/products/server")
        expect(page.get_by_text("The price cannot be computed now")).to_be_visible()
        page.goto(f"{desk.url}/products/laptop")
        with backend(tmp_path, desk.backend_port):
            until(page, button.is_enabled)
            button.click()
            expect(page.locator(".badge").first).to_have_text("held")
        page.close()


def test_new_rates_are_told_and_change_nothing_under_the_finger(
    browser: Browser, tmp_path: Path
) -> None:
    with running(tmp_path) as desk:
        page = browser.new_page(locale="en-US")
        page.goto(f"{desk.url}/products/laptop")
        news = page.locator("#news")
        expect(news).to_be_hidden()
        # Another back-end takes its place, which knows the sources in another order.
        desk.backend.stop()
        with backend(tmp_path, desk.backend_port, sources="ECB,BOC"):
            expect(news).to_be_visible()
            expect(news).to_contain_text("New rates have arrived.")
            expect(page.locator("#price")).to_have_text("$787.47")
            page.get_by_role("link", name="Show new prices").click()
            expect(page.locator("#news")).to_be_hidden()
        page.close()


def received_bytes(request: Request) -> int:
    """What the answer took on the wire, once all of it is there."""
    response = request.response()
    assert response is not None
    response.finished()
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


def test_the_first_page_is_small_and_stands_still(browser: Browser, tmp_path: Path) -> None:
    """With a hundred thousand products; sizes are what went over the wire."""
    catalogue = tmp_path / "products.csv"
    rows = (f"sku{n},Product number {n},{n % 900 + 1}.99,CAD\n" for n in range(100_000))
    catalogue.write_text("sku,name,price,currency\n" + "".join(rows))
    with running(tmp_path, desk={"catalogue": str(catalogue)}) as desk:
        page = browser.new_page(locale="en-US")
        requests: list[Request] = []
        page.on("request", lambda made: requests.append(made))  # noqa: PLW0108  # takes no builtin
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach("
            "entry => { window.shift += entry.value; }))"
            ".observe({type: 'layout-shift', buffered: true});"
        )
        page.goto(desk.url, wait_until="load")
        expect(page.locator(".card")).to_have_count(24)
        ending = [each for each in requests if each.resource_type != "eventsource"]
        assert 1000 < sum(map(received_bytes, ending)) < 50 * 1024
        assert page.evaluate("window.shift") == 0
        page.goto(f"{desk.url}/?q=number+99999")
        expect(page.locator(".card h2")).to_have_text(["Product number 99999"])
        page.close()


def test_a_quote_is_found_by_its_id(page: Page, desk: Desk) -> None:
    quote = hold(page, desk)
    page.goto(f"{desk.url}/quotes")
    page.get_by_label("Id of the quote").fill(quote.lower().replace("-", " "))
    page.get_by_role("main").get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{desk.url}/quotes/{quote}")
    expect(page.locator(".code")).to_have_text(quote)


def test_a_mistyped_path_has_a_way_back(browser: Browser, desk: Desk) -> None:
    page = browser.new_page(locale="en-CA")  # whose console may tell of the 404
    page.goto(f"{desk.url}/prodcuts")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    page.get_by_role("link", name="Back").click()
    expect(page.locator(".card")).to_have_count(3)
    page.close()


@pytest.mark.parametrize("path", ["/", "/products/long", "/products/hebrew"])
def test_long_names_and_other_scripts_fit_a_phone(
    browser: Browser, tmp_path: Path, path: str
) -> None:
    catalogue = tmp_path / "products.csv"
    catalogue.write_text(
        "sku,name,price,currency,category,description\n"
        f"long,{'W' * 70},99999999999999.99,CAD,{'M' * 70},{'m' * 500}\n"
        "hebrew,מחשב נייד (14),1100,ILS,מחשבים,מסך בגודל 14\n",
        encoding="utf-8",
    )
    with running(tmp_path, desk={"catalogue": str(catalogue)}) as desk:
        page = browser.new_page(locale="ar-EG", viewport={"width": 360, "height": 700})
        page.goto(f"{desk.url}{path}")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        right = page.evaluate(
            "getComputedStyle(document.querySelector('h1[dir], li:last-child h2')).direction"
        )
        page.close()
    assert overflow <= 0
    assert right == ("ltr" if path.endswith("long") else "rtl")


def test_what_a_page_says_is_what_lines_and_the_api_say(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/products/laptop")
    choose(page, "EUR")
    with Client(desk.backend_port) as lines:
        lines.send(b"1100 CAD EUR\n")
        told = lines.line().decode().strip()
    answer = page.request.get(f"{desk.url}/api/products/laptop?currency=EUR")
    price = answer.json()["price"]
    assert (price["amount"], price["conversion"]) == (told, told)
    expect(page.locator("#price")).to_have_text(f"€{told}")
