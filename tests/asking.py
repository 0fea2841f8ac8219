"""Asking the HTTP door without a socket: a URL in, status, headers and text out."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.door import api_tables
from pricedesk.http.messages import Response
from pricedesk.http.routes import Router


def respond(  # noqa: PLR0913, PLR0917  # the router and what it is asked
    router: Router,
    method: str,
    path: str,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """The response of a router whose handler has nothing to wait for."""
    try:
        router.respond(method, path, query, headers, body).send(None)
    except StopIteration as finished:
        response: Response = finished.value
        return response
    raise AssertionError(f"{method} {path} waits for something")


def content_of(response: Response) -> bytes:
    """The body of a response, a stream read to its end."""
    body = response.body
    assert isinstance(body, bytes | Generator)
    return body if isinstance(body, bytes) else b"".join(body)


@dataclass(frozen=True)
class Answered:
    """A response, its stream read to the end."""

    status: int
    headers: Mapping[str, str]
    text: str


class Asker:
    """The API over a bureau."""

    def __init__(self, bureau: Bureau) -> None:
        self.router = Router(api_tables(bureau))

    def get(self, url: str, **headers: str) -> Answered:
        """Ask for a path with its query; header names are written with _ for -."""
        return self.ask("GET", url, b"", **headers)

    def ask(self, method: str, url: str, /, body: bytes = b"", **headers: str) -> Answered:
        """Ask by any method."""
        path, _, query = url.partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = respond(self.router, method, path, query, named, body)
        return Answered(response.status, dict(response.headers), content_of(response).decode())

    def text(self, url: str, **headers: str) -> str:
        """The text of an answer that is one."""
        answered = self.get(url, **headers)
        assert answered.status == 200, answered
        return answered.text
