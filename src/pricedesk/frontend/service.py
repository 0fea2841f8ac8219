"""The front-end's composition root: settings in, a running desk out."""

import secrets
import time

from pricedesk.admission import ClientLimits
from pricedesk.clock import clock_from
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.catalogue_live import LiveCatalogue
from pricedesk.frontend.catalogue_source import catalogue_source
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.price_rules import NO_RULES
from pricedesk.frontend.price_rules_file import read_price_rules
from pricedesk.frontend.rates_client import RatesClient
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.standing import Standing
from pricedesk.frontend.telnet_server import NOTICES, TelnetSession
from pricedesk.line_service import Limits, LineService
from pricedesk.running import Door, Ending, Opening, serve
from pricedesk.settings import HostPort, Settings

KEY_BYTES = 16
"""Of chance in the key of a form or of a `hold`, so that no two are alike."""


def new_key() -> str:
    """A key that nothing else has."""
    return secrets.token_urlsafe(KEY_BYTES)


def web_door(shop: Shop, settings: Settings) -> Door:
    """The door on port 8080."""
    # Imported late: its packages take a while, which telnet need not wait for.
    from pricedesk.frontend.web import door  # noqa: PLC0415

    appearance = Appearance(settings.shop_name, settings.default_to, settings.pictures)
    limits = ClientLimits(settings.web_max_connections, settings.max_connections_per_address)
    return door.web_door(shop, appearance, limits, new_key)


async def run_frontend(settings: Settings) -> int:
    """Serve the desk, on telnet and on the web, until a signal stops it; gives the exit code.

    Raises:
        InvalidCatalogue, StoreFailed: the catalogue cannot be used.
        InvalidPriceRules: the file of price rules cannot be used.
    """
    catalogue = LiveCatalogue(catalogue_source(settings.catalogue))
    rules = read_price_rules(settings.price_rules) if settings.price_rules else NO_RULES
    clock = clock_from(settings.clock)
    client = RatesClient(settings.backend, time.monotonic)
    # A second connection: replies come in order, and a quote waits for the disk.
    ledger = RatesClient(settings.backend, time.monotonic)
    rates = LastAnswers(client, clock)
    standing = Standing(ledger)
    desk = Desk(rates, settings.default_to, rules, memory=rates)
    shop = Shop(lambda: catalogue.catalogue, desk, rates, standing, ledger)
    service = LineService(
        lambda peer: TelnetSession(catalogue.menu, shop, settings.default_to, peer, new_key),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.telnet_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
        charset=True,
    )
    code = await serve(
        [
            Opening(
                "telnet",
                lambda: service,
                HostPort(settings.telnet_address, settings.telnet_port),
                "PRICEDESK_TELNET_ADDRESS and PRICEDESK_TELNET_PORT",
                settings.max_connections,
            ),
            Opening(
                "web",
                lambda: web_door(shop, settings),
                HostPort(settings.web_address, settings.web_port),
                "PRICEDESK_WEB_ADDRESS and PRICEDESK_WEB_PORT",
                settings.web_max_connections,
            ),
        ],
        [client.keep_alive, standing.watch, catalogue.watch],
        Ending(settings.drain_delay_seconds, settings.drain_seconds),
    )
    client.close()
    ledger.close()
    return code
