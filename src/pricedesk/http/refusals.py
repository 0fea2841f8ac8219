"""What a request may take, and what is said to one that takes more or is none.

These refusals come from below the routes: there may be no path yet, so they are all written
as problems, and the connection ends with them.
"""

from collections.abc import Iterable
from http import HTTPStatus

from pricedesk.http.messages import PROBLEMS, Failure, problem

HEADER_SECONDS = 5
"""From a request's begin, the first one's being the connection's, to the end of its headers."""

REQUEST_SECONDS = 7
"""From the same begin to the end of the body."""

TARGET_BYTES_MAX = 8 * 1024
HEADER_BYTES_MAX = 16 * 1024
"""Request line and headers together."""

BODY_BYTES_MAX = 1024 * 1024
MESSAGE_BYTES_MAX = HEADER_BYTES_MAX + 2 * BODY_BYTES_MAX
"""All of a request as it is sent, with the sizes of its chunks and what follows them."""

BUSY = Failure(
    HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many clients are connected; try again later"
)
MALFORMED = Failure(HTTPStatus.BAD_REQUEST, "malformed-request", "this is not an HTTP/1.1 request")
UNFINISHED = Failure(HTTPStatus.BAD_REQUEST, "malformed-request", "the request ends too early")
NO_HOST = Failure(HTTPStatus.BAD_REQUEST, "malformed-request", "there must be one Host header")
TOO_SLOW = Failure(
    HTTPStatus.REQUEST_TIMEOUT,
    "request-too-slow",
    f"a request must be sent within {REQUEST_SECONDS} seconds, its headers within {HEADER_SECONDS}",
)
TARGET_TOO_LONG = Failure(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "target-too-long",
    f"a path with its query has at most {TARGET_BYTES_MAX} bytes",
)
HEADERS_TOO_LARGE = Failure(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    f"a request line with its headers has at most {HEADER_BYTES_MAX} bytes",
)
BODY_TOO_LARGE = Failure(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body-too-large",
    f"a body has at most {BODY_BYTES_MAX} bytes",
)
NO_SUCH_CODING = Failure(
    HTTPStatus.NOT_IMPLEMENTED, "unknown-coding", "chunked is the only transfer coding here"
)


class RefusedError(Exception):
    """Stops the parser at what makes a request one that is refused."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def refusal(
    failure: Failure, headers: Iterable[tuple[bytes, bytes]], place: str = PROBLEMS
) -> bytes:
    """The whole answer that tells of a failure, as it is sent; the connection ends with it."""
    document = problem(failure, place=place)
    body = b"" if not isinstance(document.body, bytes) else document.body
    own = [
        ("Connection", "close"),
        ("Content-Type", document.media_type),
        ("Content-Length", str(len(body))),
        *document.headers,
    ]
    lines = [b"HTTP/1.1 %d %s" % (failure.status, HTTPStatus(failure.status).phrase.encode())]
    lines += [b"%s: %s" % pair for pair in headers]
    lines += [f"{name}: {value}".lower().encode() for name, value in own]
    return b"\r\n".join([*lines, b"", body])
