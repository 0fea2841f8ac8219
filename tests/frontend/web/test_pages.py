"""The pages as anybody may ask for them: statuses, essential text, and headers."""

import asyncio
import re
import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import Answered
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.currencies import Currency
from pricedesk.frontend.catalogue import CATEGORIES_SHOWN_MAX, Catalogue, Product
from pricedesk.frontend.price_rules_file import parse_price_rules
from pricedesk.frontend.shop import SEARCHED_IN_A_THREAD_FROM
from pricedesk.frontend.translations import spoken
from pricedesk.frontend.web.rendering import Files
from pricedesk.frontend.web.visitor import cookie, is_from_here, safe_path
from pricedesk.money import Money
from web_desk import CAD, EUR, JPY, USD, WebDesk, web_desk

VOID = {"meta", "link", "input", "img", "br"}
DAY = timedelta(days=1)
SECURITY_HEADERS = dict(Files().headers)
HELD = {"sku": "laptop", "currency": "USD", "conversion": "787.47", "price": "787.47", "key": "k"}


class Parsed(HTMLParser):
    """A page as a browser reads it: elements with their attributes' names, values, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]
        self.text += " "
        if tag not in VOID and not self.rawdata.startswith("/>", self.offset_of_end()):
            self._open.append(tag)

    def offset_of_end(self) -> int:
        text = self.get_starttag_text() or ""
        return self.rawdata.index(text) + len(text) - 2

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.text += " "
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def main(answered: Answered) -> str:
    """The text of a page's content, on one line."""
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answered.headers["Cache-Control"] == "no-store"
    content = re.search("<main.*?</main>", answered.text, re.DOTALL)
    assert content
    return " ".join(Parsed(content[0]).text.split())


# What pages say.


@pytest.mark.parametrize(
    ("url", "status", "texts"),
    [
        ("/", 200, ["Products", "5 products", "A laptop $787.47 CA$1,100.00 ECB, 30 October 2026"]),
        ("/?q=lap", 200, ["1 product ", "A laptop"]),
        ("/?q=nothing+at+all", 200, ["0 products", "Show all products"]),
        ("/?category=Kitchen", 200, ["1 product ", "A kettle"]),
        ("/?category=Computers+%26+%3Cb%3Emore%3C%2Fb%3E", 200, ["2 products"]),
        ("/?category=none", 200, ["0 products", "Show all products"]),
        ("/?page=99", 200, ["5 products", "A laptop"]),
        ("/?page=0", 200, ["5 products"]),
        ("/?page=-1", 200, ["5 products"]),
        ("/?page=%D9%A2", 200, ["5 products"]),
        ("/?page=" + "9" * 5000, 200, ["5 products"]),
        (
            "/products/laptop",
            200,
            ["A laptop 14 inches $787.47", "1 CAD = 0.715878508266 USD", "CAD/EUR/USD"],
        ),
        ("/products/a%2Fb%20c%3F%25%23", 200, ["Odd sku $1.12"]),
        (
            "/products/dinar",
            200,
            ["In dinars KWD12.345 There is no published rate from KWD to USD."],
        ),
        ("/products/laptop?range=nonsense", 200, ["1 year"]),
        ("/products/nothing", 404, ["There is no such product.", "Back"]),
        ("/products", 404, ["There is no such page", "Back"]),
        ("/products/", 404, ["There is no such page"]),
        ("/products/a/b", 404, ["There is no such page"]),
        ("//evil.example/", 404, ["There is no such page"]),
        ("/quotes", 200, ["Find a quote"]),
        ("/quotes/0000-0000-0009", 404, ["The quote cannot be shown", "There is no quote with"]),
        ("/quotes/x", 422, ["The quote cannot be shown", '"x" is not the id of a quote']),
        ("/quotes?id=.", 422, ["The quote cannot be shown", '"." is not the id of a quote']),
        ("/quotes?id=..", 422, ['".." is not the id of a quote, which is like 7F3K-9QXD-2MTA.']),
        ("/quotes?id=%EF%BC%97%F0%9F%99%82+<b>", 422, ['"\uff17\U0001f642 <b>" is not the id']),
        ("/quotes?id=a%1B%5B2J%E2%80%AE%00b", 422, ['"a\ufffd[2J\ufffd\ufffdb" is not the id']),
        (f"/quotes/{'x' * 41}", 422, [f'"{"x" * 40}..." is not the id']),
        ("/rates", 200, ["Rates of one US Dollar", "EUR"]),
        ("/rates?base=CAD&to=USD", 200, ["USD for 1 CAD", "From 29 Oct 2025 to 30 Oct 2026"]),
        ("/rates?base=CAD&to=CAD", 200, ["Rates of one Canadian Dollar"]),
        ("/rates?base=CAD&to=KWD", 200, ["Rates of one Canadian Dollar"]),
        ("/rates?base=XXX", 422, ["That is no currency", '"XXX" is not an ISO 4217']),
        ("/rates?base=KWD", 404, ["There are no rates to show", "ECB does not publish KWD."]),
        ("/sources", 200, ["European Central Bank", "not looked at yet"]),
        ("/%ff", 400, ["That cannot be answered", '"%ff" does not stand for UTF-8.']),
        ("/%", 400, ["That cannot be answered"]),
        ("/?q=%zz", 400, ["That cannot be answered"]),
        ("/?q=%ff", 400, ["That cannot be answered"]),
        ("/products/%00", 404, ["There is no such product."]),
        ("/?q=%00%0d%0aSet-Cookie:x", 200, ["0 products"]),
    ],
)
async def test_what_is_asked_for_is_answered_with_a_page(
    desk: WebDesk, url: str, status: int, texts: list[str]
) -> None:
    answered = await desk.get(url)
    said = main(answered)
    assert answered.status == status
    assert [text for text in texts if text not in said] == []


