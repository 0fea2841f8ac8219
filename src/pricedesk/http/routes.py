"""From a request to its response: which handler answers, and what all responses share.

One place for HEAD, OPTIONS, 404, 405, entity tags, browsers of other origins, and for the
status of each expected failure; a handler returns its answer or raises a PricedeskError.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b
from http import HTTPStatus
from typing import TypeAlias

from pricedesk import errors
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidRequest, PricedeskError
from pricedesk.http.messages import (
    CHUNK_BYTES,
    NO_STORE,
    Failure,
    Request,
    Response,
    Stream,
    parse_query,
    percent_decoded,
    problem,
)

logger = logging.getLogger(__name__)

STATUS: Mapping[type[PricedeskError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidAmount: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidDate: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownCurrency: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NoRatesKnown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NoRateForCurrency: HTTPStatus.NOT_FOUND,
    errors.NoRateForDate: HTTPStatus.NOT_FOUND,
    errors.RateTooOld: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RefusedDocument: HTTPStatus.BAD_GATEWAY,
    errors.DownloadFailed: HTTPStatus.BAD_GATEWAY,
    errors.UnknownWithheldValue: HTTPStatus.NOT_FOUND,
    errors.DecidedAlready: HTTPStatus.CONFLICT,
    errors.CannotRelease: HTTPStatus.CONFLICT,
    errors.UnknownQuote: HTTPStatus.NOT_FOUND,
    errors.QuoteExpired: HTTPStatus.CONFLICT,
    errors.QuoteCancelled: HTTPStatus.CONFLICT,
    errors.QuoteRedeemed: HTTPStatus.CONFLICT,
    errors.QuoteKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PriceChanged: HTTPStatus.CONFLICT,
    errors.RateNotFresh: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyQuotes: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StoreFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UnknownProduct: HTTPStatus.NOT_FOUND,
    errors.InvalidCatalogue: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidPriceRules: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidSetting: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The status of each expected failure, on every path of either door."""

_STATUS_BY_SLUG = {kind.slug: status for kind, status in STATUS.items()}


def status_of(error: Exception) -> HTTPStatus:
    """The status of an expected failure, whoever has raised it.

    What another service refuses with a name that is not known here is its fault.
    """
    if isinstance(error, ErrorReply):
        return _STATUS_BY_SLUG.get(error.slug, HTTPStatus.BAD_GATEWAY)
    kinds = (kind for kind in type(error).__mro__ if kind in STATUS)
    return next((STATUS[kind] for kind in kinds), HTTPStatus.INTERNAL_SERVER_ERROR)


INTERNAL = Failure(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal",
    "the request could not be answered; it was logged",
)

Handler: TypeAlias = Callable[[Request, Mapping[str, str]], Response | Awaitable[Response]]
"""Answers a request, at once or when it can; the mapping has what the path says for each
{name} of the pattern."""

FailureWriter: TypeAlias = Callable[[Failure], Response]

PageWriter: TypeAlias = Callable[[Failure, Mapping[str, str]], Response]
"""Writes a failure for a person; the request's headers say in which language."""


@dataclass(frozen=True, slots=True)
class Route:
    """A handler for the paths of a pattern: `/v2/rate/{base}/{quote}`.

    A {name} stands for one segment that is not empty. A route that answers GET answers HEAD
    too. Where two patterns fit a path, the one with the fewer names answers.
    """

    pattern: str
    handler: Handler
    methods: tuple[str, ...] = ("GET",)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Routes that belong together, and how failures below `prefixes` are written.

    Failures of the routes themselves are written so too. `any_origin` lets pages of other
    origins read the answers in a browser, with the headers that are `exposed`; `headers` are on
    every answer. Where people come, `write_page` writes the failures.
    """

    routes: tuple[Route, ...]
    prefixes: tuple[str, ...] = ()
    write_failure: FailureWriter = problem
    any_origin: bool = True
    exposed: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    write_page: PageWriter | None = None

    def failure(self, failure: Failure, headers: Mapping[str, str]) -> Response:
        """A failure as it is told to whoever sent these headers."""
        if self.write_page is not None:
            return self.write_page(failure, headers)
        return self.write_failure(failure)


@dataclass(frozen=True, slots=True)
class _Place:
    """All that can be done at one path."""

    segments: tuple[str | None, ...]
    """None stands for a name."""
    names: tuple[str, ...]
    handlers: Mapping[str, Handler]
    table: RouteTable

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that are answered here, for people and for Allow."""
        head = ("HEAD",) if "GET" in self.handlers else ()
        return (*(m for m in self.handlers if m == "GET"), *head,
                *(m for m in self.handlers if m != "GET"), "OPTIONS")  # fmt: skip


AddressOf: TypeAlias = Callable[[str, Mapping[str, str]], str]


def _of_the_connection(address: str, _headers: Mapping[str, str]) -> str:
    return address


def _always_the_same() -> object:
    return None


