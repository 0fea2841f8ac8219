"""The front-end's composition root: settings in, a running desk out."""

import time

from pricedesk.frontend.catalogue_live import LiveCatalogue
from pricedesk.frontend.catalogue_source import catalogue_source
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.price_rules import NO_RULES
from pricedesk.frontend.price_rules_file import read_price_rules
from pricedesk.frontend.rates_client import RatesClient
from pricedesk.frontend.telnet_server import NOTICES, TelnetSession
from pricedesk.line_service import Limits, LineService
from pricedesk.running import Ending, Opening, serve
from pricedesk.settings import HostPort, Settings


async def run_frontend(settings: Settings) -> int:
    """Serve the telnet desk until a signal stops it; gives the exit code.

    Raises:
        InvalidCatalogue, StoreFailed: the catalogue cannot be used.
        InvalidPriceRules: the file of price rules cannot be used.
    """
    shop = LiveCatalogue(catalogue_source(settings.catalogue))
    rules = read_price_rules(settings.price_rules) if settings.price_rules else NO_RULES
    client = RatesClient(settings.backend, time.monotonic)
    desk = Desk(client, settings.default_to, rules)
    service = LineService(
        lambda: TelnetSession(shop.menu, desk, shop.current),
        NOTICES,
        Limits(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            idle_seconds=settings.telnet_idle_seconds,
            line_seconds=settings.line_seconds,
        ),
        time.monotonic,
    )
    code = await serve(
        [
            Opening(
                "telnet",
                lambda: service,
                HostPort(settings.telnet_address, settings.telnet_port),
                "PRICEDESK_TELNET_ADDRESS and PRICEDESK_TELNET_PORT",
                settings.max_connections,
            )
        ],
        [client.keep_alive, shop.watch],
        Ending(settings.drain_delay_seconds, settings.drain_seconds),
    )
    client.close()
    return code