@pytest.mark.parametrize(
    ("accept", "texts"),
    [
        ("fr-CA,fr;q=0.9", ["Produits", "5 produits", "A laptop 1 100,00 $"]),
        ("de-DE", ["A laptop 704,86 €"]),
        ("ja", ["A laptop ￥123,829", "A kettle ￥4,900"]),
        ("en-JO", ["There are no rates for JOD, so prices are shown in USD.", "A laptop $787.47"]),
        ("ar-JO", ["There are no rates for JOD, so prices are shown in USD."]),
        ("en-KW", ["There are no rates for KWD", "In dinars KWD12.345"]),
        ("x" * 5000, ["A laptop $787.47"]),
        ("\x00;q=é,,;;q=9", ["A laptop $787.47"]),
    ],
)
async def test_a_visitor_sees_his_own_currency_or_is_told_why_not(
    desk: WebDesk, accept: str, texts: list[str]
) -> None:
    said = main(await desk.get("/", accept_language=accept)).replace("\u202f", " ")
    said = said.replace("\xa0", " ")
    assert [text for text in texts if text not in said] == []


@pytest.mark.parametrize(
    ("cookies", "text"),
    [
        ("currency=EUR", "A laptop €704.86"),
        ("language=fr; currency=EUR", "A laptop 704,86 €"),
        ("currency=eur", "A laptop $787.47"),
        ("currency=KWD", "There are no rates for KWD, so prices are shown in USD."),
        ("currency=EUR; currency=JPY", "A laptop ¥123,829"),
        ("currency=<script>; language=../../etc", "A laptop $787.47"),
        ("=;;;currency==;" * 300, "A laptop $787.47"),
        ("language=zz", "A laptop $787.47"),
    ],
)
async def test_cookies_are_choices_and_nothing_else(desk: WebDesk, cookies: str, text: str) -> None:
    said = main(await desk.get("/", cookie=cookies)).replace("\xa0", " ")
    assert text in said


async def test_a_product_in_the_visitors_own_currency_is_not_converted(desk: WebDesk) -> None:
    answered = await desk.get("/products/laptop", cookie="currency=CAD")
    said = main(answered)
    assert "A laptop 14 inches CA$1,100.00 Hold this price" in said
    assert "Converted" not in said
    assert "none" not in said
    kept = await desk.submit(
        "/quotes", {**HELD, "currency": "CAD", "conversion": "1100.00", "price": "1100.00"}
    )
    quote = main(await desk.get(kept.headers["Location"]))
    assert "Why this price The shop's own price CA$1,100.00 Price CA$1,100.00" in quote


async def test_the_pages_language_is_that_of_its_texts(desk: WebDesk) -> None:
    for accept, language in (("fr-CA", "fr-CA"), ("de-DE", "en"), ("ar", "en"), ("", "en")):
        answered = await desk.get("/", accept_language=accept)
        assert f'<html lang="{language}">' in answered.text


async def test_the_languages_that_can_be_chosen_are_those_that_there_are_texts_in(
    desk: WebDesk,
) -> None:
    names: dict[str, str] = {}
    for tag in spoken():
        text = (await desk.get("/", cookie=f"language={tag}")).text
        offered = re.findall(r'name="language" value="([^"]+)" lang="\1">([^<]+)<', text)
        assert {told for told, _ in offered} == {*spoken()} - {tag}
        names |= dict(offered)
    assert names == {"en": "English", "fr": "Français"}


async def test_pages_are_turned(tmp_path: Path, book: RateBook) -> None:
    products = [Product(f"p{n}", f"Thing {n}", Money(100, CAD), "", "A & B") for n in range(49)]
    async with web_desk(tmp_path, book, products) as desk:
        second = await desk.get("/?q=thing&category=A+%26+B&page=2")
        assert 'rel="prev" href="/?q=thing&amp;category=A+%26+B"' in second.text
        assert 'rel="next" href="/?q=thing&amp;category=A+%26+B&amp;page=3"' in second.text
        beyond = main(await desk.get("/?page=4"))
        assert "Thing 48" in beyond
        assert "Page 3 of 3" in beyond


