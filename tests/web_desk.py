"""The desk's web door in this process: no socket, a back-end beside it, a clock that tests set."""

from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from asking import Answered
from held import Asking, Clock
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import open_store
from pricedesk.currencies import currency
from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.catalogue import Catalogue, Product
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.price_rules import NO_RULES, PriceRules
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.standing import Standing
from pricedesk.frontend.web.door import Site, make_router
from pricedesk.frontend.web.rendering import Files
from pricedesk.money import Money
from pricedesk.running import Leaving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CAD, EUR, JPY, KWD, USD = (currency(code) for code in ("CAD", "EUR", "JPY", "KWD", "USD"))

PRODUCTS = (
    Product("laptop", "A laptop", Money(110000, CAD), "14 inches", "Computers & <b>more</b>"),
    Product("pc", "A PC", Money(240000, CAD), category="Computers & <b>more</b>"),
    Product("kettle", "A kettle", Money(4900, JPY), category="Kitchen"),
    Product("a/b c?%#", "Odd sku", Money(100, EUR), picture="chairs/red.jpg"),
    Product("dinar", "In dinars", Money(12345, KWD)),
)

LISTED = {"Sec-Fetch-Site": "same-origin"}


class Lines:
    """A back-end's lines; while it is `away` nobody answers."""

    def __init__(self, session: LineSession) -> None:
        self.away = False
        self.dropped = 0
        self.asked: list[str] = []
        self.instead: dict[str, str] = {}
        """What is answered to requests that begin so, whatever is true."""
        self._session = session

    async def ask(self, request: str) -> str:
        if self.away:
            raise ServiceUnavailable("backend.inside:3000 cannot be reached: [Errno 111]")
        assert "\n" not in request
        self.asked.append(request)
        for begin, reply in self.instead.items():
            if request.startswith(begin):
                return reply
        answer = self._session.answer(request.encode())
        line = answer if isinstance(answer, bytes) else await answer
        return line.decode().removesuffix("\n")

    def drop(self) -> None:
        self.dropped += 1


@dataclass
class WebDesk:
    """A desk that is asked for pages."""

    lines: Lines
    clock: Clock
    quotes: QuoteDesk
    products: Iterable[Product] = PRODUCTS
    rules: PriceRules = NO_RULES
    pictures: Path | None = None
    keys: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.sell(self.products, self.rules)

    def sell(self, products: Iterable[Product] = PRODUCTS, rules: PriceRules = NO_RULES) -> None:
        """Begin again with these products and rules, at the same back-end."""
        rates, catalogue = LastAnswers(self.lines, self.clock), Catalogue(products)
        desk = Desk(rates, USD, rules, memory=rates)
        self.shop = Shop(lambda: catalogue, desk, rates, Standing(self.lines), self.lines)
        appearance = Appearance('The "Shop" & <co>', USD, self.pictures)
        self.leaving = Leaving()
        proxies = (ip_network("10.0.0.0/8"),)
        self.router = make_router(
            Site(self.shop, appearance, lambda: f"key-{next(self.keys)}", self.leaving, proxies),
            Files(),
        )

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        address: str = "203.0.113.7",
    ) -> Answered:
        """What is answered; header names may have capitals. A body is JSON if none says more."""
        path, _, query = url.partition("?")
        named = {name.lower(): value for name, value in (headers or {}).items()}
        if body:
            named.setdefault("content-type", "application/json")
        response = await self.router.respond(method, path, query, named, body, address)
        assert isinstance(response.body, bytes)
        return Answered(response.status, dict(response.headers), response.body.decode())

    async def get(self, url: str, **headers: str) -> Answered:
        """A page; header names are written with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("GET", url, named)

    async def submit(
        self, url: str, fields: Mapping[str, str] | bytes, /, **headers: str
    ) -> Answered:
        """A form that is sent from a page of the shop."""
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        named = {
            "host": "shop.example",
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self.ask("POST", url, named, body)


@asynccontextmanager
async def web_desk(  # noqa: PLR0913, PLR0917  # what a desk is made of
    folder: Path,
    book: RateBook,
    products: Iterable[Product] = PRODUCTS,
    rules: PriceRules = NO_RULES,
    terms: QuoteTerms | None = None,
    pictures: Path | None = None,
) -> "AsyncIterator[WebDesk]":
    """A desk over a back-end with a rate book and a store in a folder."""
    clock, terms = Clock(), terms or QuoteTerms()
    bureau = Bureau(book, [ecb.source("https://ecb.example")], clock, Terms(CAD, USD))
    store = open_store("", folder)
    quotes = QuoteDesk(Asking(store, bureau, clock, terms).ledger, bureau, terms)
    lines = Lines(LineSession(bureau, quotes=quotes))
    yield WebDesk(lines, clock, quotes, products, rules, pictures)
    await quotes.finish()
    store.close()


def later(desk: WebDesk, instant: datetime) -> None:
    """Set the clock of both services."""
    desk.clock.now = instant
