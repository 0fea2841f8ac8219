"""The door on port 8000, put together in this one place: all its routes, and its server.

A module with further routes gives a `RouteTable`; it is named in `make_router`. Nothing
else imports this module when the back-end starts, because its packages take a while to load.
"""

import time
from collections.abc import Callable, Mapping

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.messages import (
    NO_STORE,
    Failure,
    Json,
    Request,
    Response,
    json_response,
)
from pricedesk.backend.http.metrics import Metrics
from pricedesk.backend.http.operations import operations_table
from pricedesk.backend.http.routes import Route, Router, RouteTable
from pricedesk.backend.http.server import HttpService
from pricedesk.backend.http.surroundings import DoorCount, HttpLimits, Readiness, Surroundings
from pricedesk.tally import Tally


def make_router(bureau: Bureau, readiness: Readiness, metrics_text: Callable[[], bytes]) -> Router:
    """The router over every table of routes."""
    return Router([index_table(), operations_table(bureau, readiness, metrics_text)])


def write_as_frankfurter(failure: Failure) -> Response:
    """A failure as Frankfurter's clients know it: `{"status":404,"message":"not found"}`."""
    document: Json = {"status": int(failure.status), "message": failure.detail}
    return json_response(document, failure.status, (NO_STORE,))


def index_table() -> RouteTable:
    """`/`, and how failures are told on paths that nobody else has."""

    def index(_request: Request, _path: Mapping[str, str]) -> Response:
        answer: Json = {
            "name": "Pricedesk",
            "versions": {
                "v1": {"base": "/v1", "openapi": "/openapi.json", "status": "frozen"},
                "v2": {"base": "/v2", "openapi": "/openapi.json", "status": "current"},
            },
            "docs": "/docs",
            "convert": "/convert",
        }
        return json_response(answer, headers=(("Cache-Control", "public, max-age=86400"),))

    return RouteTable((Route("/", index),), ("/",), write_as_frankfurter)


def http_door(surroundings: Surroundings, limits: HttpLimits) -> HttpService:
    """The door, which does not listen yet."""
    bureau = surroundings.bureau
    tally = Tally()

    def doors() -> list[DoorCount]:
        return [*surroundings.other_doors, DoorCount("http", tally, service.gate)]

    metrics = Metrics(bureau, doors, surroundings.gauges)
    router = make_router(bureau, surroundings.readiness, metrics.text)
    service = HttpService(router, limits, bureau.clock, time.monotonic, tally)
    return service