async def test_of_many_categories_some_can_be_chosen_and_the_one_that_is(
    tmp_path: Path, book: RateBook
) -> None:
    products = [
        Product(f"p{n}", "Thing", Money(100, CAD), category=f"Kind {n // 2}")
        for n in range(2 * CATEGORIES_SHOWN_MAX + 3)
    ]
    last = f"Kind {CATEGORIES_SHOWN_MAX + 1}"
    async with web_desk(tmp_path, book, products) as desk:
        first = (await desk.get("/")).text
        assert first.count("<option>Kind ") == CATEGORIES_SHOWN_MAX
        assert last not in first
        one = (await desk.get(f"/?category={percent_encoded(last)}")).text
        assert f"<option selected>{last}</option>" in one
        assert one.count("<option>Kind ") == CATEGORIES_SHOWN_MAX
        none = await desk.get("/?category=Nothing")
        assert (none.status, "<option selected>" in none.text) == (200, False)


@pytest.mark.parametrize("count", [SEARCHED_IN_A_THREAD_FROM, SEARCHED_IN_A_THREAD_FROM - 1])
async def test_a_large_catalogue_is_searched_beside_the_loop_one_search_at_a_time(
    tmp_path: Path, book: RateBook, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    searching: list[str] = []
    before = Catalogue.positions

    def positions(*asked: Any) -> tuple[Sequence[int], int]:  # noqa: ANN401  # as it is asked
        searching.append(threading.current_thread().name)
        return before(*asked)

    monkeypatch.setattr(Catalogue, "positions", positions)
    products = (Product(f"p{n}", f"Thing {n}", Money(100, CAD)) for n in range(count))
    async with web_desk(tmp_path, book, products) as desk:
        found = await asyncio.gather(*(desk.get("/api/products?q=thing&limit=0") for _ in "123"))
    assert {each.text for each in found} == {f'{{"total":{count},"offset":0,"products":[]}}'}
    beside = {"search_0"} if count == SEARCHED_IN_A_THREAD_FROM else {"MainThread"}
    assert set(searching) == beside


async def test_a_long_chart_has_its_table(desk: WebDesk) -> None:
    said = main(await desk.get("/products/laptop?range=all", cookie="currency=JPY"))
    assert "From 29 Jan 1999 to 30 Oct 2026" in said
    assert said.endswith("29 Jan 1999 ¥84,189")


async def test_rules_are_steps_of_the_reason(tmp_path: Path, book: RateBook) -> None:
    rules = parse_price_rules(
        "[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n[JPY]\nstep = 10\n", "r"
    )
    async with web_desk(tmp_path, book, rules=rules) as desk:
        said = main(await desk.get("/products/laptop"))
        assert "Margin of 2.5% $807.16 Up to a price that ends in 0.99 $807.99" in said
        in_yen = main(await desk.get("/products/laptop", cookie="currency=JPY"))
        assert "To the nearest multiple of 10 ¥126,930" in in_yen


@pytest.mark.parametrize(
    ("accept", "texts"),
    [
        (
            "fr-FR",
            [
                "1 CAD = 0,715878508266 USD",
                "Marge de 2,5 % 807,16 $US",
                "Jusqu'à un prix qui finit par 0,99 807,99 $US",
                "Jamais moins de 4,99 807,99 $US",
            ],
        ),
        # What is not spoken is English, with numbers as the visitor writes them.
        ("de-DE", ["1 CAD = 0,715878508266 USD", "Margin of 2,5 %", "Never below 4,99"]),
        ("de-CH", ["1 CAD = 0.715878508266 USD", "Margin of 2.5%", "Never below 4.99"]),
        ("tr", ["1 CAD = 0,715878508266 USD", "Margin of %2,5", "Never below 4,99"]),
        ("en-US", ["1 CAD = 0.715878508266 USD", "Margin of 2.5%", "Never below 4.99"]),
    ],
)
async def test_numbers_in_reasons_are_as_the_visitor_writes_them(
    tmp_path: Path, book: RateBook, accept: str, texts: list[str]
) -> None:
    rules = parse_price_rules(
        "[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\nfloor = 4.99\n", "r"
    )
    async with web_desk(tmp_path, book, rules=rules) as desk:
        page = await desk.get("/products/laptop", accept_language=accept, cookie="currency=USD")
        held = await desk.submit("/quotes", {**HELD, "price": "807.99"})
        quote = await desk.get(held.headers["Location"], accept_language=accept)
    said, record = plain(page).replace("\xa0", " "), plain(quote).replace("\xa0", " ")
    assert [text for text in texts if text not in said or text not in record] == []
    # What was recorded is shown as it was recorded.
    assert "rate 0.715878508266" in record
    assert "margin=2.5:807.16;ending=0.99:807.99;floor=4.99:807.99" in record


async def test_pages_name_the_official_parities_that_a_rate_goes_over(
    tmp_path: Path, book: RateBook
) -> None:
    pegged = RateBook(book, Order(("ECB", PEG)), all_pegs())
    async with web_desk(tmp_path, pegged) as desk:
        said = main(await desk.get("/products/laptop", cookie="currency=XOF"))
        assert "ECB, 30 October 2026, parity EUR/XOF 655.957" in said
        said = main(await desk.get("/rates?base=AED"))
        assert "ECB, parity USD/AED EUR/XOF, 30 October 2026" in said
        assert "parity USD/AED USD/SAR, 30 October 2026" in said
        assert "ECB, parity USD/AED, 30 October 2026" in said


async def test_of_sources_nothing_is_known_before_the_back_end_has_told(desk: WebDesk) -> None:
    desk.lines.away = True
    answered = await desk.get("/sources")
    assert (answered.status, answered.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    ("failing", "looked", "last"),
    [
        ("none,none", ",none", " not looked at yet"),
        (
            "none,none",
            ",2026-10-30T15:05:00Z",
            " 30 October 2026, 3:05:00 pm UTC in order",
        ),
        (
            "2026-10-30T15:05:00Z,no%20answer",
            ",2026-10-30T17:35:00Z",
            " 30 October 2026, 5:35:00 pm UTC failing since 30 October 2026, 3:05:00 pm UTC",
        ),
        # From a back-end of an earlier version, which does not tell of looks that went well.
        ("none,none", "", ""),
        ("2026-10-30T15:05:00Z,no", "", " failing since 30 October 2026, 3:05:00 pm UTC"),
    ],
)
@pytest.mark.parametrize(
    ("newest", "shown"),
    [("2026-10-30,fresh", "30 October 2026 fresh"), ("none,none", "none")],
)
async def test_a_source_is_in_order_only_if_it_was_looked_at(  # noqa: PLR0913, PLR0917  # a line's parts
    desk: WebDesk, newest: str, shown: str, failing: str, looked: str, last: str
) -> None:
    named = "Another%20bank,Another,https://bank.example/,no,yes"
    desk.lines.instead["sources"] = (
        f"book=1 holds_stale=no XYZ={newest},0,2026-11-02T15:00:00Z,{failing},{named}{looked}"
    )
    said = main(await desk.get("/sources"))
    assert said.endswith(f"XYZ Another bank {shown} 0 2 November 2026, 3:00:00 pm UTC{last}")


async def test_that_nobody_has_looked_yet_is_said_in_french_too(desk: WebDesk) -> None:
    said = main(await desk.get("/sources", accept_language="fr-FR"))
    assert said.endswith("2 novembre 2026, 15:00:00 TU pas encore lue")


async def test_the_chart_has_the_rules_and_ends_with_the_price(
    tmp_path: Path, book: RateBook
) -> None:
    rules = parse_price_rules("[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n", "r")
    async with web_desk(tmp_path, book, rules=rules) as desk:
        said = main(await desk.get("/products/laptop?range=30d"))
    assert "At each published rate, with the shop's steps of today." in said
    rows = said.partition("Day USD ")[2]
    assert rows.startswith("30 Oct 2026 $807.99 29 Oct 2026 ")
    assert {amount[-3:] for amount in re.findall(r"\$[0-9,.]+", rows)} == {".99"}


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/rates?base=QQQ", 422),
        ("/rates?base=EUR&to=QQQ", 422),
        ("/rates?base=KWD", 404),
        ("/rates?base=", 422),
    ],
)
async def test_rates_of_no_currency_are_not_found(desk: WebDesk, url: str, status: int) -> None:
    assert (await desk.get(url)).status == status


