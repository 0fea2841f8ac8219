"""What those who run the service ask: is it alive, is it ready, which version, how is it."""

import platform
from collections.abc import Callable, Mapping
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.surroundings import Readiness
from pricedesk.http.messages import NO_STORE, Json, Request, Response, json_response
from pricedesk.http.routes import Route, RouteTable


def operations_table(
    bureau: Bureau, readiness: Readiness, metrics_text: Callable[[], bytes]
) -> RouteTable:
    """`/healthz`, `/readyz`, `/version` and `/metrics`; not for pages of other origins."""

    def healthz(_request: Request, _path: Mapping[str, str]) -> Response:
        return json_response({"status": "ok"}, headers=(NO_STORE,))

    def readyz(_request: Request, _path: Mapping[str, str]) -> Response:
        reason = readiness.hindrance
        if not reason:
            return json_response({"status": "ok"}, headers=(NO_STORE,))
        answer: Json = {"status": "unavailable", "reason": reason}
        return json_response(answer, HTTPStatus.SERVICE_UNAVAILABLE)

    def version(_request: Request, _path: Mapping[str, str]) -> Response:
        newest = max(
            (known.newest.date for known in bureau.book.sources.values() if known.newest),
            default=None,
        )
        answer: Json = {
            "name": "pricedesk",
            "version": __version__,
            "python": platform.python_version(),
            "newest_publication": str(newest) if newest else None,
        }
        return json_response(answer, headers=(NO_STORE,))

    def metrics(_request: Request, _path: Mapping[str, str]) -> Response:
        return Response(metrics_text(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=(NO_STORE,))

    routes = (
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/version", version),
        Route("/metrics", metrics),
    )
    return RouteTable(routes, tuple(route.pattern for route in routes), any_origin=False)
