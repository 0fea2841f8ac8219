"""The front-end's composition root: settings in, a running desk out."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from pricedesk.admission import ClientLimits
from pricedesk.at_once import Turn
from pricedesk.clock import Clock, clock_from
from pricedesk.errors import InvalidSetting
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.catalogue_live import LiveCatalogue
from pricedesk.frontend.catalogue_source import catalogue_source
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.price_rules import NO_RULES, PriceRules
from pricedesk.frontend.price_rules_file import read_price_rules
from pricedesk.frontend.rates_client import RatesClient, RatesClients
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.standing import Standing
from pricedesk.frontend.telnet_server import NOTICES, SharedPrices, TelnetSession
from pricedesk.line_service import Limits, LineService
from pricedesk.listening import Sockets, place_of
from pricedesk.running import Door, Ending, Leaving, Opening, serve
from pricedesk.settings import Settings
from pricedesk.workers import Work, Worker


def new_key() -> str:
    """The key of a form or of a `hold`, which nothing else has and nobody guesses."""
    return str(uuid4())


DOORS = ("telnet", "web")

LEDGER_CONNECTIONS = 8
"""Over which prices are held and quotes looked at; so many are written at once."""


def web_door(shop: Shop, settings: Settings, leaving: Leaving) -> Door:
    """The door on port 8080."""
    # Imported late: its packages take a while, which telnet need not wait for.
    from pricedesk.frontend.web import door  # noqa: PLC0415

    limits = ClientLimits(settings.web_max_connections, settings.max_connections_per_address)
    site = door.Site(
        shop,
        Appearance(settings.shop_name, settings.default_to, settings.pictures),
        new_key,
        leaving,
        settings.trusted_proxies,
    )
    return door.web_door(site, limits)


def telnet_door(
    shop: Shop, catalogue: LiveCatalogue, settings: Settings, prices: SharedPrices, turn: Turn
) -> Door:
    """The door on port 10000."""
    return LineService(
        lambda peer: TelnetSession(
            catalogue.menu, shop, settings.default_to, peer, new_key, prices
        ),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.telnet_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
        charset=True,
        turn=turn,
    )


class Connections:
    """The connections to the back-end.

    Replies come in order, so a quote, which waits for the disk, is not asked for over the one
    that prices come over; and a look that failed makes those fail at once that come right after.
    What is asked in a `turn` goes out at its end. `when_lost` is told when prices are asked over
    a connection no more.
    """

    def __init__(self, settings: Settings, turn: Turn, when_lost: Callable[[], None]) -> None:
        def client(purpose: str, when_lost: Callable[[], None] = lambda: None) -> RatesClient:
            return RatesClient(settings.backend, time.monotonic, purpose, turn, when_lost)

        self.prices = client("prices", when_lost)
        self.looks = client("looks")
        self.quotes = RatesClients(
            [client(f"quotes {n}") for n in range(1, LEDGER_CONNECTIONS + 1)]
        )

    def close(self) -> None:
        """Drop all of them for good."""
        for connection in (self.prices, self.looks, self.quotes):
            connection.close()


@dataclass(frozen=True, slots=True)
class Goods:
    """What is read at the start: products, rules for their prices, and the clock that starts."""

    catalogue: LiveCatalogue
    rules: PriceRules
    clock: Clock


def goods_in(settings: Settings) -> Goods:
    """What the settings name.

    Raises:
        InvalidCatalogue, StoreFailed: the catalogue cannot be used.
        InvalidPriceRules: the file of price rules cannot be used.
        InvalidSetting: the folder of pictures is none.
    """
    if settings.pictures is not None and not settings.pictures.is_dir():
        raise InvalidSetting(f"PRICEDESK_PICTURES: {settings.pictures} is no folder")
    return Goods(
        LiveCatalogue(catalogue_source(settings.catalogue)),
        read_price_rules(settings.price_rules) if settings.price_rules else NO_RULES,
        clock_from(settings.clock),
    )


def prepare_workers(settings: Settings) -> Work:
    """Load what all workers share; gives what each of them does.

    Raises:
        PricedeskError: as `goods_in`.
    """
    importlib.import_module("pricedesk.frontend.web.door")
    goods = goods_in(settings)
    goods.catalogue.prepare_to_fork()

    async def work(worker: Worker) -> int:
        # One that takes a dead one's place starts with what was read long ago.
        await goods.catalogue.catch_up()
        return await run_frontend(settings, goods, worker.sockets)

    return work


async def run_frontend(
    settings: Settings, goods: Goods | None = None, sockets: Sockets | None = None
) -> int:
    """Serve the desk, on telnet and as a web page, until a signal stops it; gives the exit code.

    Raises:
        PricedeskError: as `goods_in`, where no goods are given.
    """
    goods = goods or goods_in(settings)
    catalogue = goods.catalogue
    turn, leaving = Turn(), Leaving()
    prices = SharedPrices(time.monotonic)
    connections = Connections(settings, turn, prices.forget)
    rates = LastAnswers(connections.prices, goods.clock)
    standing = Standing(connections.looks)
    desk = Desk(rates, settings.default_to, goods.rules, memory=rates)
    shop = Shop(lambda: catalogue.catalogue, desk, rates, standing, connections.quotes)
    code = await serve(
        [
            Opening(
                place_of("telnet", settings),
                lambda: telnet_door(shop, catalogue, settings, prices, turn),
                settings.max_connections,
            ),
            Opening(
                place_of("web", settings),
                lambda: web_door(shop, settings, leaving),
                settings.web_max_connections,
            ),
        ],
        [connections.prices.keep_alive, standing.watch, catalogue.watch],
        Ending(settings.drain_delay_seconds, settings.drain_seconds, leaving.announce),
        sockets,
    )
    connections.close()
    return code