# Holding.


async def test_a_price_is_held_and_redeemed(desk: WebDesk) -> None:
    sent = await desk.submit("/quotes", HELD)
    assert (sent.status, sent.headers["Location"]) == (303, "/quotes/0000-0000-0001")
    assert (await desk.submit("/quotes", HELD)).headers["Location"] == sent.headers["Location"]
    said = main(await desk.get("/quotes/0000-0000-0001"))
    assert "held $787.47 A laptop Time left 24:00:00 Redeem Cancel" in said
    typed = await desk.get("/quotes?id=+oooo+0000+0001+")
    assert (typed.status, typed.headers["Location"]) == (303, "/quotes/0000-0000-0001")
    spelled = await desk.get("/quotes/oooo%200000%200001")
    assert (spelled.status, spelled.headers["Location"]) == (303, "/quotes/0000-0000-0001")
    redeemed = await desk.submit("/quotes/0000-0000-0001/redeem", b"")
    assert (redeemed.status, redeemed.headers["Location"]) == (303, "/quotes/0000-0000-0001")
    desk.clock.now += 10 * DAY
    said = main(await desk.get("/quotes/0000-0000-0001"))
    assert "This price was redeemed on 30 October 2026, 6:00:00 pm UTC." in said


@pytest.mark.parametrize(
    ("change", "status", "texts"),
    [
        ({"sku": "gone"}, 404, ["There is no such product."]),
        ({"sku": ""}, 404, ["There is no such product."]),
        ({"currency": "XXX"}, 422, ["The price is not held"]),
        ({"price": ""}, 422, ["The price is not held"]),
        ({"price": "787.47x"}, 422, ["The price is not held"]),
        ({"key": ""}, 422, ["The price is not held", "The key is to have 1 to 255 printable"]),
        (
            {"conversion": "787.46", "price": "787.46"},
            409,
            [
                "The price has changed",
                "Please look at",
                "You have seen $787.46; it is $787.47 now.",
            ],
        ),
        (
            {"price": "1.00"},
            409,
            ["The price has changed", "You have seen $1.00; it is $787.47 now."],
        ),
    ],
)
async def test_what_cannot_be_held_has_a_page_that_says_why(
    desk: WebDesk, change: dict[str, str], status: int, texts: list[str]
) -> None:
    answered = await desk.submit("/quotes", {**HELD, **change})
    said = main(answered)
    assert answered.status == status
    assert [text for text in [*texts, "Back"] if text not in said] == []