class Router:
    """The routes of several tables as one function from request to response."""

    def __init__(
        self,
        tables: Iterable[RouteTable],
        address_of: AddressOf = _of_the_connection,
        version: Callable[[], object] = _always_the_same,
    ) -> None:
        """`address_of` says who asks, by the address of a connection and the headers.

        `version` gives an object that is another one when what answers are made from was replaced,
        in a thread perhaps while one is made. One with an expiry is made anew then: its figures
        would be the old ones, and the time for which they may be kept that of the new ones.
        """
        tables = tuple(tables)
        self._address_of = address_of
        self._version = version
        self._tables = {prefix: table for table in tables for prefix in table.prefixes}
        self._default = RouteTable(())
        self._exact: dict[str, _Place] = {}
        self._patterns: dict[int, list[_Place]] = {}
        for place in _places(tables):
            if place.names:
                self._patterns.setdefault(len(place.segments), []).append(place)
            else:
                self._exact["/".join(s or "" for s in place.segments)] = place
        for places in self._patterns.values():
            places.sort(key=lambda place: len(place.names))

    async def respond(  # noqa: PLR0913, PLR0917  # what a request is made of
        self,
        method: str,
        raw_path: str,
        raw_query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        address: str = "",
    ) -> Response:
        """The response to a request as it was sent, with all its headers but Date."""
        begun = self.begin(method, raw_path, raw_query, headers or {}, body, address)
        return begun if isinstance(begun, Response) else await begun

    def begin(  # noqa: PLR0913, PLR0917  # what a request is made of
        self,
        method: str,
        raw_path: str,
        raw_query: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
    ) -> Response | Coroutine[None, None, Response]:
        """The response to a request; where its handler has to wait, what is to be waited for."""
        table = self._table_of(raw_path)
        place: _Place | None = None
        values: Mapping[str, str] = {}
        try:
            found = self._find(raw_path)
            path = percent_decoded(raw_path)
            if found is not None:
                place, values = found
                table = place.table
            request = Request(
                method,
                path,
                raw_path,
                parse_query(raw_query),
                headers,
                body,
                self._address_of(address, headers),
            )
        except InvalidRequest as error:
            failure = Failure(HTTPStatus.BAD_REQUEST, InvalidRequest.slug, str(error))
            return _finished(table.failure(failure, headers), method, headers, place, table)
        version = self._version()
        answer = _answer(request, place, table, values)
        while self._version() is not version and _may_be_kept(answer):
            version = self._version()
            answer = _answer(request, place, table, values)
        if isinstance(answer, Response):
            return _finished(answer, method, headers, place, table)
        return _later(answer, request, place, table)

    def _find(self, raw_path: str) -> tuple[_Place, dict[str, str]] | None:
        place = self._exact.get(raw_path)
        if place is not None:
            return place, {}
        segments = [percent_decoded(segment) for segment in raw_path.split("/")]
        if "%" in raw_path and all("/" not in segment for segment in segments):
            place = self._exact.get("/".join(segments))
            if place is not None:
                return place, {}
        for place in self._patterns.get(len(segments), ()):
            values = _matched(place, segments)
            if values is not None:
                return place, values
        return None

    def _table_of(self, raw_path: str) -> RouteTable:
        """The table below whose longest prefix a path is."""
        prefix = raw_path
        while prefix:
            if prefix in self._tables:
                return self._tables[prefix]
            prefix = prefix.rpartition("/")[0]
        return self._tables.get("/", self._default)


def _answer(
    request: Request, place: _Place | None, table: RouteTable, values: Mapping[str, str]
) -> Response | Awaitable[Response]:
    if place is None:
        missing = Failure(HTTPStatus.NOT_FOUND, "not-found", "not found")
        return table.failure(missing, request.headers)
    if request.method == "OPTIONS":
        allow = (("Allow", ", ".join(place.allowed)),)
        return Response(status=HTTPStatus.NO_CONTENT, headers=allow)
    method = "GET" if request.method == "HEAD" else request.method
    handler = place.handlers.get(method)
    if handler is None:
        allowed = ", ".join(place.allowed)
        failure = Failure(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method-not-allowed",
            f"this is answered for {allowed} only",
        )
        response = table.failure(failure, request.headers)
        return replace(response, headers=(*response.headers, ("Allow", allowed)))
    try:
        answer = handler(request, values)
        return _begun(answer) if isinstance(answer, Response) else answer
    except Exception as error:  # noqa: BLE001  # told by `_failed`, and the connection lives
        return _failed(error, request, table)


def _may_be_kept(answer: Response | Awaitable[Response]) -> bool:
    return isinstance(answer, Response) and answer.expiry is not None


async def _later(
    answer: Awaitable[Response], request: Request, place: _Place | None, table: RouteTable
) -> Response:
    try:
        response = _begun(await answer)
    except Exception as error:  # noqa: BLE001  # told by `_failed`, and the connection lives
        response = _failed(error, request, table)
    return _finished(response, request.method, request.headers, place, table)


