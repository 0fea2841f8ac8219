"""The routes of the HTTP door as a WSGI application, for a tester that speaks WSGI."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from asking import content_of, respond
from pricedesk.http.messages import Response
from pricedesk.http.routes import Router


def wsgi_application(
    router: Router, respond: Callable[..., Response] = respond
) -> Callable[..., Iterable[bytes]]:
    """An application that answers as the router does; a stream is read to its end.

    `respond` waits for the router's handlers, if they have something to wait for.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        # WSGI has only the decoded path, in latin-1; the tester sends the raw one beside it.
        target = environ.get("REQUEST_URI") or environ["RAW_URI"]
        path = str(target).partition("?")[0]
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        length = int(environ.get("CONTENT_LENGTH") or 0)
        response = respond(
            router,
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            headers,
            environ["wsgi.input"].read(length),
        )
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", list(response.headers))
        return [content_of(response)]

    return application


def response_of(sent: bytes) -> Response:
    """A whole answer as it is sent, for an application; what is said of the connection is not."""
    head, _, body = sent.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").split("\r\n")
    pairs = [tuple(line.split(": ", 1)) for line in lines]
    headers = tuple((name, value) for name, value in pairs if name != "connection")
    return Response(body, int(status_line.split()[1]), headers=headers)