def plain(answered: Answered) -> str:
    """The text of a French page's content, as it is typed."""
    return main(answered).replace("\u2019", "'").replace("\u202f", " ")


FRENCH_REFUSALS = {
    "price-changed": "Veuillez regarder le nouveau prix avant de le garantir.",
    "rate-not-fresh": "Le dernier taux connu est trop ancien pour garantir un prix.",
    "too-many-quotes": "Trop de prix sont garantis.",
    "quote-key-reused": "Ceci a déjà été envoyé avec un autre prix. Veuillez recommencer.",
    "no-rates-known": "Aucun taux n'est encore connu.",
    "no-rate-for-currency": "Il n'y a pas de taux publié pour cela.",
    "rate-too-old": "Les taux connus sont trop anciens.",
    "invalid-amount": "Ce qui a été envoyé n'est pas utilisable.",
    "never-heard-of": "Le service de conversion le refuse.",
}


@pytest.mark.parametrize("slug", FRENCH_REFUSALS)
async def test_a_refusal_is_told_in_the_pages_language(desk: WebDesk, slug: str) -> None:
    desk.lines.instead["hold "] = f"error {slug} the exact English sentence"
    said = plain(await desk.submit("/quotes", HELD, accept_language="fr"))
    assert FRENCH_REFUSALS[slug] in said
    assert "English" not in said
    said = main(await desk.submit("/quotes", HELD, accept_language="en"))
    assert "The exact English sentence." in said
    desk.lines.instead["explain "] = f"error {slug} the exact English sentence"
    for url in ("/", "/products/laptop"):
        answered = await desk.get(url, accept_language="fr")
        assert (answered.status, "English" in main(answered)) == (200, False)


NO_PRICE = {
    "no-rate-for-currency": "There is no published rate from CAD to USD.",
    "no-rate-for-date": "There is no rate for CAD on that day.",
    "rate-too-old": "There is no rate for CAD on that day.",
    "no-rates-known": "There is no rate for CAD on that day.",
}


@pytest.mark.parametrize("slug", NO_PRICE)
async def test_a_card_without_a_price_says_what_is_the_case(desk: WebDesk, slug: str) -> None:
    desk.lines.instead["explain "] = f"error {slug} there is no rate for CAD on that day"
    in_french = FRENCH_REFUSALS | {
        "no-rate-for-date": "Il n'y a pas de taux publié pour cela.",
        "no-rate-for-currency": "Il n'y a pas de taux publié de CAD vers EUR.",
    }
    for url in ("/", "/products/laptop"):
        answered = await desk.get(url)
        assert (answered.status, f"CA$1,100.00 {NO_PRICE[slug]}" in main(answered)) == (200, True)
        answered = await desk.get(url, accept_language="fr")
        assert (answered.status, in_french[slug] in plain(answered)) == (200, True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"conversion": "787.46", "price": "787.46"},
            (
                "Le prix a changé Veuillez regarder le nouveau prix avant de le garantir."
                " Vous avez vu 787,46 $US ; c'est maintenant 787,47 $US. Retour"
            ),
        ),
        (
            {"sku": "gone"},
            "Ce produit n'existe pas. Il n'est plus vendu, ou ne l'a jamais été. Retour",
        ),
        ({"currency": "XXX"}, "Le prix n'est pas garanti Cette monnaie n'existe pas. Retour"),
        (
            {"key": ""},
            "Le prix n'est pas garanti Ce qui a été envoyé n'est pas utilisable. Retour",
        ),
    ],
)
async def test_why_a_price_is_not_held_is_french_on_a_french_page(
    desk: WebDesk, change: dict[str, str], expected: str
) -> None:
    said = plain(await desk.submit("/quotes", {**HELD, **change}, accept_language="fr-FR"))
    assert said == expected


async def test_a_key_of_another_request_is_told_with_what_to_do(desk: WebDesk) -> None:
    await desk.submit("/quotes", HELD)
    refused = await desk.submit("/quotes", {**HELD, "price": "787.46"})
    assert refused.status == 422
    assert main(refused) == (
        "The price is not held This was sent before with another price. Please begin again."
        " The key came with another request before. Back"
    )


async def test_what_is_no_id_is_told_in_the_pages_language(desk: WebDesk) -> None:
    said = plain(await desk.get("/quotes?id=..", accept_language="fr"))
    assert "« .. » n'est pas l'identifiant d'une offre, qui ressemble à 7F3K-9QXD-2MTA." in said


async def test_what_is_no_form_is_told_in_the_pages_language(desk: WebDesk) -> None:
    said = plain(await desk.submit("/quotes", b"%zz=1", accept_language="fr"))
    assert said == "Impossible de répondre Ce qui a été envoyé n'est pas utilisable. Retour"


