"""The door on port 8080, put together: pages, JSON, files, health.

Nothing else imports this module when the desk starts, because its packages take a while to load.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from pricedesk import __version__
from pricedesk.admission import ClientLimits
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.web.api import PROBLEMS, Api
from pricedesk.frontend.web.framing import Framing
from pricedesk.frontend.web.pages import CataloguePages
from pricedesk.frontend.web.pictures import Pictures
from pricedesk.frontend.web.proxies import Networks, Proxies
from pricedesk.frontend.web.quote_pages import QuotePages
from pricedesk.frontend.web.rate_pages import RatePages
from pricedesk.frontend.web.rendering import Files, Pages
from pricedesk.http.messages import NO_STORE, Json, Request, Response, json_response
from pricedesk.http.routes import Route, Router, RouteTable
from pricedesk.http.server import HttpService
from pricedesk.running import Leaving


@dataclass(frozen=True, slots=True)
class Site:
    """What the door shows: a shop, what it looks like, and whether it is about to close.

    `new_key` gives a key that no two forms share. Of a connection from one of
    `trusted_proxies` it is believed whom it says to speak for.
    """

    shop: Shop
    appearance: Appearance
    new_key: Callable[[], str]
    leaving: Leaving
    trusted_proxies: Networks = ()


def make_router(site: Site, static: Files) -> Router:
    """All that can be asked for at the door."""
    shop, appearance, new_key = site.shop, site.appearance, site.new_key
    pictures = Pictures(appearance.pictures)
    framing = Framing(shop, Pages(static), appearance)
    api = Api(shop, appearance.currency)
    pages = RouteTable(
        (
            *CataloguePages(shop, framing, pictures, new_key).routes(),
            *QuotePages(shop, framing).routes(),
            *RatePages(shop, framing).routes(),
            *(Route(path, _always(answer)) for path, answer in static.responses.items()),
            *pictures.routes(),
            *_operations(site),
        ),
        ("/",),
        write_page=framing.failure,
        any_origin=False,
        headers=static.headers,
    )
    programs = RouteTable(
        api.routes(),
        ("/api",),
        write_failure=api.failure,
        any_origin=False,
        headers=static.headers,
    )
    return Router([pages, programs], Proxies(site.trusted_proxies).address_of)


def web_door(site: Site, limits: ClientLimits) -> HttpService:
    """The door, which does not listen yet."""
    static = Files()
    return HttpService(
        make_router(site, static),
        limits,
        site.shop.clock,
        time.monotonic,
        refusal_headers=static.headers,
        problems=PROBLEMS,
    )


def _always(answer: Response) -> Callable[[Request, Mapping[str, str]], Response]:
    return lambda _request, _path: answer


def _operations(site: Site) -> tuple[Route, ...]:
    """Whether the desk lives, and whether it can name prices."""

    def healthz(_request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({"status": "ok"}, headers=(NO_STORE,))

    def readyz(_request: Request, _path: Mapping[str, str]) -> Response:
        if site.leaving.leaving:
            told: Json = {"status": "unavailable", "reason": "the service is shutting down"}
            return json_response(told, HTTPStatus.SERVICE_UNAVAILABLE, (NO_STORE,))
        # Without the back-end the last known prices are shown, so customers may come.
        rates = "away" if site.shop.standing.away else "reachable"
        return json_response({"status": "ok", "back-end": rates}, headers=(NO_STORE,))

    def version(_request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({"name": "pricedesk", "version": __version__}, headers=(NO_STORE,))

    return (Route("/healthz", healthz), Route("/readyz", readyz), Route("/version", version))
