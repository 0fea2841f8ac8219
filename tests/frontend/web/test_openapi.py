"""The description of the desk's JSON: complete, and true for whatever it allows to be asked."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
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

from pricedesk.backend.rate_book import RateBook
from pricedesk.frontend.web.api import PROBLEMS
from pricedesk.frontend.web.api_description import document
from pricedesk.http import refusals
from pricedesk.http.messages import JSON_TYPE, Failure, Response, json_response
from pricedesk.http.refusals import refusal
from pricedesk.http.routes import Router
from web_desk import WebDesk, web_desk
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
DESCRIBED: Any = document()
PATHS: Mapping[str, Any] = DESCRIBED["paths"]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def desk(runner: asyncio.Runner, tmp_path: Path, book: RateBook) -> Iterator[WebDesk]:
    """A desk whose handlers are waited for, from code that is not asynchronous."""
    stack = AsyncExitStack()
    few = RateBook(list(book)[-40:])
    yield runner.run(stack.enter_async_context(web_desk(tmp_path, few)))
    runner.run(stack.aclose())


@pytest.fixture
def schema(runner: asyncio.Runner, desk: WebDesk) -> BaseSchema:
    def respond(router: Router, *asked: Any) -> Response:  # noqa: ANN401  # what the router is asked
        return runner.run(router.respond(*asked))

    application = wsgi_application(desk.router, respond)
    loaded: BaseSchema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    return loaded


def can_be_wrong(operation: Mapping[str, Any]) -> bool:
    """Whether something can be asked that is against the description: a path is any text."""
    return "requestBody" in operation or any(p["in"] != "path" for p in operation["parameters"])


CASES = [
    pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
    for path, operations in PATHS.items()
    for method, operation in operations.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_wrong(operation)
]


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_every_answer_is_one_that_is_described(
    schema: BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    described = schema[path][method.upper()]

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


@pytest.mark.parametrize(
    ("path", "method"), {(case.values[0], case.values[1]): 0 for case in CASES}
)
def test_what_is_refused_before_there_is_a_path_is_described(
    desk: WebDesk, path: str, method: str
) -> None:
    said: list[Response] = []

    def refuse(_router: Router, *_asked: Any) -> Response:  # noqa: ANN401  # what the router is asked
        return said[0]

    said[:] = [json_response(DESCRIBED, headers=(("Content-Type", JSON_TYPE),))]
    application = wsgi_application(desk.router, refuse)
    described = schemathesis.openapi.from_wsgi("/api/openapi.json", application)[path][
        method.upper()
    ]
    in_path = dict.fromkeys(re.findall(r"\{(\w+)\}", path), "a")
    for failure in vars(refusals).values():
        if isinstance(failure, Failure):
            said[:] = [response_of(refusal(failure, (), PROBLEMS))]
            response = described.Case(path_parameters=in_path).call()
            assert response.status_code == failure.status
            assert described.definition.raw["responses"].keys() & {"default", str(failure.status)}
            described.validate_response(response)


def test_every_route_is_described_and_nothing_else(desk: WebDesk) -> None:
    router = desk.router
    served = {path for path in router._exact if path.startswith("/api")}
    for places in router._patterns.values():
        for place in places:
            names = iter(place.names)
            parts = [f"{{{next(names)}}}" if part is None else part for part in place.segments]
            served |= {"/".join(parts)} if parts[1] == "api" else set()
    assert served == {*PATHS}