async def test_stale_rates_and_old_quotes_are_refused_with_words(desk: WebDesk) -> None:
    await desk.submit("/quotes", HELD)
    desk.clock.now += 10 * DAY
    said = main(await desk.get("/products/laptop"))
    assert "stale: 6 publications missed" in said
    stale = await desk.submit("/quotes", {**HELD, "key": "k2"})
    assert (stale.status, "too old to hold a price at" in main(stale)) == (503, True)
    assert "Retry-After" not in stale.headers
    expired = await desk.submit("/quotes/0000-0000-0001/redeem", b"")
    assert (expired.status, "Its time is over." in main(expired)) == (409, True)
    said = main(await desk.get("/quotes/0000-0000-0001"))
    assert "This quote expired on 31 October 2026, 6:00:00 pm UTC" in said


async def test_the_back_end_goes_and_comes_back(desk: WebDesk) -> None:
    await desk.get("/products/laptop")
    desk.lines.away = True
    await desk.shop.standing.look()
    desk.clock.now += timedelta(minutes=5)
    answered = await desk.get("/products/laptop")
    said = main(answered)
    assert "The conversion service cannot be reached." in said
    assert "last known 30 October 2026, 6:00:00 pm UTC" in said
    assert "Not now: the conversion service cannot be reached." in said
    assert '<button class="primary" disabled aria-describedby="cannot">' in answered.text
    never = main(await desk.get("/products/pc"))
    assert "CA$2,400.00 The price cannot be computed now" in never
    at_home = main(await desk.get("/products/pc", cookie="currency=CAD"))
    assert "A PC CA$2,400.00 Hold this price Not now" in at_home
    for page in ("/rates?base=JPY", "/quotes/0000-0000-0001"):
        answered = await desk.get(page)
        assert (answered.status, answered.headers["Retry-After"]) == (503, "5"), page
        assert "backend.inside" not in answered.text
    desk.lines.away = False
    await desk.shop.standing.look()
    said = main(await desk.get("/products/laptop"))
    assert "A laptop 14 inches $787.47" in said
    assert "cannot be reached" not in said


async def test_a_hold_without_an_answer_can_be_tried_again_with_the_same_key(desk: WebDesk) -> None:
    desk.lines.away = True
    failed = await desk.submit("/quotes", HELD)
    assert (failed.status, failed.headers["Retry-After"]) == (503, "5")
    values = Parsed(failed.text).values
    names = [value for tag, name, value in values if tag == "input" and name == "name"]
    kept = [value for tag, name, value in values if tag == "input" and name == "value"]
    again = dict(zip(names, kept, strict=True))
    assert {name: again[name] for name in HELD} == HELD
    assert "Try again" in main(failed)
    desk.lines.away = False
    assert (await desk.submit("/quotes", HELD)).status == 303


async def test_a_form_that_is_sent_again_leads_to_its_quote_though_all_has_changed(
    desk: WebDesk,
) -> None:
    sent = await desk.submit("/quotes", HELD)
    desk.sell([])
    again = await desk.submit("/quotes", HELD)
    assert (again.status, again.headers["Location"]) == (303, sent.headers["Location"])
    refused = await desk.submit("/quotes", {**HELD, "key": "k2"})
    assert (refused.status, "There is no such product." in main(refused)) == (404, True)
    assert '<a class="button" href="/">' in refused.text


async def test_a_page_whose_address_is_a_secret_is_cut_off_from_who_opened_it(
    desk: WebDesk,
) -> None:
    sent = await desk.submit("/quotes", HELD)
    quote = await desk.get(sent.headers["Location"])
    assert (quote.status, quote.headers["Cross-Origin-Opener-Policy"]) == (200, "same-origin")
    assert "Cross-Origin-Opener-Policy" not in (await desk.get("/")).headers


async def test_a_record_that_is_none_of_ours_is_told_as_such(desk: WebDesk) -> None:
    desk.lines.instead["quote "] = "quote=0000-0000-0001 ref=laptop status=held"
    answered = await desk.get("/quotes/0000-0000-0001")
    assert answered.status == 502
    assert "It was not recorded by this shop." in main(answered)


# Forms.


@pytest.mark.parametrize("url", ["/quotes", "/preferences"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%zz=1", "application/x-www-form-urlencoded"),
        (b"sku=%ff", "application/x-www-form-urlencoded"),
        (b"sku=\xff", "application/x-www-form-urlencoded"),
        (b"sku=a&sku=b", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&" * 20_000, "application/x-www-form-urlencoded"),
        (b"sku=laptop", "text/plain"),
        (b"sku=laptop", ""),
        (b'--x\r\nContent-Disposition: form-data; name="a"', "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
    ],
)
async def test_an_odd_form_gets_a_page_and_does_nothing(
    desk: WebDesk, url: str, body: bytes, kind: str
) -> None:
    answered = await desk.submit(url, body, content_type=kind)
    assert answered.status == 422
    assert "That cannot be answered" in main(answered)
    assert "Set-Cookie" not in answered.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "same-origin, cross-site"},
        {"sec-fetch-site": ""},
    ],
)
@pytest.mark.parametrize(
    "url",
    [
        "/quotes",
        "/quotes/0000-0000-0001/redeem",
        "/quotes/0000-0000-0001/cancel",
        "/preferences",
    ],
)
async def test_a_form_of_another_site_does_nothing(
    desk: WebDesk, url: str, headers: dict[str, str]
) -> None:
    answered = await desk.submit(url, HELD, **{k.replace("-", "_"): v for k, v in headers.items()})
    assert (answered.status, "Set-Cookie" in answered.headers) == (403, False)
    assert "not this shop's" in main(answered)
    assert not [line for line in desk.lines.asked if line.startswith(("hold", "redeem", "cancel"))]


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://shop.example", "host": "shop.example"}, True),
        ({"origin": "https://shop.example:8443", "host": "shop.example:8443"}, True),
        ({"origin": "https://shop.example.evil", "host": "shop.example"}, False),
        ({"origin": "https://shop.example:81", "host": "shop.example"}, False),
        ({"origin": "null", "host": "shop.example"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "https://[", "host": "shop.example"}, False),
    ],
)
def test_a_form_is_ours_as_far_as_the_browser_says(
    headers: Mapping[str, str], is_ours: bool
) -> None:
    assert is_from_here(headers) is is_ours


