"""What HTTP/2 wants of the header fields of a request (RFC 9113, sections 8.2 and 8.3)."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

_PSEUDO = {b":method", b":scheme", b":path", b":authority"}
_NEEDED = (b":method", b":scheme", b":path")
_LENGTH_DIGITS_MAX = 19
_OF_CONNECTION = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
}
"""Headers of HTTP/1.1 that make an HTTP/2 request malformed."""

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_NEVER_IN_VALUES = re.compile(rb"[\0\r\n]")
_FIELD_BYTES = 32
"""What a field counts beside its name and value, by SETTINGS_MAX_HEADER_LIST_SIZE."""


def request_fields(headers: Headers) -> dict[bytes, bytes] | None:
    """A request's headers by their names; None if they are malformed."""
    told: dict[bytes, bytes] = {}
    regular = False
    for name, value in headers:
        if name.startswith(b":"):
            # Pseudo-headers come first, each once, and there are no others.
            if regular or name in told or name not in _PSEUDO:
                return None
        else:
            regular = True
            if name == b"content-length" and told.get(name, value) != value:
                return None
        told[name] = value
    if not all(told.get(name) for name in _NEEDED) or not _are_sound(headers):
        return None
    length = told.get(b"content-length", b"0")
    if told.get(b"te", b"trailers") != b"trailers" or not length.isdigit():
        return None
    return told if len(length) <= _LENGTH_DIGITS_MAX else None


def may_end_a_request(headers: Headers) -> bool:
    """Whether these headers may be after a body."""
    return _are_sound(headers) and not any(name.startswith(b":") for name, _ in headers)


def size_of(headers: Headers) -> int:
    """How much they are, as SETTINGS_MAX_HEADER_LIST_SIZE counts it."""
    return sum(len(name) + len(value) + _FIELD_BYTES for name, value in headers)


def _are_sound(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether all names and values are such as HTTP/2 has."""
    return all(
        (name in _PSEUDO or (_NAME.fullmatch(name) and name not in _OF_CONNECTION))
        and value == value.strip(b" \t")
        and not _NEVER_IN_VALUES.search(value)
        for name, value in headers
    )
