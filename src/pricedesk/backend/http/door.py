"""The door on port 8000, put together in this one place: all its routes, and its server.

A module with further routes gives a `RouteTable`; it is named in `make_router`. Nothing
else imports this module when the back-end starts, because its packages take a while to load.
"""

import time
from collections.abc import Callable

from pricedesk.admission import ClientLimits
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http import own, pages, v1, v2
from pricedesk.backend.http import quotes as quotes_api
from pricedesk.backend.http.caching import BureauGrounds
from pricedesk.backend.http.metrics import Metrics
from pricedesk.backend.http.operations import operations_table
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.surroundings import DoorCount, Readiness, Surroundings
from pricedesk.http.routes import Router, RouteTable
from pricedesk.http.server import HttpService


def make_router(
    bureau: Bureau, quotes: QuoteDesk, readiness: Readiness, metrics_text: Callable[[], bytes]
) -> Router:
    """The router over every table of routes."""
    operations = operations_table(bureau, readiness, metrics_text)
    tables = [*api_tables(bureau), quotes_api.route_table(quotes), operations]
    return Router(tables, version=lambda: bureau.book)


def api_tables(bureau: Bureau) -> tuple[RouteTable, ...]:
    """The routes that answer from rates, and the pages about them."""
    versions = (v1.route_table(bureau), v2.route_table(bureau))
    return (pages.route_table(), *versions, own.route_table(bureau))


def http_door(surroundings: Surroundings, limits: ClientLimits) -> HttpService:
    """The door, which does not listen yet."""
    bureau = surroundings.bureau
    metrics = Metrics(bureau, surroundings.shown_doors, surroundings.gauges)
    router = make_router(bureau, surroundings.quotes, surroundings.readiness, metrics.text)
    grounds = BureauGrounds(bureau)
    service = HttpService(
        router,
        limits,
        bureau.clock,
        time.monotonic,
        grounds=grounds,
        turns=surroundings.turns,
    )
    surroundings.doors.append(DoorCount("http", service.tally, service.gate))
    return service
