"""HTTP requests and responses as values, and how their bodies are written.

No framework and no socket: a handler is a function from `Request` to `Response`, so it can
be tested as one. JSON is written here because the standard library's writer can only write
a number with a fraction from a binary float.
"""

import re
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from pricedesk.errors import InvalidRequest, in_quotes

CHUNK_BYTES = 32 * 1024
"""About how much of a stream is sent at once."""

JSON_TYPE = "application/json; charset=utf-8"
PROBLEM_TYPE = "application/problem+json"
TEXT_TYPE = "text/plain; charset=utf-8"

CACHE_CONTROL = "Cache-Control"
NO_STORE = (CACHE_CONTROL, "no-store")


KEY_HEADER = "Idempotency-Key"
"""Has one key; two of them are not one with a comma in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for.

    `path` is percent-decoded, `raw_path` as it was sent: an encoded slash is only told from
    a real one there. `query` has the parameters in order, repeated ones too; `headers` have
    names in small letters, values of a repeated one joined with commas, of a repeated KEY_HEADER
    with line ends. `address` is where the connection comes from.
    """

    method: str
    path: str
    raw_path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = ""

    @property
    def key(self) -> str | None:
        """The idempotency key; None if there is none.

        Raises:
            InvalidRequest: there is more than one.
        """
        key = self.headers.get(KEY_HEADER.lower())
        if key is not None and "\n" in key:
            raise InvalidRequest(f"the header {KEY_HEADER} is there twice")
        return key


Stream: TypeAlias = Generator[bytes, None, None]
"""A body that is made while it is sent: chunks of about CHUNK_BYTES; closed if the client goes.

The loop serves others between two chunks, so one chunk must not take long to make.
"""

News: TypeAlias = AsyncGenerator[bytes, None]
"""A body of which nobody knows when more of it comes; closed some time after the client went."""


@dataclass(frozen=True, slots=True)
class AwaitedStream:
    """A stream whose chunks are waited for, as those of a file are that a thread reads.

    It ends by itself, as a stream does and news do not.
    """

    chunks: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long an answer may be kept: until an instant, and for so many seconds at most.

    Without an instant only the seconds count. `beyond` is what Cache-Control says besides.
    """

    seconds_max: int
    beyond: str
    at: datetime | None = None

    def seconds(self, now: datetime) -> int:
        """For how many whole seconds from now."""
        if self.at is None:
            return self.seconds_max
        return min(self.seconds_max, (self.at - now) // _ONE_SECOND)

    def header(self, now: datetime) -> tuple[str, str]:
        """The header for an answer given now."""
        return (CACHE_CONTROL, f"public, max-age={self.seconds(now)}, {self.beyond}")


_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Response:
    """What a client gets.

    `headers` are those that only the handler knows, such as Cache-Control; the router adds
    Content-Type from `media_type`, Content-Length, ETag, Vary and those for browsers.
    `etag` is the strong tag without its quotes: left empty, a body of bytes gets one made
    from it, and a stream gets none.

    An answer with an `expiry`, which its Cache-Control is from, follows from the request's
    method, target and Accept, from what all of the door's answers are made from, and from
    nothing else. So it can be given again without being made again.
    """

    body: bytes | Stream | AwaitedStream | News = b""
    status: int = HTTPStatus.OK
    media_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    etag: str = ""
    expiry: Expiry | None = None


_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number that is written into JSON digit for digit: JsonNumber("310.70").

    Raises:
        ValueError: the text is no number of JSON's grammar.
    """

    text: str

    def __post_init__(self) -> None:
        if not _JSON_NUMBER.fullmatch(self.text):
            raise ValueError(f"{in_quotes(self.text)} is no number in JSON")


Json: TypeAlias = (
    "Mapping[str, Json] | Sequence[Json] | str | int | JsonNumber | None"  # bool is an int
)
"""What `json_text` writes. A binary float is not among it."""


def json_text(value: Json) -> str:
    """A value as JSON without spaces, in UTF-8 when it is encoded.

    Raises:
        TypeError: a value of another type is in it.
    """
    # What is frequent comes first; a check for an abstract Mapping would cost the most.
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, dict):
        members = [
            f"{encode_basestring(name)}:{json_text(member)}" for name, member in value.items()
        ]
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join([json_text(member) for member in value])}]"
    return _json_word(value)


def _json_word(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return json_text(dict(value))
        case _:
            raise TypeError(f"{type(value).__name__} is not written as JSON")


def json_response(
    value: Json,
    status: int = HTTPStatus.OK,
    headers: tuple[tuple[str, str], ...] = (),
    media_type: str = JSON_TYPE,
    *,
    expiry: Expiry | None = None,
) -> Response:
    """A response with a value as JSON."""
    body = json_text(value).encode()
    return Response(body, status, media_type, headers, expiry=expiry)


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that is not answered: the status, a stable name for it, and one sentence."""

    status: int
    slug: str
    detail: str


PROBLEMS = "/docs#"
"""Before a failure's name: where the back-end tells what it means."""


def problem(
    failure: Failure, members: Mapping[str, Json] = MappingProxyType({}), place: str = PROBLEMS
) -> Response:
    """A failure as RFC 9457 has it, with further members; at `place` its name is explained."""
    document: Json = {
        "type": f"{place}{failure.slug}",
        "title": failure.slug.replace("-", " "),
        "status": int(failure.status),
        "detail": failure.detail,
        **members,
    }
    return json_response(document, failure.status, (NO_STORE,), PROBLEM_TYPE)


def chunked(parts: Iterable[str], characters_min: int = CHUNK_BYTES) -> Stream:
    """The text of many small parts in chunks; where parts are much work, they are to be small."""
    waiting: list[str] = []
    characters = 0
    for part in parts:
        waiting.append(part)
        characters += len(part)
        if characters >= characters_min:
            yield "".join(waiting).encode()
            waiting, characters = [], 0
    if waiting:
        yield "".join(waiting).encode()


_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def percent_decoded(text: str) -> str:
    """The text that percent-encoded UTF-8 stands for.

    Raises:
        InvalidRequest: an escape is broken, or what it stands for is not UTF-8.
    """
    if "%" not in text:
        return text
    if _BROKEN_ESCAPE.search(text):
        raise InvalidRequest(f"{in_quotes(text)} has a % without two hexadecimal digits after it")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{in_quotes(text)} does not stand for UTF-8") from error


def parse_query(text: str) -> tuple[tuple[str, str], ...]:
    """The parameters of a query in order, repeated ones too; a name alone has an empty value.

    Raises:
        InvalidRequest: a percent escape is off.
    """
    pairs = (pair.replace("+", " ").partition("=") for pair in text.split("&") if pair)
    return tuple((percent_decoded(name), percent_decoded(value)) for name, _, value in pairs)
