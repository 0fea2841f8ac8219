"""A telnet dialogue with a desk whose back-end is in this process, by a clock that tests set."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from held import Clock, Counting
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.ledger import Ledger
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import open_store
from pricedesk.currencies import currency
from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.asking import RatesService
from pricedesk.frontend.catalogue import Catalogue
from pricedesk.frontend.catalogue_csv import packaged_catalogue
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.menu import Menu
from pricedesk.frontend.price_rules import NO_RULES, PriceRules
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.standing import Standing
from pricedesk.frontend.telnet_server import SharedPrices, TelnetSession
from pricedesk.line_service import Peer
from pricedesk.telnet_charset import CharsetOption

PRODUCTS = packaged_catalogue()
BOOK = RateBook(packaged_publications())
DEFAULT = currency("USD")


@dataclass
class InProcess:
    """Asks the lines of a back-end; `requests` are those that it was asked.

    With `loses_next` the answer to the next request about a quote is lost on its way.
    """

    lines: LineSession
    away: bool = False
    loses_next: bool = False
    requests: list[str] = field(default_factory=list)

    async def ask(self, request: str) -> str:
        self.requests.append(request)
        if self.away:
            raise ServiceUnavailable("the back-end is away")
        reply = self.lines.answer(request.encode())
        if self.loses_next and not isinstance(reply, bytes):
            self.loses_next = False
            await reply
            raise ServiceUnavailable("the answer was lost")
        return (reply if isinstance(reply, bytes) else await reply).decode().removesuffix("\n")

    def drop(self) -> None:
        """There is no connection."""


def shop_of(
    rates: RatesService,
    catalogue: Catalogue | Callable[[], Catalogue] = PRODUCTS,
    rules: PriceRules = NO_RULES,
    clock: Clock | None = None,
) -> Shop:
    """A shop that asks this service, with these products, or those that there are by then."""
    clock, products = clock or Clock(), catalogue if callable(catalogue) else lambda: catalogue
    answers = LastAnswers(rates, clock)
    desk = Desk(answers, DEFAULT, rules, memory=answers)
    return Shop(products, desk, answers, Standing(answers), answers)


class Customer:
    """One dialogue."""

    def __init__(self, shop: Shop, menu: Menu | None = None, *, utf8: bool = False) -> None:
        charset = CharsetOption()
        charset.utf8 = utf8
        keys, seconds = count(1), count()  # Whatever he types, he takes his time.
        self.session = TelnetSession(
            menu or Menu(shop.catalogue),
            shop,
            DEFAULT,
            Peer("192.0.2.7", charset),
            lambda: f"key-{next(keys)}",
            SharedPrices(lambda: float(next(seconds))),
        )

    async def types(self, line: str | bytes) -> bytes:
        """What the desk says to a line, which comes in a turn of its own."""
        await asyncio.sleep(0)
        said = self.session.answer(line.encode() if isinstance(line, str) else line)
        return said if isinstance(said, bytes) else await said

    async def says(self, *lines: str) -> str:
        """What it says to the last of these lines, as text."""
        said = [await self.types(line) for line in lines]
        return said[-1].decode()


@dataclass
class TelnetDesk:
    """A desk, its back-end and their clock."""

    rates: InProcess
    clock: Clock

    def customer(
        self,
        catalogue: Iterable[object] | None = None,
        rules: PriceRules = NO_RULES,
        *,
        utf8: bool = False,
    ) -> Customer:
        """A customer who has just come in."""
        products = catalogue if isinstance(catalogue, Catalogue) else PRODUCTS
        return Customer(shop_of(self.rates, products, rules, self.clock), utf8=utf8)


@asynccontextmanager
async def telnet_desk(folder: Path, book: RateBook = BOOK) -> AsyncIterator[TelnetDesk]:
    """A desk over a back-end with a rate book that keeps quotes in a folder."""
    clock = Clock()
    terms = Terms(currency("CAD"), DEFAULT)
    bureau = Bureau(book, [ecb.source("https://ecb.example")], clock, terms)
    store = open_store("", folder)
    quotes = QuoteDesk(Ledger(store, clock, QuoteTerms(), Counting()), bureau, QuoteTerms())
    try:
        yield TelnetDesk(InProcess(LineSession(bureau, quotes=quotes)), clock)
    finally:
        await quotes.finish()
        store.close()