@pytest.mark.parametrize(
    ("fields", "cookies", "location"),
    [
        ({"currency": "eur", "back": "/products/a%20b?x=1"}, "currency=EUR", "/products/a%20b?x=1"),
        ({"language": "fr", "back": "//evil.example"}, "language=fr", "/"),
        ({"language": "fr\r\nX: y"}, "", "/"),
        ({"language": "a" * 100}, "", "/"),
        ({"language": "de"}, "", "/"),
        ({"back": "https://evil.example"}, "", "/"),
    ],
)
async def test_a_choice_is_remembered(
    desk: WebDesk, fields: dict[str, str], cookies: str, location: str
) -> None:
    answered = await desk.submit("/preferences", fields)
    assert (answered.status, answered.headers["Location"]) == (303, location)
    told = answered.headers.get("Set-Cookie", "")
    assert told == (cookie(*cookies.split("="))[1] if cookies else "")
    if told:
        assert told.endswith("; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly")


async def test_what_is_no_currency_is_not_remembered(desk: WebDesk) -> None:
    answered = await desk.submit("/preferences", {"currency": "EUR\r\nX-Evil: 1"})
    assert (answered.status, "Set-Cookie" in answered.headers) == (422, False)
    assert "That is no currency" in main(answered)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "evil",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/a\\b",
        "/a b",
        "/a\r\nX: y",
        "/é",
        "https://evil.example",
        "javascript:alert(1)",
        "/" + "a" * 2000,
    ],
)
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert safe_path(path) == "/"


def test_one_is_sent_back_where_one_was() -> None:
    for path in ("/", "/?q=a+b&page=2", "/products/a%2Fb?range=1y", "/a//b"):
        assert safe_path(path) == path


# Whatever is written, it is text.


ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "\"><img src=x onerror='alert(1)'>",
            "' autofocus onfocus=alert(1) x='",
            "</title></textarea></style><svg onload=x>",
            "{{ 7*7 }}{% raw %}",
            "<!--",
            "]]>",
            "&lt;b&gt;&#60;",
            "javascript:alert(1)",
            "\u202eabc\u2066",
        ]
    ),
)


@settings(max_examples=30)
@given(name=ANYTHING, category=ANYTHING, query=ANYTHING)
async def test_what_somebody_has_written_is_never_markup(
    book: RateBook, tmp_path_factory: pytest.TempPathFactory, name: str, category: str, query: str
) -> None:
    plain = Product("x", "x", Money(100, JPY), "x", "x")
    odd = Product(name.strip() or "x", name, Money(100, JPY), name, category)
    folder = tmp_path_factory.mktemp("desk")
    sku = percent_encoded(odd.sku, safe="")
    asked = percent_encoded(query, safe="")
    async with web_desk(folder, book, [plain]) as desk, web_desk(folder, book, [odd]) as other:
        for mine, theirs in (
            ("/", "/"),
            ("/products/x", f"/products/{sku}"),
            ("/?q=y%20y&category=y", f"/?q=y%20y%20{asked}&category=y{asked}"),
            ("/quotes/y", f"/quotes/{asked}"),
            ("/products/y", f"/products/y{asked}"),
            ("/rates?base=yy", f"/rates?base=yy{asked}"),
        ):
            ours, found = Parsed((await desk.get(mine)).text), (await other.get(theirs)).text
            assert Parsed(found).shape == ours.shape
            for tag, attribute, value in Parsed(found).values:
                assert not attribute.startswith("on")
                if attribute in ("href", "src", "action"):
                    assert re.match("/(?!/)|#", value), (tag, value)


async def test_a_held_product_with_an_odd_name_is_text(tmp_path: Path, book: RateBook) -> None:
    odd = '<b onclick="x">&amp;%none none'
    async with web_desk(tmp_path, book, [Product(odd, odd, Money(100, JPY))]) as desk:
        sent = await desk.submit(
            "/quotes",
            {"sku": odd, "currency": "JPY", "conversion": "100", "price": "100", "key": odd},
        )
        answered = await desk.get(sent.headers["Location"])
        assert (answered.status, odd in main(answered)) == (200, True)
        assert "<b " not in answered.text


