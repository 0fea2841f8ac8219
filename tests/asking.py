"""Asking the HTTP door without a socket: a URL in, status, headers and text out."""

from collections.abc import Mapping
from dataclasses import dataclass

from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.door import api_tables
from pricedesk.backend.http.routes import Router


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
        response = self.router.respond(method, path, query, named, body)
        content = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return Answered(response.status, dict(response.headers), content.decode())

    def text(self, url: str, **headers: str) -> str:
        """The text of an answer that is one."""
        answered = self.get(url, **headers)
        assert answered.status == 200, answered
        return answered.text