def _failed(error: Exception, request: Request, table: RouteTable) -> Response:
    """What is told of a handler's error: one of ours is a 500, and in the log."""
    if isinstance(error, PricedeskError):
        return table.failure(Failure(status_of(error), error.slug, str(error)), request.headers)
    logger.error("internal error while answering a request", exc_info=error)
    return table.failure(INTERNAL, request.headers)


def _begun(response: Response) -> Response:
    """The response with the first chunk of its stream made: a failure in it has a status yet.

    What may be kept, and ends with that chunk, is a body like any other.
    """
    stream = response.body
    if not isinstance(stream, Generator):
        return response
    begin = [next(stream, b"")]
    if response.expiry is not None and len(begin[0]) < CHUNK_BYTES:
        second = next(stream, None)
        if second is None:
            return replace(response, body=begin[0])
        begin.append(second)
    led = _led(begin, stream)
    next(led)
    return replace(response, body=led)


def _led(begin: Iterable[bytes], stream: Stream) -> Stream:
    with closing(stream):
        yield b""  # For `_begun`: what has not begun would not close the stream with itself.
        yield from begin
        yield from stream


def _places(tables: Iterable[RouteTable]) -> list[_Place]:
    handlers: dict[str, dict[str, Handler]] = {}
    owners: dict[str, RouteTable] = {}
    for table in tables:
        for route in table.routes:
            owners.setdefault(route.pattern, table)
            at_pattern = handlers.setdefault(route.pattern, {})
            for method in route.methods:
                if method in at_pattern:
                    raise ValueError(f"{method} {route.pattern} has two routes")
                at_pattern[method] = route.handler
    places = []
    for pattern, found in handlers.items():
        parts = pattern.split("/")
        segments = tuple(None if part.startswith("{") else part for part in parts)
        names = tuple(part.strip("{}") for part in parts if part.startswith("{"))
        places.append(_Place(segments, names, found, owners[pattern]))
    return places


def _matched(place: _Place, segments: list[str]) -> dict[str, str] | None:
    values = []
    for wanted, segment in zip(place.segments, segments, strict=True):
        if wanted is None and segment:
            values.append(segment)
        elif wanted != segment:
            return None
    return dict(zip(place.names, values, strict=True))


def _finished(
    response: Response,
    method: str,
    headers: Mapping[str, str],
    place: _Place | None,
    table: RouteTable,
) -> Response:
    """The response with what all responses share."""
    own, body, status = (*response.headers, *table.headers), response.body, response.status
    if status >= HTTPStatus.BAD_REQUEST:
        own = (*(pair for pair in own if pair[0] != NO_STORE[0]), NO_STORE)
    etag = _etag(response)
    if etag:
        own = (*own, ("ETag", f'"{etag}"'))
    if table.any_origin:
        own = _for_browsers(own, headers, place, table)
    is_known = etag and method in ("GET", "HEAD") and _known(headers.get("if-none-match", ""), etag)
    if is_known:
        status = HTTPStatus.NOT_MODIFIED
    elif status != HTTPStatus.NO_CONTENT:
        own = (("Content-Type", response.media_type), *own)
        if isinstance(body, bytes):
            own = (*own, ("Content-Length", str(len(body))))
    if is_known or method == "HEAD":
        if isinstance(body, Generator):
            body.close()
        body = b""
    return Response(body, status, response.media_type, own, etag, response.expiry)


def _etag(response: Response) -> str:
    """The strong tag of a response that may be stored; it stands for these very bytes."""
    if response.etag or response.status != HTTPStatus.OK or NO_STORE in response.headers:
        return response.etag
    if not isinstance(response.body, bytes):
        return ""
    return blake2b(response.body, digest_size=16, key=response.media_type.encode()[:64]).hexdigest()


_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def _known(if_none_match: str, etag: str) -> bool:
    """Whether the client has this already: the weak comparison of RFC 9110, 8.8.3.2."""
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or etag in _ENTITY_TAG.findall(if_none_match)


def _for_browsers(
    own: tuple[tuple[str, str], ...],
    headers: Mapping[str, str],
    place: _Place | None,
    table: RouteTable,
) -> tuple[tuple[str, str], ...]:
    """The headers with which any page may read the answer in a browser."""
    vary = [value for name, value in own if name == "Vary"]
    if vary:
        own = tuple(pair for pair in own if pair[0] != "Vary")
    own = (*own, ("Vary", ", ".join([*vary, "Origin"])))
    if "origin" not in headers:
        return own
    methods = ["GET"] if place is None else [m for m in place.handlers if m != "HEAD"]
    own = (
        *own,
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", ", ".join([*methods, "OPTIONS"])),
        ("Access-Control-Max-Age", "7200"),
        ("Access-Control-Expose-Headers", ", ".join(("ETag", *table.exposed))),
    )
    return (*own, ("Access-Control-Allow-Headers", "Content-Type")) if "POST" in methods else own
