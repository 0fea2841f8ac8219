"""From a request to its response, without a server."""

import importlib
import logging
import pkgutil
from collections.abc import Generator, Iterator, Mapping

import pytest

import pricedesk
from asking import respond
from pricedesk.backend.http.pages import write_as_frankfurter
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidAmount, InvalidRequest, NoRateForDate, PricedeskError
from pricedesk.http.messages import Request, Response, Stream, json_response
from pricedesk.http.routes import STATUS, Route, Router, RouteTable, status_of

for module in pkgutil.walk_packages(pricedesk.__path__, "pricedesk."):
    importlib.import_module(module.name)


def concrete(root: type[PricedeskError]) -> Iterator[type[PricedeskError]]:
    for child in root.__subclasses__():
        if "slug" in vars(child) and not child.__name__.startswith("_"):
            yield child
        yield from concrete(child)


class Chunks:
    """A stream that knows how far it came and that it was closed."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.closed = False
        self.made = 0
        self._chunks = chunks

    def stream(self) -> Stream:
        try:
            for chunk in self._chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                self.made += 1
                yield chunk
        finally:
            self.closed = True


def shows(request: Request, path: Mapping[str, str]) -> Response:
    query = [list(pair) for pair in request.query]
    return json_response({"path": request.path, "names": dict(path), "query": query})


def fails(error: Exception) -> Route:
    def handler(_request: Request, _path: Mapping[str, str]) -> Response:
        raise error

    return Route(f"/v1/{type(error).__name__}", handler)


def streams(pattern: str, chunks: Chunks, etag: str = "") -> Route:
    return Route(pattern, lambda _request, _path: Response(chunks.stream(), etag=etag))


def router(*routes: Route) -> Router:
    frankfurter = RouteTable(
        (
            Route("/v1/latest", shows),
            Route("/v1/{day}", shows),
            Route("/v2/rate/{base}/{quote}", shows),
            *routes,
        ),
        ("/", "/v1", "/v2"),
        write_as_frankfurter,
        exposed=("Pricedesk-Rate-State",),
    )
    both = (Route("/convert", shows), Route("/convert", shows, ("POST",)))
    return Router([frankfurter, RouteTable(both, ("/convert",))])


ROUTER = router()


def header(response: Response, name: str) -> str | None:
    found = [value for each, value in response.headers if each == name]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/latest", "{}"),
        ("/v1/2026-01-01..", '{"day":"2026-01-01.."}'),
        ("/v1/l%61test", "{}"),
        ("/v1/a%2Fb", '{"day":"a/b"}'),
        ("/v2/rate/CAD/USD", '{"base":"CAD","quote":"USD"}'),
    ],
)
def test_a_path_finds_its_route_and_the_names_in_it(path: str, names: str) -> None:
    response = respond(ROUTER, "GET", path)
    assert response.status == 200
    assert isinstance(response.body, bytes)
    assert f'"names":{names}'.encode() in response.body


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/latest/", "/v2/rate/CAD", "/v2/rate//USD", "/v9", "/V1/latest",
             "/v1%2Flatest", "//v1/latest"]
)  # fmt: skip
def test_an_unknown_path_is_not_found_in_frankfurters_words(path: str) -> None:
    response = respond(ROUTER, "GET", path)
    assert (response.status, response.body) == (404, b'{"status":404,"message":"not found"}')
    assert header(response, "Cache-Control") == "no-store"


def test_below_our_own_prefix_it_is_a_problem() -> None:
    response = respond(ROUTER, "GET", "/convert/x")
    assert (response.status, response.media_type) == (404, "application/problem+json")


@pytest.mark.parametrize(("path", "query"), [("/v1/%zz", ""), ("/v1/x", "a=%ff"), ("/%", "")])
def test_a_broken_escape_is_a_bad_request(path: str, query: str) -> None:
    assert respond(ROUTER, "GET", path, query).status == 400


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v1/latest", "GET, HEAD, OPTIONS"),
        ("DELETE", "/convert", "GET, HEAD, POST, OPTIONS"),
        ("TRACE", "/v1/x", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_not_allowed_and_told_which_are(
    method: str, path: str, allow: str
) -> None:
    response = respond(ROUTER, method, path)
    assert (response.status, header(response, "Allow")) == (405, allow)


def test_head_has_the_headers_of_get_and_no_body() -> None:
    got, head = (respond(ROUTER, method, "/v1/latest") for method in ("GET", "HEAD"))
    assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")
    assert isinstance(got.body, bytes)
    assert header(head, "Content-Length") == str(len(got.body))


def test_head_of_what_is_not_there_is_not_found_without_a_body() -> None:
    response = respond(ROUTER, "HEAD", "/nothing")
    assert (response.status, response.body) == (404, b"")


@pytest.mark.parametrize(
    ("path", "methods", "for_bodies"),
    [("/v1/latest", "GET, OPTIONS", None), ("/convert", "GET, POST, OPTIONS", "Content-Type")],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_browser_may_ask_from_any_origin(
    method: str, path: str, methods: str, for_bodies: str | None
) -> None:
    response = respond(ROUTER, method, path, headers={"origin": "https://shop.example"})
    assert header(response, "Access-Control-Allow-Origin") == "*"
    assert header(response, "Access-Control-Allow-Methods") == methods
    assert header(response, "Access-Control-Max-Age") == "7200"
    exposed = "ETag, Pricedesk-Rate-State" if path.startswith("/v1") else "ETag"
    assert header(response, "Access-Control-Expose-Headers") == exposed
    assert header(response, "Access-Control-Allow-Headers") == for_bodies
    assert header(response, "Vary") == "Origin"


def test_without_an_origin_only_caches_are_told_of_it() -> None:
    response = respond(ROUTER, "GET", "/v1/latest")
    assert header(response, "Access-Control-Allow-Origin") is None
    assert header(response, "Vary") == "Origin"


def test_a_table_may_keep_pages_of_other_origins_out() -> None:
    closed = Router([RouteTable((Route("/metrics", shows),), any_origin=False)])
    response = respond(closed, "GET", "/metrics", headers={"origin": "https://shop.example"})
    assert {name for name, _ in response.headers} == {"Content-Type", "ETag", "Content-Length"}


def test_what_an_answer_varies_by_is_kept_beside_the_origin() -> None:
    varied = Route("/x", lambda _r, _p: json_response({}, headers=(("Vary", "Accept"),)))
    response = respond(Router([RouteTable((varied,))]), "GET", "/x")
    assert header(response, "Vary") == "Accept, Origin"


def test_options_has_no_body_and_says_what_is_allowed() -> None:
    response = respond(ROUTER, "OPTIONS", "/v1/latest")
    assert (response.status, response.body) == (204, b"")
    assert header(response, "Allow") == "GET, HEAD, OPTIONS"
    assert header(response, "Content-Length") is None


TAG = respond(ROUTER, "GET", "/v1/latest").etag


def test_each_representation_has_a_tag_of_its_own() -> None:
    queries = ["", "a=1", "a=2", "b=1"]
    tags = {header(respond(ROUTER, "GET", "/v1/latest", query), "ETag") for query in queries}
    assert len(tags) == 4
    assert header(respond(ROUTER, "GET", "/v1/latest"), "ETag") == f'"{TAG}"'


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (f'"{TAG}"', 304),
        (f'W/"{TAG}"', 304),
        (f'"other", W/"{TAG}"', 304),
        (f'"a,b","{TAG}"', 304),
        ("*", 304),
        (f'"{TAG}x"', 200),
        (TAG, 200),
        ("", 200),
        ('"', 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_client_has_already_is_not_sent_again(method: str, asked: str, status: int) -> None:
    response = respond(ROUTER, method, "/v1/latest", headers={"if-none-match": asked})
    assert response.status == status
    assert (response.body == b"") is (status == 304 or method == "HEAD")


def test_not_modified_has_the_headers_of_the_answer() -> None:
    cached = Route("/x", lambda _r, _p: json_response({}, headers=(("Cache-Control", "public"),)))
    one = Router([RouteTable((cached,))])
    full = respond(one, "GET", "/x")
    short = respond(one, "GET", "/x", headers={"if-none-match": "*"})
    left_out = {"Content-Type", "Content-Length"}
    assert short.headers == tuple(pair for pair in full.headers if pair[0] not in left_out)


def test_what_must_not_be_stored_has_no_tag() -> None:
    health = Route("/x", lambda _r, _p: json_response({}, headers=(("Cache-Control", "no-store"),)))
    one = Router([RouteTable((health,))])
    assert respond(one, "GET", "/x", headers={"if-none-match": "*"}).status == 200


def test_an_expected_failure_has_the_status_of_the_table_and_its_sentence() -> None:
    response = respond(router(fails(NoRateForDate("no rate yet"))), "GET", "/v1/NoRateForDate")
    assert (response.status, response.body) == (404, b'{"status":404,"message":"no rate yet"}')


def test_a_bug_is_logged_with_its_trace_and_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        response = respond(
            router(fails(ZeroDivisionError("secret"))), "GET", "/v1/ZeroDivisionError"
        )
    assert response.status == 500
    assert isinstance(response.body, bytes)
    assert b"secret" not in response.body
    assert header(response, "Cache-Control") == "no-store"
    (record,) = caplog.records
    assert record.exc_info is not None


def test_every_expected_failure_has_a_status() -> None:
    assert set(STATUS) == set(concrete(PricedeskError))


def test_no_status_of_a_failure_is_one_of_success() -> None:
    assert all(status >= 400 for status in STATUS.values())


def test_an_error_never_keeps_the_cache_header_of_its_route() -> None:
    bad = Route(
        "/x", lambda _r, _p: json_response({}, 422, (("Cache-Control", "public, max-age=86400"),))
    )
    response = respond(Router([RouteTable((bad,))]), "GET", "/x")
    assert header(response, "Cache-Control") == "no-store"


def test_a_stream_is_begun_before_its_status_is_given() -> None:
    chunks = Chunks(InvalidAmount("not a number"))
    response = respond(router(streams("/v2/rates", chunks)), "GET", "/v2/rates")
    assert (response.status, response.body) == (422, b'{"status":422,"message":"not a number"}')
    assert chunks.closed


def test_a_stream_goes_out_as_it_is_made() -> None:
    chunks = Chunks(b"one", b"two", b"three")
    response = respond(router(streams("/v2/rates", chunks)), "GET", "/v2/rates")
    assert isinstance(response.body, Generator)
    assert header(response, "Content-Length") is None
    assert next(response.body) == b"one"
    assert chunks.made == 1
    assert b"".join(response.body) == b"twothree"
    assert chunks.closed


def test_a_stream_that_is_not_wanted_any_more_is_closed() -> None:
    chunks = Chunks(b"one", b"two")
    response = respond(router(streams("/v2/rates", chunks)), "GET", "/v2/rates")
    assert isinstance(response.body, Generator)
    response.body.close()
    assert chunks.closed


@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"if-none-match": 'W/"of-data"'})]
)
def test_a_stream_without_a_body_is_closed(method: str, headers: dict[str, str]) -> None:
    chunks = Chunks(b"one", b"two")
    one = router(streams("/v2/rates", chunks, etag="of-data"))
    response = respond(one, method, "/v2/rates", headers=headers)
    assert (response.body, header(response, "ETag")) == (b"", '"of-data"')
    assert chunks.closed


def test_an_empty_stream_is_a_stream() -> None:
    response = respond(router(streams("/v2/rates", Chunks())), "GET", "/v2/rates")
    assert response.status == 200
    assert isinstance(response.body, Generator)
    assert b"".join(response.body) == b""


def test_one_method_of_a_path_has_one_route() -> None:
    with pytest.raises(ValueError, match="GET /x has two routes"):
        Router([RouteTable((Route("/x", shows),)), RouteTable((Route("/x", shows),))])


def test_the_status_of_a_failure_is_that_of_its_kind_or_of_its_name() -> None:
    class _Special(InvalidRequest):
        pass

    class _Strange(PricedeskError):
        slug = "strange"

    assert status_of(_Special("x")) == 422
    assert status_of(_Strange("x")) == 500
    assert status_of(ErrorReply("unknown-quote", "x")) == 404
    assert status_of(ErrorReply("strange", "x")) == 502

    def fails(_request: Request, _path: Mapping[str, str]) -> Response:
        raise _Special("no")

    response = respond(Router([RouteTable((Route("/x", fails),))]), "GET", "/x")
    assert response.status == 422
