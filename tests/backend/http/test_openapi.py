"""The description of the API: complete, and true for whatever it allows to be asked."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from asking import Asker, respond
from held import DeskAtOnce
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http import openapi
from pricedesk.backend.http.door import make_router
from pricedesk.backend.http.openapi import OPERATIONS, Operation
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.surroundings import Readiness
from pricedesk.http import refusals
from pricedesk.http.meanings import meanings
from pricedesk.http.messages import Failure, Response
from pricedesk.http.refusals import refusal
from pricedesk.http.routes import STATUS, Router
from wsgi_door import response_of, wsgi_application

EXAMPLES_MAX = 25
"""Of each operation and kind of data; the same ones every time."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.fixture
def router(bureau: Bureau, quotes: DeskAtOnce) -> Router:
    """All routes of the door, put together as it does, over the rates of two months."""
    bureau.book = RateBook(list(bureau.book)[-40:])
    return make_router(bureau, quotes, Readiness(bureau), lambda: b"# no metrics\n")


@pytest.fixture
def schema(router: Router) -> BaseSchema:
    loaded: BaseSchema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi_application(router))
    return loaded


CASES = [
    pytest.param(operation, mode, id=f"{operation.method} {operation.path} {mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation.parameters or operation.body
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_every_answer_is_one_that_is_described(
    schema: BaseSchema, operation: Operation, mode: GenerationMode
) -> None:
    described = schema[operation.path][operation.method.upper()]

    @given(case=described.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES_MAX,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS)

    ask()


REFUSALS = {f.detail: f for f in vars(refusals).values() if isinstance(f, Failure)}.values()
"""What is refused before there is a path, as any operation may."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_what_is_refused_before_there_is_a_path_is_described(
    router: Router, operation: Operation
) -> None:
    said: list[Response] = []

    def refuse(asked: Router, *request: Any) -> Response:  # noqa: ANN401  # what the router is asked
        return said[0] if said else respond(asked, *request)

    schema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi_application(router, refuse))
    described = schema[operation.path][operation.method.upper()]
    in_path = {p.name: p.example for p in operation.parameters if p.place == "path"}
    for failure in REFUSALS:
        said[:] = [response_of(refusal(failure, ()))]
        response = described.Case(path_parameters=in_path).call()
        assert response.status_code == failure.status
        assert str(response.status_code) in described.definition.raw["responses"]
        described.validate_response(response)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_escape_that_is_none_and_what_is_known_are_told_as_described(
    router: Router, operation: Operation
) -> None:
    path = re.sub(r"\{(\w+)\}", lambda found: EXAMPLES[found[1]], operation.path)
    told: Any = operation.described()
    method, described = operation.method.upper(), told["responses"]
    off = respond(router, method, path, "a=%ZZ")
    assert off.status == 400
    assert off.media_type.partition(";")[0] in described["400"]["content"]
    if method == "GET":
        amount = "amount=1" if path == "/convert" else ""
        known = respond(router, method, path, amount, {"if-none-match": "*"})
        assert (known.status == 304) is ("304" in described) or known.status == 404


EXAMPLES = {p.name: p.example for one in OPERATIONS for p in one.parameters if p.place == "path"}


@pytest.mark.parametrize("explain", ["true", "false"])
def test_an_answer_over_a_parity_is_described_too(
    bureau: Bureau, schema: BaseSchema, explain: str
) -> None:
    bureau.book = RateBook(bureau.book, Order(("ECB", PEG)), all_pegs())
    one = schema["/convert"]["GET"]
    case = one.Case(query={"amount": "1", "to": "XOF", "explain": explain})
    told = case.call_and_validate(checks=CHECKS).json()
    assert told["pegs"] == [{"pair": "EUR/XOF", "rate": "655.957"}]
    many = schema["/convert"]["POST"].Case(
        body={"items": [{"amount": "1", "to": "XOF"}], "explain": explain == "true"},
        media_type="application/json",
    )
    assert many.call_and_validate(checks=CHECKS).json() == {"results": [told]}


def test_every_route_is_described_and_nothing_else(router: Router) -> None:
    assert paths(OPERATIONS) == {
        path for path in routes(router) if not path.endswith("/") or path == "/"
    }


def paths(operations: Iterable[Operation]) -> set[str]:
    """The patterns of operations: a range of dates is one segment for the router."""
    return {re.sub(r"/v1/\{.*", "/v1/{when}", one.path) for one in operations}


def routes(router: Router) -> set[str]:
    """The patterns of a router, as far as they have answers of their own."""
    named = {
        "/".join("{}" if s is None else s for s in place.segments).format(
            *(f"{{{name}}}" for name in place.names)
        )
        for places in router._patterns.values()
        for place in places
    }
    return named | {path for path in router._exact if path not in NOT_ACCEPTABLE}


NOT_ACCEPTABLE = {"/v2/currencies.csv", "/v2/providers.csv"}
"""Paths that are there for being refused."""


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_version_describes_its_own_part(api: Asker, version: str) -> None:
    whole, part = (json.loads(api.text(f"{p}/openapi.json")) for p in ("", f"/{version}"))
    assert part["openapi"] == "3.1.0"
    assert part["paths"] == {
        path: told for path, told in whole["paths"].items() if path.startswith(f"/{version}")
    }


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_version_has_its_index(api: Asker, version: str) -> None:
    status = {"v1": "frozen", "v2": "current"}[version]
    index = (
        f'{{"version":"{version}","status":"{status}","openapi":"/{version}/openapi.json",'
        f'"docs":"/docs#{version}"}}'
    )
    assert api.text(f"/{version}") == api.text(f"/{version}/") == index
    assert api.get(f"/{version}").headers["Cache-Control"] == "public, max-age=86400"


class Page(HTMLParser):
    """What a page refers to, what can be referred to in it, and what it runs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "src"):
                self.links.append(str(value))


def test_the_page_for_people_needs_no_script_and_no_other_host(api: Asker) -> None:
    answered = api.get("/docs")
    page = Page(answered.text)
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not page.tags & {"script", "link", "img", "iframe", "form"}
    assert page.links
    assert all(re.match("#|/(?!/)", link) for link in page.links)
    style = answered.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert answered.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


def test_the_page_has_every_operation_and_every_error_once(api: Asker) -> None:
    page = Page(api.text("/docs"))
    assert len(page.ids) == len(set(page.ids))
    names = {operation.name for operation in OPERATIONS}
    assert set(page.ids) == names | set(meanings()) | set(openapi.TAGS) | {"errors"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert {error.slug for error in STATUS} <= set(meanings())


def test_what_is_not_there_is_told_as_frankfurter_does(api: Asker) -> None:
    assert (api.get("/foo").status, api.get("/foo").text) == (
        404,
        '{"status":404,"message":"not found"}',
    )
    assert api.text("/robots.txt") == "User-agent: *\nDisallow: /\n"
