"""An answer whose body is at hand, as the bytes that are sent: its head, and all of its body.

uvicorn writes the same, in two pieces and from a task.
"""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from pricedesk.http.messages import Response

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def status_line(status: int) -> bytes:
    """The first line of an answer, with its end."""
    return _STATUS_LINES[status]


def header_lines(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers, each a line with its end.

    Raises:
        ValueError: one would be more than a line, or has another control character.
    """
    text = "".join([f"{name.lower()}: {value}\n" for name, value in headers])
    if text.count("\n") != len(headers) or _CONTROL.search(text):
        raise ValueError("a header has a control character in it")
    return text.replace("\n", "\r\n").encode()


def whole(response: Response, body: bytes, before: Iterable[tuple[bytes, bytes]]) -> bytes:
    """All of an answer with this body; `before` are the headers that all answers have.

    Raises:
        ValueError: as for `header_lines`.
    """
    common = b"".join([b"%b: %b\r\n" % pair for pair in before])
    lines = header_lines(response.headers)
    return b"".join((status_line(response.status), common, lines, b"\r\n", body))