# Headers.


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/products/laptop"),
        ("GET", "/nothing"),
        ("GET", "/%zz"),
        ("POST", "/"),
        ("BREW", "/"),
        ("OPTIONS", "/"),
        ("OPTIONS", "/api/quotes"),
        ("POST", "/preferences"),
        ("GET", "/api"),
        ("GET", "/api/nothing"),
        ("GET", "/api/%zz"),
        ("PUT", "/api/rates"),
        ("GET", "/pictures/no.png"),
        ("GET", "/static/no.css"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/version"),
    ],
)
async def test_every_answer_is_safe_in_a_browser(desk: WebDesk, method: str, url: str) -> None:
    answered = await desk.ask(method, url)
    assert {name: answered.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert not [name for name in answered.headers if name.startswith("Access-Control")]


async def test_a_fault_of_ours_is_a_page_too(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(desk.shop, "offers", broken)
    answered = await desk.get("/", accept_language="fr")
    assert (answered.status, "Une erreur est survenue" in main(answered)) == (500, True)
    assert "secret" not in answered.text
    assert {name: answered.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize(
    ("method", "url", "allow"),
    [
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("GET", "/quotes/0000-0000-0001/redeem", "POST, OPTIONS"),
        ("PUT", "/quotes", "GET, HEAD, POST, OPTIONS"),
        ("GET", "/preferences", "POST, OPTIONS"),
    ],
)
async def test_another_method_is_told_which_there_are(
    desk: WebDesk, method: str, url: str, allow: str
) -> None:
    answered = await desk.ask(method, url)
    assert (answered.status, answered.headers["Allow"]) == (405, allow)
    assert "That cannot be answered" in main(answered)
    assert (await desk.ask("OPTIONS", url)).headers["Allow"] == allow


@pytest.mark.parametrize("url", ["/", "/products/laptop", "/nothing", "/api/products", "/rates"])
async def test_head_is_get_without_a_body(desk: WebDesk, url: str) -> None:
    head, get = await desk.ask("HEAD", url), await desk.ask("GET", url)
    assert (head.status, head.text) == (get.status, "")
    varying = ("Content-Length",) if url == "/products/laptop" else ()  # its form's key
    same = {k: v for k, v in get.headers.items() if k not in varying}
    assert {k: v for k, v in head.headers.items() if k not in varying} == same


@pytest.mark.parametrize("url", ["/", "/products/laptop", "/rates?base=CAD&to=USD", "/nothing"])
async def test_the_style_and_the_script_of_a_page_are_all_that_its_policy_allows(
    desk: WebDesk, url: str
) -> None:
    answered = await desk.get(url)
    page = Parsed(answered.text)
    texts = [
        re.findall(f"<{name}>(.*?)</{name}>", answered.text, re.DOTALL)
        for name in ("style", "script")
    ]
    style, script = (
        [b64encode(sha256(text.encode()).digest()).decode() for text in found] for found in texts
    )
    assert [tag for tag, _ in page.shape if tag in ("style", "script")] == ["style", "script"]
    assert [name for _, name, _ in page.values if name == "style" or name.startswith("on")] == []
    assert answered.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{style[0]}'; script-src 'sha256-{script[0]}';"
        " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


async def test_static_files_are_kept_for_ever(desk: WebDesk) -> None:
    page = Parsed((await desk.get("/")).text)
    paths = [value for _, name, value in page.values if name in ("href", "src")]
    static = [path for path in paths if path.startswith("/static/")]
    assert len(static) == 1
    for path in static:
        file = await desk.get(path)
        assert file.status == 200
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        known = await desk.get(path, if_none_match=file.headers["ETag"])
        assert (known.status, known.text) == (304, "")
        assert known.headers["Cache-Control"] == file.headers["Cache-Control"]


async def test_the_events_begin_with_the_book(desk: WebDesk) -> None:
    response = await desk.router.respond("GET", "/events")
    assert dict(response.headers)["Cache-Control"] == "no-store"
    assert response.media_type == "text/event-stream; charset=utf-8"
    assert not isinstance(response.body, bytes)


async def test_health_readiness_and_version(desk: WebDesk) -> None:
    assert (await desk.get("/healthz")).text == '{"status":"ok"}'
    assert (await desk.get("/readyz")).text == '{"status":"ok","back-end":"reachable"}'
    desk.lines.away = True
    await desk.shop.standing.look()
    assert (await desk.get("/readyz")).text == '{"status":"ok","back-end":"away"}'
    desk.leaving.announce()
    answered = await desk.get("/readyz")
    assert answered.status == 503
    assert answered.text == '{"status":"unavailable","reason":"the service is shutting down"}'
    assert (await desk.get("/version")).text == '{"name":"pricedesk","version":"0.1.0"}'


@pytest.mark.parametrize(
    ("unit", "minor", "texts"),
    [
        (EUR, 100, ["€1.00"]),
        (JPY, 0, ["$0.00"]),
        (USD, 999_999_999_999_999, ["$9,999,999,999,999.99"]),
    ],
)
async def test_amounts_of_any_size_are_shown(
    tmp_path: Path, book: RateBook, unit: Currency, minor: int, texts: list[str]
) -> None:
    money = Money(minor, unit)
    long = "W" * 70
    async with web_desk(tmp_path, book, [Product("x", long, money)]) as desk:
        said = main(await desk.get("/products/x"))
        assert [text for text in texts if text not in said.replace("\xa0", " ")] == []
