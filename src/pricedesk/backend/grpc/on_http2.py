"""gRPC over HTTP/2: what a request's headers ask for, how an answer's headers are written.

Headers are written as literals, which need no compression table: so an answer's are the same
bytes each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pricedesk.backend.grpc.fields import Headers, request_fields, size_of
from pricedesk.backend.grpc.methods import Each, Method, Methods
from pricedesk.backend.grpc.server_limits import HEADERS_BYTES_MAX
from pricedesk.backend.grpc.statuses import SLUG_TRAILER, Refusal, Status

HTTP_OK = 200

PREFIX_BYTES = 5
"""Before each message: whether it is compressed, and its length."""

_NANOSECONDS = {
    b"H": 3_600_000_000_000,
    b"M": 60_000_000_000,
    b"S": 1_000_000_000,
    b"m": 1_000_000,
    b"u": 1_000,
    b"n": 1,
}
_TIMEOUT_DIGITS_MAX = 8
_TEXT_CHARACTERS_MAX = 500
"""Of a status: headers that are too long are none that clients take."""

_CONTENT_TYPE = b"application/grpc"
_CONTENT_TYPES = (_CONTENT_TYPE, b"application/grpc+proto")

_LENGTH_GOES_ON = 0x7F
_STATUS_200 = b"\x88"


def literal(name: str, value: str) -> bytes:
    """A header as a literal that goes into no table."""
    return b"\x00" + _string(name.encode()) + _string(value.encode())


def _string(text: bytes) -> bytes:
    length = len(text)
    if length < _LENGTH_GOES_ON:
        return bytes((length,)) + text
    written, rest = bytearray((_LENGTH_GOES_ON,)), length - _LENGTH_GOES_ON
    while rest >= 0x80:  # noqa: PLR2004  # seven bits a byte
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written) + text


HEAD = _STATUS_200 + literal("content-type", "application/grpc")
"""The headers of every answer."""

OK = literal("grpc-status", "0")
"""What is after the body of every answer that is no refusal."""


def ending(notes: Iterable[tuple[str, str]]) -> bytes:
    """What is after the body of an answer of which something is said."""
    return OK + b"".join(literal(name, value) for name, value in notes)


def refused(refusal: Refusal) -> bytes:
    """What is after the body of a refused call, or instead of one."""
    text = refusal.text
    if len(text) > _TEXT_CHARACTERS_MAX:
        text = text[:_TEXT_CHARACTERS_MAX] + "..."
    block = literal("grpc-status", str(int(refusal.status)))
    block += literal("grpc-message", percent_encoded(text))
    return block + literal(SLUG_TRAILER, refusal.slug) if refusal.slug else block


def percent_encoded(text: str) -> str:
    """A text as gRPC has it in a header: what is not printable ASCII, and %, as %XX."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}"  # noqa: PLR2004
        for byte in text.encode("utf-8", "backslashreplace")
    )


def prefixed(message: bytes) -> bytes:
    """A message as it is in a body."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


_TOO_LARGE = Refusal(
    Status.RESOURCE_EXHAUSTED, f"the headers of a call have at most {HEADERS_BYTES_MAX} bytes"
)


@dataclass(frozen=True)
class Head:
    """What a request's headers ask for: a method, or nothing that could be answered.

    `http_status` is other than 200 where the request is none of gRPC's; a malformed one has 0.
    """

    method: Method | None
    path: str = ""
    timeout_nanoseconds: int | None = None
    http_status: int = HTTP_OK
    refusal: Refusal | None = None
    content_length: int | None = None

    @cached_property
    def is_plain(self) -> bool:
        """Whether the call has one message, whose length was not told beside it."""
        return self.is_single and self.content_length is None

    @cached_property
    def is_single(self) -> bool:
        """Whether the call has one message, as all do but streams of requests."""
        return not isinstance(self.method, Each)


MALFORMED = Head(None, http_status=0)


def read_head(headers: Headers, methods: Methods) -> Head:
    """What headers ask for."""
    told = request_fields(headers)
    if told is None:
        return MALFORMED
    if told[b":method"] != b"POST":
        return Head(None, http_status=405)
    kind = told.get(b"content-type", b"").partition(b";")[0].strip()
    if kind not in _CONTENT_TYPES:
        return Head(None, http_status=415)
    path = told[b":path"].decode("ascii", "backslashreplace")
    method = methods.get(path)
    refusal = None
    if method is None:
        refusal = Refusal(Status.UNIMPLEMENTED, f"there is no method {path[:200]}")
    timeout = None
    if b"grpc-timeout" in told:
        timeout = _timeout(told[b"grpc-timeout"])
        if timeout is None:
            refusal = Refusal(Status.INTERNAL, "grpc-timeout is no time")
    if size_of(headers) > HEADERS_BYTES_MAX:
        refusal = _TOO_LARGE
    length = int(told[b"content-length"]) if b"content-length" in told else None
    return Head(method, path, timeout, refusal=refusal, content_length=length)


def _timeout(value: bytes) -> int | None:
    """A grpc-timeout in nanoseconds; None if it is none."""
    digits, unit = value[:-1], value[-1:]
    if unit not in _NANOSECONDS or not digits.isdigit() or len(digits) > _TIMEOUT_DIGITS_MAX:
        return None
    return int(digits) * _NANOSECONDS[unit]
